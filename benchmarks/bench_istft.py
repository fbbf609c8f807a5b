# SPDX-License-Identifier: Apache-2.0
"""Inverse STFT: `python -m pytest benchmarks/bench_istft.py`."""

from .suite import benchmark_of

test_istft = benchmark_of("istft")

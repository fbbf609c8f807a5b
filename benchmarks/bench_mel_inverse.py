# SPDX-License-Identifier: Apache-2.0
"""Mel inversion: `python -m pytest benchmarks/bench_mel_inverse.py`."""

from .suite import benchmark_of

test_mel_inverse = benchmark_of("mel_inverse")

# SPDX-License-Identifier: Apache-2.0
"""Log-mel spectrogram: `python -m pytest benchmarks/bench_mel.py`."""

from .suite import benchmark_of

test_mel = benchmark_of("mel")

# SPDX-License-Identifier: Apache-2.0
"""Complex STFT and power spectrogram: `python -m pytest benchmarks/bench_stft.py`."""

from .suite import benchmark_of

test_stft = benchmark_of("stft")
test_power = benchmark_of("power")

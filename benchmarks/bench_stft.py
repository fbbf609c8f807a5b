# SPDX-License-Identifier: Apache-2.0
"""Complex STFT, bare FFTs and power spectrogram: `python -m pytest benchmarks/bench_stft.py`."""

from .suite import benchmark_of

test_stft = benchmark_of("stft")
test_power = benchmark_of("power")
test_fft = benchmark_of("fft")

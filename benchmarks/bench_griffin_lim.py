# SPDX-License-Identifier: Apache-2.0
"""Griffin-Lim: `python -m pytest benchmarks/bench_griffin_lim.py`."""

from .suite import benchmark_of

test_griffin_lim = benchmark_of("griffin_lim")

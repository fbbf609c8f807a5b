# SPDX-License-Identifier: Apache-2.0
"""What the pytest-benchmark suites share: one test for each size and library, checked first."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import cache
from types import ModuleType
from typing import Any

import pytest

from lapped._malloc import keep_freed_memory

from .cases import MAIN, OPS
from .check import error_of, limit_of
from .inputs import Inputs
from .rivals import Rival, UnsupportedError, load
from .suites import EVERYDAY


def benchmark_of(op: str) -> Callable[[Any, Inputs, Rival], None]:
    """A test that times every library's `op` at every main size in process CPU time, one thread."""

    @pytest.mark.parametrize(("inputs", "rival"), list(_pairs(op)))
    def test(benchmark: Any, inputs: Inputs, rival: Rival) -> None:
        try:
            error = error_of(rival, inputs)
        except UnsupportedError as reason:
            pytest.skip(str(reason))
        assert error <= limit_of(op, inputs.case), f"computes something else: {error:.1e}"
        benchmark.group = f"{OPS[rival.op]} {inputs.case.name}"
        benchmark.extra_info.update(error=error, frames=inputs.case.frames)
        benchmark(rival.build(inputs))

    return pytest.mark.benchmark(timer=time.process_time, warmup=True, warmup_iterations=2)(test)


@cache
def _one_thread_each() -> tuple[dict[str, ModuleType], dict[str, str]]:
    keep_freed_memory()
    modules, skipped = load(EVERYDAY)
    for module in modules.values():
        module.set_num_threads(1)
    return modules, skipped


def _pairs(op: str) -> Iterator[Any]:
    modules, skipped = _one_thread_each()
    for inputs in map(Inputs, MAIN):
        for rival in (rival for module in modules.values() for rival in module.RIVALS):
            if rival.op == op:
                yield pytest.param(inputs, rival, id=f"{inputs.case.name}-{rival.label}")
    for library, reason in skipped.items():
        yield pytest.param(None, None, id=library, marks=pytest.mark.skip(reason=reason))

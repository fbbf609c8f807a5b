# SPDX-License-Identifier: Apache-2.0
"""How much sooner lapped is done with several threads than with one, by the clock on the wall.

And how much sooner arithmetic that shares nothing is, in the same turns: threads that are given
half a core each, or a slower clock, cannot make more of their work than that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np

from .cases import Case
from .floors import probes
from .inputs import Inputs
from .measure import CLOCKS, Effort, Ratio, Stopwatch, Timing, alike, interleaved

THREADS = 2
_ROW = 2_000_000  # nanoseconds: shorter calls are made several in a row, or waking threads counts
_CONTROL = 5_000_000  # nanoseconds of multiply-adds in each thread
_CLOCK = CLOCKS["wall time"]


@dataclass(frozen=True)
class Speedup:
    """One operation with one thread and with `threads`, and multiply-adds in registers as well."""

    op: str
    case: Case
    threads: int
    one: Timing
    several: Timing
    ratio: Ratio
    machine: Ratio | None = None  # of the multiply-adds


def speedups(
    ours: ModuleType, work: Iterable[tuple[str, Case]], effort: Effort, threads: int = THREADS
) -> Iterator[Speedup]:
    """Of what the file rivals/lapped.py does for each operation and case, taken in turns."""
    builds = {rival.op: rival.build for rival in ours.RIVALS}
    with ThreadPoolExecutor(threads - 1) as pool:
        control = _multiply_adds(pool, threads)
        for op, case in work:
            call = builds[op](Inputs(case))
            count = _in_a_row(call)
            calls: dict[Any, Callable[[], Any]] = {
                n: _with_threads(ours, n, call, count) for n in (1, threads)
            }
            samples = interleaved(calls | control, effort, _CLOCK)
            one, several = (row.scaled(1 / count) for row in alike(samples[1], samples[threads]))
            machine = Ratio.of(*alike(*(samples[name] for name in control)))
            yield Speedup(op, case, threads, one, several, Ratio.of(one, several), machine)
    ours.set_num_threads(1)


def _in_a_row(call: Callable[[], Any]) -> int:
    call()  # which also makes tables
    return max(1, int(_ROW / max(Stopwatch(_CLOCK).time(call), 1)))


def _with_threads(
    ours: ModuleType, n: int, call: Callable[[], Any], count: int
) -> Callable[[], Any]:
    """Setting the number is one store: the threads themselves are kept."""

    def with_threads() -> None:
        ours.set_num_threads(n)
        for _ in range(count):
            call()

    return with_threads


def _multiply_adds(pool: ThreadPoolExecutor, threads: int) -> dict[Any, Callable[[], Any]]:
    """As many by one thread as by `threads`, of which the caller is one."""
    like, multiply_add, trial = np.empty(0, np.float32), probes().multiply_add, 100_000
    taken = Stopwatch(_CLOCK).time(lambda: multiply_add(like, trial))
    repeats = max(1, int(trial * _CONTROL / max(taken, 1)))

    def several() -> None:
        others = [pool.submit(multiply_add, like, repeats) for _ in range(1, threads)]
        multiply_add(like, repeats)
        for other in others:
            other.result()

    return {"one": lambda: multiply_add(like, threads * repeats), "several": several}

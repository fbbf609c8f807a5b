# SPDX-License-Identifier: Apache-2.0
"""How much sooner lapped is done with several threads than with one, by the clock on the wall."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from .cases import Case
from .inputs import Inputs
from .measure import CLOCKS, Effort, Ratio, Timing, alike, interleaved

THREADS = 2


@dataclass(frozen=True)
class Speedup:
    """One operation with one thread and with `threads`."""

    op: str
    case: Case
    threads: int
    one: Timing
    several: Timing
    ratio: Ratio


def speedups(
    ours: ModuleType, work: Iterable[tuple[str, Case]], effort: Effort, threads: int = THREADS
) -> Iterator[Speedup]:
    """Of what the file rivals/lapped.py does for each operation and case, taken in turns."""
    builds = {rival.op: rival.build for rival in ours.RIVALS}
    for op, case in work:
        call = builds[op](Inputs(case))
        calls = {n: _with_threads(ours, n, call) for n in (1, threads)}
        samples = interleaved(calls, effort, CLOCKS["wall time"])
        one, several = alike(samples[1], samples[threads])
        yield Speedup(op, case, threads, one, several, Ratio.of(one, several))
    ours.set_num_threads(1)


def _with_threads(ours: ModuleType, n: int, call: Callable[[], Any]) -> Callable[[], Any]:
    """Setting the number is one store: the threads themselves are kept."""

    def with_threads() -> Any:
        ours.set_num_threads(n)
        return call()

    return with_threads

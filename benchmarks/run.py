# SPDX-License-Identifier: Apache-2.0
"""One benchmark: every operation at every size by every library, checked and then timed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from types import ModuleType
from typing import Any

from . import machine
from .cases import CASES, MAIN, OPS, Case
from .check import CHECKS, error_of
from .inputs import Inputs
from .malloc import keep_freed_memory
from .measure import CLOCKS, Effort, Ratio, Timing, interleaved
from .rivals import LIBRARIES, Rival, load

OURS = "lapped"


@dataclass(frozen=True)
class Settings:
    """What to time and how."""

    ops: tuple[str, ...] = tuple(OPS)
    cases: tuple[str, ...] = tuple(case.name for case in MAIN)
    libraries: tuple[str, ...] = LIBRARIES
    effort: Effort = field(default_factory=Effort)
    threads: int = 1
    tune_malloc: bool = True

    @property
    def clock(self) -> str:
        """CPU time does not see other programs; with several threads it would add them up."""
        return "process CPU time" if self.threads == 1 else "wall time"


@dataclass(frozen=True)
class Row:
    """One library's time for one operation at one size, or why there is none."""

    op: str
    case: Case
    library: str
    label: str
    error: float | None = None
    timing: Timing | None = None
    ratio: Ratio | None = None
    refused: str | None = None


@dataclass(frozen=True)
class Report:
    """All that was measured, and where."""

    settings: Settings
    machine: dict[str, Any]
    versions: dict[str, str]
    instruction_set: str
    malloc_tuned: bool
    load_after: list[float] | None
    rows: tuple[Row, ...]
    skipped: dict[str, str]


Progress = Callable[[str, int, int], None]  # what is being done, done so far, of how many


def run(settings: Settings, progress: Progress = lambda what, done, total: None) -> Report:
    """Time what `settings` name; lapped always takes part, since ratios are to its time."""
    facts = machine.facts()
    tuned = settings.tune_malloc and keep_freed_memory()
    modules, skipped = load(dict.fromkeys((OURS, *settings.libraries)))
    if OURS not in modules:
        raise ImportError(f"lapped could not be imported: {skipped[OURS]}")
    for module in modules.values():
        module.set_num_threads(settings.threads)
    rows = tuple(_rows(settings, modules, progress))
    versions = {library: module.VERSION for library, module in modules.items()}
    isa = modules[OURS].INSTRUCTION_SET
    return Report(settings, facts, versions, isa, tuned, machine.load(), rows, skipped)


def _rows(settings: Settings, modules: dict[str, ModuleType], progress: Progress) -> Iterator[Row]:
    total = len(settings.cases) * len(settings.ops)
    done = 0
    for name in settings.cases:
        inputs = Inputs(CASES[name])
        for op in settings.ops:
            progress(f"{op} {name}", done, total)
            rivals = [
                rival for module in modules.values() for rival in module.RIVALS if rival.op == op
            ]
            yield from compare(rivals, inputs, settings.effort, settings.clock)
            done += 1
    progress("done", total, total)


def compare(rivals: list[Rival], inputs: Inputs, effort: Effort, clock: str) -> list[Row]:
    """Rows of one operation at one size, lapped's first."""
    checked = [_checked(rival, inputs) for rival in rivals]
    accepted = [rival for rival, row in zip(rivals, checked, strict=True) if row.refused is None]
    calls = {rival.label: rival.build(inputs) for rival in accepted}
    timings = interleaved(calls, effort, CLOCKS[clock]) if calls else {}
    return [_with_time(row, timings.get(row.label), timings.get(OURS)) for row in checked]


def _checked(rival: Rival, inputs: Inputs) -> Row:
    row = Row(rival.op, inputs.case, rival.library, rival.label)
    check = CHECKS[rival.op]
    try:
        error = error_of(rival.op, rival.build, inputs)
    except Exception as problem:  # whatever a library raises is a reason not to time it
        return replace(row, refused=f"{type(problem).__name__}: {problem}".splitlines()[0])
    if not error <= check.limit:
        return replace(
            row, error=error, refused=f"computes something else, {check.unit} {error:.1e}"
        )
    return replace(row, error=error)


def _with_time(row: Row, timing: Timing | None, ours: Timing | None) -> Row:
    ratio = Ratio.of(timing, ours) if timing and ours and row.library != OURS else None
    return replace(row, timing=timing, ratio=ratio)

# SPDX-License-Identifier: Apache-2.0
"""One benchmark: every operation at every size by every library, checked and then timed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from types import ModuleType
from typing import Any

from lapped._malloc import keep_freed_memory

from . import floors, machine, neighbours
from .cases import Case
from .check import CHECKS, error_of, limit_of
from .floors import Floors
from .inputs import Inputs
from .measure import CLOCKS, Effort, Ratio, Samples, Timing, alike, interleaved
from .memory import Weight, can_weigh, weigh
from .rivals import OURS, Rival, UnsupportedError, load
from .suites import SUITES, THREADED, WEIGHED, Block
from .threads import THREADS, Speedup, speedups


@dataclass(frozen=True)
class Settings:
    """What to time and how; `extras` are "floors", "threads" and "memory"."""

    blocks: tuple[Block, ...] = SUITES["standard"]
    extras: tuple[str, ...] = ("floors",)
    threads: int = 1
    tune_malloc: bool = True

    @property
    def clock(self) -> str:
        """CPU time does not see other programs; with several threads it would add them up."""
        return "process CPU time" if self.threads == 1 else "wall time"

    @property
    def libraries(self) -> tuple[str, ...]:
        """Each once, lapped first: it always takes part, since ratios are to its time."""
        named = (name for block in self.blocks for name in block.libraries)
        return tuple(dict.fromkeys((OURS, *named)))


@dataclass(frozen=True)
class Row:
    """One library's time for one operation at one size, or why there is none."""

    group: str  # the name of its block
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
    floors: Floors | None = None
    speedups: tuple[Speedup, ...] = ()
    weights: tuple[Weight, ...] = ()


Progress = Callable[[str, int, int], None]  # what is being done, done so far, of how many


def run(settings: Settings, progress: Progress = lambda what, done, total: None) -> Report:
    """Time what `settings` name."""
    facts = machine.facts()
    modules, skipped = load(settings.libraries)
    if OURS not in modules:
        raise ImportError(f"lapped could not be imported: {skipped[OURS]}")
    weights = tuple(_weights(settings, modules, skipped, progress))
    tuned = settings.tune_malloc and keep_freed_memory()
    for module in modules.values():
        module.set_num_threads(settings.threads)
    rows = tuple(_rows(settings, modules, progress))
    progress("floors and threads", 1, 1)
    return Report(
        settings,
        facts,
        {library: module.VERSION for library, module in modules.items()},
        modules[OURS].INSTRUCTION_SET,
        tuned,
        machine.load(),
        rows,
        skipped,
        _floors(settings, facts),
        tuple(_speedups(settings, modules[OURS], skipped, facts)),
        weights,
    )


def _rows(settings: Settings, modules: dict[str, ModuleType], progress: Progress) -> Iterator[Row]:
    total = sum(len(block.cases) * len(block.ops) for block in settings.blocks)
    done = 0
    for block in settings.blocks:
        present = [modules[name] for name in (OURS, *block.libraries) if name in modules]
        rivals = [rival for module in dict.fromkeys(present) for rival in module.RIVALS]
        for inputs in map(Inputs, block.cases):
            for op in block.ops:
                progress(f"{op} {inputs.case.name}", done, total)
                of_op = [rival for rival in rivals if rival.op == op]
                for row in compare(of_op, inputs, block.effort, settings.clock):
                    yield replace(row, group=block.name)
                done += 1


def compare(rivals: list[Rival], inputs: Inputs, effort: Effort, clock: str) -> list[Row]:
    """Rows of one operation at one size, lapped's first."""
    rows = [_checked(rival, inputs) for rival in rivals]
    accepted = [rival for rival, row in zip(rivals, rows, strict=True) if row.refused is None]
    calls = {rival.label: rival.build(inputs) for rival in accepted}
    probe = neighbours.arithmetic() if clock == "process CPU time" else None
    samples = interleaved(calls, effort, CLOCKS[clock], probe) if calls else {}
    return [with_time(row, samples.get(row.label), samples.get(OURS)) for row in rows]


def _checked(rival: Rival, inputs: Inputs) -> Row:
    row = Row("", rival.op, inputs.case, rival.library, rival.label)
    return checked(row, partial(error_of, rival, inputs))


def checked(row: Row, error_of_row: Callable[[], float]) -> Row:
    """`row` with its error, or with the reason why it is not timed."""
    try:
        error = error_of_row()
    except UnsupportedError as reason:
        return replace(row, refused=str(reason))
    except Exception as problem:  # whatever a library raises is a reason not to time it
        return replace(row, refused=f"{type(problem).__name__}: {problem}".splitlines()[0])
    if not error <= limit_of(row.op, row.case):
        unit = CHECKS[row.op].unit
        return replace(row, error=error, refused=f"computes something else, {unit} {error:.1e}")
    return replace(row, error=error)


def with_time(row: Row, own: Samples | None, ours: Samples | None) -> Row:
    """`row` with its time, and beside lapped's the ratio."""
    if own is None or ours is None or own is ours:
        return replace(row, timing=alike(own)[0] if own else None)
    timing, beside = alike(own, ours)
    return replace(row, timing=timing, ratio=Ratio.of(timing, beside))


def _floors(settings: Settings, facts: dict[str, Any]) -> Floors | None:
    if "floors" not in settings.extras:
        return None
    rounds = settings.blocks[0].effort.rounds
    return floors.measure(facts["caches"], replace(floors.EFFORT, rounds=rounds))


def _speedups(
    settings: Settings, ours: ModuleType, skipped: dict[str, str], facts: dict[str, Any]
) -> Iterator[Speedup]:
    if "threads" not in settings.extras:
        return
    if (facts["cores_usable"] or 1) < THREADS:
        skipped[f"{THREADS} threads"] = "this process may use one core"
        return
    yield from speedups(ours, THREADED, settings.blocks[0].effort)


def _weights(
    settings: Settings,
    modules: dict[str, ModuleType],
    skipped: dict[str, str],
    progress: Progress,
) -> Iterator[Weight]:
    """Of lapped, and of torchaudio or else torch; what fails is skipped by name."""
    if "memory" not in settings.extras:
        return
    if not can_weigh():
        skipped["memory"] = "the system does not count peaks of resident memory"
        return
    for done, (op, case) in enumerate(WEIGHED):
        progress(f"memory {op}", done, len(WEIGHED))
        for libraries in ((OURS,), ("torchaudio", "torch")):
            rival = _first_of(modules, libraries, op)
            if rival is None:
                continue
            try:
                yield weigh(op, case, rival.library, rival.label)
            except RuntimeError as problem:
                skipped[f"memory of {rival.label}, {op} {case.name}"] = str(problem)


def _first_of(modules: dict[str, ModuleType], libraries: tuple[str, ...], op: str) -> Rival | None:
    found = (rival for name in libraries if name in modules for rival in modules[name].RIVALS)
    return next((rival for rival in found if rival.op == op), None)

# SPDX-License-Identifier: Apache-2.0
"""One run on a device: every operation at every size by every library, checked and then timed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from types import ModuleType
from typing import Any

from .. import machine
from ..cases import MAIN, Case
from ..check import error_of_result
from ..inputs import Inputs
from ..measure import Effort, Ratio, Stopwatch, interleaved
from ..rivals import OURS, Rival
from ..run import Progress, Row, checked, compare, with_time
from . import ceilings, device
from .ceilings import Ceilings
from .inputs import Drawn, Given, in_turn, sets_needed
from .libraries import Libraries
from .sizes import OPS, Plan

CAPTURED = ("mel", "power", "stft")  # of others than lapped: the rest of torch waits for the host


@dataclass
class Report:
    """All that was measured, and where. It grows as a run goes on."""

    machine: dict[str, Any]
    gpu: dict[str, Any]
    versions: dict[str, str]
    skipped: dict[str, str]
    ceilings: Ceilings
    seconds: float = 0
    rows: list[Row] = field(default_factory=list)

    def of_group(self, group: str) -> list[Row]:
        return [row for row in self.rows if row.group == group]


@dataclass(frozen=True)
class Step:
    """One operation at one size, and how it is timed."""

    group: str
    op: str
    case: Case


def run(
    torch: ModuleType,
    plan: Plan,
    budget: float,
    progress: Progress = lambda what, done, total: None,
    keep: Callable[[Report], None] = lambda report: None,
) -> Report:
    """Do what `plan` names within about `budget` seconds; `keep` is given each state of the report.

    What there is no time for is named.
    """
    begin = time.monotonic()
    libraries, watch = Libraries.load(torch, plan.compiled), device.events(torch)
    bench = Bench(torch, plan, libraries, device.facts(torch), watch)
    facts = machine.facts()
    report = Report(
        facts | {"commit": facts["commit"] or "source tree"},
        bench.facts,
        libraries.versions,
        libraries.skipped,
        ceilings.measure(torch, watch, plan.effort),
    )
    steps = list(steps_of(plan))
    for done, step in enumerate(steps):
        progress(f"{step.group} {step.op} {step.case.name}", done, len(steps))
        late = time.monotonic() - begin > budget
        rows = [out_of_time(step)] if late else bench.rows_of(step)
        report.rows += [replace(row, group=step.group) for row in rows]
        report.seconds = round(time.monotonic() - begin, 1)
        keep(report)
    report.rows += _on_the_processor(libraries, report)
    keep(report)
    return report


def steps_of(plan: Plan) -> Iterator[Step]:
    """The first sizes first: a run that is cut short has them whole."""
    for case in plan.batches:
        yield from (Step("sizes", op, case) for op in OPS)
    yield from (Step("call", op, case) for case in plan.short for op in OPS)
    yield from (Step("long", op, case) for case in plan.long for op in ("mel", "griffin_lim"))
    yield from (Step("graph", op, case) for case in plan.short for op in OPS)


def out_of_time(step: Step) -> Row:
    """The row of a step that was not begun."""
    return Row(step.group, step.op, step.case, OURS, OURS, refused="the time of the run was over")


@dataclass
class Bench:
    """Times the steps of a plan on one device."""

    torch: ModuleType
    plan: Plan
    libraries: Libraries
    facts: dict[str, Any]
    events: Stopwatch
    device: str = "cuda"
    _drawn: list[Drawn] = field(default_factory=list)

    def rows_of(self, step: Step) -> list[Row]:
        """lapped's row first. Memory that libraries hold goes back before, and compiled code."""
        self.libraries.free()
        sets = self._sets(step)
        reference = sets[0].last_row()
        rows, calls = [], {}
        for rival in self._rivals(step):
            row, call = self._verified(step, rival, sets, reference)
            rows.append(row)
            if row.refused is None and call is not None:
                calls[rival.label] = call
        watch = Stopwatch(time.perf_counter_ns) if step.group == "call" else self.events
        samples = interleaved(calls, self.plan.effort, watch) if calls else {}
        return [with_time(row, samples.get(row.label), samples.get(OURS)) for row in rows]

    def _rivals(self, step: Step) -> list[Rival]:
        rivals = self.libraries.rivals_of(step.op)
        if step.group == "call":
            return rivals + self.libraries.further_calls_of(step.op)
        if step.group == "graph":
            chosen = (OURS, *(("torch", "torchaudio") if step.op in CAPTURED else ()))
            return [rival for rival in rivals if rival.library in chosen]
        return rivals

    def _sets(self, step: Step) -> list[Drawn]:
        """More than the cache holds, but for single calls, which may well find it warm."""
        if step.group in ("sizes", "long"):
            needed = sets_needed(step.op, step.case, self.facts["l2_bytes"])
        else:
            needed = 1
        if not self._drawn or self._drawn[0].case != step.case:
            self._drawn.clear()
        for seed in range(len(self._drawn), needed):
            self._drawn.append(Drawn(self.torch, step.case, seed, self.device))
        return self._drawn[:needed]

    def _verified(
        self, step: Step, rival: Rival, sets: list[Drawn], reference: Given
    ) -> tuple[Row, Callable[[], Any] | None]:
        """The rival's row so far, and the call that was checked and is to be timed."""
        call = None

        def error() -> float:
            nonlocal call
            call = self._call_of(step, rival, sets)
            return error_of_result(rival, last_row_of(self.torch, call, len(sets)), reference)

        row = Row(step.group, step.op, step.case, rival.library, rival.label)
        return checked(row, error), call

    def _call_of(self, step: Step, rival: Rival, sets: list[Drawn]) -> Callable[[], Any]:
        if step.group == "graph":
            return captured(self.torch, rival.build(sets[0]))
        call = in_turn([rival.build(drawn) for drawn in sets])
        return device.waited_for(self.torch, call) if step.group == "call" else call


def last_row_of(torch: ModuleType, call: Callable[[], Any], sets: int) -> Any:
    """The last row of the first set's result, on the host, in memory that held NaN before.

    `sets` calls go by in between, so that the set comes round again; a graph has only one.
    """
    with torch.inference_mode():
        result = call()
        result[...] = float("nan")
        del result
        for _ in range(sets - 1):
            call()
        return device.on_host(call()[-1:])


def captured(torch: ModuleType, call: Callable[[], Any]) -> Callable[[], Any]:
    """A call as a CUDA graph: replays it and returns the result, always in the same place."""
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(3):
            call()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        result = call()

    def replay() -> Any:
        graph.replay()
        return result

    return replay


def _on_the_processor(libraries: Libraries, report: Report) -> list[Row]:
    """librosa's Griffin-Lim of one clip, once, beside a clip of lapped's batch on the device."""
    library = libraries.host_modules.get("librosa")
    ours = [r for r in report.of_group("sizes") if r.op == "griffin_lim" and r.library == OURS]
    if library is None or not ours or ours[0].timing is None:
        return []
    rival = next(rival for rival in library.RIVALS if rival.op == "griffin_lim")
    case = next(case for case in MAIN if case.n_fft == ours[0].case.n_fft)
    (row,) = compare([rival], Inputs(case), Effort(rounds=1), "wall time")
    if row.timing is None:
        return [replace(row, group="processor")]
    beside = ours[0].timing.scaled(1 / ours[0].case.batch)
    return [replace(row, group="processor", ratio=Ratio.of(row.timing, beside))]

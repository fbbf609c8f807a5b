# SPDX-License-Identifier: Apache-2.0
"""The line of one worker: parts in, finished parts out.

Threads decode (and on the CPU compute) ahead, across the ends of parts, as far as the memory of
the run allows; results are taken in the plan's order by the one thread that writes, so that a
part's bytes do not depend on how many threads there were. A second thread waits for the disk.
"""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from lapped.batch.engine.station import Outcome, Station
from lapped.batch.record import commit, index
from lapped.batch.record.index import Head
from lapped.batch.record.plan import Plan, Planned
from lapped.batch.sinks import open_sink

_AHEAD = 4  # tasks a thread may have waiting
_TOGETHER = 8  # items of a task, of short ones
_SHORT_S = 60.0  # most audio of a task that holds several
_BATCH_S = 1800.0  # most audio in one call of a work that takes several
_BATCHES = 16  # such calls that fit the memory of a run; three have theirs at a time


@dataclass
class Job:
    """A part on the line."""

    part: int
    items: list[Planned]


@dataclass
class _Waiting:
    """A task on its way through a thread; without a future, the end of its part."""

    job: Job | None
    takes: int
    future: Future[list[Outcome]] | None

    def outcomes(self) -> Iterator[tuple[Job | None, Outcome | None]]:
        if self.future is None:
            yield self.job, None
        else:
            yield from ((self.job, outcome) for outcome in self.future.result())


class Line:
    """Runs parts through a station.

    What it holds takes at most `mem` bytes, but for an item that alone takes more.
    `parts` may yield None where it has no part just now: what is in hand is finished before it is
    asked again. `report` is told of every item that was written.
    """

    def __init__(
        self,
        plan: Plan,
        station: Station,
        threads: int,
        mem: int,
        report: Callable[[Outcome], None],
    ) -> None:
        self._plan, self._station, self._report = plan, station, report
        self._threads, self._mem = threads, mem

    def run(self, parts: Iterable[int | None]) -> Iterator[Head]:
        """Finished parts, in order; their index is on the disk when they are yielded."""
        with (
            ThreadPoolExecutor(self._threads, "decode") as threads,
            ThreadPoolExecutor(1, "work") as working,
            ThreadPoolExecutor(1, "commit") as committing,
        ):
            ends: deque[Future[Head]] = deque()
            try:
                for job, outcomes in self._by_part(self._ahead(threads, parts), working):
                    if job is not None:
                        ends.append(self._write(job, outcomes, committing))
                    while ends and (job is None or len(ends) > 1 or ends[0].done()):
                        yield ends.popleft().result()
                while ends:
                    yield ends.popleft().result()
            finally:
                threads.shutdown(wait=False, cancel_futures=True)

    # ---- reading ahead

    def _ahead(
        self, threads: ThreadPoolExecutor, parts: Iterable[int | None]
    ) -> Iterator[tuple[Job | None, Outcome | None]]:
        """Outcomes in order, (job, None) at the end of each part, (None, None) before it may have
        to wait for the next one.
        """
        waiting: deque[_Waiting] = deque()
        held, most = 0, self._mem
        for job in map(self._job, parts):
            for items, takes in self._tasks(job) if job else ():
                while waiting and (held + takes > most or len(waiting) >= _AHEAD * self._threads):
                    yield from waiting[0].outcomes()
                    held -= waiting.popleft().takes
                held += takes
                waiting.append(_Waiting(job, takes, threads.submit(self._each, items)))
            if job:
                waiting.append(_Waiting(job, 0, None))
            while waiting and (job is None or waiting[0].future is None):
                yield from waiting[0].outcomes()
                held -= waiting.popleft().takes
            if job is None:
                yield None, None
        while waiting:
            yield from waiting.popleft().outcomes()

    def _job(self, part: int | None) -> Job | None:
        return None if part is None else Job(part, self._plan.part(part))

    def _tasks(self, job: Job) -> Iterator[tuple[list[Planned], int]]:
        """Items for one thread and the memory they take: handing over costs as much as a second
        of audio, so that short ones go together where all threads have enough to do.
        """
        most = self._mem
        room = most // (_AHEAD * self._threads)
        count = max(1, min(_TOGETHER, len(job.items) // (_AHEAD * self._threads)))
        some: list[Planned] = []
        takes, seconds = 0, 0.0
        for planned in job.items:
            more = min(self._station.bytes_for(planned), most)
            full = takes + more > room or seconds + planned.seconds > _SHORT_S
            if some and (full or len(some) == count):
                yield some, takes
                some, takes, seconds = [], 0, 0.0
            some.append(planned)
            takes, seconds = takes + more, seconds + planned.seconds
        if some:
            yield some, takes

    def _each(self, items: list[Planned]) -> list[Outcome]:
        return [self._station(planned) for planned in items]

    def _by_part(
        self,
        outcomes: Iterable[tuple[Job | None, Outcome | None]],
        working: ThreadPoolExecutor,
    ) -> Iterator[tuple[Job | None, Iterator[Outcome]]]:
        source = iter(outcomes)

        def rest(first: Outcome | None) -> Iterator[Outcome]:
            outcome = first
            while outcome is not None:
                yield outcome
                _, outcome = next(source)

        for job, first in source:
            yield job, self._finished(rest(first), working)

    def _finished(
        self, outcomes: Iterator[Outcome], working: ThreadPoolExecutor
    ) -> Iterator[Outcome]:
        """With the work done on several at a time, where the work wants that: on the next ones
        while these are written.
        """
        if not self._station.work.batched:
            yield from outcomes
            return
        before: Future[list[Outcome]] | None = None
        for batch in self._batches(outcomes):
            after = working.submit(self._worked, batch)
            yield from before.result() if before else ()
            before = after
        yield from before.result() if before else ()

    def _worked(self, batch: list[Outcome]) -> list[Outcome]:
        self._station.finish(batch)
        return batch

    def _batches(self, outcomes: Iterator[Outcome]) -> Iterator[list[Outcome]]:
        room = self._mem // _BATCHES
        batch: list[Outcome] = []
        takes, seconds = 0, 0.0
        for outcome in outcomes:
            more = self._station.bytes_for(outcome.planned)
            if batch and (takes + more > room or seconds + outcome.audio_s > _BATCH_S):
                yield batch
                batch, takes, seconds = [], 0, 0.0
            batch.append(outcome)
            takes, seconds = takes + more, seconds + outcome.audio_s
        if batch:
            yield batch

    # ---- writing

    def _write(
        self, job: Job, outcomes: Iterator[Outcome], committing: ThreadPoolExecutor
    ) -> Future[Head]:
        config, layout = self._station.config, self._plan.layout
        with commit.writing(layout.folder):
            items = [planned.item for planned in job.items]
            sink = open_sink(config, self._station.work.output, layout.folder, job.part, items)
            try:
                rows = [self._settled(sink, outcome) for outcome in outcomes]
                pending = sink.close()
            except BaseException:
                sink.clear()
                raise
        return committing.submit(self._commit, job.part, rows, pending, sink)

    def _settled(self, sink: Any, outcome: Outcome) -> index.Row:
        row = _row(outcome)
        if outcome.error is None:
            began = time.perf_counter()
            place = sink.put(outcome.planned.item, outcome.value)
            outcome.busy["write"] = time.perf_counter() - began
            row |= {"status": "ok", "audio_s": round(outcome.audio_s, 6), "place": place}
        else:
            error = outcome.error
            row |= {"status": "error", "code": error.code, "message": error.message}
        self._report(outcome)
        outcome.value = None
        return row

    def _commit(self, part: int, rows: list[index.Row], pending: Sequence[Any], sink: Any) -> Head:
        layout = self._plan.layout
        with commit.writing(layout.folder):
            try:
                moves = [(each.temporary, each.final) for each in pending]
                commit.replace(moves, read_soon=False)
            finally:
                sink.clear()
        files = [
            {
                "file": os.fspath(each.final.relative_to(layout.folder)),
                "bytes": each.bytes,
                "checksum": each.checksum,
                "begin": each.begin,
            }
            for each in pending
        ]
        return index.write(layout, part, self._plan.fingerprint, rows, files)


def _row(outcome: Outcome) -> index.Row:
    planned, item = outcome.planned, outcome.planned.item
    row: index.Row = {"seq": planned.seq, "id": item.id, "uri": item.uri, "name": item.name}
    if item.member:
        row["member"] = item.member
    for name in ("start", "end", "channel"):
        if getattr(item, name) is not None:
            row[name] = getattr(item, name)
    return row

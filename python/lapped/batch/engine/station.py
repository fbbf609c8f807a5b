# SPDX-License-Identifier: Apache-2.0
"""One item from its place on the disk to its result: what the threads of a worker do."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lapped.batch import audio
from lapped.batch.codes import ItemError
from lapped.batch.config import Config
from lapped.batch.engine.crumbs import Crumbs
from lapped.batch.record.commit import writing
from lapped.batch.record.plan import Planned
from lapped.batch.spool import Spooled
from lapped.batch.work import Work

Verdicts = Mapping[int, tuple[str, str]]


@dataclass(slots=True)
class Outcome:
    """What became of an item: a result, or an error.

    `value` is what was loaded until the work is `done`; `busy` are seconds by stage.
    """

    planned: Planned
    value: Any = None
    sample_rate: int = 0
    audio_s: float = 0.0
    error: ItemError | None = None
    done: bool = False
    busy: dict[str, float] = field(default_factory=dict)

    def fail(self, error: ItemError) -> None:
        self.error, self.value, self.done = error, None, True

    def succeed(self, value: Any, stage: str, seconds: float) -> None:
        self.value, self.done = value, True
        self.busy[stage] = seconds


class Station:
    """Decodes and works on one item at a time; called by many threads at once."""

    def __init__(
        self, config: Config, work: Work, crumbs: Crumbs, verdicts: Verdicts, scratch: Path
    ) -> None:
        self.config, self.work, self.verdicts = config, work, verdicts
        self._crumbs, self._scratch = crumbs, scratch
        self._settings = audio.settings_of(config, work.sample_rate)
        self._room = None if work.batched or work.keeps_inputs else audio.Room()

    def bytes_for(self, planned: Planned) -> int:
        """Memory the item will take, as far as the plan knows; streamed ones take little."""
        if planned.code or planned.seq in self.verdicts:
            return 0
        return self.work.bytes_for(min(planned.seconds, self._stream_over()))

    def __call__(self, planned: Planned) -> Outcome:
        outcome = Outcome(planned)
        try:
            self._refuse_known(planned)
            self._run(outcome)
        except ItemError as error:
            outcome.fail(error)
        except MemoryError:
            outcome.fail(ItemError("oom", "the machine has no memory for it"))
        return outcome

    def _refuse_known(self, planned: Planned) -> None:
        if planned.code:
            raise ItemError(planned.code, planned.message)
        if planned.seq in self.verdicts:
            raise ItemError(*self.verdicts[planned.seq])

    def _run(self, outcome: Outcome) -> None:
        if self.work.takes == "audio" and outcome.planned.seconds > self._stream_over():
            self._stream(outcome)
            return
        self._load(outcome)
        if not self.work.batched:
            self.finish([outcome])

    def _load(self, outcome: Outcome) -> None:
        planned, began = outcome.planned, time.perf_counter()
        self._refuse_too_large(planned)
        with self._crumbs.holding(planned.seq, "decode", self._limit(planned)):
            if self.work.takes == "audio":
                found = audio.decode(planned.item, self._settings, self._room)
                outcome.value, outcome.sample_rate = found.samples, found.sample_rate
                outcome.audio_s = found.seconds
            else:
                outcome.value = audio.load_array(planned.item)
        outcome.busy["decode"] = time.perf_counter() - began

    def finish(self, outcomes: list[Outcome]) -> None:
        """Puts results in place of what was loaded, in one call of the work."""
        loaded = [outcome for outcome in outcomes if not outcome.done]
        if not loaded:
            return
        began = time.perf_counter()
        with self._crumbs.holding(loaded[0].planned.seq, "work", float("inf")):
            values, rates = [o.value for o in loaded], [o.sample_rate for o in loaded]
            results = self.work(values, rates)
        share = (time.perf_counter() - began) / len(loaded)
        for outcome, result in zip(loaded, results, strict=True):
            if isinstance(result, ItemError):
                outcome.fail(result)
            else:
                outcome.succeed(result, "kernel", share)
                self._set_duration(outcome)

    def _set_duration(self, outcome: Outcome) -> None:
        if self.work.takes == "array" and self.work.output.sample_rate:
            outcome.audio_s = outcome.value.shape[-1] / self.work.output.sample_rate

    def _stream(self, outcome: Outcome) -> None:
        """Block by block: what is in memory does not grow with the item."""
        planned, began = outcome.planned, time.perf_counter()
        rate = self.work.sample_rate or audio.rate_of(planned.item)
        samples = 0

        def counted() -> Any:
            nonlocal samples
            for block in audio.blocks(planned.item, self._settings):
                samples += len(block)
                yield block

        with (
            writing(self._scratch),
            self._crumbs.holding(planned.seq, "decode", self._limit(planned)),
        ):
            value = self.work.stream(counted(), self._spool, rate)
        outcome.sample_rate, outcome.audio_s = rate, samples / rate
        outcome.succeed(value, "decode", time.perf_counter() - began)

    def _spool(self, shape: tuple[int, ...], dtype: Any) -> Spooled:
        return Spooled(self._scratch, shape, dtype)

    def _stream_over(self) -> float:
        return self.config.stream_over if self.work.can_stream else float("inf")

    def _limit(self, planned: Planned) -> float:
        return self.config.timeout + planned.seconds / 10

    def _refuse_too_large(self, planned: Planned) -> None:
        takes = self.work.bytes_for(planned.seconds)
        if takes > self.config.mem:
            raise ItemError(
                "too_long", f"needs some {takes >> 20} MiB, and mem is {self.config.mem >> 20} MiB"
            )

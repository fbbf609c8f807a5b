# SPDX-License-Identifier: Apache-2.0
"""What is known of a run while it goes: shown as progress, and held against its limits."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from lapped.batch.codes import TooManyErrors
from lapped.batch.config import Config
from lapped.batch.record.index import Head
from lapped.batch.record.plan import Totals

_LOG = logging.getLogger("lapped.batch")


@dataclass
class Amount:
    """Items, errors among them, seconds of audio."""

    items: int = 0
    errors: int = 0
    audio_s: float = 0.0

    def add(self, other: Amount, sign: int = 1) -> None:
        self.items += sign * other.items
        self.errors += sign * other.errors
        self.audio_s += sign * other.audio_s


@dataclass
class Tally(Amount):
    """Work done since it was last told, and the seconds it took by stage."""

    busy: dict[str, float] = field(default_factory=dict)


def amount_of(head: Head) -> Amount:
    """What a finished part adds."""
    return Amount(head.rows, head.errors, head.audio_s)


@dataclass(frozen=True)
class Snapshot:
    """What progress shows."""

    done: Amount
    before: Amount  # of it, by earlier runs
    totals: Totals
    elapsed: float
    busy: dict[str, float]

    @property
    def speed(self) -> float:
        """Times real time, of this run."""
        return (self.done.audio_s - self.before.audio_s) / max(self.elapsed, 1e-9)

    @property
    def eta(self) -> float | None:
        """Seconds to go; None while nobody can know."""
        left = self.totals.audio_s - self.done.audio_s
        return max(left, 0.0) / self.speed if self.speed > 0 else None

    @property
    def shares(self) -> dict[str, float]:
        """Of the busy time, by stage."""
        whole = sum(self.busy.values())
        return {stage: seconds / whole for stage, seconds in self.busy.items()} if whole else {}


@dataclass
class Watch:
    """Counts for one run. `show` is called with a `Snapshot` now and then."""

    config: Config
    totals: Totals
    before: Amount
    show: Callable[[Snapshot], None] | None = None
    settled: Amount = field(default_factory=Amount)
    busy: dict[str, float] = field(default_factory=dict)
    _in_hand: dict[str, Amount] = field(default_factory=dict)
    _began: float = field(default_factory=time.monotonic)

    def count(self, worker: str, tally: Tally) -> None:
        """Work that a worker reports, in parts that are not finished."""
        self._in_hand.setdefault(worker, Amount()).add(tally)
        for stage, seconds in tally.busy.items():
            self.busy[stage] = self.busy.get(stage, 0.0) + seconds

    def settle(self, worker: str, head: Head) -> None:
        """A part that is finished."""
        self.settled.add(amount_of(head))
        self._in_hand.setdefault(worker, Amount()).add(amount_of(head), -1)
        _LOG.info("part %d: %d items, %d errors", head.part, head.rows, head.errors)

    def forget(self, worker: str) -> None:
        """What it had in hand is done again."""
        self._in_hand.pop(worker, None)

    def error(self, item: str, message: str) -> None:
        _LOG.warning("%s: %s", item, message)

    def warn(self, message: str) -> None:
        _LOG.warning(message)

    def look(self) -> None:
        """Shows how far it is; raises where too many items failed."""
        snapshot = self.snapshot()
        if self.show is not None:
            self.show(snapshot)
        if snapshot.done.errors > self.config.errors_allowed(self.totals.items):
            raise TooManyErrors(
                f"{snapshot.done.errors} of {self.totals.items} items failed, and "
                f"max_errors={self.config.max_errors!r}; lapped errors {self.config.output} "
                "lists those of finished parts"
            )

    def snapshot(self) -> Snapshot:
        done = Amount()
        for amount in (self.before, self.settled, *self._in_hand.values()):
            done.add(amount)
        elapsed = time.monotonic() - self._began
        return Snapshot(done, self.before, self.totals, elapsed, dict(self.busy))

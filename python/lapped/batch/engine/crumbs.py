# SPDX-License-Identifier: Apache-2.0
"""What each thread of a worker has in hand, in a file that outlives the worker.

A decoder that ends its process leaves no other word. One record a thread: the item's number or
-1, its stage, when it was taken up and how long it may take. Whoever reads may come at any moment,
so the number, which makes the rest count, is written last and taken back first.
"""

from __future__ import annotations

import itertools
import mmap
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

STAGES = ("decode", "work")

_RECORD = struct.Struct("=qqdd")
_FIELDS = 4  # of a record, 8 bytes each
_NOTHING = -1


@dataclass(frozen=True)
class Crumb:
    """One item in hand."""

    seq: int
    stage: str
    since: float  # of time.monotonic, which all processes of a machine share
    limit: float

    @property
    def overdue(self) -> bool:
        return time.monotonic() > self.since + self.limit


class Crumbs:
    """Written by the worker's threads, each its own record."""

    def __init__(self, path: Path, threads: int) -> None:
        path.write_bytes(_RECORD.pack(_NOTHING, 0, 0.0, 0.0) * threads)
        with path.open("r+b") as file:
            memory = memoryview(mmap.mmap(file.fileno(), 0))
        self._whole, self._real = memory.cast("q"), memory.cast("d")
        self._next = itertools.count()
        self._own = threading.local()

    @contextmanager
    def holding(self, seq: int, stage: str, limit: float) -> Iterator[None]:
        """Says so while the calling thread is at it."""
        at = self._place()
        self._real[at + 2], self._real[at + 3] = time.monotonic(), limit
        self._whole[at + 1] = STAGES.index(stage)
        self._whole[at] = seq
        try:
            yield
        finally:
            self._whole[at] = _NOTHING

    def _place(self) -> int:
        if not hasattr(self._own, "place"):
            self._own.place = next(self._next) * _FIELDS
        return int(self._own.place)


def read(path: Path) -> list[Crumb]:
    """What the threads have in hand, or had when the worker ended."""
    records = _RECORD.iter_unpack(path.read_bytes()) if path.exists() else ()
    return [
        Crumb(seq, STAGES[stage], since, limit) for seq, stage, since, limit in records if seq >= 0
    ]

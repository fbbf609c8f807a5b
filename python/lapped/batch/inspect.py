# SPDX-License-Identifier: Apache-2.0
"""What can be asked of a run's folder, while the run goes and afterwards."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from lapped.batch import running
from lapped.batch.codes import CODES
from lapped.batch.record import finish, index, lock
from lapped.batch.record.checksum import checksum_of_file
from lapped.batch.record.finish import Summary
from lapped.batch.record.index import Row
from lapped.batch.running import Run


@dataclass(frozen=True)
class Status:
    """How far a run is.

    Attributes
    ----------
    running : bool
        Whether a process is at work in the folder.
    summary : Summary
        Of finished parts.
    items_planned, audio_s_planned : int, float
        What the plan holds; the seconds are as headers say, where anybody read them.
    """

    running: bool
    summary: Summary
    items_planned: int
    audio_s_planned: float

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def status(folder: str | os.PathLike) -> Status:
    """How far the run in `folder` is.

    Raises
    ------
    Refused
        If there is none.
    """
    run = running.opened(folder)
    busy = any(lock.is_held(path) for path in Path(folder).glob(".lock*"))
    totals = run.plan.totals
    return Status(busy, finish.summary_of(run), totals.items, round(totals.audio_s, 3))


def errors(folder: str | os.PathLike, code: str | None = None) -> Iterator[Row]:
    """Rows of the inputs that failed, in the plan's order: "uri", "code", "message" and more.

    Raises
    ------
    ValueError
        For a `code` that does not exist.
    Refused
        If there is no run in `folder`.
    """
    if code is not None and code not in CODES:
        raise ValueError(f"code={code!r} must be one of {', '.join(CODES)}")
    run = running.opened(folder)
    failed = (row for row in finish.rows(run) if row["status"] == "error")
    return (row for row in failed if code in (None, row["code"]))


@dataclass(frozen=True)
class Fault:
    """A finished part that is not what it was."""

    part: int
    file: str
    what: str


def verify(folder: str | os.PathLike, deep: bool = False) -> list[Fault]:
    """Reads all results again and compares their checksums; returns what is wrong.

    A part with a fault is no longer done: the next run does it again. `deep` decodes every result
    besides.

    Raises
    ------
    Refused
        If there is no run in `folder`, or one is at work there.
    """
    run = running.opened(folder)
    with lock.held(run.layout.lock()):
        faults = [fault for part in run.layout.indexed() for fault in _faults(run, part, deep)]
        for part in {fault.part for fault in faults}:
            run.drop(part)
    return faults


def _faults(run: Run, part: int, deep: bool) -> Iterator[Fault]:
    layout, name = run.layout, run.layout.index(part).name
    entries = index.files_of(layout, part)
    if not entries and index.head_of(layout, part, run.plan.fingerprint) is None:
        yield Fault(part, f"parts/{name}", "the index is torn")
        return
    for entry in entries:
        if what := _fault_of(index.path_of(layout, entry), entry):
            yield Fault(part, entry["file"], what)
            return
    if index.head_of(layout, part, run.plan.fingerprint) is None:
        yield Fault(part, f"parts/{name}", "the index is torn")
    elif deep:
        yield from _unreadable(run, part)


def _fault_of(path: Path, entry: dict[str, Any]) -> str:
    try:
        found = checksum_of_file(path, entry["begin"])
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    if found.bytes != entry["bytes"]:
        return f"holds {found.bytes} bytes, not {entry['bytes']}"
    return "" if found.value == entry["checksum"] else "its content has changed"


def _unreadable(run: Run, part: int) -> Iterator[Fault]:
    from lapped.batch.sinks import read_back

    for row in index.rows_of(run.layout, part):
        if row["status"] == "ok":
            place = row["place"]
            try:
                shape = list(read_back(run.layout.folder, place).shape)
            except Exception as error:  # whatever a library raises: it cannot be read
                yield Fault(part, place["file"], f"{row['id']}: {error}")
                continue
            if shape != list(place["shape"]):
                yield Fault(part, place["file"], f"{row['id']}: {shape}, not {place['shape']}")

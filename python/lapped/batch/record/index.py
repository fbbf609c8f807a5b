# SPDX-License-Identifier: Apache-2.0
"""The index of a part: what became of each of its items, and the proof that the part is done.

The first line is the head, with the count and the checksum of the lines that follow it: a torn
index is no index. Every other line is one item's row, in the plan's order.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from lapped.batch.record import commit
from lapped.batch.record.checksum import checksum_of
from lapped.batch.record.layout import Layout


@dataclass(frozen=True)
class Head:
    """First line of an index.

    Attributes
    ----------
    files : list of dict
        Each with "file" (below OUT), "bytes" and "checksum".
    codes : dict
        Count of errors by code.
    """

    part: int
    fingerprint: str
    rows: int
    audio_s: float
    checksum: str
    files: list[dict[str, Any]] = field(default_factory=list)
    codes: dict[str, int] = field(default_factory=dict)

    @property
    def errors(self) -> int:
        return sum(self.codes.values())


Row = dict[str, Any]


def write(
    layout: Layout, part: int, fingerprint: str, rows: Sequence[Row], files: list[dict[str, Any]]
) -> Head:
    """Makes the part done. Its files must be in their places, on the disk."""
    body = "".join(json.dumps(row) + "\n" for row in rows).encode()
    codes: dict[str, int] = {}
    for row in rows:
        if row["status"] == "error":
            codes[row["code"]] = codes.get(row["code"], 0) + 1
    seconds = sum(row["audio_s"] for row in rows if row["status"] == "ok")
    head = Head(part, fingerprint, len(rows), seconds, checksum_of(body), files, codes)
    commit.write_file(layout.index(part), json.dumps(asdict(head)).encode() + b"\n" + body)
    return head


def head_of(layout: Layout, part: int, fingerprint: str) -> Head | None:
    """The head of a part that is done: index whole, of this run, its files there and as long as
    they were; None otherwise.
    """
    path = layout.index(part)
    try:
        with path.open("rb") as file:
            head = Head(**json.loads(file.readline()))
            whole = checksum_of(file.read()) == head.checksum
    except (OSError, ValueError, TypeError):
        return None
    if not whole or head.part != part or head.fingerprint != fingerprint:
        return None
    return head if all(_is_there(layout, entry) for entry in head.files) else None


def files_of(layout: Layout, part: int) -> list[dict[str, Any]]:
    """Files of a part, as far as its index can be read."""
    try:
        with layout.index(part).open("rb") as file:
            return list(json.loads(file.readline())["files"])
    except (OSError, ValueError, KeyError, TypeError):
        return []


def rows_of(layout: Layout, part: int) -> Iterator[Row]:
    """Rows of an index that is known to be whole."""
    with layout.index(part).open("rb") as file:
        file.readline()
        yield from map(json.loads, file)


def path_of(layout: Layout, entry: dict[str, Any]) -> Path:
    """Where a file of a head is."""
    return layout.folder / entry["file"]


def _is_there(layout: Layout, entry: dict[str, Any]) -> bool:
    try:
        found = path_of(layout, entry).stat()
    except OSError:
        return False
    return bool(entry["bytes"] == found.st_size)

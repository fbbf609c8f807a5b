# SPDX-License-Identifier: Apache-2.0
"""The plan: which items there are, and in which part each is.

It is written once, before any work, and read row group by row group: however many items there
are, neither takes more memory.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from functools import cached_property, lru_cache
from itertools import islice
from typing import Any

from lapped.batch.config import Config
from lapped.batch.items import Item, printable
from lapped.batch.needs import needed
from lapped.batch.record import commit
from lapped.batch.record.columns import table_of
from lapped.batch.record.layout import Layout
from lapped.batch.record.uniqueness import Seen

_GROUP = 4096  # rows of the file that are in memory at a time
_BYTES_A_SECOND = 16_000  # of a file whose length nobody knows: a guess, between FLAC and MP3


@dataclass(frozen=True, slots=True)
class Planned:
    """An item in its place. `code` and `message` say what was wrong with it before any work."""

    seq: int
    part: int
    item: Item
    code: str = ""
    message: str = ""

    @property
    def seconds(self) -> float:
        """Of audio, as far as anybody knows before decoding it."""
        if self.item.duration is not None:
            return self.item.duration
        return (self.item.size or 0) / _BYTES_A_SECOND


@dataclass(frozen=True)
class Totals:
    """What a plan holds."""

    fingerprint: str
    items: int
    parts: int
    audio_s: float
    bytes: int
    duplicates: int
    problems: int


class Plan:
    """A finished plan below OUT."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.totals = Totals(**json.loads(layout.plan.read_text()))

    @property
    def fingerprint(self) -> str:
        return self.totals.fingerprint

    def part(self, part: int) -> list[Planned]:
        """Items of one part, in order."""
        return [
            planned
            for group, (first, last) in enumerate(self._parts_of_groups)
            if first <= part <= last
            for planned in self._group(group)
            if planned.part == part
        ]

    def __iter__(self) -> Iterator[Planned]:
        for group in range(self._file.num_row_groups):
            yield from self._rows(group)

    @cached_property
    def _file(self) -> Any:
        return needed("pyarrow.parquet").ParquetFile(self.layout.items)

    @cached_property
    def _parts_of_groups(self) -> list[tuple[int, int]]:
        column = self._file.schema_arrow.names.index("part")
        metadata = self._file.metadata
        found = (
            metadata.row_group(group).column(column).statistics
            for group in range(metadata.num_row_groups)
        )
        return [(statistics.min, statistics.max) for statistics in found]

    @cached_property
    def _group(self) -> Any:
        return lru_cache(maxsize=2)(lambda group: list(self._rows(group)))

    def _rows(self, group: int) -> Iterator[Planned]:
        columns = self._file.read_row_group(group).to_pydict()
        for name in _TEXTS:
            columns[name] = list(map(os.fsdecode, columns[name]))
        items = map(Item, *(columns[name] for name in _FIELDS))
        about = (columns[name] for name in ("code", "message"))
        yield from map(Planned, columns["seq"], columns["part"], items, *about)


def write(layout: Layout, config: Config, fingerprint: str, found: Iterable[Any]) -> Plan:
    """Plans what `sources.expand` finds, and reads headers where the config asks for it."""
    with commit.writing(layout.folder):
        layout.items.parent.mkdir(parents=True, exist_ok=True)
        temporary = commit.temporary_of(layout.items)
    count = _Count()
    with Seen(mirror=config.mirror) as seen, commit.writing(layout.folder):
        _write_rows(temporary, _parted(config, count, seen.once(found)))
        commit.replace([(temporary, layout.items)])
    totals = Totals(
        fingerprint=fingerprint,
        items=count.items,
        parts=count.part + 1 if count.items else 0,
        audio_s=count.audio_s,
        bytes=count.bytes,
        duplicates=seen.duplicates,
        problems=count.problems,
    )
    commit.write_file(layout.plan, json.dumps(asdict(totals), indent=1).encode())
    return Plan(layout)


def rewrite(layout: Layout, rows: Iterator[Planned]) -> None:
    """The same items in the same parts, looked at anew."""
    temporary = commit.temporary_of(layout.items)
    with commit.writing(layout.folder):
        _write_rows(temporary, rows)
        commit.replace([(temporary, layout.items)])


@dataclass
class _Count:
    items: int = 0
    part: int = 0
    audio_s: float = 0.0
    bytes: int = 0
    problems: int = 0
    in_part: int = 0
    seconds_in_part: float = 0.0

    def add(self, config: Config, planned: Planned) -> None:
        full = self.seconds_in_part + planned.seconds > config.part_audio
        if self.in_part and (full or self.in_part >= config.part_items):
            self.part, self.in_part, self.seconds_in_part = self.part + 1, 0, 0.0
        self.items += 1
        self.in_part += 1
        self.problems += bool(planned.code)
        self.bytes += planned.item.size or 0
        self.audio_s += planned.seconds
        self.seconds_in_part += planned.seconds


def _parted(
    config: Config, count: _Count, found: Iterable[tuple[Item, str, str]]
) -> Iterator[Planned]:
    for item, code, message in found:
        count.add(config, Planned(count.items, 0, item, code, message))
        yield Planned(count.items - 1, count.part, item, code, message)


# ---- rows

_FIELDS = tuple(Item.__dataclass_fields__)
_TEXTS = ("uri", "name", "member", "own_id")  # bytes in the file: names need not be UTF-8


def _schema() -> Any:
    pa = needed("pyarrow")
    texts = [(name, pa.binary()) for name in _TEXTS]
    whole = [(name, pa.int64()) for name in ("offset", "size", "mtime_ns", "channel")]
    real = [(name, pa.float64()) for name in ("start", "end", "duration")]
    head = [("seq", pa.int64()), ("part", pa.int32()), ("id", pa.string())]
    tail = [("code", pa.string()), ("message", pa.string())]
    return pa.schema([*head, *texts, *whole, *real, *tail])


def _write_rows(path: Any, rows: Iterator[Planned]) -> None:
    schema = _schema()
    with needed("pyarrow.parquet").ParquetWriter(path, schema, compression="zstd") as writer:
        while some := list(islice(rows, _GROUP)):
            writer.write_table(table_of(schema, _columns(some)), row_group_size=_GROUP)


def _columns(some: list[Planned]) -> dict[str, list[Any]]:
    items = [planned.item for planned in some]
    columns = {name: [getattr(item, name) for item in items] for name in _FIELDS}
    columns |= {name: list(map(os.fsencode, columns[name])) for name in _TEXTS}
    columns["id"] = [printable(item.id) for item in items]
    columns["message"] = [printable(planned.message) for planned in some]
    for name in ("seq", "part", "code"):
        columns[name] = [getattr(planned, name) for planned in some]
    return columns

# SPDX-License-Identifier: Apache-2.0
"""What a finished run leaves for people and programs: manifest, errors, summary."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from itertools import islice
from typing import Any

from lapped.batch.codes import Exit
from lapped.batch.items import printable
from lapped.batch.needs import needed
from lapped.batch.record import commit, index
from lapped.batch.record.columns import table_of
from lapped.batch.record.index import Row
from lapped.batch.record.layout import Layout
from lapped.batch.running import Run

_GROUP = 4096  # rows of the manifest that are in memory at a time
_TEXTS = ("id", "uri", "name", "member", "status", "code", "message")
_PLACE = ("file", "key", "dtype", "offset", "shape")


@dataclass(frozen=True)
class Summary:
    """What became of a run.

    Attributes
    ----------
    items, ok, errors : int
        Of finished parts; `items` counts duplicates once.
    codes : dict
        Errors by code.
    audio_s : float
        Seconds of audio that were done.
    parts, parts_done : int
        Planned and finished.
    """

    folder: str
    items: int
    ok: int
    errors: int
    audio_s: float
    parts: int
    parts_done: int
    duplicates: int
    codes: dict[str, int] = field(default_factory=dict)

    @property
    def complete(self) -> bool:
        return self.parts == self.parts_done

    @property
    def exit_code(self) -> Exit:
        return Exit.WITH_ERRORS if self.errors else Exit.DONE


def summary_of(run: Run) -> Summary:
    """Counted from the heads of all finished parts."""
    totals = run.plan.totals
    rows, audio_s, done = 0, 0.0, 0
    codes: dict[str, int] = {}
    for part in run.layout.indexed():
        head = index.head_of(run.layout, part, totals.fingerprint)
        if head is None:
            continue
        rows, audio_s, done = rows + head.rows, audio_s + head.audio_s, done + 1
        for code, count in head.codes.items():
            codes[code] = codes.get(code, 0) + count
    errors = sum(codes.values())
    return Summary(
        folder=run.config.output,
        items=rows,
        ok=rows - errors,
        errors=errors,
        audio_s=round(audio_s, 3),
        parts=totals.parts,
        parts_done=done,
        duplicates=totals.duplicates,
        codes=dict(sorted(codes.items())),
    )


def rows(run: Run) -> Iterator[Row]:
    """Rows of all finished parts, in the plan's order."""
    for part in run.layout.indexed():
        if index.head_of(run.layout, part, run.plan.fingerprint) is not None:
            yield from index.rows_of(run.layout, part)


def publish(run: Run) -> Summary:
    """Writes manifest.parquet, errors.jsonl and summary.json of a run whose parts are all done."""
    layout, summary = run.layout, summary_of(run)
    with commit.writing(layout.folder):
        _write_manifest_and_errors(run, layout)
    commit.write_file(layout.summary, (json.dumps(asdict(summary), indent=1) + "\n").encode())
    return summary


def _write_manifest_and_errors(run: Run, layout: Layout) -> None:
    """In one pass over the rows."""
    finals = (layout.manifest, layout.errors)
    manifest, errors = map(commit.temporary_of, finals)
    source, schema = rows(run), _schema()
    with (
        needed("pyarrow.parquet").ParquetWriter(manifest, schema, compression="zstd") as writer,
        errors.open("w") as file,
    ):
        while some := list(islice(source, _GROUP)):
            file.writelines(json.dumps(row) + "\n" for row in some if row["status"] == "error")
            writer.write_table(table_of(schema, _columns(some)))
    commit.replace(zip((manifest, errors), finals, strict=True))


def _schema() -> Any:
    pa = needed("pyarrow")
    return pa.schema(
        [
            ("seq", pa.int64()),
            *((name, pa.string()) for name in (*_TEXTS, "file", "key", "dtype")),
            ("start", pa.float64()),
            ("end", pa.float64()),
            ("channel", pa.int64()),
            ("audio_s", pa.float64()),
            ("offset", pa.int64()),
            ("shape", pa.list_(pa.int64())),
        ]
    )


def _columns(some: list[Row]) -> dict[str, list[Any]]:
    places = [row.get("place", {}) for row in some]
    columns = {
        name: [row.get(name) for row in some]
        for name in ("seq", *_TEXTS, "start", "end", "channel", "audio_s")
    }
    columns |= {name: [place.get(name) for place in places] for name in _PLACE}
    for name in (*_TEXTS, "file", "key"):
        columns[name] = [None if text is None else printable(text) for text in columns[name]]
    return columns

# SPDX-License-Identifier: Apache-2.0
"""Lists with more than paths: CSV, JSON lines, Parquet; those of lhotse and NeMo among them."""

from __future__ import annotations

import csv
import gzip
import json
import os
from collections.abc import Iterator
from typing import Any, TextIO

from lapped.batch.items import Item
from lapped.batch.needs import needed
from lapped.batch.sources import listing
from lapped.batch.sources.found import Broken, Found, Selection

_PATHS = ("path", "audio_filepath", "audio_path", "wav", "file", "filename", "uri", "audio")
_IDS = ("id", "utt_id", "utterance_id", "key")
_STARTS = ("start", "offset")
_ENDS = ("end", "stop")


def read(path: str, selection: Selection) -> Iterator[Found]:
    """Items of a manifest. A line that cannot be understood is an item that is broken."""
    lower = path.lower()
    if lower.endswith(".parquet"):
        yield from _parquet(path, selection)
        return
    number = 0
    try:
        with _text(path) as file:
            rows = _separated(file, lower) if lower.endswith((".csv", ".tsv")) else _json(file)
            for number, row in enumerate(rows, 1):
                yield from _row(path, number, row, selection)
    except (OSError, EOFError, csv.Error, UnicodeError) as error:
        yield _broken(path, number + 1, f"cannot be read: {error}")


def of_run(folder: str) -> Iterator[Found]:
    """Results of a finished run of ours, by its manifest."""
    parquet = needed("pyarrow.parquet")
    manifest = os.path.join(folder, "manifest.parquet")
    if not os.path.exists(manifest):
        yield _broken(folder, 0, "the run is not finished: it has no manifest.parquet")
        return
    for batch in parquet.ParquetFile(manifest).iter_batches(4096):
        for row in batch.to_pylist():
            if row["status"] == "ok":
                path = os.path.join(folder, row["file"])
                yield Item(
                    uri=path,
                    name=row["name"],
                    member=row["key"] or "",
                    duration=row["audio_s"],
                    own_id=row["id"],
                )


def _text(path: str) -> TextIO:
    if path.lower().endswith(".gz"):
        return gzip.open(path, "rt", encoding="utf-8", errors="surrogateescape")
    return open(path, encoding="utf-8-sig", errors="surrogateescape", newline="")


def _separated(file: TextIO, name: str) -> Iterator[Any]:
    yield from csv.DictReader(file, delimiter="\t" if name.endswith(".tsv") else ",")


def _json(file: TextIO) -> Iterator[Any]:
    """Lines of JSON; what is none is passed on as the error it is."""
    for line in file:
        if line.strip():
            try:
                yield json.loads(line)
            except ValueError as error:
                yield error


def _parquet(path: str, selection: Selection) -> Iterator[Found]:
    parquet = needed("pyarrow.parquet")
    try:
        file = parquet.ParquetFile(path)
    except Exception as error:  # pyarrow's own, of several kinds
        yield _broken(path, 0, f"cannot be read: {error}")
        return
    if _named(file.schema_arrow.names, selection.path_col, _PATHS[:-1]):
        number = 0
        for batch in file.iter_batches(4096):
            for number, row in enumerate(batch.to_pylist(), number + 1):  # noqa: B020
                yield from _row(path, number, row, selection)
    else:
        yield from _encoded(path, file, selection)


def _encoded(path: str, file: Any, selection: Selection) -> Iterator[Found]:
    """Rows that hold the audio itself."""
    mtime_ns, ids = (
        os.stat(path).st_mtime_ns,
        _named(file.schema_arrow.names, selection.id_col, _IDS),
    )
    for group in range(file.num_row_groups):
        count = file.metadata.row_group(group).num_rows
        names = file.read_row_group(group, [ids]).column(ids).to_pylist() if ids else [""] * count
        for row, own in enumerate(names):
            yield Item(
                uri=path,
                name=f"{os.path.basename(path)}/{group}-{row}",
                member=f"{group}:{row}",
                mtime_ns=mtime_ns,
                own_id="" if own is None else str(own),
            )


def _row(manifest: str, number: int, row: Any, selection: Selection) -> Iterator[Found]:
    if not isinstance(row, dict):
        yield _broken(manifest, number, f"line {number} is no JSON object")
        return
    try:
        found = _recording(row) or _plain(row, selection)
        if found is None:
            yield _broken(manifest, number, f"line {number} names no audio file")
            return
        yield _item(manifest, found)
    except (ValueError, TypeError, KeyError, IndexError) as error:
        yield _broken(manifest, number, f"line {number}: {type(error).__name__}: {error}")


def _recording(row: dict[str, Any]) -> dict[str, Any] | None:
    """Of lhotse: a recording, or a cut of one."""
    cut, recording = row, row.get("recording")
    if recording is None:
        recording = row if "sources" in row else None
    if recording is None:
        return None
    source = recording["sources"][0]
    if source.get("type", "file") not in ("file", "url"):
        raise ValueError(f"a source of type {source['type']!r} is not read")
    found = {"id": row["id"], "path": source["source"], "duration": cut.get("duration")}
    if cut is not recording:
        start, channel = float(cut.get("start", 0.0)), cut.get("channel")
        found |= {"start": start, "end": start + float(cut["duration"])}
        found["channel"] = channel[0] if isinstance(channel, list) else channel
    return found


def _plain(row: dict[str, Any], selection: Selection) -> dict[str, Any] | None:
    path = _named(row, selection.path_col, _PATHS)
    if path is None or not row[path]:
        return None
    found = {"path": str(row[path])}
    if ids := _named(row, selection.id_col, _IDS):
        found["id"] = row[ids]
    for name, columns in (("start", _STARTS), ("end", _ENDS)):
        if column := _named(row, "", columns):
            found[name] = row[column]
    for name in ("duration", "channel"):
        found[name] = row.get(name)
    start, duration = _real(found.get("start")), _real(found["duration"])
    if start is not None and duration is not None and found.get("end") in (None, ""):
        found["end"] = start + duration
    return found


def _item(manifest: str, found: dict[str, Any]) -> Found:
    text = found["path"]
    own = {
        "own_id": "" if found.get("id") is None else str(found["id"]),
        "start": _real(found.get("start")),
        "end": _real(found.get("end")),
        "channel": None if found.get("channel") in (None, "") else int(found["channel"]),
        "duration": _real(found.get("duration")),
    }
    if own["start"] is not None and own["end"] is not None:
        if own["end"] <= own["start"] or own["start"] < 0:
            raise ValueError(f"start {own['start']} and end {own['end']} hold nothing")
        own["duration"] = own["end"] - own["start"]
    if "://" in text:
        return Item(uri=text, name=text.split("://", 1)[1], **own)
    folder = os.path.dirname(manifest)
    path = os.path.abspath(os.path.join(folder, text))
    name = os.path.relpath(path, folder)
    name = name if not name.startswith("..") else os.path.basename(path)
    one = listing.one(path, name)
    if isinstance(one, Broken):
        return Broken(Item(uri=path, name=name, **own), one.code, one.message)
    return Item(uri=path, name=name, size=one.size, mtime_ns=one.mtime_ns, **own)


def _named(names: Any, wanted: str, usual: tuple[str, ...]) -> str | None:
    if wanted:
        return wanted if wanted in names else None
    return next((name for name in usual if name in names), None)


def _real(value: Any) -> float | None:
    return None if value in (None, "") else float(value)


def _broken(manifest: str, number: int, message: str) -> Broken:
    item = Item(uri=manifest, name=os.path.basename(manifest), member=f"line {number}")
    return Broken(item, "unsupported", message)

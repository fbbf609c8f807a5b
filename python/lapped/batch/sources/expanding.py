# SPDX-License-Identifier: Apache-2.0
"""Each input by what it is. Nothing is held: a million items pass one by one."""

from __future__ import annotations

import glob
import itertools
import os
import re
from collections.abc import Iterable, Iterator

from lapped.batch.items import Item
from lapped.batch.sources import archives, listing, manifests, remote
from lapped.batch.sources.found import Found, Selection

_MANIFESTS = (".csv", ".tsv", ".jsonl", ".jsonl.gz", ".parquet", ".json")
_BRACES = re.compile(r"\{(\d+)\.\.(\d+)\}")


def expand(inputs: Iterable[str | os.PathLike], selection: Selection) -> Iterator[Found]:
    """Items of all inputs, in the order given; folders sorted by the bytes of their names.

    What cannot be listed is yielded as `Broken`, so that it ends in the ledger.

    Raises
    ------
    ValueError
        For an input that holds nothing.
    """
    for each in inputs:
        text = os.fspath(each)
        found = _of(text, selection)
        first = next(found, None)
        if first is None:
            what = "array" if selection.kind == "array" else "audio file"
            raise ValueError(f"input {text!r} holds no {what}")
        yield first
        yield from found


def _of(text: str, selection: Selection) -> Iterator[Found]:
    if text == "-":
        return _listed(selection)
    if text.startswith("file://"):
        text = text[len("file://") :]
    if "://" in text:
        return remote.expand(text, selection)
    if braced := _braced(text):
        return itertools.chain.from_iterable(_local(path, selection) for path in braced)
    if not os.path.lexists(text) and glob.has_magic(text):
        return _matching(text, selection)
    return _local(text, selection)


def _braced(text: str) -> list[str]:
    """WebDataset's "{000..123}", written out."""
    match = _BRACES.search(text)
    if not match or os.path.lexists(text):
        return []
    first, last = match.groups()
    numbers = (str(n).zfill(len(first)) for n in range(int(first), int(last) + 1))
    return [text[: match.start()] + number + text[match.end() :] for number in numbers]


def _local(text: str, selection: Selection, name: str | None = None) -> Iterator[Found]:
    path = os.path.abspath(text)
    lower = path.lower()
    if os.path.isdir(path):
        if os.path.exists(os.path.join(path, "plan", "plan.json")) and selection.kind == "array":
            return manifests.of_run(path)
        return listing.walk(path, selection)
    if os.path.isfile(path):
        if selection.kind == "audio" and lower.endswith(".tar"):
            return archives.of_tar(path)
        if lower.endswith(_MANIFESTS):
            return manifests.read(path, selection)
        if lower.endswith(".safetensors"):
            return archives.of_safetensors(path, os.path.basename(path))
    return iter([listing.one(path, name or os.path.basename(path))])


def _matching(pattern: str, selection: Selection) -> Iterator[Found]:
    base = os.path.abspath(_base(pattern))
    for path in sorted(glob.iglob(pattern, recursive=True), key=os.fsencode):
        if not os.path.isdir(path):
            yield from _local(path, selection, os.path.relpath(os.path.abspath(path), base))


def _base(pattern: str) -> str:
    """The folder above the first part with a wildcard."""
    parts = pattern.split("/")
    fixed = itertools.takewhile(lambda part: not glob.has_magic(part), parts)
    return "/".join(fixed) or ("/" if pattern.startswith("/") else ".")


def _listed(selection: Selection) -> Iterator[Found]:
    if selection.stdin is None:
        raise ValueError("input '-' needs a list of paths on standard input")
    for line in listing.lines(selection.stdin):
        text = os.fsdecode(line)
        name = text if not os.path.isabs(text) else os.path.basename(text)
        if "://" in text:
            yield Item(uri=text, name=os.path.basename(text))
        else:
            yield from _local(text, selection, name)

# SPDX-License-Identifier: Apache-2.0
"""Files of a folder, and single ones."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from typing import BinaryIO

from lapped.batch.items import Item
from lapped.batch.sources import archives
from lapped.batch.sources.found import Broken, Found, Selection

_READ = 1 << 16  # bytes of a list at a time


def one(path: str, name: str) -> Found:
    """The item of a file that was named itself."""
    try:
        found = os.stat(path)
    except OSError as error:
        code = "permission" if error.errno in (errno.EACCES, errno.EPERM) else "not_found"
        what = "is a link to nothing" if os.path.islink(path) else str(error.strerror)
        return Broken(Item(uri=path, name=name), code, what)
    item = Item(uri=path, name=name, size=found.st_size, mtime_ns=found.st_mtime_ns)
    if not stat.S_ISREG(found.st_mode):
        return Broken(item, "unsupported", "is no regular file")
    return item


def walk(folder: str, selection: Selection) -> Iterator[Found]:
    """Files below a folder that have one of the suffixes; links are followed, circles are not."""
    yield from _walk(folder, "", selection, frozenset())


def _walk(
    folder: str, below: str, selection: Selection, above: frozenset[tuple[int, int]]
) -> Iterator[Found]:
    try:
        here = os.stat(folder)
        if (here.st_dev, here.st_ino) in above:
            return
        with os.scandir(folder) as entries:
            ordered = sorted(entries, key=lambda entry: os.fsencode(entry.name))
    except OSError as error:
        item = Item(uri=folder, name=below or os.path.basename(folder))
        code = "permission" if error.errno in (errno.EACCES, errno.EPERM) else "not_found"
        yield Broken(item, code, f"the folder cannot be listed: {error.strerror}")
        return
    above = above | {(here.st_dev, here.st_ino)}
    for entry in ordered:
        name = f"{below}/{entry.name}" if below else entry.name
        if _is_folder(entry):
            yield from _walk(entry.path, name, selection, above)
        elif os.path.splitext(entry.name)[1].lower() in selection.suffixes:
            yield from _file(entry.path, name)


def _file(path: str, name: str) -> Iterator[Found]:
    if name.lower().endswith(".safetensors"):
        yield from archives.of_safetensors(path, name)
    else:
        yield one(path, name)


def _is_folder(entry: os.DirEntry) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def lines(file: BinaryIO) -> Iterator[bytes]:
    """Entries of a list: ended by NUL where there is one, else by newlines. Empty ones are none."""
    rest, separator = b"", b""
    while block := file.read(_READ):
        rest += block
        separator = separator or (b"\0" if b"\0" in rest else b"\n")
        *whole, rest = rest.split(separator)
        yield from filter(None, (line.rstrip(b"\r") for line in whole))
    if rest.strip(b"\r\n"):
        yield rest.rstrip(b"\r\n")

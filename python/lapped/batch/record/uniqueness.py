# SPDX-License-Identifier: Apache-2.0
"""Every input once, every name once: kept on disk, since there may be ten million of them."""

from __future__ import annotations

import hashlib
import os
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any

from lapped.batch.items import Item


class Seen:
    """Leaves out inputs that were given before, and tells apart what would go by one name.

    Two inputs that a manifest gives one id keep the first's; the second is a problem of its own.
    With `mirror`, the later of two equal names gets its id behind the stem.
    """

    def __init__(self, mirror: bool) -> None:
        self._mirror = mirror
        self._table = sqlite3.connect("", isolation_level=None)  # "": a temporary file
        self._table.execute("PRAGMA synchronous = OFF")
        self._table.execute("PRAGMA journal_mode = OFF")
        self._table.execute("CREATE TABLE seen (key BLOB PRIMARY KEY) WITHOUT ROWID")
        self._table.execute("BEGIN")
        self.duplicates = 0

    def __enter__(self) -> Seen:
        return self

    def __exit__(self, *_: Any) -> None:
        self._table.close()

    def once(self, found: Iterable[Any]) -> Iterator[tuple[Item, str, str]]:
        """(item, code, message) of what `sources.expand` yields; code "" for sound items."""
        for each in found:
            item, code, message = _parts_of(each)
            where = replace(item, own_id="") if item.own_id else item
            if not self._first(b"where", where.id):
                self.duplicates += 1
                continue
            if item.own_id and not self._first(b"id", item.own_id):
                code, message = "unsupported", f"another input has the id {item.own_id!r}"
                item = where
            yield self._named(item), code, message

    def _named(self, item: Item) -> Item:
        if not self._mirror or self._first(b"name", item.name):
            return item
        path = PurePosixPath(item.name)
        own = hashlib.blake2b(item.id.encode("utf-8", "surrogateescape"), digest_size=4)
        return replace(item, name=str(path.with_stem(f"{path.stem}~{own.hexdigest()}")))

    def _first(self, kind: bytes, text: str) -> bool:
        key = hashlib.blake2b(os.fsencode(text), digest_size=16, person=kind).digest()
        cursor = self._table.execute("INSERT OR IGNORE INTO seen VALUES (?)", (key,))
        return cursor.rowcount == 1


def _parts_of(found: Any) -> tuple[Item, str, str]:
    if isinstance(found, Item):
        return found, "", ""
    return found.item, found.code, found.message

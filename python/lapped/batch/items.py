# SPDX-License-Identifier: Apache-2.0
"""One input of a batch: what is read, and the name its result goes by."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import Any


def printable(text: str) -> str:
    """`text` without what UTF-8 cannot say: names of files need not be."""
    return text.encode("utf-8", "backslashreplace").decode()


@dataclass(frozen=True)
class Item:
    """One input: a file, a member of an archive, or a stretch of either.

    Attributes
    ----------
    uri : str
        Absolute path as `os.fsdecode` gives it, or URL. Never empty.
    name : str
        Path below the folder, archive or manifest it was found through, with "/": where `mirror`
        puts its result, and the id's human half.
    member : str
        Of an archive: the member's name in a tar, the row in a Parquet file. "" for whole files.
    offset : int or None
        Of the member's bytes in a tar, so that nobody has to search for them again.
    size : int or None
        Bytes, of the member or of the file; None where nobody says.
    mtime_ns : int or None
        Of the file, when it was planned.
    start, end : float or None
        Seconds; None: from the beginning, to the end.
    channel : int or None
        Overrides the run's choice of channels.
    duration : float or None
        Seconds of what is read (end - start where both are given), as header or manifest says.
    own_id : str
        The manifest's name for it; "" where it has none.
    """

    uri: str
    name: str
    member: str = ""
    offset: int | None = None
    size: int | None = None
    mtime_ns: int | None = None
    start: float | None = None
    end: float | None = None
    channel: int | None = None
    duration: float | None = None
    own_id: str = ""

    @cached_property
    def id(self) -> str:
        """The manifest's name, else 24 hex digits of where the input is: never just its stem."""
        if self.own_id:
            return self.own_id
        where = (self.uri, self.member, self.start, self.end, self.channel)
        text = "\0".join("" if part is None else str(part) for part in where)
        return hashlib.blake2b(text.encode("utf-8", "surrogateescape"), digest_size=12).hexdigest()

    def __reduce__(self) -> tuple[type, tuple[Any, ...]]:
        """For pickle, which would otherwise ask the class for its fields each time."""
        return type(self), tuple(getattr(self, name) for name in self.__dataclass_fields__)

    def __str__(self) -> str:
        """For messages: what a person would look for."""
        member = f"[{self.member}]" if self.member else ""
        stretch = "" if self.start is None and self.end is None else f" {self._stretch()}"
        return f"{self.uri}{member}{stretch}"

    def _stretch(self) -> str:
        start = self.start or 0.0
        return f"from {start:g} s" if self.end is None else f"{start:g} to {self.end:g} s"

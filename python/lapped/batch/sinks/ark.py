# SPDX-License-Identifier: Apache-2.0
r"""Parts as Kaldi archives of matrices, frames by bands, with the table that says where each is.

::

    key, blank, "\0B" | "FM " | "\4" int32 rows | "\4" int32 columns | float32 values
"""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np

from lapped.batch.items import Item
from lapped.batch.sinks.files import Checked, Pending, Place, Result, Sink, flat

_HEAD = struct.Struct("<2s3sbibi")


def key_of(identity: str) -> str:
    """An id as a key, which holds no blanks."""
    return quote(identity, safe="()+,=@/", errors="surrogateescape")


def matrix_entry(matrix: np.ndarray) -> list[Any]:
    """What follows a key: pieces of bytes of a float32 matrix."""
    head = _HEAD.pack(b"\0B", b"FM ", 4, matrix.shape[0], 4, matrix.shape[1])
    return [head, matrix]


class Ark(Sink):
    format = "ark"
    suffix = ".ark"

    def open(self) -> None:
        self._ark = Checked(self.temporary)
        self._table = self.final.with_suffix(".scp")
        self._table_temporary = self._table.with_name(f"{self._table.name}.{os.getpid()}.tmp")
        self._lines: list[str] = []

    def put(self, item: Item, value: Result) -> Place:
        key = key_of(item.id)
        matrix = flat(value).astype(np.float32, copy=False)
        matrix = np.ascontiguousarray(matrix.T) if self.output.layout == "ft" else matrix
        self._ark.write(key.encode() + b" ")
        offset = self._ark.tell()
        for piece in matrix_entry(matrix):
            self._ark.write(piece)
        self._lines.append(f"{key} {self.final}:{offset}\n")
        return self.place(value, key=key, offset=offset, transposed=self.output.layout == "ft")

    def close(self) -> list[Pending]:
        table = Checked(self._table_temporary)
        table.write("".join(self._lines).encode())
        return [self._ark.pending(self.final), table.pending(self._table)]

    def clear(self) -> None:
        self._ark.close()
        self._table_temporary.unlink(missing_ok=True)
        super().clear()

    @staticmethod
    def read(folder: Path, place: Place) -> np.ndarray:
        with (folder / place["file"]).open("rb") as file:
            file.seek(place["offset"])
            _, _, _, rows, _, columns = _HEAD.unpack(file.read(_HEAD.size))
            matrix = np.fromfile(file, np.float32, rows * columns).reshape(rows, columns)
        matrix = matrix.T if place["transposed"] else matrix
        return np.ascontiguousarray(matrix.astype(place["dtype"]))

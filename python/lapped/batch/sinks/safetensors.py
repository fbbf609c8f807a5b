# SPDX-License-Identifier: Apache-2.0
"""Parts as .safetensors: every result a tensor by its item's id.

::

    8 bytes: length of the header | header: JSON, padded with blanks | tensors, one after another

The header is written last, into space that is left for it: results go straight to the disk.
"""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np

from lapped.batch.config import Config
from lapped.batch.items import Item
from lapped.batch.output import Output
from lapped.batch.record.checksum import Checksum
from lapped.batch.sinks.files import Pending, Place, Result, Sink, name_of, pending
from lapped.batch.spool import pieces

_NAMES = {"float32": "F32", "float16": "F16", "int16": "I16"}
_ENTRY = 128  # bytes of a tensor's entry besides its name: two axes and two offsets fit
_HEAD = 4096  # for the metadata
_ALIGN = 8


class Safetensors(Sink):
    format = "safetensors"
    suffix = ".safetensors"

    def open(self) -> None:
        names = sum(len(json.dumps(item.id)) for item in self.items)
        self._space = -(-(_HEAD + names + _ENTRY * len(self.items)) // _ALIGN) * _ALIGN
        self._header: dict[str, Any] = {"__metadata__": _metadata(self.config, self.output)}
        self._at = 0
        self._checksum = Checksum()
        self._file = self.temporary.open("wb", buffering=0)
        self._file.seek(8 + self._space)

    def put(self, item: Item, value: Result) -> Place:
        begin = self._at
        for piece in pieces(value):
            self._write(memoryview(piece).cast("B"))
            self._at += piece.nbytes
        self._header[item.id] = {
            "dtype": _NAMES[name_of(value.dtype)],
            "shape": list(value.shape),
            "data_offsets": [begin, self._at],
        }
        return self.place(value, key=item.id, offset=8 + self._space + begin)

    def close(self) -> list[Pending]:
        header = json.dumps(self._header, separators=(",", ":")).encode()
        if len(header) > self._space:
            raise AssertionError(f"a header of {len(header)} bytes in {self._space}")
        self._file.seek(0)
        self._write(memoryview(struct.pack("<Q", self._space) + header.ljust(self._space)))
        self._file.close()
        return [pending(self.temporary, self.final, self._checksum, begin=8 + self._space)]

    def _write(self, content: memoryview) -> None:
        self._checksum.update(content)
        while content:
            content = content[self._file.write(content) :]

    def clear(self) -> None:
        self._file.close()
        super().clear()

    @staticmethod
    def read(folder: Path, place: Place) -> np.ndarray:
        count = int(np.prod(place["shape"]))
        with (folder / place["file"]).open("rb") as file:
            values = np.fromfile(file, place["dtype"], count, offset=place["offset"])
        return values.reshape(place["shape"])


def _metadata(config: Config, output: Output) -> dict[str, str]:
    about = {"kind": output.kind, "sample_rate": str(output.sample_rate)}
    if output.kind == "features":
        about |= {"layout": output.layout, "preset": config.preset}
    return about

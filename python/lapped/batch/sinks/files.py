# SPDX-License-Identifier: Apache-2.0
"""What sinks share: temporary names, checksums that run while bytes are written, places."""

from __future__ import annotations

import os
import shutil
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from lapped.batch.config import Config
from lapped.batch.items import Item
from lapped.batch.output import Output
from lapped.batch.spool import Spooled

Result = np.ndarray | Spooled
Place = dict[str, Any]


@dataclass(frozen=True)
class Pending:
    """A file that is written and waits for its name."""

    temporary: Path
    final: Path
    bytes: int
    crc32: int


class Sink:
    """Results of one part on their way to the disk.

    `put` returns the result's place for the index: "format", "file" below the folder, "shape",
    "dtype" and whatever its reader needs. Nothing has its final name before the caller gives it.
    """

    format = ""
    suffix = ""

    def __init__(
        self, config: Config, output: Output, folder: Path, part: int, items: Sequence[Item]
    ) -> None:
        self.config, self.output, self.folder, self.items = config, output, folder, items
        self.final = folder / "parts" / f"part-{part:06d}{self.suffix}"
        self.temporary = self.final.with_name(f"{self.final.name}.{os.getpid()}.tmp")

    def put(self, item: Item, value: Result) -> Place:
        raise NotImplementedError

    def close(self) -> list[Pending]:
        """Everything is written; none of it has its name."""
        raise NotImplementedError

    def clear(self) -> None:
        """Removes what is still under temporary names. Never raises."""
        if self.temporary.is_dir():
            shutil.rmtree(self.temporary, ignore_errors=True)
        else:
            self.temporary.unlink(missing_ok=True)

    def place(self, value: Result, **more: Any) -> Place:
        file = self.final.relative_to(self.folder).as_posix()
        about = {"format": self.format, "file": file, "shape": list(value.shape)}
        return about | {"dtype": str(value.dtype)} | more


class Checked:
    """A file for writing from front to back that counts its bytes and their checksum."""

    def __init__(self, path: Path) -> None:
        self._file: BinaryIO = path.open("wb", buffering=1 << 16)
        self._path = path
        self.bytes, self.crc32 = 0, 0

    def write(self, content: Any) -> int:
        view = memoryview(content).cast("B")
        self._file.write(view)
        self.bytes += len(view)
        self.crc32 = zlib.crc32(view, self.crc32)
        return len(view)

    def tell(self) -> int:
        return self.bytes

    def flush(self) -> None:
        self._file.flush()

    def close(self) -> None:
        self._file.close()

    @property
    def closed(self) -> bool:
        return self._file.closed

    def pending(self, final: Path) -> Pending:
        """Closes it."""
        self.close()
        return Pending(self._path, final, self.bytes, self.crc32)


def checksum(path: Path, final: Path) -> Pending:
    """Of a file that was not written from front to back: it is read again."""
    size, crc = 0, 0
    with path.open("rb", buffering=0) as file:
        while block := file.read(1 << 20):
            size, crc = size + len(block), zlib.crc32(block, crc)
    return Pending(path, final, size, crc)


def flat(value: Result) -> np.ndarray:
    """All of it in memory: for formats that take a result in one piece."""
    return np.ascontiguousarray(value)

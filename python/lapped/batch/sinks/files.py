# SPDX-License-Identifier: Apache-2.0
"""What sinks share: temporary names, checksums that run while bytes are written, places."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from lapped.batch.config import Config
from lapped.batch.items import Item
from lapped.batch.output import Output
from lapped.batch.record.checksum import Checksum, checksum_of_file
from lapped.batch.spool import Spooled

Result = np.ndarray | Spooled
Place = dict[str, Any]


@dataclass(frozen=True)
class Pending:
    """A file that is written and waits for its name.

    `checksum` is of its bytes from `begin` on, and then of those before.
    """

    temporary: Path
    final: Path
    bytes: int
    checksum: str
    begin: int = 0


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
        self.file = f"parts/part-{part:06d}{self.suffix}"
        self.final = folder / self.file
        self.temporary = self.final.with_name(f"{self.final.name}.{os.getpid()}.tmp")
        self.open()

    def open(self) -> None:
        """What is to be there before the first result."""

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
        about = {"format": self.format, "file": self.file}
        return about | {"shape": list(value.shape), "dtype": name_of(value.dtype)} | more


@lru_cache
def name_of(dtype: np.dtype) -> str:
    """As the index has it; asked for once, since NumPy takes long to say it."""
    return str(dtype)


class Checked:
    """A file for writing from front to back that counts its bytes and their checksum."""

    def __init__(self, path: Path) -> None:
        self._file: BinaryIO = path.open("wb", buffering=1 << 16)
        self._path = path
        self._checksum = Checksum()

    @property
    def bytes(self) -> int:
        return self._checksum.bytes

    def write(self, content: Any) -> int:
        view = memoryview(content).cast("B")
        self._file.write(view)
        self._checksum.update(view)
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
        return pending(self._path, final, self._checksum)


def reread(path: Path, final: Path) -> Pending:
    """Of a file that a library wrote: it is read again."""
    return pending(path, final, checksum_of_file(path))


def pending(path: Path, final: Path, checksum: Checksum, begin: int = 0) -> Pending:
    """Of what was summed while it was written."""
    return Pending(path, final, checksum.bytes, checksum.value, begin)


def flat(value: Result) -> np.ndarray:
    """All of it in memory: for formats that take a result in one piece."""
    return np.ascontiguousarray(value)

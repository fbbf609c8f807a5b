# SPDX-License-Identifier: Apache-2.0
"""Results that are not held in memory: an array in a temporary file without a name."""

from __future__ import annotations

import math
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

_PIECE = 1 << 20  # bytes


class Spooled:
    """An array of a shape in a file that is gone when this is.

    It is read and written by calls, not mapped: what is in memory stays small.
    """

    def __init__(self, folder: Path, shape: tuple[int, ...], dtype: Any) -> None:
        self.shape, self.dtype = tuple(map(int, shape)), np.dtype(dtype)
        self._file = tempfile.TemporaryFile(dir=folder, prefix="spool-", buffering=0)  # noqa: SIM115

    @property
    def nbytes(self) -> int:
        return math.prod(self.shape) * self.dtype.itemsize

    def write(self, at: int, values: np.ndarray) -> None:
        """Puts `values` where the flat array's element `at` is."""
        rest = memoryview(np.ascontiguousarray(values, self.dtype)).cast("B")
        offset = at * self.dtype.itemsize
        while rest:
            written = os.pwrite(self._file.fileno(), rest, offset)
            rest, offset = rest[written:], offset + written

    def read(self, at: int, count: int) -> np.ndarray:
        """`count` elements of the flat array from `at` on."""
        size = self.dtype.itemsize
        return np.frombuffer(os.pread(self._file.fileno(), count * size, at * size), self.dtype)

    def pieces(self, size: int = _PIECE) -> Iterator[np.ndarray]:
        """The flat array in order, some `size` bytes at a time."""
        step, count = max(1, size // self.dtype.itemsize), math.prod(self.shape)
        for at in range(0, count, step):
            yield self.read(at, min(step, count - at))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        whole = self.read(0, math.prod(self.shape)).reshape(self.shape)
        return whole if dtype is None else whole.astype(dtype, copy=False)

    def close(self) -> None:
        """Frees the disk; done, too, when nothing refers to it any more."""
        self._file.close()

    def __enter__(self) -> Spooled:
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()


def pieces(value: np.ndarray | Spooled) -> Iterator[np.ndarray]:
    """A result as flat pieces in order, whichever of the two it is."""
    if isinstance(value, Spooled):
        yield from value.pieces()
    else:
        yield np.ascontiguousarray(value).reshape(-1)

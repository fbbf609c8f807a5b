# SPDX-License-Identifier: Apache-2.0
"""Checksums of what is on the disk: XXH3 of 64 bits, as fast as memory is read."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from lapped.batch.needs import needed

_BLOCK = 1 << 18  # bytes: what was just read is still in the cache when it is summed


class Checksum:
    """Of bytes that come one after another."""

    def __init__(self) -> None:
        self._state = needed("xxhash").xxh3_64()
        self.bytes = 0

    def update(self, content: Any) -> None:
        self._state.update(content)
        self.bytes += len(content)

    @property
    def value(self) -> str:
        """16 hex digits."""
        return str(self._state.hexdigest())


def checksum_of(content: bytes) -> str:
    """Of bytes in memory."""
    found = Checksum()
    found.update(content)
    return found.value


def checksum_of_file(path: Path, begin: int = 0) -> Checksum:
    """Of a file's content, read from the disk: from `begin` on, then what is before it.

    So a file whose head is written last can be summed as it is written.
    """
    found = Checksum()
    with path.open("rb", buffering=0) as file:
        file.seek(begin)
        _add(found, file, None)
        file.seek(0)
        _add(found, file, min(begin, os.fstat(file.fileno()).st_size))
    return found


def _add(found: Checksum, file: Any, size: int | None) -> None:
    """The next `size` bytes, or all that follow."""
    block = memoryview(bytearray(_BLOCK))
    while count := file.readinto(block[:size]):
        found.update(block[:count])
        size = None if size is None else size - count

# SPDX-License-Identifier: Apache-2.0
"""Checksums of what is on the disk: XXH3 of 64 bits, as fast as memory is read."""

from __future__ import annotations

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


def checksum_of_file(path: Path) -> Checksum:
    """Of a file's content, read from the disk."""
    found = Checksum()
    block = memoryview(bytearray(_BLOCK))
    with path.open("rb", buffering=0) as file:
        while count := file.readinto(block):  # type: ignore[attr-defined]
            found.update(block[:count])
    return found

# SPDX-License-Identifier: Apache-2.0
"""How long audio is by its header alone: without a decoder, which costs more and may crash.

Of what is not told here (MPEG, ADPCM, lengths that nobody wrote down) a decoder knows more.
"""

from __future__ import annotations

import struct
from typing import BinaryIO

from lapped.batch.audio import container
from lapped.batch.audio.opening import opened
from lapped.batch.codes import ItemError
from lapped.batch.items import Item

_FLAT = {1, 3, 6, 7, 0xFFFE}  # of RIFF: PCM, float, A-law, mu-law, and which of them is said later


def seconds_by_header(item: Item) -> float | None:
    """Of the item; None where only a decoder can tell."""
    try:
        with opened(item) as file:
            whole = _seconds(file)
    except (ItemError, OSError, ValueError, IndexError, struct.error):
        return None
    if whole is None or (item.end or 0.0) > whole:
        return None
    return max(0.0, (whole if item.end is None else item.end) - (item.start or 0.0))


def _seconds(file: BinaryIO) -> float | None:
    start = container.head(file)
    if start.startswith(b"RIFF"):
        return _of_riff(file, start)
    if start.startswith(b"fLaC"):
        return _of_flac(start)
    if start.startswith(b"OggS"):
        return _of_ogg(file)
    return None


def _of_riff(file: BinaryIO, start: bytes) -> float | None:
    """Its chunk "fmt " has tag, channels, rate, bytes a second, bytes a frame."""
    a_second = 0
    for name, length, at in container.chunks(file, start):
        if name == b"fmt ":
            tag, _, rate, _, frame = struct.unpack("<HHIIH", container.at(file, at, 14))
            a_second = rate * frame if tag in _FLAT else 0
        if name == b"data" and a_second and length not in container.UNKNOWN:
            return min(length, container.size(file) - at) / a_second
    return None


def _of_flac(start: bytes) -> float | None:
    """STREAMINFO comes first: 20 bits of rate, 3 of channels, 5 of width, 36 of samples."""
    if start[4] & 0x7F:
        return None
    bits = int.from_bytes(start[18:26], "big")
    rate, samples = bits >> 44, bits & (1 << 36) - 1
    return samples / rate if rate and samples else None


def _of_ogg(file: BinaryIO) -> float | None:
    """From the first sample to the position of the last page; Opus skips some at the start."""
    found = container.positions(file)
    if found is None or not found.from_start:
        return None
    return max(0, found.last - found.skip) / found.rate

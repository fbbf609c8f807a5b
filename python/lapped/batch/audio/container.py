# SPDX-License-Identifier: Apache-2.0
"""What files say of their own length: decoders read a cut one without a word.

RIFF and AIFF name the bytes of their data; an Ogg stream ends with a page that is marked as its
last, whose position is the number of samples.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

UNKNOWN = (0, 0xFFFFFFFF)  # of a size: whoever wrote it could not go back
_MAGIC = (b"RIFF", b"RIFX", b"RF64", b"FORM", b"fLaC", b"OggS", b"ID3", b"caff", b".snd", b"riff")
_PAGE = 65_307 + 27  # bytes of the longest page of an Ogg stream
_FIRST = 10.0  # seconds that a first page holds at most
_SLACK = 0.2  # seconds by which encoders miscount


def head(file: BinaryIO, count: int = 4096) -> bytes:
    """The first bytes."""
    return at(file, 0, count)


def looks_like_audio(start: bytes) -> bool:
    """Whether these are the first bytes of a format that is decoded."""
    mpeg = len(start) > 1 and start[0] == 0xFF and start[1] & 0xE0 == 0xE0
    return start.startswith(_MAGIC) or mpeg


def cut(file: BinaryIO, format_name: str, samples: int, sample_rate: int) -> str:
    """What shows that the file was cut short; "" where nothing does."""
    if format_name in ("WAV", "WAVEX", "RF64"):
        return _riff(file)
    if format_name == "AIFF":
        return _aiff(file)
    if format_name == "OGG":
        return _ogg(file) or _short_of_granule(file, samples, sample_rate)
    return ""


def chunks(file: BinaryIO, start: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Name, length and place of what is in each chunk of a RIFF file that begins with `start`."""
    order, whole, place = (">" if start.startswith(b"RIFX") else "<"), size(file), 12
    while place + 8 <= whole:
        about = _peek(file, start, place, 8)
        if len(about) < 8:  # somebody is cutting the file just now
            return
        name, length = struct.unpack(order + "4sI", about)
        yield name, length, place + 8
        place += 8 + length + (length & 1)


def _peek(file: BinaryIO, start: bytes, offset: int, count: int) -> bytes:
    """Of what was read already, where it was."""
    end = offset + count
    return start[offset:end] if end <= len(start) else at(file, offset, count)


def _riff(file: BinaryIO) -> str:
    start, wide = head(file), None
    for name, length, place in chunks(file, start):
        if name == b"ds64" and length >= 16:
            wide = struct.unpack("<Q", _peek(file, start, place + 8, 8))[0]
        if name == b"data":
            promised = wide if length == 0xFFFFFFFF and wide else length
            return _missing(promised, size(file) - place)
    return "has no data"


def _aiff(file: BinaryIO) -> str:
    for name, length, place in chunks(file, b"RIFX" + head(file)[4:]):  # of the same order
        if name == b"SSND":
            return _missing(length, size(file) - place)
    return "has no data"


def _missing(promised: int, there: int) -> str:
    if promised in UNKNOWN or there >= promised:
        return ""
    return f"holds {there} of {promised} bytes of samples"


def _ogg(file: BinaryIO) -> str:
    tail = _tail(file)
    page = tail.rfind(b"OggS")
    if page < 0 or len(tail) < page + 27:
        return "does not end with a whole page"
    segments = tail[page + 27 : page + 27 + tail[page + 26]]
    if len(segments) < tail[page + 26] or page + 27 + len(segments) + sum(segments) > len(tail):
        return "its last page is cut"
    return "" if tail[page + 5] & 4 else "ends before its last page"


def _tail(file: BinaryIO) -> bytes:
    """What holds the whole of the last page."""
    return at(file, max(0, size(file) - _PAGE), _PAGE)


@dataclass(frozen=True)
class Positions:
    """What the pages of an Ogg stream say of its samples.

    Attributes
    ----------
    rate : int
        Samples a second, as the pages count them: Opus counts at 48 kHz, whatever it is of.
    first, last : int
        Samples up to the end of the first page that holds any, and of the last one.
    skip : int
        Samples before the first one that is to be heard.
    """

    rate: int
    first: int
    last: int
    skip: int = 0

    @property
    def from_start(self) -> bool:
        """Not so of a stream that was recorded while it went on: it begins anywhere."""
        return self.first <= _FIRST * self.rate


def positions(file: BinaryIO, sample_rate: int = 0) -> Positions | None:
    """None of what is neither Vorbis nor Opus, if the rate is not given."""
    start, tail = head(file, _PAGE), _tail(file)
    packet = start[27 + start[26] :][:16] if len(start) > 27 else b""
    if packet.startswith(b"OpusHead"):
        rate, skip = 48000, struct.unpack("<H", packet[10:12])[0]
    elif packet.startswith(b"\x01vorbis"):
        rate, skip = struct.unpack("<I", packet[12:16])[0], 0
    else:
        rate, skip = sample_rate, 0
    first = next((g for g in map(_granule(start), _pages(start)) if g > 0), 0)
    last = _granule(tail)(tail.rfind(b"OggS"))
    return Positions(rate, first, last, skip) if rate else None


def _short_of_granule(file: BinaryIO, samples: int, sample_rate: int) -> str:
    """Fewer samples came than the last page says where a page was damaged."""
    found = positions(file, sample_rate)
    if found is None or not found.from_start:
        return ""
    promised = round(found.last * sample_rate / found.rate)
    if samples >= promised - _SLACK * sample_rate:
        return ""
    return f"holds {samples} of {promised} samples"


def _pages(content: bytes) -> Iterator[int]:
    page = content.find(b"OggS")
    while page >= 0 and page + 27 <= len(content):
        yield page
        page = content.find(b"OggS", page + 27)


def _granule(content: bytes) -> Callable[[int], int]:
    return lambda page: int(struct.unpack("<q", content[page + 6 : page + 14])[0])


def at(file: BinaryIO, offset: int, count: int) -> bytes:
    """Without moving the place where a decoder reads."""
    try:
        return os.pread(file.fileno(), count, offset)
    except OSError:  # no descriptor: a file in memory, or a remote one
        before = file.tell()
        file.seek(offset)
        found = file.read(count)
        file.seek(before)
        return found


def size(file: BinaryIO) -> int:
    """Bytes of the whole."""
    try:
        return os.fstat(file.fileno()).st_size
    except OSError:
        before = file.tell()
        found = file.seek(0, os.SEEK_END)
        file.seek(before)
        return found

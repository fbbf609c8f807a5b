# SPDX-License-Identifier: Apache-2.0
"""What files say of their own length: decoders read a cut one without a word.

RIFF and AIFF name the bytes of their data; an Ogg stream ends with a page that is marked as its
last, whose position is the number of samples.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable, Iterator
from typing import BinaryIO

_UNKNOWN = (0, 0xFFFFFFFF)  # of a size: whoever wrote it could not go back
_MAGIC = (b"RIFF", b"RIFX", b"RF64", b"FORM", b"fLaC", b"OggS", b"ID3", b"caff", b".snd", b"riff")
_PAGE = 65_307 + 27  # bytes of the longest page of an Ogg stream
_FIRST = 10.0  # seconds that a first page holds at most
_SLACK = 0.2  # seconds by which encoders miscount


def head(file: BinaryIO, size: int = 4096) -> bytes:
    """The first bytes."""
    return _at(file, 0, size)


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


def _riff(file: BinaryIO) -> str:
    start, size = head(file), _size(file)
    order = ">" if start.startswith(b"RIFX") else "<"
    wide = None
    at = 12
    while at + 8 <= size:
        chunk = start[at : at + 36] if at + 36 <= len(start) else _at(file, at, 36)
        if len(chunk) < 8:
            return ""
        name, length = chunk[:4], struct.unpack(order + "I", chunk[4:8])[0]
        if name == b"ds64" and len(chunk) >= 24:
            wide = struct.unpack("<Q", chunk[16:24])[0]
        if name == b"data":
            length = wide if length == 0xFFFFFFFF and wide else length
            return _missing(length, size - at - 8)
        at += 8 + length + (length & 1)
    return "has no data"


def _aiff(file: BinaryIO) -> str:
    size, at = _size(file), 12
    while at + 8 <= size:
        name, length = struct.unpack(">4sI", _at(file, at, 8))
        if name == b"SSND":
            return _missing(length, size - at - 8)
        at += 8 + length + (length & 1)
    return "has no data"


def _missing(promised: int, there: int) -> str:
    if promised in _UNKNOWN or there >= promised:
        return ""
    return f"holds {there} of {promised} bytes of samples"


def _ogg(file: BinaryIO) -> str:
    tail = _at(file, max(0, _size(file) - _PAGE), _PAGE)
    at = tail.rfind(b"OggS")
    if at < 0 or len(tail) < at + 27:
        return "does not end with a whole page"
    segments = tail[at + 27 : at + 27 + tail[at + 26]]
    if len(segments) < tail[at + 26] or at + 27 + len(segments) + sum(segments) > len(tail):
        return "its last page is cut"
    return "" if tail[at + 5] & 4 else "ends before its last page"


def _short_of_granule(file: BinaryIO, samples: int, sample_rate: int) -> str:
    """The last page names the samples up to its end; fewer came where a page was damaged.

    Opus counts at 48 kHz, whatever it was encoded from, and from before its first sample. A
    stream that was recorded while it went on begins anywhere, and says nothing.
    """
    start, tail = head(file, _PAGE), _at(file, max(0, _size(file) - _PAGE), _PAGE)
    rate = 48000 if b"OpusHead" in start[:64] else sample_rate
    first = next((g for g in map(_granule(start), _pages(start)) if g > 0), 0)
    last = _granule(tail)(tail.rfind(b"OggS"))
    promised = round(last * sample_rate / rate)
    if first > _FIRST * rate or samples >= promised - _SLACK * sample_rate:
        return ""
    return f"holds {samples} of {promised} samples"


def _pages(content: bytes) -> Iterator[int]:
    at = content.find(b"OggS")
    while at >= 0 and at + 27 <= len(content):
        yield at
        at = content.find(b"OggS", at + 27)


def _granule(content: bytes) -> Callable[[int], int]:
    return lambda at: int(struct.unpack("<q", content[at + 6 : at + 14])[0])


def _at(file: BinaryIO, offset: int, size: int) -> bytes:
    """Without moving the place where a decoder reads."""
    try:
        return os.pread(file.fileno(), size, offset)
    except OSError:  # no descriptor: a file in memory, or a remote one
        before = file.tell()
        file.seek(offset)
        found = file.read(size)
        file.seek(before)
        return found


def _size(file: BinaryIO) -> int:
    try:
        return os.fstat(file.fileno()).st_size
    except OSError:
        before = file.tell()
        size = file.seek(0, os.SEEK_END)
        file.seek(before)
        return size

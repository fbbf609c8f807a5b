# SPDX-License-Identifier: Apache-2.0
"""From encoded bytes to samples of the rate and the channel that are wanted.

16-bit sources that need neither mixing nor resampling stay int16: the kernels scale them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, BinaryIO

import numpy as np

from lapped.batch.audio import container
from lapped.batch.audio.flac import flac
from lapped.batch.audio.opening import opened
from lapped.batch.audio.plain import plain
from lapped.batch.audio.room import Room
from lapped.batch.audio.settings import AudioSettings
from lapped.batch.codes import ItemError
from lapped.batch.items import Item
from lapped.batch.needs import needed

_INTEGER = {"PCM_16", "PCM_S8", "PCM_U8"}  # int16 holds them without loss
# soundfile seeks after each read, which costs an MP3 decoder its state: the last bit depends on how
# much is read at once, and time, too. Samples:
_STEPS = {"MP3": 1 << 20, "MPEG": 1 << 20}
_BLOCK = 30.0  # seconds


@dataclass(frozen=True)
class Audio:
    """Samples (n,), int16 or float32, and what was read in seconds."""

    samples: np.ndarray
    sample_rate: int
    seconds: float


def decode(item: Item, settings: AudioSettings, room: Room | None = None) -> Audio:
    """All of the item's samples; with a `room`, until the thread decodes into that again.

    Raises
    ------
    ItemError
        With the code for whatever is wrong with it.
    """
    with _reading(item, settings) as stretch:
        read = stretch.read_all(room)
        rate = settings.sample_rate or stretch.rate
        samples = resampled(read, stretch.rate, rate, settings.resample)
        return Audio(samples, rate, len(read) / stretch.rate)


def blocks(item: Item, settings: AudioSettings, seconds: float = _BLOCK) -> Iterator[np.ndarray]:
    """The samples of `decode`, bit for bit, a block at a time."""
    with _reading(item, settings) as stretch:
        rate = settings.sample_rate or stretch.rate
        pieces = stretch.pieces(max(1, round(seconds * stretch.rate)))
        if rate == stretch.rate:
            yield from pieces
        else:
            yield from _resampled_blocks(pieces, stretch.rate, rate, settings.resample)


def rate_of(item: Item) -> int:
    """In Hz, of the item as it is."""
    with _sound(item) as (_, sound):
        return int(sound.samplerate)


def seconds_of(item: Item) -> float | None:
    """Of the item as its header says; None where it does not say."""
    try:
        with _sound(item) as (_, sound):
            stretch = _bounds(item, sound)
            return None if stretch[1] is None else (stretch[1] - stretch[0]) / sound.samplerate
    except ItemError:
        return None


class _Stretch:
    """What is read of an open file: from a frame to a frame, as one channel."""

    def __init__(self, item: Item, settings: AudioSettings, file: BinaryIO, sound: Any) -> None:
        self._item, self._settings, self._file, self._sound = item, settings, file, sound
        self._format, self._subtype = sound.format, sound.subtype  # looked up at each question
        self.rate = int(sound.samplerate)
        self._start, self._end = _bounds(item, sound)
        self._channel = self._chosen()
        plain = sound.channels == 1 or self._channel is not None
        integer = self._subtype in _INTEGER and plain
        same_rate = settings.sample_rate in (None, self.rate)
        self._dtype = "int16" if integer and same_rate else "float32"
        if self._start:
            self._seek()

    def read_all(self, room: Room | None) -> np.ndarray:
        frames = _frames_at_once(self._start, self._end)
        if room is None or self._end is None or self._sound.channels > 1:
            pieces = list(self.pieces(frames))
            return pieces[0] if len(pieces) == 1 else np.concatenate(pieces)
        whole = room.array(self._end - self._start, self._dtype)
        return whole[: sum(map(len, self.pieces(frames, whole)))]

    def pieces(self, frames: int, into: np.ndarray | None = None) -> Iterator[np.ndarray]:
        """One channel, `frames` samples at a time; what is missing at the end is an error.

        With `into`, each piece is where it belongs in that.
        """
        got, frames = 0, _STEPS.get(self._format, frames)
        wanted = None if self._end is None else self._end - self._start
        while wanted is None or got < wanted:
            count = frames if wanted is None else min(frames, wanted - got)
            place = None if into is None else into[got : got + count]
            piece = self._sound.read(count, dtype=self._dtype, out=place)
            if not len(piece):
                break
            got += len(piece)
            yield self._finite(self._one_channel(piece))
        self._check_length(got, wanted)

    def _seek(self) -> None:
        try:
            self._sound.seek(self._start)
        except Exception as error:
            raise ItemError("truncated", f"ends before {self._item.start:g} s") from error

    def _chosen(self) -> int | None:
        """The channel to pick; None: mix them."""
        channel = self._item.channel
        if channel is None and self._settings.channel != "mix":
            channel = 0 if self._settings.channel == "first" else int(self._settings.channel)
        if channel is not None and channel >= self._sound.channels:
            raise ItemError(
                "unsupported",
                f"has {self._sound.channels} channels, and number {channel} is asked for",
            )
        return channel

    def _one_channel(self, piece: np.ndarray) -> np.ndarray:
        if piece.ndim == 1:
            return piece
        if self._channel is not None:
            return np.ascontiguousarray(piece[:, self._channel])
        return piece.mean(axis=1, dtype=np.float32)

    def _finite(self, piece: np.ndarray) -> np.ndarray:
        # A sum is finite where all is, and costs no array of flags.
        real = self._subtype in ("FLOAT", "DOUBLE")
        if real and not np.isfinite(piece.sum(dtype=np.float64)) and not np.isfinite(piece).all():
            raise ItemError("nonfinite", "holds NaN or Inf")
        return piece

    def _check_length(self, got: int, wanted: int | None) -> None:
        if self._settings.on_truncated == "error":
            self._check_end(got, wanted)
        if not got:
            raise ItemError("empty", "holds no samples")

    def _check_end(self, got: int, wanted: int | None) -> None:
        if wanted is not None and got < wanted:
            raise ItemError("truncated", f"holds {got} of {wanted} samples")
        whole = _is_whole(self._item)
        reason = container.cut(self._file, self._format, got, self.rate) if whole else ""
        if reason:
            raise ItemError("truncated", reason)
        said = self._item.duration
        if said and got / self.rate < said * (1 - self._settings.duration_tolerance):
            raise ItemError(
                "truncated", f"holds {got / self.rate:.3f} s, and {said:.3f} s are promised"
            )


def _is_whole(item: Item) -> bool:
    return item.start is None and item.end is None


def _frames_at_once(start: int, end: int | None) -> int:
    return max(1, end - start) if end is not None else 1 << 22


def _bounds(item: Item, sound: Any) -> tuple[int, int | None]:
    """First frame and the one after the last; None where the header does not say."""
    frames = int(sound.frames)
    known = frames if 0 <= frames < 1 << 50 else None
    start = round((item.start or 0.0) * sound.samplerate)
    if item.end is None:
        return start, known
    end = round(item.end * sound.samplerate)
    if known is not None and end > known + sound.samplerate // 100:
        raise ItemError(
            "truncated",
            f"ends at {known / sound.samplerate:.3f} s, and {item.end:g} s are asked for",
        )
    return start, end if known is None else min(end, known)


@contextmanager
def _reading(item: Item, settings: AudioSettings) -> Iterator[_Stretch]:
    with _sound(item) as (file, sound):
        stretch = _Stretch(item, settings, file, sound)
        seconds = sound.frames / sound.samplerate if stretch._end is not None else 0.0
        if item.end is not None:
            seconds = item.end - (item.start or 0.0)
        if seconds > settings.max_item:
            raise ItemError("too_long", f"{seconds:.0f} s, and max_item is {settings.max_item:g} s")
        yield stretch


@contextmanager
def _sound(item: Item) -> Iterator[tuple[BinaryIO, Any]]:
    """The open bytes and a reader of the samples in them."""
    soundfile = needed("soundfile")
    with opened(item) as file:
        sound = _reader(item, file)
        try:
            with sound:
                yield file, sound
        except (soundfile.LibsndfileError, RuntimeError, OSError) as error:
            raise ItemError("decode_error", _told(str(error))) from error


def _reader(item: Item, file: BinaryIO) -> Any:
    decoder = partial(_decoder, file)
    return plain(file) or (flac(file, decoder) if _is_whole(item) else None) or decoder()


def _decoder(file: BinaryIO) -> Any:
    soundfile = needed("soundfile")
    try:
        # libsndfile reads a descriptor itself; what has none it reads through Python.
        source: Any = file.fileno()
    except OSError:
        source = file
    try:
        return soundfile.SoundFile(source, closefd=False)
    except soundfile.LibsndfileError as error:
        raise _refused(file, str(error)) from error


def _refused(file: BinaryIO, message: str) -> ItemError:
    """What did not even open: nothing in it, no audio, or audio that is broken at its head."""
    head = container.head(file)
    if not head:
        return ItemError("empty", "holds 0 bytes")
    if container.looks_like_audio(head):
        return ItemError("decode_error", _told(message))
    return ItemError("not_audio", "is in no format that can be decoded")


def _told(message: str) -> str:
    """soundfile's message without the object it opened, which differs from run to run."""
    plain = message.split(": ", 1)[-1].strip() if message.startswith("Error opening") else message
    return "is broken at its head" if "possibly a pipe" in plain else plain


# ---- resampling


def resampled(samples: np.ndarray, rate: int, wanted: int | None, quality: str) -> np.ndarray:
    """`samples`, float32 where they had another rate."""
    if wanted in (None, rate):
        return samples
    pieces = _resampled_blocks(iter([samples]), rate, wanted, quality)
    return np.concatenate(list(pieces))


def _resampled_blocks(
    pieces: Iterator[np.ndarray], rate: int, wanted: int, quality: str
) -> Iterator[np.ndarray]:
    """One stream for both ways of reading, so that both give the same samples."""
    stream = needed("soxr").ResampleStream(
        rate, wanted, 1, dtype="float32", quality=quality.upper()
    )
    for piece in pieces:
        yield from _fed(stream, piece, last=False)
    yield from _fed(stream, np.empty(0, np.float32), last=True)


def _fed(stream: Any, piece: np.ndarray, last: bool) -> Iterator[np.ndarray]:
    step = 1 << 16  # soxr's own buffers grow with what it is given
    for start in range(0, max(len(piece), 1), step):
        end = start + step
        found = stream.resample_chunk(piece[start:end], last=last and end >= len(piece))
        if len(found):
            yield found

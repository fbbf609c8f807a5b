# SPDX-License-Identifier: Apache-2.0
"""A mel spectrogram of audio that comes in blocks: the same bits as of the whole.

Every frame is computed from its own samples alone, so frames of a block that begins a multiple of
the hop after the start are frames of the whole. What the whole would pad is padded here; a range
that is measured from the peak of the whole is cut once that is known.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from lapped import Compression, Mel
from lapped.batch.codes import ItemError
from lapped.batch.output import Output
from lapped.batch.spool import Spooled
from lapped.batch.work.kinds import NewSpool

_MODES = {"replicate": "edge", "circular": "wrap"}  # NumPy's names for ours
_FRAMES = 1 << 14  # in memory at a time while they are put in their final order


class Blockwise:
    """`mel` over blocks of one signal."""

    def __init__(self, mel: Mel, output: Output) -> None:
        self._output = output
        self._left, self._right = mel.stft.pad
        self._mode = _MODES.get(mel.stft.pad_mode, mel.stft.pad_mode)
        self._hop, self._n_fft = mel.stft.hop_length, mel.stft.n_fft
        self._range = mel.compression if _limited(mel.compression) else None
        bare = (
            replace(mel.compression, scale=1.0, shift=0.0, dynamic_range=None)
            if self._range
            else mel.compression
        )
        stft = replace(mel.stft, padding="none", layout="tf")
        self._mel = replace(mel, stft=stft, compression=bare)

    def run(self, blocks: Iterator[np.ndarray], spool: NewSpool) -> Spooled:
        """All frames, in the layout and dtype of the output."""
        bands = self._mel.n_mels
        with spool((0, bands), np.float32) as frames:
            count, peak = 0, np.float32(-np.inf)
            for some in self._frames(self._padded(blocks)):
                frames.write(count * bands, some)
                count += len(some)
                peak = np.maximum(peak, some.max())
            if not count:
                raise ItemError("too_short", "its samples are less than one frame")
            return self._ordered(frames, count, peak, spool)

    def _padded(self, blocks: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
        head = np.empty(0, np.float32)
        for block in blocks:
            head = np.concatenate([head.astype(block.dtype), block]) if len(head) else block
            if len(head) > self._left:
                break
        yield np.pad(head, (self._left, 0), self._mode)
        tail = head[-self._right - 1 :]
        for block in blocks:
            yield block
            tail = np.concatenate([tail, block])[-self._right - 1 :]
        if self._right:
            yield np.pad(tail, (0, self._right), self._mode)[len(tail) :]

    def _frames(self, blocks: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
        rest, skip = np.empty(0, np.float32), 0
        for block in blocks:
            rest = np.concatenate([rest.astype(block.dtype), block])[skip:]
            spare = len(rest) - self._n_fft
            if spare < 0:
                skip = 0
                continue
            yield self._mel(rest)
            used = (spare // self._hop + 1) * self._hop
            skip = max(0, used - len(rest))
            rest = rest[used:]

    def _ordered(self, frames: Spooled, count: int, peak: np.float32, spool: NewSpool) -> Spooled:
        bands = self._mel.n_mels
        by_band = self._output.layout == "ft"
        result = spool((bands, count) if by_band else (count, bands), self._output.dtype)
        for start in range(0, count, _FRAMES):
            end = min(start + _FRAMES, count)
            some = frames.read(start * bands, (end - start) * bands).reshape(-1, bands)
            some = self._limited(some, peak)
            if not by_band:
                result.write(start * bands, some)
                continue
            for band, values in enumerate(np.ascontiguousarray(some.T)):
                result.write(band * count + start, values)
        return result

    def _limited(self, logs: np.ndarray, peak: np.float32) -> np.ndarray:
        """The kernels' own steps, in their own precision."""
        if self._range is None:
            return logs
        floor = peak - np.float32(self._range.dynamic_range)
        scale, shift = np.float32(self._range.scale), np.float32(self._range.shift)
        return scale * (np.maximum(logs, floor) + shift)


def _limited(compression: Compression | None) -> bool:
    return compression is not None and compression.dynamic_range is not None

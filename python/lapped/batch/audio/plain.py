# SPDX-License-Identifier: Apache-2.0
"""16-bit PCM in RIFF files, which lies there as the kernels take it: nothing is to be decoded.

So it is read into the memory where it is wanted, at a fraction of what a decoder's layers cost.
What has no length, another width or another container is left to the decoder.
"""

from __future__ import annotations

import os
import struct
from abc import ABC, abstractmethod
from typing import Any, BinaryIO

import numpy as np

from lapped.batch.audio import container

_PCM, _WIDTH = 1, 2  # tag of the format, bytes of a sample


class Pcm16(ABC):
    """16-bit samples behind what this package asks of a `soundfile.SoundFile`."""

    format: str
    subtype = "PCM_16"

    def __init__(self, samplerate: int, channels: int, frames: int) -> None:
        self.samplerate, self.channels, self.frames = samplerate, channels, frames
        self._at = 0

    def __enter__(self) -> Pcm16:
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    @abstractmethod
    def close(self) -> None:
        """Not the file, which is whose it was."""

    def seek(self, frame: int) -> None:
        if frame > self.frames:
            raise ValueError(f"frame {frame} of {self.frames}")
        self._at = frame

    def read(self, frames: int, dtype: str, out: np.ndarray | None = None) -> np.ndarray:
        """(n,) or, of several channels, (n, channels); n is less than `frames` at the end."""
        count = max(0, min(frames, self.frames - self._at)) * self.channels
        direct = out is not None and out.dtype == np.int16
        samples = out[:count] if direct and out is not None else np.empty(count, np.int16)
        samples = samples[: self._filled(samples)]
        self._at += len(samples) // self.channels
        if dtype == "float32":
            scaled = None if out is None else out[: len(samples)]
            samples = np.multiply(samples, np.float32(1 / 32768), out=scaled, dtype=np.float32)
        return samples if self.channels == 1 else samples.reshape(-1, self.channels)

    @abstractmethod
    def _filled(self, samples: np.ndarray) -> int:
        """Samples that were read from frame `_at` on, in whole frames."""


class Plain(Pcm16):
    """Of a RIFF file."""

    format = "WAV"

    def __init__(
        self, file: BinaryIO, samplerate: int, channels: int, begin: int, frames: int
    ) -> None:
        super().__init__(samplerate, channels, frames)
        self._descriptor, self._begin = file.fileno(), begin

    def close(self) -> None:
        """Nothing is open."""

    def _filled(self, samples: np.ndarray) -> int:
        """Fewer where somebody cuts the file just now."""
        frame = _WIDTH * self.channels
        offset, rest = self._begin + self._at * frame, memoryview(samples).cast("B")
        while len(rest) and (got := os.preadv(self._descriptor, [rest], offset)):
            offset, rest = offset + got, rest[got:]
        return (samples.nbytes - len(rest)) // frame * self.channels


def plain(file: BinaryIO) -> Plain | None:
    """None where the file is anything else."""
    try:
        return _found(file, container.head(file))
    except (OSError, struct.error):  # no descriptor, or cut at its head
        return None


def _found(file: BinaryIO, start: bytes) -> Plain | None:
    if not start.startswith(b"RIFF") or start[8:12] != b"WAVE":
        return None
    rate = channels = 0
    for name, length, at in container.chunks(file, start):
        if name == b"fmt ":
            tag, channels, rate, _, frame, bits = struct.unpack("<HHIIHH", start[at : at + 16])
            if (tag, bits, frame) != (_PCM, 8 * _WIDTH, _WIDTH * channels) or not rate:
                return None
        if name == b"data" and rate and channels and length not in container.UNKNOWN:
            there = min(length, container.size(file) - at)
            return Plain(file, rate, channels, at, there // (_WIDTH * channels))
    return None

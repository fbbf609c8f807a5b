# SPDX-License-Identifier: Apache-2.0
"""Framing algebra: how many frames a signal has, and how many samples frames stand for."""

from typing import Any, NamedTuple

import numpy as np

from lapped._validate import MAX_FFT, MAX_SAMPLES, choice, integer, row_lengths, shown

PAD_MODES = ("reflect", "constant", "replicate", "symmetric", "circular")
PADDINGS = ("center", "same", "causal", "none")


class Framing(NamedTuple):
    """Frames of `n_fft` samples every `hop_length`, over a signal padded by `left` and `right`."""

    n_fft: int
    hop_length: int
    left: int
    right: int

    def n_frames(self, n_samples: int) -> int:
        """Frames of a signal of `n_samples` samples."""
        n_fft, hop_length, left, right = self
        spare = n_samples + left + right - n_fft
        return 1 + spare // hop_length if spare >= 0 else 0

    def n_samples(self, n_frames: int) -> int:
        """The shortest signal of `n_frames` frames."""
        if n_frames == 0:
            return 0
        return max(0, (n_frames - 1) * self.hop_length + self.n_fft - self.left - self.right)

    def rows(self, samples: np.ndarray, n_frames: int) -> np.ndarray:
        """Frames of each row of `samples` samples, int64, at most `n_frames`."""
        counts = [min(self.n_frames(int(n)), n_frames) for n in samples]
        return np.array(counts, np.int64)

    def within(self, samples: int, n_frames: int) -> int:
        """The number of samples nearest to `samples` that has exactly `n_frames` frames."""
        if n_frames == 0:
            return 0
        shortest = self.n_samples(n_frames)
        longest = self.n_samples(n_frames + 1) - 1
        return max(shortest, min(samples, longest))


def padding(value: Any) -> str | tuple[int, int]:
    """`value` when it is a way of padding."""
    if isinstance(value, str):
        return choice("padding", value, PADDINGS)
    if not isinstance(value, (tuple, list)) or len(value) != 2:
        names = ", ".join(map(repr, PADDINGS))
        raise TypeError(f"padding={shown(value)} must be one of {names} or (left, right)")
    left, right = value
    return integer("padding[0]", left, 0, MAX_FFT), integer("padding[1]", right, 0, MAX_FFT)


def framing(n_fft: int, hop_length: int, padding: str | tuple[int, int]) -> Framing:
    """The framing that a way of padding means."""
    sides = {
        "center": (n_fft // 2, n_fft // 2),
        "same": (max(0, (n_fft - hop_length) // 2),) * 2,
        "causal": (max(0, n_fft - hop_length), 0),
        "none": (0, 0),
    }
    left, right = sides[padding] if isinstance(padding, str) else padding
    return Framing(n_fft, hop_length, left, right)


def extent(
    framing: Framing, n_frames: int, length: int | None, lengths: Any, batch: tuple[int, ...]
) -> tuple[int, np.ndarray | None, np.ndarray | None]:
    """Width of the waveform of `n_frames` frames, and each row's own frames and samples."""
    if length is not None:
        length = integer("length", length, 0)
    width = framing.n_samples(n_frames) if length is None else length
    limit, what = (MAX_SAMPLES, "the most") if length is None else (length, "the length")
    samples = row_lengths(lengths, batch, limit, what)
    if samples is None:
        return width, None, None
    if length is None:
        width = max(width, int(samples.max(initial=0)))
    return width, framing.rows(samples, n_frames), samples

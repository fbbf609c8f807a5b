# SPDX-License-Identifier: Apache-2.0
"""Filter banks and cosine transforms as torchaudio's constructors describe them, in float64."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from lapped import _mel_filters
from lapped._mel import Mel
from lapped._stft import STFT
from lapped._validate import choice, integer, positive, real, shown

FREQUENCIES = ("exact", "torchaudio")
SCALES = ("htk", "slaney")


def rate_of_bins(sample_rate: float, n_fft: int, frequencies: str) -> float:
    """The rate r for which bin k is at ``k * r / n_fft`` Hz.

    "torchaudio" puts the last bin at ``sample_rate // 2``, whatever is odd.
    """
    rate = positive("sample_rate", sample_rate)
    if choice("frequencies", frequencies, FREQUENCIES) == "exact" or n_fft < 2:
        return rate
    return n_fft * (rate // 2) / (n_fft // 2)


def band_edges(sample_rate: float, f_min: float, f_max: float | None) -> tuple[float, float]:
    """Checked `f_min` and `f_max`, which is ``sample_rate // 2`` by default."""
    rate = positive("sample_rate", sample_rate)
    low, high = real("f_min", f_min), rate // 2 if f_max is None else real("f_max", f_max)
    if not 0 <= low < high:
        raise ValueError(f"f_min={low:g} and f_max={high:g} must fulfil 0 <= f_min < f_max")
    return low, high


def mel_of(
    stft: STFT,
    rate: float,
    n_mels: int,
    edges: tuple[float, float],
    norm: str | None,
    scale: str,
    power: float = 1.0,
) -> Mel | None:
    """The mel transform for bins of `rate`; None if its bands end above half of it."""
    choice("mel_scale", scale, SCALES)
    if norm not in (None, "slaney"):
        raise ValueError(f"norm={shown(norm)} must be 'slaney' or None")
    if edges[1] > rate / 2:
        return None
    return Mel(stft, rate, n_mels, *edges, scale=scale, norm=norm, power=power)


def mel_bank(
    stft: STFT, rate: float, n_mels: int, edges: tuple[float, float], norm: str | None, scale: str
) -> np.ndarray:
    """Filters (n_mels, n_freq), also of bands that end above half the rate."""
    bins = stft.frequencies(rate)
    return _mel_filters.triangles(bins, integer("n_mels", n_mels, 1), *edges, scale, norm)


def linear_bank(n_fft: int, rate: float, n_filter: int, edges: tuple[float, float]) -> np.ndarray:
    """Triangles (n_filter, n_freq) between edges equally spaced in Hz."""
    bins = np.arange(n_fft // 2 + 1) * (rate / n_fft)
    corners = np.linspace(*edges, n_filter + 2)[:, None]
    width = corners[1] - corners[0]
    rising, falling = (bins - corners[:-2]) / width, (corners[2:] - bins) / width
    return np.maximum(0, np.minimum(rising, falling))


def cosines(n_out: int, n_in: int, norm: str | None) -> np.ndarray:
    """The DCT-II as a matrix (n_in, n_out): orthonormal if `norm` is "ortho", else times 2."""
    if norm not in (None, "ortho"):
        raise ValueError(f"norm={shown(norm)} must be 'ortho' or None")
    angles = math.pi / n_in * np.outer(np.arange(n_in) + 0.5, np.arange(n_out))
    if norm is None:
        return 2 * np.cos(angles)
    scales = np.full(n_out, math.sqrt(2 / n_in))
    scales[0] = math.sqrt(1 / n_in)
    return scales * np.cos(angles)


def as_buffer(matrix: np.ndarray) -> Tensor:
    """`matrix` as a buffer: contiguous, in torch's default precision, on its default device."""
    tensor = torch.from_numpy(np.ascontiguousarray(matrix)).to(torch.get_default_dtype())
    return tensor.to(torch.get_default_device())


def project(matrix: Tensor, spectrogram: Tensor) -> Tensor:
    """``matrix`` (n_in, n_out) applied to the second last axis of `spectrogram`."""
    return matrix.to(spectrogram.dtype).mT @ spectrogram

# SPDX-License-Identifier: Apache-2.0
"""What MelScale and InverseMelScale share: the buffer `fb` and the transform it came from."""

from __future__ import annotations

import numpy as np

from lapped._mel import Mel
from lapped._stft import STFT
from lapped._validate import integer
from lapped.nn._filters import as_buffer, band_edges, mel_bank, mel_of, rate_of_bins
from lapped.nn._following import Following
from lapped.nn._windowed import ready, samples_of

# A bank computed in float32 is this near to the same one in float64, relative to a band's peak.
_ROUNDING = 1e-4


class Bank(Following):
    """Base of a module with the buffer `fb` (n_stft, n_mels).

    `_mel` is a transform with the constructor's filters, power 1; None where there is none, or
    where `fb` holds other filters than those.
    """

    _followed = "fb"
    _shown = ("n_mels", "sample_rate", "f_min", "f_max", "n_stft", "norm", "mel_scale")
    _mel: Mel | None

    def __init__(
        self,
        n_mels: int,
        sample_rate: int,
        f_min: float,
        f_max: float | None,
        n_stft: int,
        norm: str | None,
        mel_scale: str,
        n_fft: int | None,
        frequencies: str,
    ) -> None:
        super().__init__()
        self.n_stft = integer("n_stft", n_stft, 2)
        n_fft = 2 * (self.n_stft - 1) if n_fft is None else integer("n_fft", n_fft, 2)
        if n_fft // 2 + 1 != self.n_stft:
            raise ValueError(f"n_fft={n_fft} must be {2 * n_stft - 2} or {2 * n_stft - 1}")
        self.sample_rate, self.norm, self.mel_scale = sample_rate, norm, mel_scale
        self.f_min, self.f_max = band_edges(sample_rate, f_min, f_max)
        self.n_mels, self.frequencies = integer("n_mels", n_mels, 1), frequencies
        rate = rate_of_bins(sample_rate, n_fft, frequencies)
        bank = self.n_mels, (self.f_min, self.f_max), norm, mel_scale
        own = mel_of(STFT(n_fft, window="boxcar"), rate, *bank)
        filters = mel_bank(STFT(n_fft), rate, *bank) if own is None else own.filters
        self._built = self._mel = own if own is None else ready(own)
        self._below_zero = False
        self._keep(as_buffer(filters.T))

    def _follow(self) -> None:
        own, filters = self._built, samples_of(self.fb).T
        self._below_zero = bool((filters < 0).any())
        self._mel = None
        if own is not None and _alike(filters, own.filters):
            self._mel = ready(own)

    def _kernel(self) -> Mel | None:
        """`_mel`, where it is what `fb` says now and no gradient of `fb` is wanted."""
        self._look()
        return None if self.fb.requires_grad else self._mel


def _alike(filters: np.ndarray, own: np.ndarray) -> bool:
    """Whether `filters` are `own` but for rounding."""
    if filters.shape != own.shape:
        return False
    allowed = _ROUNDING * own.max(axis=1, keepdims=True) + 1e-6 * own.max()
    return bool((abs(filters - own) <= allowed).all())

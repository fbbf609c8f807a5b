# SPDX-License-Identifier: Apache-2.0
"""Spectra stretched in time."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from lapped._validate import MAX_FFT, integer, positive
from lapped.nn._arguments import spectra
from lapped.nn._filters import as_buffer
from lapped.nn._following import Shown


class TimeStretch(Shown):
    """Complex spectra played `rate` times as fast, at the same pitch, by a phase vocoder.

    Frame ``t`` of the result has the magnitudes interpolated at frame ``t * rate``, and phases that
    advance as they do there. The constructor is torchaudio.transforms.TimeStretch's.

    Parameters
    ----------
    hop_length : int, optional
        Samples from frame to frame of the spectra, by default ``n_freq - 1``.
    n_freq : int
        Their bins.
    fixed_rate : float, optional
        The rate, above 0, where a call gives none.

    Raises
    ------
    ValueError, TypeError
        For an option out of range or of the wrong type, a call without a rate, or spectra that are
        not complex.

    Examples
    --------
    >>> import lapped.nn as T, torch
    >>> X = T.Spectrogram(power=None)(torch.sin(torch.arange(16000) / 20))
    >>> X.shape, T.TimeStretch(fixed_rate=1.25)(X).shape
    (torch.Size([201, 81]), torch.Size([201, 65]))
    """

    _shown = ("hop_length", "n_freq", "fixed_rate")

    def __init__(
        self, hop_length: int | None = None, n_freq: int = 201, fixed_rate: float | None = None
    ) -> None:
        super().__init__()
        self.n_freq = integer("n_freq", n_freq, 1)
        hop = self.n_freq - 1 if hop_length is None else hop_length
        self.hop_length = integer("hop_length", hop, 0, MAX_FFT)
        self.fixed_rate = None if fixed_rate is None else positive("fixed_rate", fixed_rate)
        advance = torch.linspace(
            0, math.pi * self.hop_length, self.n_freq, dtype=torch.float64, device="cpu"
        )
        self.register_buffer("phase_advance", as_buffer(advance[:, None].numpy()))

    def forward(self, complex_specgrams: Tensor, overriding_rate: float | None = None) -> Tensor:
        """Spectra (..., n_freq, ceil(n_frames / rate)) of `complex_specgrams`.

        The rate is `overriding_rate`, or else `fixed_rate`.
        """
        spectra("complex_specgrams", complex_specgrams, "n_freq", self.n_freq, is_complex=True)
        rate = self.fixed_rate if overriding_rate is None else overriding_rate
        if rate is None:
            raise ValueError("overriding_rate=None must be a number where fixed_rate is None")
        rate = positive("overriding_rate", rate)
        return complex_specgrams if rate == 1 else self._stretched(complex_specgrams, rate)

    def _stretched(self, spectra: Tensor, rate: float) -> Tensor:
        advance = self.phase_advance.to(spectra.real.dtype)
        times = torch.arange(0, spectra.shape[-1], rate, dtype=advance.dtype, device=spectra.device)
        index, share = times.long(), times % 1
        filled = torch.nn.functional.pad(spectra, (0, 2))
        here, there = filled.index_select(-1, index), filled.index_select(-1, index + 1)
        magnitudes = torch.lerp(here.abs(), there.abs(), share)
        turns = _wrapped(there.angle() - here.angle() - advance) + advance
        first = spectra[..., :1].angle()
        phases = torch.cat([first, turns[..., :-1]], dim=-1).cumsum(-1)
        return torch.polar(magnitudes, phases)


def _wrapped(phase: Tensor) -> Tensor:
    """`phase` within half a turn of 0."""
    return phase - 2 * math.pi * torch.round(phase / (2 * math.pi))

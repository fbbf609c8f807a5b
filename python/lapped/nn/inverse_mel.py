# SPDX-License-Identifier: Apache-2.0
"""Spectrograms from mel spectrograms."""

from __future__ import annotations

import torch
from torch import Tensor

from lapped._mel import STEPS
from lapped._operators._energies import energies_of, step_of_any
from lapped._validate import choice
from lapped.nn._arguments import spectra
from lapped.nn._bank import Bank

DRIVERS = ("gels", "gelsy", "gelsd", "gelss")
SOLVERS = ("newton", "torchaudio")


class InverseMelScale(Bank):
    """Spectrogram >= 0 whose mel spectrogram comes close to a given one.

    Many spectrograms have the same mel spectrogram; these stay near an interpolation of the bands,
    and are 0 in bins that no band covers. The constructor is
    torchaudio.transforms.InverseMelScale's, but for the keywords at its end.

    Parameters
    ----------
    n_stft, n_mels, sample_rate, f_min, f_max, norm, mel_scale
        As in `MelScale`.
    driver : str
        LAPACK's routine for the solver "torchaudio": "gels", "gelsy", "gelsd" or "gelss".
    solver : str
        "newton": the steps of `lapped.Mel.inverse`. "torchaudio": least squares without bounds,
        cut at 0; it fails where the filters are not of full rank.
    n_fft, frequencies
        As in `MelScale`.

    Raises
    ------
    ValueError, TypeError
        For an option out of range or of the wrong type; the message says what is allowed.

    Examples
    --------
    >>> import lapped.nn as T, torch
    >>> mel = T.MelScale(80, n_stft=257)(torch.ones(257, 63))
    >>> S = T.InverseMelScale(257, 80)(mel)
    >>> S.shape, bool(S.min() >= 0)
    (torch.Size([257, 63]), True)
    """

    _shown = (*Bank._shown, "solver")

    def __init__(
        self,
        n_stft: int,
        n_mels: int = 128,
        sample_rate: int = 16000,
        f_min: float = 0.0,
        f_max: float | None = None,
        norm: str | None = None,
        mel_scale: str = "htk",
        driver: str = "gels",
        *,
        solver: str = "newton",
        n_fft: int | None = None,
        frequencies: str = "exact",
    ) -> None:
        edges = f_min, f_max or None
        super().__init__(n_mels, sample_rate, *edges, n_stft, norm, mel_scale, n_fft, frequencies)
        self.driver = choice("driver", driver, DRIVERS)
        self.solver = choice("solver", solver, SOLVERS)

    def forward(self, melspec: Tensor) -> Tensor:
        """Spectrogram (..., n_stft, n_frames) of `melspec` (..., n_mels, n_frames)."""
        spectra("melspec", melspec, "n_mels", self.n_mels)
        if self.solver == "torchaudio":
            return self._least_squares(melspec)
        mel, energies = self._kernel(), melspec.clamp(min=0)
        if mel is not None:
            return mel.inverse(energies)
        if self._below_zero:
            raise ValueError("fb has numbers below 0, which only solver='torchaudio' can invert")
        return energies_of(self.fb.mT.to(melspec.dtype), energies, STEPS, step_of_any)

    def _least_squares(self, melspec: Tensor) -> Tensor:
        bands = melspec.reshape(-1, *melspec.shape[-2:])
        filters = self.fb.to(melspec.dtype).mT.expand(bands.shape[0], -1, -1)
        bins = torch.linalg.lstsq(filters, bands, driver=self.driver).solution.relu()
        return bins.reshape(*melspec.shape[:-2], self.n_stft, melspec.shape[-1])

# SPDX-License-Identifier: Apache-2.0
"""Cepstra: the cosine transform of logarithmic spectra."""

from __future__ import annotations

import torch
from torch import Tensor

from lapped._validate import flag, integer, shown
from lapped.nn._filters import as_buffer, band_edges, cosines, linear_bank, project, rate_of_bins
from lapped.nn._following import Shown
from lapped.nn.decibels import AmplitudeToDB
from lapped.nn.mel import MelSpectrogram
from lapped.nn.spectrogram import Spectrogram

_TOP_DB = 80.0
_LOG_OFFSET = 1e-6


class _Cepstra(Shown):
    """What both have: logarithm or decibels, then the buffer `dct_mat` (bands, coefficients)."""

    dct_mat: Tensor

    def __init__(self, sample_rate: int, dct_type: int, norm: str | None, peak: str) -> None:
        super().__init__()
        if dct_type != 2:
            raise ValueError(f"dct_type={shown(dct_type)} must be 2")
        self.sample_rate, self.dct_type, self.norm = sample_rate, dct_type, norm
        self.top_db = _TOP_DB
        self.amplitude_to_DB = AmplitudeToDB("power", self.top_db, peak=peak)

    def _of(self, bands: Tensor, log: bool) -> Tensor:
        """Coefficients (..., coefficients, n_frames) of energies (..., bands, n_frames)."""
        level = torch.log(bands + _LOG_OFFSET) if log else self.amplitude_to_DB(bands)
        return project(self.dct_mat, level)


class MFCC(_Cepstra):
    """Mel-frequency cepstral coefficients: ``out[..., k, t]`` is coefficient ``k`` of frame ``t``.

    They are the cosine transform of a mel spectrogram in decibels, within 80 dB of its peak. The
    constructor is torchaudio.transforms.MFCC's, but for the keywords at its end.

    Parameters
    ----------
    sample_rate : int
        In Hz.
    n_mfcc : int
        Coefficients, at most the number of bands.
    dct_type : int
        2.
    norm : str or None
        "ortho": an orthonormal transform; None: its plain sum, times 2.
    log_mels : bool
        ``log(mel + 1e-6)`` in place of decibels.
    melkwargs : dict, optional
        Options of the `MelSpectrogram`.
    peak : str
        Where the peak is looked for: "example", or "torchaudio", as in `AmplitudeToDB`.
    frequencies : str
        Of the bins: "exact", or "torchaudio", as in `MelScale`.

    Raises
    ------
    ValueError, TypeError
        For an option out of range or of the wrong type; the message says what is allowed.

    Examples
    --------
    >>> import lapped.nn as T, torch
    >>> mfcc = T.MFCC(n_mfcc=13, melkwargs={"n_fft": 512, "n_mels": 40})
    >>> mfcc(torch.zeros(2, 16000)).shape
    torch.Size([2, 13, 63])
    """

    _shown = ("sample_rate", "n_mfcc", "dct_type", "norm", "log_mels")

    def __init__(
        self,
        sample_rate: int = 16000,
        n_mfcc: int = 40,
        dct_type: int = 2,
        norm: str | None = "ortho",
        log_mels: bool = False,
        melkwargs: dict | None = None,
        *,
        peak: str = "example",
        frequencies: str = "exact",
    ) -> None:
        super().__init__(sample_rate, dct_type, norm, peak)
        self.log_mels = flag("log_mels", log_mels)
        options = {"frequencies": frequencies, **(melkwargs or {})}
        self.MelSpectrogram = MelSpectrogram(sample_rate=sample_rate, **options)
        n_mels = self.MelSpectrogram.n_mels
        self.n_mfcc = integer("n_mfcc", n_mfcc, 1)
        if self.n_mfcc > n_mels:
            raise ValueError(f"n_mfcc={n_mfcc} must be at most n_mels={n_mels}")
        self.register_buffer("dct_mat", as_buffer(cosines(self.n_mfcc, n_mels, norm)))

    def forward(self, waveform: Tensor) -> Tensor:
        """Coefficients (..., n_mfcc, n_frames) of `waveform` (..., samples)."""
        return self._of(self.MelSpectrogram(waveform), self.log_mels)


class LFCC(_Cepstra):
    """Linear-frequency cepstral coefficients: ``out[..., k, t]`` is number ``k`` of frame ``t``.

    They are the cosine transform of energies in bands of equal width, in decibels, within 80 dB of
    the peak. The constructor is torchaudio.transforms.LFCC's, but for the keywords at its end.

    Parameters
    ----------
    sample_rate : int
        In Hz.
    n_filter : int
        Bands; their triangles are the buffer `filter_mat` (n_freq, n_filter).
    f_min, f_max : float
        Lower edge of the first band and upper edge of the last, in Hz; `f_max` is
        ``sample_rate // 2`` by default.
    n_lfcc : int
        Coefficients, at most `n_fft`.
    dct_type, norm, peak
        As in `MFCC`.
    log_lf : bool
        ``log(energy + 1e-6)`` in place of decibels.
    speckwargs : dict, optional
        Options of the `Spectrogram`.
    frequencies : str
        Of the bins: "exact", or "torchaudio", as in `MelScale`.

    Raises
    ------
    ValueError, TypeError
        For an option out of range or of the wrong type; the message says what is allowed.

    Examples
    --------
    >>> import lapped.nn as T, torch
    >>> T.LFCC(n_lfcc=20, speckwargs={"n_fft": 512})(torch.zeros(2, 16000)).shape
    torch.Size([2, 20, 63])
    """

    _shown = ("sample_rate", "n_filter", "n_lfcc", "dct_type", "norm", "log_lf")

    def __init__(
        self,
        sample_rate: int = 16000,
        n_filter: int = 128,
        f_min: float = 0.0,
        f_max: float | None = None,
        n_lfcc: int = 40,
        dct_type: int = 2,
        norm: str | None = "ortho",
        log_lf: bool = False,
        speckwargs: dict | None = None,
        *,
        peak: str = "example",
        frequencies: str = "exact",
    ) -> None:
        super().__init__(sample_rate, dct_type, norm, peak)
        self.log_lf = flag("log_lf", log_lf)
        self.f_min, self.f_max = band_edges(sample_rate, f_min, f_max)
        self.Spectrogram = Spectrogram(**(speckwargs or {}))
        n_fft = self.Spectrogram.n_fft
        self.n_filter, self.n_lfcc = integer("n_filter", n_filter, 1), integer("n_lfcc", n_lfcc, 1)
        if self.n_lfcc > n_fft:
            raise ValueError(f"n_lfcc={n_lfcc} must be at most n_fft={n_fft}")
        rate = rate_of_bins(sample_rate, n_fft, frequencies)
        filters = linear_bank(n_fft, rate, self.n_filter, (self.f_min, self.f_max))
        self.register_buffer("filter_mat", as_buffer(filters.T))
        self.register_buffer("dct_mat", as_buffer(cosines(self.n_lfcc, self.n_filter, norm)))

    def forward(self, waveform: Tensor) -> Tensor:
        """Coefficients (..., n_lfcc, n_frames) of `waveform` (..., samples)."""
        return self._of(project(self.filter_mat, self.Spectrogram(waveform)), self.log_lf)

# SPDX-License-Identifier: Apache-2.0
"""Spectrograms of waveforms, and waveforms from complex spectrograms."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import torch
from torch import Tensor

from lapped._validate import flag, integer, real
from lapped.nn._arguments import pad_option, padded, spectra
from lapped.nn._windowed import Windowed, raised


class Spectrogram(Windowed):
    """Spectrogram: ``out[..., f, t]`` is ``|X| ** power`` at ``f * sample_rate / n_fft`` Hz.

    X is the STFT of frame ``t``, which is centred on sample ``t * hop_length`` if `center`. The
    constructor is torchaudio.transforms.Spectrogram's.

    Parameters
    ----------
    n_fft : int
        Samples in a frame.
    win_length, hop_length : int, optional
        Samples the window covers, by default `n_fft`; from frame to frame, ``win_length // 2``.
    pad : int
        Zeros added on either side of the waveform, before all else.
    window_fn : callable
        ``window_fn(win_length, **wkwargs)`` is the window.
    power : float or None
        Exponent of the magnitude; None: the complex spectrum.
    normalized : bool or str
        The spectrum's divisor: False 1; True or "window" ``sqrt(sum(window**2))``; "frame_length"
        ``sqrt(n_fft)``.
    wkwargs : dict, optional
        Options of `window_fn`.
    center, pad_mode : bool, str
        Whether ``n_fft // 2`` samples are added on either side, and what they hold: "reflect",
        "constant", "replicate" or "circular".
    onesided : bool
        ``n_fft // 2 + 1`` bins; if False all `n_fft`, of which the others are their mirror images.
    return_complex : bool, optional
        Without effect, as in torchaudio.

    Raises
    ------
    ValueError, TypeError
        For an option out of range or of the wrong type; the message says what is allowed.

    Examples
    --------
    >>> import lapped.nn as T, torch
    >>> T.Spectrogram(n_fft=512)(torch.zeros(2, 16000)).shape
    torch.Size([2, 257, 63])
    """

    _shown = ("n_fft", "win_length", "hop_length", "power", "normalized", "center", "pad_mode")

    def __init__(
        self,
        n_fft: int = 400,
        win_length: int | None = None,
        hop_length: int | None = None,
        pad: int = 0,
        window_fn: Callable[..., Tensor] = torch.hann_window,
        power: float | None = 2.0,
        normalized: bool | str = False,
        wkwargs: dict | None = None,
        center: bool = True,
        pad_mode: str = "reflect",
        onesided: bool = True,
        return_complex: bool | None = None,
    ) -> None:
        options = {"normalized": normalized, "center": center, "pad_mode": pad_mode}
        super().__init__(n_fft, win_length, hop_length, window_fn, wkwargs, **options)
        self.pad = pad_option(pad)
        self.power = None if power is None else real("power", power)
        self.onesided = flag("onesided", onesided)
        if return_complex is not None:
            without_effect(f"return_complex={return_complex}", "power=None is what returns X")

    def forward(self, waveform: Tensor) -> Tensor:
        """Spectrogram (..., n_freq, n_frames) of `waveform` (..., samples).

        Real in the precision of the waveform, or complex if `power` is None.
        """
        self._look()
        x = padded(waveform, self.pad)
        if self.power is None:
            spectrum = self._stft(x)
        elif self.power == 2:
            spectrum = self._stft.power(x)
        else:
            spectrum = raised(self._stft.magnitude(x), self.power)
        return spectrum if self.onesided else _mirrored(spectrum, self.n_fft)


class InverseSpectrogram(Windowed):
    """Waveform whose complex spectrogram is nearest to a given one, in the least-squares sense.

    The constructor is torchaudio.transforms.InverseSpectrogram's; its options are those of the
    `Spectrogram` to undo. Samples that no window covers are 0, where torchaudio refuses the window.

    Parameters
    ----------
    n_fft, win_length, hop_length, window_fn, normalized, wkwargs, center, pad_mode
        As in `Spectrogram`.
    pad : int
        Samples that the spectrogram's `pad` added, cut off again if a `length` is given.
    onesided : bool
        Whether spectra have ``n_fft // 2 + 1`` bins, or all `n_fft`.

    Raises
    ------
    ValueError, TypeError
        For an option out of range or of the wrong type; the message says what is allowed.

    Examples
    --------
    >>> import lapped.nn as T, torch
    >>> x = torch.sin(torch.arange(16000) / 20)
    >>> X = T.Spectrogram(power=None)(x)
    >>> torch.allclose(T.InverseSpectrogram()(X, length=16000), x, atol=1e-5)
    True
    """

    _shown = ("n_fft", "win_length", "hop_length", "normalized", "center")

    def __init__(
        self,
        n_fft: int = 400,
        win_length: int | None = None,
        hop_length: int | None = None,
        pad: int = 0,
        window_fn: Callable[..., Tensor] = torch.hann_window,
        normalized: bool | str = False,
        wkwargs: dict | None = None,
        center: bool = True,
        pad_mode: str = "reflect",
        onesided: bool = True,
    ) -> None:
        options = {"normalized": normalized, "center": center, "pad_mode": pad_mode}
        super().__init__(n_fft, win_length, hop_length, window_fn, wkwargs, **options)
        self.pad = pad_option(pad)
        self.onesided = flag("onesided", onesided)

    def forward(self, spectrogram: Tensor, length: int | None = None) -> Tensor:
        """Waveform (..., samples) of the complex `spectrogram` (..., n_freq, n_frames).

        It has `length` samples; by default as many as the frames stand for, `pad` included.
        """
        self._look()
        bins = self.n_fft // 2 + 1 if self.onesided else self.n_fft
        spectra("spectrogram", spectrogram, "n_freq", bins, is_complex=True)
        half = spectrogram[..., : self.n_fft // 2 + 1, :]
        if length is None:
            return self._stft.inverse(half)
        length = integer("length", length, 0)
        waveform = self._stft.inverse(half, length=length + 2 * self.pad)
        return waveform[..., self.pad : self.pad + length]


def _mirrored(spectrum: Tensor, n_fft: int) -> Tensor:
    """All `n_fft` bins of a spectrum: those above half the sample rate are conjugates."""
    mirror = spectrum[..., 1 : (n_fft + 1) // 2, :].flip(-2)
    return torch.cat([spectrum, mirror.conj() if mirror.is_complex() else mirror], dim=-2)


def without_effect(option: str, hint: str) -> None:
    """Warns of an option that torchaudio keeps for old programs only."""
    warnings.warn(f"{option} has no effect: {hint}", stacklevel=3)

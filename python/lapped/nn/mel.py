# SPDX-License-Identifier: Apache-2.0
"""Mel spectrograms: of spectrograms, and of waveforms in one pass."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from torch.nn import Module

from lapped._mel import Mel
from lapped._validate import positive
from lapped.nn._arguments import padded, spectra
from lapped.nn._bank import Bank
from lapped.nn._filters import project
from lapped.nn._following import Shown
from lapped.nn._windowed import ready
from lapped.nn.spectrogram import Spectrogram, without_effect


class MelScale(Bank):
    """Mel spectrogram of a spectrogram: ``out[..., m, t]`` is the sum of its bins in band ``m``.

    The filters are the buffer `fb` (n_stft, n_mels). The constructor is
    torchaudio.transforms.MelScale's, but for the keywords at its end.

    Parameters
    ----------
    n_mels : int
        Bands.
    sample_rate : int
        In Hz.
    f_min, f_max : float
        Lower edge of the first band and upper edge of the last, in Hz; `f_max` is
        ``sample_rate // 2`` by default.
    n_stft : int
        Bins of the spectrogram.
    norm : str or None
        "slaney": each triangle has area 1 in Hz; None: height 1.
    mel_scale : str
        "htk" or "slaney".
    n_fft : int, optional
        Samples in a frame, by default ``2 * (n_stft - 1)``; to be given where it is odd.
    frequencies : str
        "exact": bin ``k`` is at ``k * sample_rate / n_fft`` Hz. "torchaudio": equal steps from 0 to
        ``sample_rate // 2``, which is not the same where `n_fft` or `sample_rate` is odd.

    Raises
    ------
    ValueError, TypeError
        For an option out of range or of the wrong type; the message says what is allowed.

    Examples
    --------
    >>> import lapped.nn as T, torch
    >>> T.MelScale(n_mels=80, n_stft=257)(torch.ones(2, 257, 63)).shape
    torch.Size([2, 80, 63])
    """

    def __init__(
        self,
        n_mels: int = 128,
        sample_rate: int = 16000,
        f_min: float = 0.0,
        f_max: float | None = None,
        n_stft: int = 201,
        norm: str | None = None,
        mel_scale: str = "htk",
        *,
        n_fft: int | None = None,
        frequencies: str = "exact",
    ) -> None:
        edges = f_min, f_max
        super().__init__(n_mels, sample_rate, *edges, n_stft, norm, mel_scale, n_fft, frequencies)

    def forward(self, specgram: Tensor) -> Tensor:
        """Mel spectrogram (..., n_mels, n_frames) of `specgram` (..., n_stft, n_frames)."""
        spectra("specgram", specgram, "n_stft", self.n_stft)
        mel = self._kernel()
        return project(self.fb, specgram) if mel is None else mel.project(specgram)


class MelSpectrogram(Shown):
    """Mel spectrogram of a waveform: ``out[..., m, t]`` is the energy of frame ``t`` in band ``m``.

    `spectrogram` and `mel_scale` are modules of their own, and hold the buffers; while these hold
    the filters that the constructor describes, one kernel goes from the waveform to the bands. The
    constructor is torchaudio.transforms.MelSpectrogram's, but for the keyword at its end.

    Parameters
    ----------
    sample_rate, f_min, f_max, n_mels, norm, mel_scale
        As in `MelScale`.
    n_fft, win_length, hop_length, pad, window_fn, normalized, wkwargs, center, pad_mode
        As in `Spectrogram`.
    power : float
        Exponent of the magnitude, above 0.
    onesided : bool, optional
        Without effect, as in torchaudio.
    frequencies : str
        Of the bins: "exact", or "torchaudio", as in `MelScale`.

    Raises
    ------
    ValueError, TypeError
        For an option out of range or of the wrong type; the message says what is allowed.

    Examples
    --------
    >>> import lapped.nn as T, torch
    >>> T.MelSpectrogram(22050, n_fft=1024, n_mels=80)(torch.zeros(2, 22050)).shape
    torch.Size([2, 80, 44])
    """

    _shown = ("sample_rate", "n_fft", "win_length", "hop_length", "n_mels", "power")
    _mel: Mel | None

    def __init__(
        self,
        sample_rate: int = 16000,
        n_fft: int = 400,
        win_length: int | None = None,
        hop_length: int | None = None,
        f_min: float = 0.0,
        f_max: float | None = None,
        pad: int = 0,
        n_mels: int = 128,
        window_fn: Callable[..., Tensor] = torch.hann_window,
        power: float = 2.0,
        normalized: bool | str = False,
        wkwargs: dict | None = None,
        center: bool = True,
        pad_mode: str = "reflect",
        onesided: bool | None = None,
        norm: str | None = None,
        mel_scale: str = "htk",
        *,
        frequencies: str = "exact",
    ) -> None:
        super().__init__()
        if onesided is not None:
            without_effect(f"onesided={onesided}", "a mel spectrogram has no mirrored bins")
        self.sample_rate, self.f_min, self.f_max = sample_rate, f_min, f_max
        self.power = positive("power", power)
        frames = n_fft, win_length, hop_length, pad, window_fn, self.power
        self.spectrogram = Spectrogram(*frames, normalized, wkwargs, center, pad_mode)
        of = self.spectrogram
        self.n_fft, self.win_length, self.hop_length = of.n_fft, of.win_length, of.hop_length
        self.pad, self.normalized = of.pad, of.normalized
        bands = n_mels, sample_rate, f_min, f_max, self.n_fft // 2 + 1, norm, mel_scale
        self.mel_scale = MelScale(*bands, n_fft=self.n_fft, frequencies=frequencies)
        self.n_mels = self.mel_scale.n_mels
        self._fuse()
        self.register_load_state_dict_post_hook(_fuse_again)

    def forward(self, waveform: Tensor) -> Tensor:
        """Mel spectrogram (..., n_mels, n_frames) of `waveform` (..., samples)."""
        mel = self._one_pass()
        if mel is None:
            return self.mel_scale(self.spectrogram(waveform))
        return mel(padded(waveform, self.spectrogram.pad))

    def _one_pass(self) -> Mel | None:
        """The transform that is both modules in one as they are now; None where there is none."""
        first, second = self.spectrogram, self.mel_scale
        if not (_untouched(first, Spectrogram) and _untouched(second, MelScale)):
            return None
        first._look()
        stft, own, power, onesided = self._parts
        same = stft is first._stft and own is second._kernel()
        if same and power == first.power and onesided == first.onesided:
            return self._mel
        if torch.compiler.is_compiling():
            return None
        self._fuse()
        return self._mel

    def _fuse(self) -> None:
        """Makes the transform that is both modules in one, where there is one."""
        first, second = self.spectrogram, self.mel_scale
        stft, own, power, onesided = self._parts = (
            (first._stft, second._kernel(), first.power, first.onesided)
            if isinstance(first, Spectrogram) and isinstance(second, MelScale)
            else (None,) * 4
        )
        fits = own is not None and onesided and power is not None and power > 0
        fits = fits and own.stft.n_freq == stft.n_freq
        self._mel = ready(replace(own, stft=stft, power=power)) if fits else None

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self._fuse()


def _untouched(module: Module, kind: type) -> bool:
    """Whether calling `module` does what `kind` does and nothing else."""
    return type(module) is kind and not (module._forward_hooks or module._forward_pre_hooks)


def _fuse_again(module: MelSpectrogram, _: Any) -> None:
    """Hook after `load_state_dict`, when both modules inside have followed their buffers."""
    module._fuse()

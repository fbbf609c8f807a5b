# SPDX-License-Identifier: Apache-2.0
"""Waveforms from spectrograms without phase."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from lapped import _griffin_lim
from lapped._validate import choice, flag, integer, positive, real
from lapped.nn._arguments import spectra
from lapped.nn._windowed import Windowed, raised

PHASES = ("circle", "torchaudio")
_SMALL = 1e-16


class GriffinLim(Windowed):
    """Waveform whose spectrogram comes close to a given one, by iterated projection with momentum.

    The spectrogram is that of `Spectrogram` with the same options, centred and reflected at its
    ends. The constructor is torchaudio.transforms.GriffinLim's, but for the keywords at its end.

    Parameters
    ----------
    n_fft, win_length, hop_length, window_fn, wkwargs
        As in `Spectrogram`.
    n_iter : int
        Iterations.
    power : float
        Exponent of the magnitude that the spectrogram holds, above 0.
    momentum : float
        At least 0 and below 1.
    length : int, optional
        Samples of the waveform; by default as many as the frames stand for.
    rand_init : bool
        Whether to begin with random phases, or with zeros.
    phases : str
        The random phases. "circle": all are equally likely, and depend on `seed`, bin and frame
        alone, so that each call gives the same waveform. "torchaudio": drawn by torch at each call,
        between 0 and 90 degrees, with random magnitudes too.
    seed : int
        Of the phases "circle".
    differentiable : bool
        Whether gradients flow through the iterations to a spectrogram that requires one, as
        torchaudio's do; each iteration then keeps its spectra. If False the waveform is a constant,
        as that of a plain call of `lapped.GriffinLim`.

    Raises
    ------
    ValueError, TypeError
        For an option out of range or of the wrong type; the message says what is allowed.

    Examples
    --------
    >>> import lapped.nn as T, torch
    >>> S = T.Spectrogram(n_fft=512)(torch.sin(torch.arange(16000) / 20))
    >>> T.GriffinLim(n_fft=512, length=16000)(S).shape
    torch.Size([16000])
    """

    _shown = ("n_fft", "n_iter", "win_length", "hop_length", "power", "momentum", "length")
    _options = (*Windowed._options, "n_iter", "momentum", "rand_init", "seed")
    _iterations: _griffin_lim.GriffinLim

    def __init__(
        self,
        n_fft: int = 400,
        n_iter: int = 32,
        win_length: int | None = None,
        hop_length: int | None = None,
        window_fn: Callable[..., Tensor] = torch.hann_window,
        power: float = 2.0,
        wkwargs: dict | None = None,
        momentum: float = 0.99,
        length: int | None = None,
        rand_init: bool = True,
        *,
        phases: str = "circle",
        seed: int = 0,
        differentiable: bool = True,
    ) -> None:
        super().__init__(n_fft, win_length, hop_length, window_fn, wkwargs)
        self.n_iter = integer("n_iter", n_iter, 0)
        self.power = positive("power", power)
        self.momentum = real("momentum", momentum, 0.0)
        if self.momentum >= 1:
            raise ValueError(f"momentum={momentum:g} must be below 1")
        self.length = None if length is None else integer("length", length, 0)
        self.rand_init = flag("rand_init", rand_init)
        self.phases, self.seed = choice("phases", phases, PHASES), seed
        self.differentiable = flag("differentiable", differentiable)
        self._iterations = self._solver()

    def _follow(self) -> None:
        super()._follow()
        self._iterations = self._solver()

    def _solver(self) -> _griffin_lim.GriffinLim:
        return _griffin_lim.GriffinLim(
            self._stft,
            self.n_iter,
            method="fast",
            momentum=self.momentum,
            init="random" if self.rand_init else "zeros",
            seed=self.seed,
        )

    def forward(self, specgram: Tensor) -> Tensor:
        """Waveform (..., samples) of the spectrogram `specgram` (..., n_freq, n_frames)."""
        self._look()
        spectra("specgram", specgram, "n_freq", self.n_fft // 2 + 1)
        if not self.differentiable:
            specgram = specgram.detach()
        magnitudes = raised(specgram, 1 / self.power)
        if self.rand_init and self.phases == "torchaudio":
            return self._from_quadrant(magnitudes)
        watched = specgram.requires_grad and torch.is_grad_enabled()
        return self._iterations(magnitudes, length=self.length, differentiable=watched)

    def _from_quadrant(self, S: Tensor) -> Tensor:
        """The same iterations from torchaudio's start, whose magnitudes are random too."""
        stft = self._stft
        kind = torch.complex128 if S.dtype == torch.float64 else torch.complex64
        phasors = torch.rand(S.shape, dtype=kind, device=S.device)
        y, before = stft.inverse(S * phasors, length=self.length), None
        share = self.momentum / (1 + self.momentum)
        for _ in range(self.n_iter):
            spectrum = stft(y)
            ahead = spectrum if before is None else spectrum - share * before
            y = stft.inverse(S * ahead / (ahead.abs() + _SMALL), length=self.length)
            before = spectrum
        return y

# SPDX-License-Identifier: Apache-2.0
"""Operators of phase reconstruction, and Griffin-Lim as a chain of operators with gradients."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from lapped import _griffin_lim, _mel_to_audio
from lapped._griffin_lim import GriffinLim
from lapped._operators import _shapes
from lapped._operators._define import Operator
from lapped._operators._random_phase import random_turns
from lapped._operators._spectra import istft, magnitude, stft
from lapped._stft import STFT


def _fake_waveform(S: Tensor, phase: Any, length: Any, *options: Any) -> Tensor:
    return S.new_empty((*S.shape[:-2], length), dtype=_shapes.returned_of(S))


def _fake_watched(S: Tensor, phase: Any, length: Any, lengths: Any, t: GriffinLim) -> tuple:
    convergence = S.new_empty((*S.shape[:-2], t.n_iter), dtype=torch.float64)
    return _fake_waveform(S, phase, length), convergence


griffin_lim = Operator(
    "griffin_lim(Tensor S, Tensor? phase, SymInt length, Tensor? lengths, str transform) -> Tensor",
    lambda S, phase, length, lengths, t: t._reconstructed(S, phase, length, lengths, False),
    _fake_waveform,
)

griffin_lim_watched = Operator(
    "griffin_lim_watched(Tensor S, Tensor? phase, SymInt length, Tensor? lengths, str transform)"
    " -> (Tensor, Tensor)",
    lambda S, phase, length, lengths, t: t._reconstructed(S, phase, length, lengths, True),
    _fake_watched,
)

mel_to_audio = Operator(
    "mel_to_audio(Tensor M, int n_iter, str mode, SymInt length, Tensor? lengths, str transform)"
    " -> Tensor",
    lambda M, n_iter, mode, length, lengths, t: _mel_to_audio._audio(
        t, M, n_iter, mode, length, lengths
    ),
    lambda M, n_iter, mode, length, lengths, t: _fake_waveform(M, None, length),
)


random_phase = Operator(
    "random_phase(Tensor like, SymInt n_frames, str transform) -> Tensor",
    lambda like, n_frames, t: _random_phasors(like, n_frames, t),
    lambda like, n_frames, t: like.new_empty(
        _shapes.spectrum(t.stft, (), n_frames), dtype=_shapes.complex_of(like)
    ),
)


def _random_phasors(like: Tensor, n_frames: int, t: GriffinLim) -> Tensor:
    turns = random_turns(t.stft.n_freq, n_frames, t.seed % 2**64)
    phasors = np.exp(2j * np.pi * turns)
    if t.stft.layout == "tf":
        phasors = np.ascontiguousarray(phasors.T)
    return torch.from_numpy(phasors).to(like.device, _shapes.complex_of(like))


def unrolled(t: GriffinLim, S: Tensor, phase: Tensor | None, works: Any, work: Any) -> Tensor:
    """Waveform (..., work) that the iterations end with.

    tau and chi of csrc/cpu/griffin_lim_step.h. `works`: samples of each row where they differ.
    """
    frames = S.shape[_shapes.frames_axis(t.stft)]
    start = _start(t, S, phase, frames)
    text = t.stft._text
    tau = chi = istft(S * start, work, works, text)
    step = _griffin_lim._DEFAULTS[t.method][1]
    for _ in range(t.n_iter):
        X = stft(chi, works, text)
        size = torch.rsqrt(X.real**2 + X.imag**2 + torch.finfo(S.dtype).tiny)
        updated = torch.lerp(chi, istft(X * (S * size), work, works, text), step)
        tau, chi = updated, updated + t.momentum * (updated - tau)
    return tau


def _start(t: GriffinLim, S: Tensor, phase: Tensor | None, frames: Any) -> Tensor:
    if phase is not None:
        if phase.is_complex():
            return torch.sgn(phase).to(_shapes.complex_of(S))
        return torch.polar(torch.ones_like(S), phase.to(S))
    if t.init == "zeros":
        return torch.ones_like(S).to(_shapes.complex_of(S))
    like = torch.empty(0, dtype=S.dtype, device=S.device)  # no batch, of vmap's neither
    return random_phase(like, frames, t._text)


def spectral_convergence(t: STFT, S: Tensor, y: Tensor, lengths: Any) -> Tensor:
    """``20 log10(norm(|stft(y)| - S) / norm(S))``, float64, over a row's own frames."""
    own = magnitude(y, lengths, 0.0, t._text).double()
    target = S.double()
    if lengths is not None:
        target = target.masked_fill(_shapes.past_frames(t, S, lengths), 0)
    error = torch.linalg.vector_norm(own - target, dim=(-2, -1))
    return 20 * torch.log10(error / torch.linalg.vector_norm(target, dim=(-2, -1)))

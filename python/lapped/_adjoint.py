# SPDX-License-Identifier: Apache-2.0
"""Adjoints of the linear transforms and gradients of the others, on arrays of any library.

What the torch operators' backward passes are made of. Arguments are those of the forward calls;
results have the forward inputs' shape, precision and library.
"""

from typing import Any

from lapped import _arrays, _framing
from lapped._arrays import Array
from lapped._mel import Mel
from lapped._stft import STFT
from lapped._validate import row_lengths


def stft_adjoint(stft: STFT, G: Array, samples: int, lengths: Any = None) -> Array:
    """Gradient of ``sum(Re(conj(G) stft(x)))`` with respect to x (..., samples)."""
    spectrum, batch, like = stft._spectrum(G, "G", "complex")
    memory, view = _arrays.result(like, batch, (samples,))
    rows = row_lengths(lengths, batch, samples, "the samples of x")
    like.kernels.stft_adjoint(stft._plans[like.module], spectrum, rows, view)
    return _arrays.finished(like, memory)


def istft_adjoint(stft: STFT, g: Array, n_frames: int, lengths: Any = None) -> Array:
    """Gradient of ``sum(g stft.inverse(X))`` with respect to X (..., n_freq, n_frames)."""
    signal, batch, like = _arrays.operand(g, "g", "real", 1)
    width = signal.shape[1]
    _, frames, samples = _framing.extent(stft._frames, n_frames, width, lengths, batch)
    core = (stft.n_freq, n_frames)
    memory, view = _arrays.result(like, batch, core, spectrum=True, swap=stft._swap)
    like.kernels.istft_adjoint(stft._plans[like.module], signal, frames, samples, view)
    return _arrays.finished(like, memory)


def power_gradient(
    stft: STFT, g: Array, x: Array, exponent: float, eps: float, lengths: Any = None
) -> Array:
    """Gradient of ``sum(g (|stft(x)|**2 + eps) ** (exponent / 2))`` with respect to x.

    A bin where that sum is 0 adds nothing, whatever the exponent.
    """
    weights, _, like = stft._spectrum(g, "g", "real")
    signal, batch, _ = _arrays.operand(x, "x", "signal", 1)
    memory, view = _arrays.result(like, batch, (signal.shape[1],))
    rows = row_lengths(lengths, batch, signal.shape[1], "the samples of x")
    plan = stft._plans[like.module]
    like.kernels.power_gradient(plan, signal, rows, weights, view, exponent, eps)
    return _arrays.finished(like, memory)


def mel_gradient(mel: Mel, g: Array, x: Array, lengths: Any = None) -> Array:
    """Gradient of ``sum(g energies)`` with respect to x, of `mel`'s bands before compression."""
    weights, _, like = mel._features(g)
    signal, batch, _ = _arrays.operand(x, "x", "signal", 1)
    memory, view = _arrays.result(like, batch, (signal.shape[1],))
    rows = row_lengths(lengths, batch, signal.shape[1], "the samples of x")
    plan, bank = mel.stft._plans[like.module], mel._banks[like.module]
    like.kernels.mel_gradient(plan, bank, signal, rows, weights, view, mel.power, mel.magnitude_eps)
    return _arrays.finished(like, memory)

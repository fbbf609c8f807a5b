# SPDX-License-Identifier: Apache-2.0
"""Operators of mel spectra: from audio, from magnitudes, and back to magnitudes."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from lapped import _adjoint
from lapped._mel import Mel
from lapped._operators import _compression, _shapes
from lapped._operators._define import Kept, Operator
from lapped._operators._energies import energies_of, neighbours_step
from lapped._operators._spectra import powers_tangent, weighted_adjoint, weighted_adjoint_vjp


def to_bands(mel: Mel, bins: Tensor) -> Tensor:
    """The filters' sums of `bins`, in the layout of both."""
    filters = _filters(mel, bins)
    return bins @ filters.mT if mel.stft.layout == "tf" else filters @ bins


def to_bins(mel: Mel, bands: Tensor) -> Tensor:
    """The transpose of `to_bands`."""
    filters = _filters(mel, bands)
    return bands @ filters if mel.stft.layout == "tf" else filters.mT @ bands


def _filters(mel: Mel, x: Tensor) -> Tensor:
    like = torch.empty(0, dtype=x.dtype, device=x.device)  # no batch, of vmap's neither
    return mel_filters(like, mel._text)


mel_filters = Operator(
    "mel_filters(Tensor like, str transform) -> Tensor",
    lambda like, t: torch.from_numpy(t.filters.copy()).to(like),
    lambda like, t: like.new_empty((t.n_mels, t.stft.n_fft // 2 + 1)),
)


# ---- from audio


def _mel_gradient_vjp(s: Kept, u: Tensor) -> dict[str, Tensor]:
    t = s.transform
    weights = to_bins(t, s.g)
    options = t.power, t.magnitude_eps, s.lengths
    dweights, dx = weighted_adjoint_vjp(t.stft, weights, s.x, u, *options)
    return {"g": to_bands(t, dweights), "x": dx}


def _mel_gradient_jvp(s: Kept, t: dict) -> Tensor:
    mel = s.transform
    options = mel.power, mel.magnitude_eps, s.lengths
    result = 0
    if t["g"] is not None:
        result = weighted_adjoint(mel.stft, to_bins(mel, t["g"]), s.x, *options)
    if t["x"] is not None:
        weights = to_bins(mel, s.g)
        result = result + weighted_adjoint_vjp(mel.stft, weights, s.x, t["x"], *options)[1]
    return result


mel_gradient = Operator(
    "mel_gradient(Tensor g, Tensor x, Tensor? lengths, str transform) -> Tensor",
    lambda g, x, lengths, t: _adjoint.mel_gradient(t, g, x, lengths),
    lambda g, x, lengths, t: x.new_empty(x.shape, dtype=_shapes.returned_of(x)),
    saved=("g", "x", "lengths"),
    backward=_mel_gradient_vjp,
    jvp=_mel_gradient_jvp,
)


def _fake_mel(x: Tensor, lengths: Any, t: Mel) -> Tensor:
    frames = _shapes.frames_of(t.stft, x.shape[-1])
    shape = _shapes.spectrum(t.stft, x.shape[:-1], frames, t.n_mels)
    return x.new_empty(shape, dtype=_shapes.returned_of(x))


def _mel_backward(s: Kept, g: Tensor) -> dict[str, Tensor]:
    own = _compression.pulled_back(s.transform, g, s.result, s.lengths)
    return {"x": mel_gradient(own, s.x, s.lengths, s.transform._text)}


def _mel_jvp(s: Kept, t: dict) -> Tensor:
    mel = s.transform
    powers = powers_tangent(mel.stft, s.x, t["x"], mel.power, mel.magnitude_eps, s.lengths)
    return _compression.pushed_forward(mel, to_bands(mel, powers), s.result, s.lengths)


mel = Operator(
    "mel(Tensor x, Tensor? lengths, str transform) -> Tensor",
    lambda x, lengths, t: t._spectrogram(x, lengths),
    _fake_mel,
    saved=("x", "lengths", "result"),
    backward=_mel_backward,
    jvp=_mel_jvp,
)


# ---- from magnitudes


def _raised_slope(S: Tensor, exponent: float) -> Tensor:
    """Derivative of ``S ** exponent``; 0 where S is 0."""
    if exponent == 1:
        return torch.ones_like(S)
    if exponent == 2:
        return 2 * S
    silent = S == 0
    return torch.where(silent, 0, exponent * S.masked_fill(silent, 1) ** (exponent - 1))


def _fake_project(S: Tensor, lengths: Any, t: Mel) -> Tensor:
    frames = S.shape[_shapes.frames_axis(t.stft)]
    shape = _shapes.spectrum(t.stft, S.shape[:-2], frames, t.n_mels)
    return S.new_empty(shape, dtype=_shapes.returned_of(S))


def _project_backward(s: Kept, g: Tensor) -> dict[str, Tensor]:
    t = s.transform
    own = _compression.own_frames_of(t, g, s.lengths)
    energies = _compression.pulled_back(t, own, s.result, s.lengths)
    return {"S": to_bins(t, energies) * _raised_slope(s.S, t.power)}


def _project_jvp(s: Kept, t: dict) -> Tensor:
    mel = s.transform
    bands = to_bands(mel, t["S"] * _raised_slope(s.S, mel.power))
    tangent = _compression.pushed_forward(mel, bands, s.result, s.lengths)
    return _compression.own_frames_of(mel, tangent, s.lengths)


project = Operator(
    "project(Tensor S, Tensor? lengths, str transform) -> Tensor",
    lambda S, lengths, t: t._projected(S, lengths),
    _fake_project,
    saved=("S", "lengths", "result"),
    backward=_project_backward,
    jvp=_project_jvp,
)


# ---- back to magnitudes


def _fake_inverse(M: Tensor, n_iter: int, lengths: Any, t: Mel) -> Tensor:
    frames = M.shape[_shapes.frames_axis(t.stft)]
    return M.new_empty(_shapes.spectrum(t.stft, M.shape[:-2], frames), dtype=_shapes.returned_of(M))


mel_inverse = Operator(
    "mel_inverse(Tensor M, int n_iter, Tensor? lengths, str transform) -> Tensor",
    lambda M, n_iter, lengths, t: t._inverted(M, n_iter, lengths),
    _fake_inverse,
)


def unrolled_mel_inverse(t: Mel, M: Tensor, n_iter: int, lengths: Any) -> Tensor:
    """The iteration of csrc/cpu/mel_inverse.cc out of torch's functions, for gradients."""
    bands = _compression.own_frames_of(t, _compression.energies(t, M), lengths)
    filters = torch.from_numpy(t.filters.copy()).to(bands)
    swapped = _shapes.frames_axis(t.stft) == -2
    x = energies_of(filters, bands.mT if swapped else bands, n_iter, neighbours_step)
    silent = x <= 0
    x = torch.where(silent, 0, x.masked_fill(silent, 1) ** (1 / t.power))
    return x.mT if swapped else x

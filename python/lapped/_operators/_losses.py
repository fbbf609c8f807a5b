# SPDX-License-Identifier: Apache-2.0
"""Operators of spectral losses: values of a target, sums over differences, and their gradient."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor

from lapped._operators import _bands, _shapes
from lapped._operators._define import Kept, Operator
from lapped._operators._spectra import stft, stft_adjoint
from lapped._spectral_loss import SUMS, SpectralLoss

# ---- the same out of torch's operations


class Values(NamedTuple):
    """Values v and t of a signal and its target, and how v hangs on the spectrum X."""

    X: Tensor
    v: Tensor
    t: Tensor
    slope: Tensor  # of a bin's magnitude by X, over X; 0 at the floor
    magnitude: Tensor  # of the bins


def clamped(loss: SpectralLoss, X: Tensor) -> tuple[Tensor, Tensor]:
    """``sqrt(max(|gain X|**2, floor))`` and its derivative by X, over X."""
    square = X.real**2 + X.imag**2
    gains = 1.0
    if loss.gains is not None:
        gains = (torch.tensor(loss.gains.tolist(), dtype=torch.float64) ** 2).to(square)[:, None]
        square = square * gains
    held = square <= loss.floor
    magnitude = torch.sqrt(square.clamp(min=loss.floor))
    return magnitude, torch.where(held, 0, gains / magnitude)


def to_values(loss: SpectralLoss, bins: Tensor) -> Tensor:
    return bins if loss.transform is loss.stft else _bands.to_bands(loss.transform, bins)


def _to_bins(loss: SpectralLoss, values: Tensor) -> Tensor:
    return values if loss.transform is loss.stft else _bands.to_bins(loss.transform, values)


def _unpacked(target: Tensor, frames: int) -> Tensor:
    """Values (..., n_values, frames) out of blocks of frames."""
    return target.movedim(-3, -2).flatten(-2)[..., :frames]


def _values(loss: SpectralLoss, x: Tensor, target: Tensor, lengths: Any) -> Values:
    X = stft(x, lengths, loss.stft._text)
    magnitude, slope = clamped(loss, X)
    t = _unpacked(target, X.shape[-1])
    return Values(X, to_values(loss, magnitude), t, slope, magnitude)


def _log_slope(loss: SpectralLoss, v: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
    """First and second derivative by v of what the logarithms differ by."""
    silent = (v == 0) | (t == 0)
    v, t = v.masked_fill(silent, 1), t.masked_fill(silent, 1)
    if loss.squared_logs:
        ratio = torch.log(v / t)
        return 2 * ratio / v, 2 * (1 - ratio) / v**2
    sign = torch.sign(v - t)
    return sign / v, -sign / v**2


def _by_value(loss: SpectralLoss, s: Values) -> tuple[Tensor, ...]:
    """First derivatives of the sums by v."""
    zero, d = torch.zeros_like(s.v), s.v - s.t
    return 2 * d, zero, torch.sign(d), _log_slope(loss, s.v, s.t)[0]


def _weighted(factors: Tensor, terms: tuple[Tensor, ...]) -> Tensor:
    weights = factors.to(terms[0].dtype)[..., None, None].unbind(-3)
    return sum(w * term for w, term in zip(weights, terms, strict=True))


def _along(loss: SpectralLoss, s: Values, u: Tensor, lengths: Any) -> tuple[Tensor, Tensor]:
    """The spectrum of `u`, and what the bins' magnitudes gain along it."""
    U = stft(u, lengths, loss.stft._text)
    return U, s.slope * (s.X.real * U.real + s.X.imag * U.imag)


def _sums_along(loss: SpectralLoss, x: Tensor, target: Tensor, u: Tensor, lengths: Any) -> Tensor:
    """Tangent of the sums along `u`."""
    s = _values(loss, x, target, lengths)
    gained = to_values(loss, _along(loss, s, u, lengths)[1])
    terms = [(term * gained).sum((-2, -1)) for term in _by_value(loss, s)]
    return torch.stack(terms, -1).double()


def _curvature(
    loss: SpectralLoss, factors: Tensor, x: Tensor, target: Tensor, u: Tensor, lengths: Any
) -> Tensor:
    """The gradient's tangent along `u`, a change of x; the map from u is its own adjoint."""
    s = _values(loss, x, target, lengths)
    U, gained = _along(loss, s, u, lengths)
    first = _to_bins(loss, _weighted(factors, _by_value(loss, s)))
    zero = torch.zeros_like(s.v)
    second = (zero + 2, zero, zero, _log_slope(loss, s.v, s.t)[1])
    bent = _weighted(factors, second) * to_values(loss, gained)
    along_x = s.slope * (_to_bins(loss, bent) - first * gained / s.magnitude)
    spectrum = U * (s.slope * first) + s.X * along_x
    return stft_adjoint(spectrum, x.shape[-1], lengths, loss.stft._text)


# ---- operators


def _fake_values(y: Tensor, lengths: Any, loss: SpectralLoss) -> Tensor:
    shape = loss.shape(_shapes.frames_of(loss.stft, y.shape[-1]))
    return y.new_empty((*y.shape[:-1], *shape), dtype=_shapes.real_of(y))


spectral_values = Operator(
    "spectral_values(Tensor y, Tensor? lengths, str transform) -> Tensor",
    lambda y, lengths, loss: loss.values(y, lengths),
    _fake_values,
)


def _gradient_vjp(s: Kept, u: Tensor) -> dict[str, Tensor]:
    arguments = s.transform, s.x, s.target, u, s.lengths
    factors, x = None, None
    if "factors" in s.needs:
        factors = _sums_along(*arguments)
    if "x" in s.needs:
        x = _curvature(s.transform, s.factors, s.x, s.target, u, s.lengths)
    return {"factors": factors, "x": x}


def _gradient_jvp(s: Kept, t: dict) -> Tensor:
    result = 0
    if t["factors"] is not None:
        result = spectral_loss_gradient(t["factors"], s.x, s.target, s.lengths, s.transform._text)
    if t["x"] is not None:
        bent = _curvature(s.transform, s.factors, s.x, s.target, t["x"], s.lengths)
        result = result + bent
    return result


spectral_loss_gradient = Operator(
    "spectral_loss_gradient(Tensor factors, Tensor x, Tensor target, Tensor? lengths, "
    "str transform) -> Tensor",
    lambda factors, x, target, lengths, loss: loss.gradient(factors, x, target, lengths),
    lambda factors, x, target, lengths, loss: x.new_empty(x.shape),
    saved=("factors", "x", "target", "lengths"),
    backward=_gradient_vjp,
    jvp=_gradient_jvp,
)

spectral_loss = Operator(
    "spectral_loss(Tensor x, Tensor target, Tensor? lengths, str transform) -> Tensor",
    lambda x, target, lengths, loss: loss.sums(x, target, lengths),
    lambda x, target, lengths, loss: x.new_empty((*x.shape[:-1], SUMS), dtype=torch.float64),
    saved=("x", "target", "lengths"),
    backward=lambda s, g: {
        "x": spectral_loss_gradient(g, s.x, s.target, s.lengths, s.transform._text)
    },
    jvp=lambda s, t: _sums_along(s.transform, s.x, s.target, t["x"], s.lengths),
)

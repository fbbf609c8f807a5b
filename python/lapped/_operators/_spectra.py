# SPDX-License-Identifier: Apache-2.0
"""Operators of the STFT: complex, magnitude and power spectra, and the inverse."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from lapped import _adjoint
from lapped._operators import _shapes
from lapped._operators._define import Kept, Operator
from lapped._stft import STFT
from lapped._validate import real


def _spectrum_like(dtype: Any) -> Any:
    def fake(x: Tensor, lengths: Any, *options: Any) -> Tensor:
        stft = options[-1]
        shape = _shapes.spectrum(stft, x.shape[:-1], _shapes.frames_of(stft, x.shape[-1]))
        return x.new_empty(shape, dtype=dtype(x))

    return fake


# ---- the linear pair and their adjoints: the gradient of each is its adjoint, and the reverse

stft = Operator(
    "stft(Tensor x, Tensor? lengths, str transform) -> Tensor",
    lambda x, lengths, t: t._transformed("stft", x, lengths, spectrum=True),
    _spectrum_like(_shapes.complex_of),
    saved=("lengths",),
    backward=lambda s, g: {"x": stft_adjoint(g, s.shapes["x"][-1], s.lengths, s.transform._text)},
    jvp=lambda s, t: stft(t["x"], s.lengths, s.transform._text),
)

stft_adjoint = Operator(
    "stft_adjoint(Tensor G, SymInt samples, Tensor? lengths, str transform) -> Tensor",
    lambda G, samples, lengths, t: _adjoint.stft_adjoint(t, G, samples, lengths),
    lambda G, samples, lengths, t: G.new_empty((*G.shape[:-2], samples), dtype=_shapes.real_of(G)),
    saved=("lengths",),
    backward=lambda s, g: {"G": stft(g, s.lengths, s.transform._text)},
    jvp=lambda s, t: stft_adjoint(t["G"], s.samples, s.lengths, s.transform._text),
)

istft = Operator(
    "istft(Tensor X, SymInt length, Tensor? lengths, str transform) -> Tensor",
    lambda X, length, lengths, t: t._inverted(X, length, lengths),
    lambda X, length, lengths, t: X.new_empty((*X.shape[:-2], length), dtype=_shapes.real_of(X)),
    saved=("lengths",),
    backward=lambda s, g: {
        "X": istft_adjoint(
            g,
            s.shapes["X"][_shapes.frames_axis(s.transform)],
            s.lengths,
            s.transform._text,
        )
    },
    jvp=lambda s, t: istft(t["X"], s.length, s.lengths, s.transform._text),
)

istft_adjoint = Operator(
    "istft_adjoint(Tensor g, SymInt n_frames, Tensor? lengths, str transform) -> Tensor",
    lambda g, n_frames, lengths, t: _adjoint.istft_adjoint(t, g, n_frames, lengths),
    lambda g, n_frames, lengths, t: g.new_empty(
        _shapes.spectrum(t, g.shape[:-1], n_frames), dtype=_shapes.complex_of(g)
    ),
    saved=("lengths",),
    backward=lambda s, g: {"g": istft(g, s.shapes["g"][-1], s.lengths, s.transform._text)},
    jvp=lambda s, t: istft_adjoint(t["g"], s.n_frames, s.lengths, s.transform._text),
)


# ---- (|X|^2 + eps)^(exponent / 2)


def slope(square: Tensor, exponent: float) -> Tensor:
    """``exponent * square ** (exponent / 2 - 1)``: what |X|**exponent's gradient is, over X.

    0 where `square` is 0, and there it has no gradient of its own either.
    """
    if exponent == 2:
        return torch.full_like(square, 2.0)
    silent = square == 0
    return torch.where(silent, 0, exponent * square.masked_fill(silent, 1) ** (exponent / 2 - 1))


def squared(X: Tensor, eps: float = 0.0) -> Tensor:
    """``|X|**2 + eps``."""
    return X.real**2 + X.imag**2 + eps


def _along(X: Tensor, U: Tensor) -> Tensor:
    """Half of what |X|**2 gains along `U`."""
    return X.real * U.real + X.imag * U.imag


def powers_tangent(t: STFT, x: Tensor, u: Tensor, exponent: float, eps: float, lengths: Any) -> Any:
    """Tangent of ``(|stft(x)|**2 + eps) ** (exponent / 2)`` along `u`."""
    X, U = stft(x, lengths, t._text), stft(u, lengths, t._text)
    return slope(squared(X, eps), exponent) * _along(X, U)


def weighted_adjoint(
    t: STFT, g: Tensor, x: Tensor, exponent: float, eps: float, lengths: Any
) -> Tensor:
    """What the operator power_gradient is, out of operators that differentiate."""
    X = stft(x, lengths, t._text)
    return stft_adjoint(X * (g * slope(squared(X, eps), exponent)), x.shape[-1], lengths, t._text)


def weighted_adjoint_vjp(
    t: STFT, g: Tensor, x: Tensor, u: Tensor, exponent: float, eps: float, lengths: Any
) -> tuple[Tensor, Tensor]:
    """Gradients of ``sum(u * power_gradient(g, x))`` with respect to g and x."""
    X, U = stft(x, lengths, t._text), stft(u, lengths, t._text)
    square, along = squared(X, eps), _along(X, U)
    factor = slope(square, exponent)
    spectrum = U * (g * factor)
    if exponent != 2:  # the factor changes with x too
        silent = square == 0
        safe = square.masked_fill(silent, 1)
        spectrum = spectrum + X * (g * along * factor * (exponent - 2) / safe)
    return factor * along, stft_adjoint(spectrum, x.shape[-1], lengths, t._text)


def _power_gradient_vjp(s: Kept, u: Tensor) -> dict[str, Tensor]:
    dg, dx = weighted_adjoint_vjp(s.transform, s.g, s.x, u, s.exponent, s.eps, s.lengths)
    return {"g": dg, "x": dx}


def _power_gradient_jvp(s: Kept, t: dict) -> Tensor:
    def of(g: Tensor) -> Tensor:
        return weighted_adjoint(s.transform, g, s.x, s.exponent, s.eps, s.lengths)

    result = 0 if t["g"] is None else of(t["g"])
    if t["x"] is not None:  # the map from x's tangent is its own adjoint
        arguments = s.transform, s.g, s.x, t["x"], s.exponent, s.eps, s.lengths
        result = result + weighted_adjoint_vjp(*arguments)[1]
    return result


power_gradient = Operator(
    "power_gradient(Tensor g, Tensor x, Tensor? lengths, float exponent, float eps, "
    "str transform) -> Tensor",
    lambda g, x, lengths, exponent, eps, t: _adjoint.power_gradient(
        t, g, x, exponent, eps, lengths
    ),
    lambda g, x, lengths, exponent, eps, t: x.new_empty(x.shape, dtype=_shapes.returned_of(x)),
    saved=("g", "x", "lengths"),
    backward=_power_gradient_vjp,
    jvp=_power_gradient_jvp,
)


def _gradient_of_powers(exponent: float) -> Any:
    def backward(s: Kept, g: Tensor) -> dict[str, Tensor]:
        eps = getattr(s, "eps", 0.0)
        return {"x": power_gradient(g, s.x, s.lengths, exponent, eps, s.transform._text)}

    return backward


def _tangent_of_powers(exponent: float) -> Any:
    def jvp(s: Kept, t: dict) -> Tensor:
        eps = getattr(s, "eps", 0.0)
        return powers_tangent(s.transform, s.x, t["x"], exponent, eps, s.lengths)

    return jvp


magnitude = Operator(
    "magnitude(Tensor x, Tensor? lengths, float eps, str transform) -> Tensor",
    lambda x, lengths, eps, t: t._transformed("magnitude", x, lengths, real("eps", eps, 0.0)),
    _spectrum_like(_shapes.returned_of),
    saved=("x", "lengths"),
    backward=_gradient_of_powers(1.0),
    jvp=_tangent_of_powers(1.0),
)

power = Operator(
    "power(Tensor x, Tensor? lengths, str transform) -> Tensor",
    lambda x, lengths, t: t._transformed("power", x, lengths),
    _spectrum_like(_shapes.returned_of),
    saved=("x", "lengths"),
    backward=_gradient_of_powers(2.0),
    jvp=_tangent_of_powers(2.0),
)

# SPDX-License-Identifier: Apache-2.0
"""Terms of spectral losses out of sums over values, which kernels make where they can."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor

from lapped import _operators
from lapped._operators import _losses, _shapes
from lapped._spectral_loss import SpectralLoss

Rows = Tensor | None  # valid samples of each row


class Terms(NamedTuple):
    """Those of weight 0 are 0."""

    sc: Any = 0.0
    log: Any = 0.0
    lin: Any = 0.0
    phs: Any = 0.0
    complex: Any = 0.0


def reduced(loss: Any, input: Tensor, target: Tensor, rows: Rows) -> Terms:
    """The terms of each row, or of all rows together, reduced as the loss says."""
    sums = _sums(loss, input, target, rows)
    count = _counts(loss.compared, input, rows).to(sums.device)  # of a row's frames
    values, bins = count * loss.compared.n_values, count * loss.compared.stft.n_freq

    def term(weight: float, of_rows: Any, number: Tensor) -> Any:
        return _reduced(loss, of_rows(), number).to(_precision(input)) if weight else 0.0

    linear = 0 if loss.mag_distance == "L2" else 2
    return Terms(
        _convergence(loss, sums).to(_precision(input)) if loss.w_sc else 0.0,
        term(loss.w_log_mag, lambda: sums[..., 3], values),
        term(loss.w_lin_mag, lambda: sums[..., linear], values),
        _phase_term(loss, input, target, rows) if loss.w_phs else 0.0,
        term(loss.w_complex, lambda: _complex_sums(loss, input, target, rows), bins),
    )


def elementwise(loss: Any, input: Tensor, target: Tensor, rows: Rows) -> Terms:
    """Log and linear magnitude terms of every value (rows, values, frames), as auraloss's "none".

    The others are those of the whole batch.
    """
    v, t = (x.flatten(0, -3) for x in _pair(loss, input, target, rows))
    power = 2 if loss.mag_distance == "L2" else 1
    sums = _sums_of(loss, v, t)
    return Terms(
        _convergence(loss, sums).to(v.dtype) if loss.w_sc else 0.0,
        (torch.log(v) - torch.log(t)).abs() ** power if loss.w_log_mag else 0.0,
        (v - t).abs() ** power if loss.w_lin_mag else 0.0,
        _phase_term(loss, input, target, rows) if loss.w_phs else 0.0,
        _complex_sums(loss, input, target, rows).mean() if loss.w_complex else 0.0,
    )


def _precision(x: Tensor) -> torch.dtype:
    return torch.float64 if x.dtype == torch.float64 else torch.float32


# ---- sums over the values of each row


def _sums(loss: Any, input: Tensor, target: Tensor, rows: Rows) -> Tensor | None:
    """float64 (..., 4), as `SpectralLoss.sums`."""
    if loss.scale_invariance or (target.requires_grad and torch.is_grad_enabled()):
        return _sums_of(loss, *_pair(loss, input, target, rows))
    return _operators.spectral_sums(loss.compared, input, target, rows)


def _sums_of(loss: Any, v: Tensor, t: Tensor) -> Tensor:
    d, logs = v - t, torch.log(v) - torch.log(t)
    logs = torch.where(v == t, 0, logs)
    logs = logs**2 if loss.mag_distance == "L2" else logs.abs()
    terms = [x.sum((-2, -1), dtype=torch.float64) for x in (d**2, t**2, d.abs(), logs)]
    return torch.stack(terms, -1)


def _pair(loss: Any, input: Tensor, target: Tensor, rows: Rows) -> tuple[Tensor, Tensor]:
    """Values of the input and of the target, scaled where that is asked for."""
    v, t = (_values(loss.compared, x, rows) for x in (input, target))
    if loss.scale_invariance:
        alpha = (v * t).sum((-2, -1), keepdim=True) / (t**2).sum((-2, -1), keepdim=True)
        t = t * alpha
    return v, t


def _values(compared: SpectralLoss, x: Tensor, rows: Rows) -> Tensor:
    X = compared.stft(x, lengths=rows)
    return _losses.to_values(compared, _losses.clamped(compared, X)[0])


def _complex_sums(loss: Any, input: Tensor, target: Tensor, rows: Rows) -> Tensor:
    """Sums of |X - Y|, the magnitudes of the difference."""
    compared = loss.compared
    bins = compared.stft.magnitude(input - target, lengths=rows)
    if compared.gains is not None:
        bins = bins * torch.from_numpy(compared.gains.copy()).to(bins)[:, None]
    return bins.sum((-2, -1), dtype=torch.float64)


# ---- from sums to terms


def _counts(compared: SpectralLoss, x: Tensor, rows: Rows) -> Tensor:
    """Frames of each row."""
    if rows is None:
        frames = _shapes.frames_of(compared.stft, x.shape[-1])
        return torch.full(x.shape[:-1], frames, dtype=torch.float64)
    return _shapes.row_frames(compared.stft, rows).double()


def _reduced(loss: Any, sums: Tensor, count: Tensor) -> Tensor:
    """Sums over `count` values of each row, or their mean."""
    if loss.reduction == "sum":
        return sums.sum()
    if not loss.per_example:
        return sums.sum() / count.sum()
    of_rows = sums / count.clamp(min=1)
    return of_rows.mean() if loss.reduction == "mean" else of_rows


def _convergence(loss: Any, sums: Tensor) -> Tensor:
    """``norm(v - t) / norm(t)``; 0 without a gradient where v is t."""
    if not loss.per_example:
        sums = sums.flatten(0, -2).sum(0)
    ratio = sums[..., 0] / sums[..., 1].clamp(min=torch.finfo(torch.float64).tiny)
    same = ratio == 0
    convergence = torch.where(same, 0, torch.sqrt(ratio.masked_fill(same, 1)))
    if not loss.per_example or loss.reduction == "none":
        return convergence
    return convergence.sum() if loss.reduction == "sum" else convergence.mean()


def _phase_term(loss: Any, input: Tensor, target: Tensor, rows: Rows) -> Tensor:
    """Mean squared difference of the angles, which wrap: auraloss's term."""
    stft = loss.compared.stft
    d = torch.angle(stft(input, lengths=rows)) - torch.angle(stft(target, lengths=rows))
    if loss.per_example and loss.reduction == "none":
        return (d**2).sum((-2, -1)) / (_counts(loss.compared, input, rows) * stft.n_freq).to(d)
    if rows is None:
        return (d**2).mean()
    return (d**2).sum() / (_counts(loss.compared, input, rows).sum() * stft.n_freq).to(d)

# SPDX-License-Identifier: Apache-2.0
"""Energies >= 0 of bins from those of bands, out of torch's functions: for gradients, and for
filters that the kernels do not take. csrc/cpu/mel_inverse.cc has the formulas.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

_LEAST_GAIN, _RIDGE = 0.1, 0.01
# step(shares, u, heard, missing): what the bands' gains differ from 1 by.
Step = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]


def energies_of(filters: Tensor, bands: Tensor, n_iter: int, step: Step) -> Tensor:
    """Energies (..., bins, frames) after `n_iter` steps from `bands` (..., bands, frames).

    `filters` (bands, bins) are 0 or more. Where a bin lies in two neighbouring bands at most,
    `neighbours_step` takes the step, otherwise `step_of_any`.
    """
    bin_area, band_area = filters.sum(0), filters.sum(1)
    shares = _quotient(filters, bin_area)
    u = shares.mT @ _quotient(bands, band_area[:, None]) * bin_area[:, None]
    for _ in range(n_iter):
        heard = shares @ u
        missing = torch.where(_audible(heard), bands - heard, 0)
        gain = 1 + shares.mT @ step(shares, u, heard, missing)
        u = u * gain.clamp(min=_LEAST_GAIN)
    return _quotient(u, bin_area[:, None])


def neighbours_step(shares: Tensor, u: Tensor, heard: Tensor, missing: Tensor) -> Tensor:
    """Elimination of a tridiagonal matrix, row after row, and substitution."""
    both = (shares[:-1] * shares[1:]) @ u
    diagonal = torch.where(_audible(heard), (shares * shares) @ u + _RIDGE * heard, 1)
    inverse = 1 / diagonal[..., 0, :]
    deltas, aheads = [missing[..., 0, :] * inverse], []
    for m in range(1, len(shares)):
        coupling = both[..., m - 1, :]
        aheads.append(coupling * inverse)
        inverse = 1 / (diagonal[..., m, :] - coupling * aheads[-1])
        deltas.append((missing[..., m, :] - coupling * deltas[-1]) * inverse)
    for m in reversed(range(len(aheads))):
        deltas[m] = deltas[m] - aheads[m] * deltas[m + 1]
    return torch.stack(deltas, -2)


def step_of_any(shares: Tensor, u: Tensor, heard: Tensor, missing: Tensor) -> Tensor:
    """The whole matrix, which has the square of the bands' number for each frame."""
    matrix = torch.einsum("mf,...ft,nf->...tmn", shares, u, shares)
    ridge = torch.where(_audible(heard), _RIDGE * heard, 1)
    return torch.linalg.solve(matrix + ridge.mT.diag_embed(), missing.mT).mT


def _quotient(a: Tensor, b: Tensor) -> Tensor:
    """``a / b``, 0 where `b` is 0."""
    heard = _audible(b)
    return torch.where(heard, a / b.masked_fill(~heard, 1), 0)


def _audible(a: Tensor) -> Tensor:
    return a > torch.finfo(a.dtype).tiny

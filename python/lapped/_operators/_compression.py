# SPDX-License-Identifier: Apache-2.0
"""Compression of mel energies in terms of its results: derivatives and the way back.

``y = scale * (max(factor * ln(v), peak - dynamic_range) + shift)``, see `lapped.Compression`; what
was compressed is found from y, so that nothing else need be kept.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import torch
from torch import Tensor

from lapped._compression import Compression
from lapped._mel import Mel
from lapped._operators._shapes import past_frames


def _factor(mel: Mel, c: Compression) -> float:
    """Of the natural logarithm."""
    return {"10": 1 / math.log(10), "db": 20 / (mel.power * math.log(10))}.get(c.base, 1.0)


def energies(mel: Mel, y: Tensor) -> Tensor:
    """Energies >= 0 that compress to `y`; what floor and range cut off is lost."""
    c = mel.compression
    if c is None:
        return y
    level = y / c.scale - c.shift
    if c.base == "log1p":
        return torch.expm1(level).clamp(min=0)
    energy = torch.exp(level / _factor(mel, c))
    return (energy - c.floor).clamp(min=0) if c.floor_mode == "add" else energy


def derivative(mel: Mel, y: Tensor) -> Tensor:
    """Derivative of the compression, but for its limited range, where the result is `y`."""
    c = mel.compression
    if c is None:
        return torch.ones_like(y)
    level = y / c.scale - c.shift
    if c.base == "log1p":
        return c.scale * torch.exp(-level)
    factor = _factor(mel, c)
    slope = c.scale * factor * torch.exp(level / -factor)  # 1 / v
    if c.floor_mode == "add":
        return slope
    rounding = 4 * torch.finfo(y.dtype).eps * (1 + abs(math.log(c.floor)))
    return torch.where(level / factor <= math.log(c.floor) + rounding, 0, slope)


def own_frames_of(mel: Mel, y: Tensor, lengths: Any, other: float = 0.0) -> Tensor:
    """`y` with `other` in place of frames past a row's end."""
    if lengths is None:
        return y
    return y.masked_fill(past_frames(mel.stft, y, lengths), other)


def _peak_axes(c: Compression, y: Tensor) -> tuple[int, ...]:
    return (-2, -1) if c.scope == "example" else tuple(range(y.ndim))


class _Range(NamedTuple):
    """What a limited range makes of features: which are held up by it, and by which peaks."""

    held: Tensor
    highest: Tensor
    axes: tuple[int, ...]  # of what shares a peak

    def shared(self, x: Tensor) -> Tensor:
        """The mean of `x` over the peaks."""
        count = self.highest.sum(self.axes, keepdim=True)
        return (x * self.highest).sum(self.axes, keepdim=True) / count


def _range(mel: Mel, y: Tensor, lengths: Any) -> _Range:
    c = mel.compression
    level = own_frames_of(mel, y.detach() / c.scale - c.shift, lengths, -math.inf)
    axes = _peak_axes(c, y)
    peak = level.amax(axes, keepdim=True)
    rounding = 4 * torch.finfo(y.dtype).eps * (peak.abs() + c.dynamic_range + abs(c.shift))
    held = (level <= peak - c.dynamic_range + rounding) & (level < peak)
    return _Range(held, level == peak, axes)


def pulled_back(mel: Mel, g: Tensor, y: Tensor, lengths: Any) -> Tensor:
    """Gradient with respect to the energies, from `g` with respect to the features `y`."""
    c = mel.compression
    if c is None:
        return g
    if c.dynamic_range is None:
        return g * derivative(mel, y)
    limit = _range(mel, y, lengths)
    own = own_frames_of(mel, g, lengths)
    lifted = (own * limit.held).sum(limit.axes, keepdim=True)  # hangs on the peaks
    peaks = limit.highest * (lifted / limit.highest.sum(limit.axes, keepdim=True))
    return torch.where(limit.held, 0, own + peaks) * derivative(mel, y)


def pushed_forward(mel: Mel, tangent: Tensor, y: Tensor, lengths: Any) -> Tensor:
    """Tangent of the features `y`, from that of the energies."""
    if mel.compression is None:
        return tangent
    own = tangent * derivative(mel, y)
    if mel.compression.dynamic_range is None:
        return own
    limit = _range(mel, y, lengths)
    return own_frames_of(mel, torch.where(limit.held, limit.shared(own), own), lengths)

# SPDX-License-Identifier: Apache-2.0
"""Checks of what the modules are called with, by the names their arguments have."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from lapped._validate import MAX_FFT, integer


def pad_option(pad: int) -> int:
    return integer("pad", pad, 0, MAX_FFT)


def padded(waveform: Any, pad: int) -> Tensor:
    """`waveform` (..., samples) with `pad` zeros on either side."""
    _tensor("waveform", waveform)
    if waveform.ndim < 1:
        raise ValueError(f"waveform has shape {tuple(waveform.shape)} and must be (..., samples)")
    if waveform.is_complex():
        raise TypeError(f"waveform has dtype {waveform.dtype} and must be real")
    return torch.nn.functional.pad(waveform, (pad, pad)) if pad else waveform


def spectra(name: str, value: Any, rows: str, count: int, is_complex: bool = False) -> Tensor:
    """`value` when it is a tensor (..., `rows`, n_frames) with `count` rows."""
    _tensor(name, value)
    if value.ndim < 2 or value.shape[-2] != count:
        form = f"(..., {rows}, n_frames) with {rows}={count}"
        raise ValueError(f"{name} has shape {tuple(value.shape)} and must be {form}")
    if value.is_complex() != is_complex:
        kind = "complex" if is_complex else "real"
        raise TypeError(f"{name} has dtype {value.dtype} and must be {kind}")
    return value


def _tensor(name: str, value: Any) -> None:
    if not isinstance(value, Tensor):
        raise TypeError(f"{name} is a {type(value).__name__} and must be a torch tensor")

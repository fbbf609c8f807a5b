# SPDX-License-Identifier: Apache-2.0
"""Shapes and dtypes of results, of tensors without memory and sizes without values too."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from lapped._stft import STFT

_DOUBLE = (torch.float64, torch.complex128)
HALF = (torch.float16, torch.bfloat16)


def frames_of(stft: STFT, samples: Any) -> Any:
    """Frames of so many samples, a number or a symbol."""
    if not isinstance(samples, torch.SymInt):
        return stft._frames.n_frames(samples)
    n_fft, hop, left, right = stft._frames
    frames = 1 + (samples + left + right - n_fft) // hop
    return frames if left + right >= n_fft - 1 else torch.sym_max(frames, 0)


def samples_of(stft: STFT, frames: Any) -> Any:
    """The shortest signal of so many frames, a number or a symbol, which is never 0."""
    if not isinstance(frames, torch.SymInt):
        return stft._frames.n_samples(frames)
    n_fft, hop, left, right = stft._frames
    return torch.sym_max((frames - 1) * hop + n_fft - left - right, 0)


def samples_within(stft: STFT, frames: Any, samples: Any) -> Any:
    """The number of samples nearest to `samples` that has exactly `frames` frames."""
    if not isinstance(frames, torch.SymInt):
        return stft._frames.within(samples, frames)
    least = samples_of(stft, frames)
    return torch.sym_min(torch.sym_max(samples, least), least + stft.hop_length - 1)


def real_of(x: Tensor) -> torch.dtype:
    """The precision that `x` is computed in."""
    return torch.float64 if x.dtype in _DOUBLE else torch.float32


def complex_of(x: Tensor) -> torch.dtype:
    """The dtype of a complex result."""
    return torch.complex128 if x.dtype in _DOUBLE else torch.complex64


def returned_of(x: Tensor) -> torch.dtype:
    """The dtype of a real result: half types come back."""
    return x.dtype if x.dtype in HALF else real_of(x)


def spectrum(stft: STFT, batch: Any, frames: Any, rows: int | None = None) -> tuple:
    """Shape of a spectrum, or of `rows` bands, in the layout of `stft`."""
    bins = stft.n_fft // 2 + 1 if rows is None else rows
    return (*batch, frames, bins) if stft.layout == "tf" else (*batch, bins, frames)


def frames_axis(stft: STFT) -> int:
    return -2 if stft.layout == "tf" else -1


def row_frames(stft: STFT, lengths: Tensor) -> Tensor:
    """Frames of each row of so many samples."""
    n_fft, hop, left, right = stft._frames
    spare = lengths + (left + right - n_fft)
    return (1 + torch.div(spare, hop, rounding_mode="floor")).clamp(min=0)


def past_frames(stft: STFT, y: Tensor, lengths: Tensor) -> Tensor:
    """Which frames of the spectra `y` are past their row's end."""
    axis = frames_axis(stft)
    frames = torch.arange(y.shape[axis], device=y.device)
    past = frames >= row_frames(stft, lengths).to(y.device)[..., None]
    return past.unsqueeze(-1 if axis == -2 else -2)

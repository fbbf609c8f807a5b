# SPDX-License-Identifier: Apache-2.0
"""The A-weighting filter that auraloss puts in front of its losses."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from lapped import _weighting

TAPS = 101
GAIN_AT_1K = 1.9997  # dB, by which IEC 61672 lifts the curve to 0 at 1 kHz
POINTS = 512


def taps(sample_rate: float) -> Tensor:
    """Least-squares fit to the magnitude of the bilinear image of the analog filter."""
    try:
        from scipy import signal
    except ImportError:
        raise ImportError("perceptual_weighting=True needs SciPy; weighting='A' does not") from None
    low, high = 2 * np.pi * _weighting._LOW, 2 * np.pi * _weighting._HIGH
    poles = [-low, -low, -high, -high, *(-2 * np.pi * np.array(_weighting._A_POLES))]
    analog = np.zeros(4), np.array(poles), high**2 * 10 ** (GAIN_AT_1K / 20)
    digital = signal.bilinear_zpk(*analog, fs=sample_rate)
    frequencies, response = signal.freqz_zpk(*digital, worN=POINTS, fs=sample_rate)
    fitted = signal.firls(TAPS, frequencies, np.abs(response), fs=sample_rate)
    return torch.from_numpy(fitted.astype(np.float32))


def filtered(x: Tensor, filter: Tensor, lengths: Tensor | None = None) -> Tensor:
    """`x` (..., samples) through the filter, as long as before; 0 past each row's `lengths`."""
    if lengths is not None:
        own = torch.arange(x.shape[-1], device=x.device) < lengths.to(x.device)[..., None]
        x = torch.where(own, x, 0)
    rows = x.reshape(-1, 1, x.shape[-1])
    return torch.nn.functional.conv1d(rows, filter.to(x)[None, None], padding=TAPS // 2).view_as(x)

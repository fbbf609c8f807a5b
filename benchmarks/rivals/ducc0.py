# SPDX-License-Identifier: Apache-2.0
"""ducc0's real FFT on frames already cut and windowed, into memory that is kept."""

from __future__ import annotations

from collections.abc import Callable

import ducc0
import numpy as np

from ..inputs import Inputs
from . import Rival

VERSION = ducc0.__version__
_threads = 1


def set_num_threads(n: int) -> None:
    """It takes the number with each call."""
    global _threads
    _threads = n


def _fft(inputs: Inputs) -> Callable[[], np.ndarray]:
    frames, out = inputs.frames, np.empty_like(inputs.spectrum.swapaxes(-1, -2), order="C")
    flat = out.reshape(len(frames), -1)

    def fft() -> np.ndarray:
        ducc0.fft.r2c(frames, axes=(1,), out=flat, nthreads=_threads)
        return out.swapaxes(-1, -2)

    return fft


RIVALS = (Rival("ducc0", "ducc0 r2c, frames given", "fft", _fft),)

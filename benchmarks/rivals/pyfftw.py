# SPDX-License-Identifier: Apache-2.0
"""FFTW with a measured plan on frames already cut and windowed, into memory that is kept."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyfftw

from ..inputs import Inputs
from . import Rival

VERSION = pyfftw.__version__
_threads = 1


def set_num_threads(n: int) -> None:
    """A plan is made for a number of threads."""
    global _threads
    _threads = n


def _fft(inputs: Inputs) -> Callable[[], np.ndarray]:
    shape = inputs.spectrum.swapaxes(-1, -2).shape
    frames = pyfftw.empty_aligned(inputs.frames.shape, inputs.frames.dtype)
    out = pyfftw.empty_aligned((len(frames), shape[-1]), inputs.spectrum.dtype)
    plan = pyfftw.FFTW(frames, out, axes=(1,), flags=("FFTW_MEASURE",), threads=_threads)
    frames[:] = inputs.frames  # measuring overwrites its arrays

    def fft() -> np.ndarray:
        plan.execute()
        return out.reshape(shape).swapaxes(-1, -2)

    return fft


RIVALS = (Rival("pyfftw", "FFTW (FFTW_MEASURE), frames given", "fft", _fft),)

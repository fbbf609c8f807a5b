# SPDX-License-Identifier: Apache-2.0
"""SciPy's ShortTimeFFT, built once, on one worker, and its bare FFT."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import scipy
import scipy.fft
from scipy.signal import ShortTimeFFT

from .. import reference
from ..cases import Case
from ..inputs import Inputs
from . import Rival

VERSION = scipy.__version__


def set_num_threads(n: int) -> None:
    """ShortTimeFFT has no threads: SciPy's transforms run on one worker unless told otherwise."""


def _short_time_fft(case: Case) -> ShortTimeFFT:
    window = reference.window(case).astype(case.dtype)
    return ShortTimeFFT(window, case.hop_length, fs=1.0, phase_shift=None)


def _padded(inputs: Inputs) -> np.ndarray:
    half = inputs.case.n_fft // 2
    return np.pad(inputs.x, ((0, 0), (half, half)), mode="reflect")


def _forward(inputs: Inputs) -> Callable[[], np.ndarray]:
    """Slices 0 to frames, where slice 0 is centred on the first sample that is not padding."""
    case, transform = inputs.case, _short_time_fft(inputs.case)
    where = {"p0": 0, "p1": case.frames, "k_offset": case.n_fft // 2}
    return lambda: transform.stft(_padded(inputs), **where)


def _power(inputs: Inputs) -> Callable[[], np.ndarray]:
    case, transform = inputs.case, _short_time_fft(inputs.case)
    where = {"p0": 0, "p1": case.frames, "k_offset": case.n_fft // 2}
    return lambda: transform.spectrogram(_padded(inputs), **where)


def _inverse(inputs: Inputs) -> Callable[[], np.ndarray]:
    """From its own slices of the same signal: it begins some before the first sample."""
    transform, samples = _short_time_fft(inputs.case), inputs.case.samples
    spectrum = transform.stft(inputs.x)
    return lambda: transform.istft(spectrum, k1=samples)


def _fft(inputs: Inputs) -> Callable[[], np.ndarray]:
    """It takes no out=."""
    frames, shape = inputs.frames, inputs.spectrum.swapaxes(-1, -2).shape
    return lambda: scipy.fft.rfft(frames, workers=1).reshape(shape).swapaxes(-1, -2)


RIVALS = (
    Rival("scipy", "scipy.fft.rfft, frames given", "fft", _fft),
    Rival("scipy", "scipy ShortTimeFFT.stft", "stft", _forward),
    Rival("scipy", "scipy ShortTimeFFT.spectrogram", "power", _power),
    Rival("scipy", "scipy ShortTimeFFT.istft", "istft", _inverse),
)

# SPDX-License-Identifier: Apache-2.0
"""Every operation as a function of a batch, for the tests of what holds for all of them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

import lapped
from tests import signals

STFT = lapped.STFT(400, 160)
QUARTER = lapped.STFT(400, 100, pad_mode="constant")
BLUESTEIN = lapped.STFT(127, 50)
LARGE = lapped.STFT(4096, 1024, pad_mode="constant")
WHISPER = lapped.Compression("10", 1e-10, dynamic_range=8.0, scale=0.25, shift=4.0)
MEL = lapped.Mel(STFT, 16000, 40, compression=WHISPER)
MAGNITUDE_MEL = lapped.Mel(STFT, 16000, 40, power=1.0)

# operations on signals (rows, samples) and on spectra (rows, bins, frames)
OF_SIGNALS: dict[str, Callable] = {
    "stft": STFT,
    "stft_bluestein": BLUESTEIN,
    "stft_large": LARGE,
    "stft_tf": lapped.STFT(400, 160, layout="tf"),
    "magnitude": STFT.magnitude,
    "power": STFT.power,
    "mel": MEL,
    "mel_plain": MAGNITUDE_MEL,
}
OF_SPECTRA: dict[str, Callable] = {
    "inverse": lambda S, **k: STFT.inverse(turned(S), **k),
    "inverse_quarter": lambda S, **k: QUARTER.inverse(turned(S), **k),
    "griffin_lim": lapped.GriffinLim(STFT, 3),
    "griffin_lim_fast": lapped.GriffinLim(STFT, 3, method="fast"),
    "griffin_lim_quarter": lapped.GriffinLim(QUARTER, 3),
    "project": MEL.project,
    "mel_inverse": lambda S, **k: MAGNITUDE_MEL.inverse(MAGNITUDE_MEL.project(S), **k),
}
SYNTHESIS = {  # those that make signals, and their transforms
    "inverse": STFT,
    "inverse_quarter": QUARTER,
    "griffin_lim": STFT,
    "griffin_lim_fast": STFT,
    "griffin_lim_quarter": QUARTER,
}


def turned(S: object) -> object:
    """A complex spectrum with these magnitudes, in any library."""
    return S * (0.6 + 0.8j)


def bits(a: object) -> bytes:
    """The result's values as bytes, whatever its library or strides."""
    host = a.get() if hasattr(a, "get") else a.cpu() if hasattr(a, "cpu") else a
    return np.ascontiguousarray(np.asarray(host)).tobytes()


def batch_of_signals(dtype: np.dtype, rows: int = 5, n: int = 9001) -> np.ndarray:
    return np.stack([signals.noise(n, seed) for seed in range(rows)]).astype(dtype)


def batch_of_spectra(dtype: np.dtype, rows: int = 5, frames: int = 83) -> np.ndarray:
    return np.random.default_rng(0).random((rows, 201, frames)).astype(dtype)

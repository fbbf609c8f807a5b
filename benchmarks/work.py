# SPDX-License-Identifier: Apache-2.0
"""How much an operation has to do at least: arithmetic and traffic, whoever does it."""

from __future__ import annotations

from math import log2

import numpy as np

from .cases import GRIFFIN_LIM_ITERATIONS, N_MELS, Case

_FFTS_PER_FRAME = {  # real transforms; mel inversion has none
    "mel": 1,
    "power": 1,
    "stft": 1,
    "fft": 1,
    "istft": 1,
    "griffin_lim": 2 * GRIFFIN_LIM_ITERATIONS,
    "mel_inverse": 0,
}


def real_fft_flops(n_fft: int) -> float:
    """2.5 N log2 N, the customary count, whatever an algorithm really needs."""
    return 2.5 * n_fft * log2(n_fft)


def nominal_flops(op: str, case: Case) -> float:
    """Of the real transforms of one call; windows, filters and logarithms are not counted."""
    return _FFTS_PER_FRAME[op] * real_fft_flops(case.n_fft) * case.frames * case.batch


def bytes_moved(op: str, case: Case) -> int:
    """Input read once and result written once, by one call."""
    return sum(_bytes_in_and_out(op, case))


def bytes_read(op: str, case: Case) -> int:
    """The input of one call."""
    return _bytes_in_and_out(op, case)[0]


def _bytes_in_and_out(op: str, case: Case) -> tuple[int, int]:
    real = np.dtype(case.dtype).itemsize * case.batch
    signal = case.samples * real
    band_frames, bin_frames = N_MELS * case.frames * real, case.bins * case.frames * real
    return {
        "mel": (signal, band_frames),
        "power": (signal, bin_frames),
        "stft": (signal, 2 * bin_frames),
        "fft": (signal, 2 * bin_frames),
        "istft": (2 * bin_frames, signal),
        "griffin_lim": (bin_frames, signal),
        "mel_inverse": (band_frames, bin_frames),
    }[op]

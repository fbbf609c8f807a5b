# SPDX-License-Identifier: Apache-2.0
"""auvux-dsp: its transform objects, built once, on NumPy arrays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from auvux import dsp

from ..cases import FLOOR, N_MELS, Case
from ..inputs import Inputs
from . import Rival

VERSION = dsp.__version__
set_num_threads = dsp.set_num_threads


def _sizes(case: Case) -> dict[str, Any]:
    return {"sr": case.sample_rate, "n_fft": case.n_fft, "hop_length": case.hop_length}


def _complex(inputs: Inputs) -> Callable[[], np.ndarray]:
    stft, x = dsp.STFT(**_sizes(inputs.case), pad_mode="reflect"), inputs.x
    return lambda: stft(x)


def _power(inputs: Inputs) -> Callable[[], np.ndarray]:
    stft, x = dsp.STFT(**_sizes(inputs.case), pad_mode="reflect", output="power"), inputs.x
    return lambda: stft(x)


def _inverse(inputs: Inputs) -> Callable[[], np.ndarray]:
    istft, spectrum = dsp.ISTFT(**_sizes(inputs.case)), inputs.spectrum
    return lambda: istft(spectrum, length=inputs.case.samples)


def _log_mel(inputs: Inputs) -> Callable[[], np.ndarray]:
    """It knows decibels alone: the natural logarithm is NumPy's, in place."""
    mel, x = dsp.MelSpectrogram(**_sizes(inputs.case), pad_mode="reflect", n_mels=N_MELS), inputs.x

    def log_mel() -> np.ndarray:
        bands = mel(x)
        return np.log(np.maximum(bands, FLOOR, out=bands), out=bands)

    return log_mel


RIVALS = (
    Rival("auvux", "auvux STFT", "stft", _complex),
    Rival("auvux", "auvux STFT (power)", "power", _power),
    Rival("auvux", "auvux ISTFT", "istft", _inverse),
    Rival("auvux", "auvux MelSpectrogram, log", "mel", _log_mel),
)

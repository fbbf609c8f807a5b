# SPDX-License-Identifier: Apache-2.0
"""lapped on NumPy arrays: the values built once, every result fresh."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

import lapped
from lapped import _cpu
from lapped.cli.versions import LAPPED

from ..cases import (
    FLOOR,
    GRIFFIN_LIM_ITERATIONS,
    GRIFFIN_LIM_MOMENTUM,
    N_MELS,
    Case,
)
from ..inputs import Inputs
from . import Rival

VERSION = LAPPED
INSTRUCTION_SET = _cpu.isa()
set_num_threads = lapped.set_num_threads


def _stft(case: Case) -> lapped.STFT:
    return lapped.STFT(case.n_fft, case.hop_length)


def _complex(inputs: Inputs) -> Callable[[], np.ndarray]:
    stft, x = _stft(inputs.case), inputs.x
    return lambda: stft(x)


def _power(inputs: Inputs) -> Callable[[], np.ndarray]:
    stft, x = _stft(inputs.case), inputs.x
    return lambda: stft.power(x)


def _inverse(inputs: Inputs) -> Callable[[], np.ndarray]:
    stft, spectrum, samples = _stft(inputs.case), inputs.spectrum, inputs.case.samples
    return lambda: stft.inverse(spectrum, length=samples)


def _log_mel(inputs: Inputs) -> Callable[[], np.ndarray]:
    compression = lapped.Compression(base="e", floor=FLOOR)
    stft, rate = _stft(inputs.case), inputs.case.sample_rate
    mel, x = lapped.Mel(stft, rate, N_MELS, compression=compression), inputs.x
    return lambda: mel(x)


def _griffin_lim(inputs: Inputs) -> Callable[[], np.ndarray]:
    griffin_lim = lapped.GriffinLim(
        _stft(inputs.case),
        GRIFFIN_LIM_ITERATIONS,
        method="fast",
        momentum=GRIFFIN_LIM_MOMENTUM,
        init="zeros",
    )
    magnitude, samples = inputs.magnitude, inputs.case.samples
    return lambda: griffin_lim(magnitude, length=samples)


def _mel_inverse(inputs: Inputs) -> Callable[[], np.ndarray]:
    mel = lapped.Mel(_stft(inputs.case), inputs.case.sample_rate, N_MELS, power=1.0)
    bands = inputs.mel
    return lambda: mel.inverse(bands)


RIVALS = (
    Rival("lapped", "lapped", "stft", _complex),
    Rival("lapped", "lapped", "power", _power),
    Rival("lapped", "lapped", "fft", _complex),
    Rival("lapped", "lapped", "istft", _inverse),
    Rival("lapped", "lapped", "mel", _log_mel),
    Rival("lapped", "lapped", "griffin_lim", _griffin_lim),
    Rival("lapped", "lapped", "mel_inverse", _mel_inverse),
)

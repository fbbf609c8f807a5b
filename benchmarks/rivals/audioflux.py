# SPDX-License-Identifier: Apache-2.0
"""audioFlux: its C core through its Python classes. Frame lengths are powers of two.

Equal calls do not always give equal results; a run in which they are wrong does not time it.
"""

from __future__ import annotations

from collections.abc import Callable

import audioflux
import numpy as np
from audioflux.type import (
    SpectralDataType,
    SpectralFilterBankNormalType,
    SpectralFilterBankScaleType,
    WindowType,
)

from .. import reference
from ..cases import FLOOR, N_MELS, Case
from ..inputs import Inputs
from . import Rival, only

VERSION = audioflux.__version__


def set_num_threads(n: int) -> None:
    """It has one."""


def _exponent(case: Case) -> int:
    only(case.n_fft & (case.n_fft - 1) == 0, "frame lengths are powers of two")
    only(case.dtype == "float32", "computes in float32")
    return case.n_fft.bit_length() - 1


def _stft(case: Case) -> audioflux.STFT:
    stft = audioflux.STFT(_exponent(case), WindowType.HANN, case.hop_length)
    stft.use_window_data_arr(reference.window(case).astype(np.float32))
    return stft


def _padded(inputs: Inputs) -> np.ndarray:
    """Its own padding knows no reflection."""
    half = inputs.case.n_fft // 2
    return np.pad(inputs.x, ((0, 0), (half, half)), mode="reflect")


def _complex(inputs: Inputs) -> Callable[[], np.ndarray]:
    stft = _stft(inputs.case)
    return lambda: stft.stft(_padded(inputs))


def _inverse(inputs: Inputs) -> Callable[[], np.ndarray]:
    case, stft, spectrum = inputs.case, _stft(inputs.case), inputs.spectrum
    only((case.samples % case.hop_length) == 0, "its inverse ends with a whole hop")
    half = case.n_fft // 2
    return lambda: stft.istft(spectrum)[..., half : half + case.samples]


def _bft(case: Case, bands: int, **scale: object) -> audioflux.BFT:
    return audioflux.BFT(
        bands,
        _exponent(case),
        case.sample_rate,
        low_fre=0.0,
        window_type=WindowType.HANN,
        slide_length=case.hop_length,
        data_type=SpectralDataType.POWER,
        **scale,
    )


def _power(inputs: Inputs) -> Callable[[], np.ndarray]:
    linear = _bft(inputs.case, inputs.case.bins, scale_type=SpectralFilterBankScaleType.LINEAR)
    return lambda: linear.bft(_padded(inputs), result_type=1)


def _log_mel(inputs: Inputs) -> Callable[[], np.ndarray]:
    mel = _bft(
        inputs.case,
        N_MELS,
        high_fre=inputs.case.sample_rate / 2,
        scale_type=SpectralFilterBankScaleType.MEL,
        normal_type=SpectralFilterBankNormalType.BAND_WIDTH,
    )
    return lambda: np.log(np.maximum(mel.bft(_padded(inputs), result_type=1), FLOOR))


def _expected_log_mel(inputs: Inputs) -> np.ndarray:
    return reference.log_mel(inputs.x, inputs.case, scale="htk")


RIVALS = (
    Rival("audioflux", "audioFlux STFT", "stft", _complex),
    Rival("audioflux", "audioFlux BFT (power)", "power", _power),
    Rival("audioflux", "audioFlux STFT.istft", "istft", _inverse),
    Rival("audioflux", "audioFlux BFT (HTK mel), log", "mel", _log_mel, _expected_log_mel),
)

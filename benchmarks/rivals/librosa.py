# SPDX-License-Identifier: Apache-2.0
"""librosa: its documented functions. They build their windows and filters anew in each call."""

from __future__ import annotations

from collections.abc import Callable

import librosa
import numpy as np
from threadpoolctl import threadpool_limits

from ..cases import FLOOR, GRIFFIN_LIM_ITERATIONS, GRIFFIN_LIM_MOMENTUM, N_MELS
from ..inputs import Inputs
from . import Rival

VERSION = librosa.__version__


def set_num_threads(n: int) -> None:
    """Its matrix products run in BLAS, which has threads of its own."""
    threadpool_limits(n)


def _forward(inputs: Inputs) -> Callable[[], np.ndarray]:
    x, n_fft, hop_length = inputs.x, inputs.case.n_fft, inputs.case.hop_length
    return lambda: librosa.stft(x, n_fft=n_fft, hop_length=hop_length, pad_mode="reflect")


def _power(inputs: Inputs) -> Callable[[], np.ndarray]:
    stft = _forward(inputs)
    return lambda: np.abs(stft()) ** 2


def _inverse(inputs: Inputs) -> Callable[[], np.ndarray]:
    spectrum, hop_length, samples = inputs.spectrum, inputs.case.hop_length, inputs.case.samples
    return lambda: librosa.istft(spectrum, hop_length=hop_length, length=samples)


def _log_mel(inputs: Inputs) -> Callable[[], np.ndarray]:
    case, x = inputs.case, inputs.x

    def log_mel() -> np.ndarray:
        bands = librosa.feature.melspectrogram(
            y=x,
            sr=case.sample_rate,
            n_fft=case.n_fft,
            hop_length=case.hop_length,
            n_mels=N_MELS,
            pad_mode="reflect",
        )
        return np.log(np.maximum(bands, FLOOR))

    return log_mel


def _griffin_lim(inputs: Inputs) -> Callable[[], np.ndarray]:
    case, magnitude = inputs.case, inputs.magnitude
    return lambda: librosa.griffinlim(
        magnitude,
        n_iter=GRIFFIN_LIM_ITERATIONS,
        hop_length=case.hop_length,
        momentum=GRIFFIN_LIM_MOMENTUM,
        init=None,
        length=case.samples,
        pad_mode="reflect",
    )


def _mel_inverse(inputs: Inputs) -> Callable[[], np.ndarray]:
    case, bands = inputs.case, inputs.mel
    return lambda: librosa.feature.inverse.mel_to_stft(
        bands, sr=case.sample_rate, n_fft=case.n_fft, power=1.0
    )


RIVALS = (
    Rival("librosa", "librosa.stft", "stft", _forward),
    Rival("librosa", "librosa |stft| ** 2", "power", _power),
    Rival("librosa", "librosa.istft", "istft", _inverse),
    Rival("librosa", "librosa melspectrogram, log", "mel", _log_mel),
    Rival("librosa", "librosa.griffinlim", "griffin_lim", _griffin_lim),
    Rival("librosa", "librosa mel_to_stft (NNLS)", "mel_inverse", _mel_inverse),
)

# SPDX-License-Identifier: Apache-2.0
"""transformers.audio_utils: what its NumPy feature extractors call, one row at a time."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import numpy as np

from .. import reference
from ..cases import FLOOR, N_MELS
from ..inputs import Inputs
from . import Rival, only

with suppress(ImportError):  # transformers imports it where it is installed, so it has to load
    from . import torchaudio  # noqa: F401

import transformers
from transformers.audio_utils import mel_filter_bank, spectrogram

VERSION = transformers.__version__


def set_num_threads(n: int) -> None:
    """A loop over frames in Python."""


def _spectrogram(inputs: Inputs, **options: object) -> Callable[[], np.ndarray]:
    case, x, window = inputs.case, inputs.x, reference.window(inputs.case)
    only(case.dtype == "float32", "rounds to complex64")
    return lambda: np.stack(
        [spectrogram(row, window, case.n_fft, case.hop_length, **options) for row in x]
    )


def _complex(inputs: Inputs) -> Callable[[], np.ndarray]:
    return _spectrogram(inputs, power=None)


def _power(inputs: Inputs) -> Callable[[], np.ndarray]:
    return _spectrogram(inputs, power=2.0)


def _log_mel(inputs: Inputs) -> Callable[[], np.ndarray]:
    bins, rate = inputs.case.bins, inputs.case.sample_rate
    filters = mel_filter_bank(bins, N_MELS, 0.0, rate / 2, rate, norm="slaney", mel_scale="slaney")
    return _spectrogram(inputs, power=2.0, mel_filters=filters, mel_floor=FLOOR, log_mel="log")


RIVALS = (
    Rival("transformers", "transformers spectrogram (complex)", "stft", _complex),
    Rival("transformers", "transformers spectrogram (power)", "power", _power),
    Rival("transformers", "transformers spectrogram (log-mel)", "mel", _log_mel),
)

# SPDX-License-Identifier: Apache-2.0
"""kaldi-native-fbank with its options set to what everybody else computes, one row at a time.

Its Python binding takes lists of numbers fastest, so it is given lists, the fbank's already padded;
spectra stay in its own result object, whose conversion to an array would double the time.
"""

from __future__ import annotations

from collections.abc import Callable

import kaldi_native_fbank as knf
import numpy as np

from ..cases import FLOOR, N_MELS, Case
from ..inputs import Inputs
from . import Rival, only

VERSION = knf.__version__


def set_num_threads(n: int) -> None:
    """It has one."""


class _Spectra:
    """Results of its Stft; numpy.asarray makes the array."""

    def __init__(self, results: list[knf.StftResult]) -> None:
        self._results = results

    def __array__(self, dtype: object = None, copy: object = None) -> np.ndarray:
        return np.stack([self._bins_by_frames(result) for result in self._results])

    @staticmethod
    def _bins_by_frames(result: knf.StftResult) -> np.ndarray:
        parts = np.array([result.real, result.imag], np.float32).reshape(2, result.num_frames, -1)
        return (parts[0] + 1j * parts[1]).T


def _config(case: Case) -> knf.StftConfig:
    only(case.dtype == "float32", "computes in float32")
    only(case.n_fft % 2 == 0, "frame lengths are even")
    return knf.StftConfig(
        case.n_fft, case.hop_length, case.n_fft, "hann", center=True, pad_mode="reflect"
    )


def _complex(inputs: Inputs) -> Callable[[], _Spectra]:
    stft, rows = knf.Stft(_config(inputs.case)), inputs.x.tolist()
    return lambda: _Spectra([stft(row) for row in rows])


def _inverse(inputs: Inputs) -> Callable[[], np.ndarray]:
    case, istft = inputs.case, knf.IStft(_config(inputs.case))
    only(case.samples % case.hop_length == 0, "its inverse ends with a whole hop")
    by_frames = inputs.spectrum.swapaxes(-1, -2).reshape(case.batch, -1)
    spectra = [
        knf.StftResult(row.real.tolist(), row.imag.tolist(), case.frames) for row in by_frames
    ]
    return lambda: [istft(spectrum) for spectrum in spectra]


def _fbank_options(case: Case) -> knf.FbankOptions:
    only(case.dtype == "float32", "computes in float32")
    options = knf.FbankOptions()
    frames, bands = options.frame_opts, options.mel_opts
    frames.samp_freq = case.sample_rate
    frames.frame_length_ms = 1000 * case.n_fft / case.sample_rate
    frames.frame_shift_ms = 1000 * case.hop_length / case.sample_rate
    frames.window_type = "hann"
    frames.dither = frames.preemph_coeff = 0.0
    frames.remove_dc_offset = frames.round_to_power_of_two = False
    bands.num_bins = N_MELS
    bands.low_freq = bands.high_freq = 0.0
    bands.is_librosa = True
    options.eps = FLOOR
    return options


def _log_mel(inputs: Inputs) -> Callable[[], np.ndarray]:
    case, options = inputs.case, _fbank_options(inputs.case)
    half = case.n_fft // 2
    rows = np.pad(inputs.x, ((0, 0), (half, half)), mode="reflect").tolist()

    def log_mel() -> np.ndarray:
        return np.stack([_frames_of(options, case.sample_rate, row) for row in rows])

    return lambda: log_mel().swapaxes(-1, -2)


def _frames_of(options: knf.FbankOptions, sample_rate: int, row: list[float]) -> np.ndarray:
    fbank = knf.OnlineFbank(options)
    fbank.accept_waveform(sample_rate, row)
    fbank.input_finished()
    return np.stack([fbank.get_frame(t) for t in range(fbank.num_frames_ready)])


RIVALS = (
    Rival("kaldi_native_fbank", "kaldi-native-fbank Stft", "stft", _complex),
    Rival("kaldi_native_fbank", "kaldi-native-fbank IStft", "istft", _inverse),
    Rival("kaldi_native_fbank", "kaldi-native-fbank OnlineFbank", "mel", _log_mel),
)

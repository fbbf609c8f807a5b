# SPDX-License-Identifier: Apache-2.0
"""nnAudio: transforms as convolutions, built once, in inference mode."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import version

import torch
from nnAudio import features

from ..cases import FLOOR, N_MELS
from ..inputs import Inputs
from . import Rival, only

VERSION = version("nnAudio")
set_num_threads = torch.set_num_threads
_inference = torch.inference_mode()


def _stft(inputs: Inputs, output: str, **options: bool) -> features.STFT:
    case = inputs.case
    only(case.dtype == "float32", "its kernels are float32")
    return features.STFT(
        n_fft=case.n_fft,
        hop_length=case.hop_length,
        sr=case.sample_rate,
        output_format=output,
        verbose=False,
        **options,
    )


def _complex(inputs: Inputs) -> Callable[[], torch.Tensor]:
    """Real and imaginary parts in a last axis of two: the complex array is a view of it."""
    x = torch.as_tensor(inputs.x)
    stft = _stft(inputs, "Complex").to(x.device)
    return _inference(lambda: torch.view_as_complex(stft(x)))


def _power(inputs: Inputs) -> Callable[[], torch.Tensor]:
    x = torch.as_tensor(inputs.x)
    stft = _stft(inputs, "Magnitude").to(x.device)
    return _inference(lambda: stft(x).square_())


def _inverse(inputs: Inputs) -> Callable[[], torch.Tensor]:
    spectrum = torch.view_as_real(torch.as_tensor(inputs.spectrum))
    stft, samples = _stft(inputs, "Complex", iSTFT=True).to(spectrum.device), inputs.case.samples
    return _inference(lambda: stft.inverse(spectrum, onesided=True, length=samples))


def _log_mel(inputs: Inputs) -> Callable[[], torch.Tensor]:
    case, x = inputs.case, torch.as_tensor(inputs.x)
    only(case.dtype == "float32", "its kernels are float32")
    mel = features.MelSpectrogram(
        sr=case.sample_rate,
        n_fft=case.n_fft,
        hop_length=case.hop_length,
        n_mels=N_MELS,
        verbose=False,
    ).to(x.device)
    return _inference(lambda: mel(x).clamp_(min=FLOOR).log_())


RIVALS = (
    Rival("nnaudio", "nnAudio STFT", "stft", _complex),
    Rival("nnaudio", "nnAudio STFT ** 2", "power", _power),
    Rival("nnaudio", "nnAudio iSTFT", "istft", _inverse),
    Rival("nnaudio", "nnAudio MelSpectrogram, log", "mel", _log_mel),
)

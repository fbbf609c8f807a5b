# SPDX-License-Identifier: Apache-2.0
"""torch: its own transforms in inference mode, fed the frame-major memory it works in."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from .. import reference
from ..cases import FLOOR, Case
from ..inputs import Inputs
from . import Rival

VERSION = torch.__version__
set_num_threads = torch.set_num_threads
_inference = torch.inference_mode()


def frame_major(array: np.ndarray | torch.Tensor) -> torch.Tensor:
    """Batch x bins x frames with bins next to each other in memory, as torch.stft leaves them."""
    return torch.as_tensor(array).transpose(-1, -2).contiguous().transpose(-1, -2)


def precision(case: Case) -> torch.dtype:
    return getattr(torch, case.dtype)


def window(case: Case, beside: torch.Tensor) -> torch.Tensor:
    """On the device of `beside`."""
    return torch.hann_window(case.n_fft, dtype=precision(case), device=beside.device)


def mel_filters(case: Case, beside: torch.Tensor) -> torch.Tensor:
    """On the device of `beside`."""
    return torch.from_numpy(reference.mel_filters(case)).to(beside.device, precision(case))


def _forward(inputs: Inputs) -> Callable[[], torch.Tensor]:
    case, x = inputs.case, torch.as_tensor(inputs.x)
    hann = window(case, x)
    return lambda: torch.stft(x, case.n_fft, case.hop_length, window=hann, return_complex=True)


def _complex(inputs: Inputs) -> Callable[[], torch.Tensor]:
    return _inference(_forward(inputs))


def _contiguous(inputs: Inputs) -> Callable[[], torch.Tensor]:
    stft = _forward(inputs)
    return _inference(lambda: stft().contiguous())


def _fft(inputs: Inputs) -> Callable[[], torch.Tensor]:
    """MKL, where torch is built with it. With out= it takes longer."""
    frames, shape = torch.as_tensor(inputs.frames), inputs.spectrum.swapaxes(-1, -2).shape
    return _inference(lambda: torch.fft.rfft(frames).view(shape).transpose(-1, -2))


def _power(inputs: Inputs) -> Callable[[], torch.Tensor]:
    stft = _forward(inputs)
    return _inference(lambda: stft().abs().square_())


def _log_mel(inputs: Inputs) -> Callable[[], torch.Tensor]:
    """As speech models write it by hand: the dense filters times |stft|^2."""
    stft = _forward(inputs)
    filters = mel_filters(inputs.case, torch.as_tensor(inputs.x))
    return _inference(lambda: (filters @ stft().abs().square_()).clamp_(min=FLOOR).log_())


def _inverse(inputs: Inputs) -> Callable[[], torch.Tensor]:
    case, spectrum = inputs.case, frame_major(inputs.spectrum)
    hann = window(case, spectrum)
    return _inference(
        lambda: torch.istft(spectrum, case.n_fft, case.hop_length, window=hann, length=case.samples)
    )


RIVALS = (
    Rival("torch", "torch.stft", "stft", _complex),
    Rival("torch", "torch.stft().contiguous()", "stft", _contiguous),
    Rival("torch", "torch.fft.rfft, frames given", "fft", _fft),
    Rival("torch", "torch.stft().abs() ** 2", "power", _power),
    Rival("torch", "torch.istft", "istft", _inverse),
    Rival("torch", "torch filters @ |stft| ** 2, log", "mel", _log_mel),
)

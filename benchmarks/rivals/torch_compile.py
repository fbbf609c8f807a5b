# SPDX-License-Identifier: Apache-2.0
"""torch.compile of the log-mel that speech models write by hand; each size compiles for a while.

It generates no code for complex tensors: the transforms stay torch's, the rest is fused.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable

import torch

from ..cases import FLOOR
from ..inputs import Inputs
from . import Rival
from .torch import mel_filters, window

VERSION = torch.__version__
set_num_threads = torch.set_num_threads


def _log_mel(inputs: Inputs) -> Callable[[], torch.Tensor]:
    case, x = inputs.case, torch.as_tensor(inputs.x)
    hann, filters = window(case, x), mel_filters(case, x)

    def log_mel(x: torch.Tensor) -> torch.Tensor:
        spectrum = torch.stft(x, case.n_fft, case.hop_length, window=hann, return_complex=True)
        return (filters @ spectrum.abs().square()).clamp(min=FLOOR).log()

    compiled = torch.inference_mode()(torch.compile(log_mel))
    with warnings.catch_warnings():  # that complex tensors stay as they are
        warnings.simplefilter("ignore")
        compiled(x)
    return lambda: compiled(x)


RIVALS = (Rival("torch_compile", "torch.compile of filters @ |stft| ** 2, log", "mel", _log_mel),)

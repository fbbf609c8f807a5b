# SPDX-License-Identifier: Apache-2.0
"""torch.compile of power and of Griffin-Lim's step, beside log-mel in rivals/torch_compile.py."""

from __future__ import annotations

from collections.abc import Callable

import torch

from ..cases import GRIFFIN_LIM_ITERATIONS, GRIFFIN_LIM_MOMENTUM
from ..inputs import Inputs
from ..rivals import Rival
from ..rivals.torch import frame_major, window

_inference = torch.inference_mode()
_WEIGHT = GRIFFIN_LIM_MOMENTUM / (1 + GRIFFIN_LIM_MOMENTUM)


def _power(inputs: Inputs) -> Callable[[], torch.Tensor]:
    case, x = inputs.case, torch.as_tensor(inputs.x)
    hann = window(case, x)

    def power(x: torch.Tensor) -> torch.Tensor:
        spectrum = torch.stft(x, case.n_fft, case.hop_length, window=hann, return_complex=True)
        return spectrum.abs().square()

    compiled = torch.compile(power)
    return _inference(lambda: compiled(x))


def _griffin_lim(inputs: Inputs) -> Callable[[], torch.Tensor]:
    case, magnitude = inputs.case, frame_major(inputs.magnitude)
    n_fft, hop, hann = case.n_fft, case.hop_length, window(inputs.case, magnitude)

    def to_signal(spectrum: torch.Tensor) -> torch.Tensor:
        return torch.istft(spectrum, n_fft, hop, window=hann, length=case.samples)

    def step(spectrum: torch.Tensor, previous: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        signal = to_signal(spectrum)
        rebuilt = torch.stft(signal, n_fft, hop, window=hann, return_complex=True)
        angles = rebuilt - _WEIGHT * previous
        return magnitude * angles / (angles.abs() + 1e-16), rebuilt

    compiled = torch.compile(step)

    def griffin_lim() -> torch.Tensor:
        spectrum = torch.complex(magnitude, torch.zeros_like(magnitude))
        previous = torch.zeros_like(spectrum)
        for _ in range(GRIFFIN_LIM_ITERATIONS):
            spectrum, previous = compiled(spectrum, previous)
        return to_signal(spectrum)

    return _inference(griffin_lim)


RIVALS = (
    Rival("torch_compile", "torch.compile of |stft| ** 2", "power", _power),
    Rival("torch_compile", "torch.compile of a Griffin-Lim step", "griffin_lim", _griffin_lim),
)

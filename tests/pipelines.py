# SPDX-License-Identifier: Apache-2.0
"""Pipelines around toy models, for the tests of pipelines."""

from __future__ import annotations

import numpy as np
import pytest

import lapped
from tests.signals import noise

torch = pytest.importorskip("torch")

from lapped.pipelines import PhaseReconstruction, PhaseReuse, Waveform  # noqa: E402

SAMPLES, LENGTHS = 2000, [2000, 1203, 640, 0]
LAYOUTS = ["ft", "tf"]


def stft_of(layout: str = "ft") -> lapped.STFT:
    return lapped.STFT(256, 64, layout=layout)


def mel_of(layout: str = "ft", compression: str | None = None, **options: object) -> lapped.Mel:
    kinds = {
        None: None,
        "e": lapped.Compression("e", floor=1e-7),
        "db": lapped.Compression("db", floor=1e-8, scale=0.25, shift=3),
        "log1p": lapped.Compression("log1p"),
        "add": lapped.Compression("10", floor=1e-6, floor_mode="add"),
    }
    return lapped.Mel(stft_of(layout), 16000, 20, compression=kinds[compression], **options)


def batch(dtype: torch.dtype = torch.float32) -> torch.Tensor:
    return torch.from_numpy(np.stack([noise(SAMPLES, seed) for seed in range(3)])).to(dtype)


class Neighbours(torch.nn.Module):
    """A convolution over time with a bias: what it returns at an end depends on what follows."""

    def __init__(self, channels: int, layout: str = "ft") -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layout = layout
        self.convolution = torch.nn.Conv1d(channels, channels, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.convolution(x if self.layout == "ft" else x.mT).abs()
        return y if self.layout == "ft" else y.mT


class Shift(torch.nn.Module):
    """Adds 1 to what it is given, or to a copy of it."""

    def __init__(self, in_place: bool) -> None:
        super().__init__()
        self.in_place = in_place

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.add_(1) if self.in_place else x + 1


class Enlarge(torch.nn.Module):
    """A toy vocoder: 64 samples a frame out of the first feature; (batch, 1, samples)."""

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return features[:, :1].repeat_interleave(64, -1)


def neighbourly(kind: str) -> torch.nn.Module:
    """A pipeline whose model looks at its neighbours in time."""
    name, layout = kind.split()
    if name == "waveform":
        return Waveform(Neighbours(1), sample_rate=1000, chunk=0.5, overlap=0.1, channel_axis=True)
    if name == "mask":
        return PhaseReuse(Neighbours(129, layout), stft_of(layout), combine="mask")
    if name == "magnitude":
        return PhaseReuse(Neighbours(129, layout), stft_of(layout))
    if name == "mel":
        return PhaseReuse(Neighbours(20, layout), mel_of(layout, "e"), combine="magnitude")
    if name == "griffin-lim":
        return PhaseReconstruction(Neighbours(129, layout), stft_of(layout), n_iter=3)
    return PhaseReconstruction(Neighbours(20), mel_of(), Enlarge())


KINDS = [
    *(
        f"{name} {layout}"
        for name in ("mask", "magnitude", "mel", "griffin-lim")
        for layout in LAYOUTS
    ),
    "vocoder ft",
    "waveform ft",
]

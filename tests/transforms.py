# SPDX-License-Identifier: Apache-2.0
"""What the tests of lapped.nn share: both libraries' modules with the same buffers, signals."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest

torch = pytest.importorskip("torch")

import lapped.nn as T  # noqa: E402, N812

BUFFERS = {"float32": 2e-6, "float64": 1e-12}  # relative, where both hold the same buffers
BANKS = 2e-5  # relative: torchaudio computes its filters in float32

# One of each, and the arguments that make it.
KINDS = {
    "Spectrogram": {},
    "InverseSpectrogram": {},
    "MelScale": {},
    "InverseMelScale": {"n_stft": 201, "n_mels": 64},
    "MelSpectrogram": {},
    "MFCC": {},
    "LFCC": {},
    "AmplitudeToDB": {"top_db": 80.0},
    "GriffinLim": {"n_iter": 2},
    "TimeStretch": {"fixed_rate": 1.3},
}


def waves(*shape: int, dtype: Any = torch.float64) -> torch.Tensor:
    """Noise."""
    return torch.randn(*shape, dtype=dtype, generator=torch.Generator().manual_seed(0))


def given(name: str, dtype: Any = torch.float64, batch: tuple[int, ...] = (2,)) -> torch.Tensor:
    """What a module of `KINDS` is called with."""
    if name in ("Spectrogram", "MelSpectrogram", "MFCC", "LFCC"):
        return waves(*batch, 1500, dtype=dtype)
    if name in ("InverseSpectrogram", "TimeStretch"):
        parts = waves(*batch, 201, 9, dtype=dtype), waves(*batch, 201, 9, dtype=dtype).flip(-1)
        return torch.complex(*parts)
    return waves(*batch, 64 if name == "InverseMelScale" else 201, 9, dtype=dtype) ** 2


def made(name: str, **options: Any) -> torch.nn.Module:
    """A module of `KINDS`."""
    return getattr(T, name)(**{**KINDS[name], **options})


def pair(
    torchaudio: ModuleType, name: str, dtype: Any, *, load: bool = True, **options: Any
) -> tuple[torch.nn.Module, torch.nn.Module]:
    """Our module and torchaudio's with the same options, ours with their buffers if `load`."""
    switches = {k: options.pop(k) for k in ("peak", "frequencies", "solver") if k in options}
    theirs = getattr(torchaudio.transforms, name)(**options).to(dtype)
    ours = getattr(T, name)(**options, **switches).to(dtype)
    if load:
        ours.load_state_dict(theirs.state_dict(), strict=True)
    return ours, theirs


def assert_alike(ours: torch.Tensor, theirs: torch.Tensor, limit: float) -> None:
    """Same shape and dtype, within a relative L2 distance of `limit`."""
    assert ours.shape == theirs.shape
    assert ours.dtype == theirs.dtype
    distance = float(torch.linalg.vector_norm((ours - theirs).detach()))
    assert distance <= limit * float(torch.linalg.vector_norm(theirs))

# SPDX-License-Identifier: Apache-2.0
"""Inputs on a device, under the names of benchmarks/inputs.py: what rivals build from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import cycle
from types import ModuleType
from typing import Any

import numpy as np

from .. import reference
from ..cases import Case
from ..inputs import Inputs
from ..work import bytes_read
from .device import on_host

_FEWEST, _MOST = 2, 16  # sets of inputs that calls take in turn


@dataclass(frozen=True, eq=False)
class Given:
    """Inputs that are there already."""

    case: Case
    x: Any
    spectrum: Any
    magnitude: Any
    mel: Any


class Moved:
    """The arrays of other inputs, each put elsewhere when it is first asked for."""

    def __init__(self, inputs: Any, put: Callable[[Any], Any]) -> None:
        self.case, self._inputs, self._put = inputs.case, inputs, put

    def __getattr__(self, name: str) -> Any:
        moved = self._put(getattr(self._inputs, name))
        setattr(self, name, moved)
        return moved


class Drawn:
    """A batch drawn on the device: one voice, shifted, scaled and over noise of its own per row."""

    def __init__(self, torch: ModuleType, case: Case, seed: int, device: str = "cuda") -> None:
        self.case, self._torch, self._device = case, torch, device
        self._seed = seed

    @cached_property
    def x(self) -> Any:
        torch, case = self._torch, self.case
        random = torch.Generator(self._device).manual_seed(self._seed)
        shape = (case.batch, case.samples)
        x = 0.01 * torch.randn(shape, generator=random, device=self._device, dtype=self._dtype)
        voice = torch.from_numpy(Inputs(replace(case, batch=1)).x[0]).to(self._device)
        shifts = np.random.default_rng(self._seed).integers(case.samples, size=case.batch)
        for row, shift in enumerate(shifts):
            x[row] += (1 - 0.5 * row / case.batch) * voice.roll(int(shift))
        return x

    @cached_property
    def spectrum(self) -> Any:
        torch, case = self._torch, self.case
        window = torch.hann_window(case.n_fft, dtype=self._dtype, device=self._device)
        spectrum = torch.stft(
            self.x, case.n_fft, case.hop_length, window=window, return_complex=True
        )
        return spectrum.contiguous()

    @cached_property
    def magnitude(self) -> Any:
        return self.spectrum.abs()

    @cached_property
    def mel(self) -> Any:
        filters = self._torch.from_numpy(reference.mel_filters(self.case))
        return filters.to(self._device, self._dtype) @ self.magnitude

    def last_row(self) -> Given:
        """On the host, with a batch of one."""
        arrays = (self.x, self.spectrum, self.magnitude, self.mel)
        return Given(replace(self.case, batch=1), *(on_host(array[-1:]) for array in arrays))

    @property
    def _dtype(self) -> Any:
        return getattr(self._torch, self.case.dtype)


def sets_needed(op: str, case: Case, cache_bytes: int) -> int:
    """Sets of inputs that together are at least twice the last cache, but not too many."""
    return min(max(-(-2 * cache_bytes // bytes_read(op, case)), _FEWEST), _MOST)


def in_turn(calls: list[Callable[[], Any]]) -> Callable[[], Any]:
    """One call that does each of `calls`, one after the other, again and again."""
    turns = cycle(calls)
    return lambda: next(turns)()

# SPDX-License-Identifier: Apache-2.0
"""What each operation is given, the same for every library: the case's precision, batch first."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from . import reference
from .cases import Case


@dataclass(frozen=True)
class Inputs:
    """The input arrays of one case, each made when it is first asked for."""

    case: Case

    @cached_property
    def x(self) -> np.ndarray:
        """(batch, samples): a gliding voice of twenty harmonics over noise."""
        voices = np.stack([_voice(self.case, row) for row in range(self.case.batch)])
        return voices.astype(self.case.dtype)

    @cached_property
    def spectrum(self) -> np.ndarray:
        """(batch, bins, frames) complex, the rounded transform of `x`."""
        precision = np.result_type(self.case.dtype, np.complex64)
        return np.ascontiguousarray(reference.stft(self.x, self.case), precision)

    @cached_property
    def frames(self) -> np.ndarray:
        """(batch * frames, n_fft): cut and windowed, for libraries that only transform."""
        return (
            reference.windowed_frames(self.x, self.case)
            .reshape(-1, self.case.n_fft)
            .astype(self.case.dtype)
        )

    @cached_property
    def magnitude(self) -> np.ndarray:
        """(batch, bins, frames)."""
        return np.abs(self.spectrum)

    @cached_property
    def mel(self) -> np.ndarray:
        """(batch, bands, frames): the magnitude in mel bands, not compressed."""
        return (reference.mel_filters(self.case) @ self.magnitude).astype(self.case.dtype)

    def first_second(self) -> Inputs:
        return Inputs(replace(self.case, seconds=min(1.0, self.case.seconds), batch=1))


def _voice(case: Case, row: int) -> np.ndarray:
    rng = np.random.default_rng(row)
    time = np.arange(case.samples) / case.sample_rate
    pitch = (110 + 15 * row) * 2 ** (0.5 * np.sin(2 * np.pi * 0.4 * time))
    phase = 2 * np.pi * np.cumsum(pitch) / case.sample_rate
    loudness = 0.1 + 0.05 * np.sin(2 * np.pi * 3 * time)
    voice = sum(np.cos(k * phase + rng.uniform(0, 2 * np.pi)) / k for k in range(1, 21))
    return loudness * voice + 0.01 * rng.standard_normal(case.samples)

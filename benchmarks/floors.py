# SPDX-License-Identifier: Apache-2.0
"""What this machine can do at most with the instruction set in use, measured in the same run.

Arithmetic in registers, copies in each level of memory, and lapped's own real FFT of frames that
stay in cache. All take turns like the libraries do, so that shares of the peak hold on a machine
whose speed drifts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from . import neighbours
from .cases import MAIN
from .measure import CLOCKS, Effort, alike, interleaved
from .work import real_fft_flops

PRECISIONS = ("float32", "float64")
EFFORT = Effort(seconds=0.1, fewest=5, most=31)
_TYPICAL_CACHES = {"L1": 32 * 2**10, "L2": 2**20, "L3": 32 * 2**20}
_SHARED = 8 * 2**20  # bytes; who asks for more of a shared cache may not get it
_BEYOND_CACHES = 2**28


@dataclass(frozen=True)
class Copy:
    """Bytes read and written in a second by copying, `footprint` bytes in all."""

    level: str
    footprint: int
    bytes_per_second: float


@dataclass(frozen=True)
class Transform:
    """A real FFT of frames in cache: its stages alone, and with the untangling into bins."""

    n_fft: int
    dtype: str
    ns_per_frame: float
    ns_per_frame_with_bins: float
    share_of_peak: float
    share_of_peak_with_bins: float


@dataclass(frozen=True)
class Floors:
    """Floating-point operations a second by precision, copies by level, transforms by length."""

    multiply_add: dict[str, float]
    copies: tuple[Copy, ...]
    transforms: tuple[Transform, ...]


def measure(caches: dict[str, int], effort: Effort = EFFORT) -> Floors:
    """Needs lapped's compiled module."""
    footprints = copied_bytes(caches)
    calls = dict(_arithmetic()) | dict(_copies(footprints)) | dict(_transforms())
    done = {name: call() for name, call in calls.items()}
    probe = neighbours.arithmetic()
    samples = interleaved(calls, effort, CLOCKS["process CPU time"], probe)
    timings = dict(zip(samples, alike(*samples.values()), strict=True))
    rates = {name: 1e9 * done[name] / timings[name].median for name in calls}
    return _floors(rates, footprints)


def copied_bytes(caches: dict[str, int]) -> dict[str, int]:
    """Half of each cache for source and destination together, then far more than all caches."""
    halves = {level: min(size // 2, _SHARED) for level, size in (caches or _TYPICAL_CACHES).items()}
    return {**halves, "DRAM": _BEYOND_CACHES}


def _floors(rates: dict[Any, float], footprints: dict[str, int]) -> Floors:
    peaks = {dtype: rates["multiply-add", dtype] for dtype in PRECISIONS}
    copies = [Copy(level, size, rates["copy", level]) for level, size in footprints.items()]
    transforms = []
    for n_fft, dtype in _lengths():
        frames = [rates["transform", n_fft, dtype, bins] for bins in (False, True)]
        shares = [real_fft_flops(n_fft) * rate / peaks[dtype] for rate in frames]
        transforms.append(Transform(n_fft, dtype, *(1e9 / rate for rate in frames), *shares))
    return Floors(peaks, tuple(copies), tuple(transforms))


Named = tuple[Any, Callable[[], float]]  # what it is, and a call that returns how much it did


def _arithmetic() -> list[Named]:
    return [
        (("multiply-add", dtype), _about_a_millisecond(probes().multiply_add, np.empty(0, dtype)))
        for dtype in PRECISIONS
    ]


def _copies(footprints: dict[str, int]) -> list[Named]:
    calls = []
    for level, footprint in footprints.items():
        source = np.ones(footprint // 2 // 4, np.float32)
        calls.append((("copy", level), _copy(source, np.empty_like(source))))
    return calls


def _copy(source: np.ndarray, to: np.ndarray) -> Callable[[], float]:
    moved = source.nbytes + to.nbytes

    def copy(source: np.ndarray, to: np.ndarray, repeats: int) -> float:
        probes().copy(source, to, repeats)
        return repeats * moved

    return _about_a_millisecond(copy, source, to)


def _transforms() -> list[Named]:
    import lapped
    from lapped import _cpu

    calls = []
    for n_fft, dtype in _lengths():
        plan, like = lapped.STFT(n_fft)._plans[_cpu], np.empty(0, dtype)
        for bins in (False, True):
            call = _about_a_millisecond(probes().transform, plan, like, bins)
            calls.append((("transform", n_fft, dtype, bins), call))
    return calls


def _lengths() -> list[tuple[int, str]]:
    return [(case.n_fft, dtype) for dtype in PRECISIONS for case in MAIN]


def probes() -> Any:
    """The compiled module's, by late import: files of results are read without lapped too."""
    from lapped import _cpu

    return _cpu.probes


def _about_a_millisecond(probe: Callable[..., float], *arguments: Any) -> Callable[[], float]:
    """`probe` with as many repeats as take about that long, a call that was held up apart."""
    clock, repeats = CLOCKS["process CPU time"], 1

    def taken() -> int:
        begin = clock()
        probe(*arguments, repeats)
        return clock() - begin

    while min(taken() for _ in range(3)) <= 500_000:
        repeats *= 2
    return lambda: probe(*arguments, repeats)

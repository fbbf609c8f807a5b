# SPDX-License-Identifier: Apache-2.0
"""What the device can do at most, measured, and how near to it a time comes."""

from __future__ import annotations

from dataclasses import dataclass
from types import ModuleType

import numpy as np

from ..cases import GRIFFIN_LIM_ITERATIONS, Case
from ..measure import Effort, Stopwatch, interleaved
from ..work import bytes_moved, real_fft_flops

# FP32 instructions of a frame of 1024 samples, counted on paper (butterflies, turns, window, bins,
# bands), of one iteration for Griffin-Lim; other lengths by N log2 N.
PAPER_INSTRUCTIONS = {
    "mel": 24_000,
    "power": 22_000,
    "stft": 21_000,
    "istft": 22_000,
    "griffin_lim": 48_000,
}
_COUNTED_AT = 1024
_COPIED_BYTES = 2 << 30
_MATRIX = 8192


@dataclass(frozen=True)
class Ceilings:
    """Measured in the same run as the times."""

    copy_bytes_per_second: float  # read plus written, within the device's memory
    float32_flops: float  # of a large matrix product without reduced precision


@dataclass(frozen=True)
class Shares:
    """Of one time: traffic, and how much of each ceiling is reached."""

    bytes_per_second: float
    of_copy: float
    of_instructions: float | None  # by the count on paper; None where there is none
    over_floor: float  # time over the larger of the two times that the ceilings allow


def device_bytes(op: str, case: Case) -> int:
    """What a call moves through device memory at least.

    An iteration of Griffin-Lim reads the magnitudes and two signals and writes two.
    """
    if op != "griffin_lim":
        return bytes_moved(op, case)
    real = np.dtype(case.dtype).itemsize
    frame = (case.bins + 4 * case.hop_length) * real
    return GRIFFIN_LIM_ITERATIONS * frame * case.frames * case.batch


def paper_instructions(op: str, case: Case) -> float | None:
    """FP32 instructions of a call, or None for an operation without a count."""
    if op not in PAPER_INSTRUCTIONS:
        return None
    times = GRIFFIN_LIM_ITERATIONS if op == "griffin_lim" else 1
    of_frame = PAPER_INSTRUCTIONS[op] * real_fft_flops(case.n_fft) / real_fft_flops(_COUNTED_AT)
    return times * of_frame * case.frames * case.batch


def shares(op: str, case: Case, nanoseconds: float, ceilings: Ceilings) -> Shares:
    """How near a call of `nanoseconds` comes to the ceilings."""
    seconds, moved = 1e-9 * nanoseconds, device_bytes(op, case)
    instructions = paper_instructions(op, case)
    copying = moved / ceilings.copy_bytes_per_second
    computing = (instructions or 0) / (ceilings.float32_flops / 2)  # two flops an instruction
    return Shares(
        moved / seconds,
        copying / seconds,
        computing / seconds if instructions else None,
        seconds / max(copying, computing),
    )


def measure(torch: ModuleType, watch: Stopwatch, effort: Effort, scale: int = 1) -> Ceilings:
    """The copy and the product, in turns; `scale` divides their sizes."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    source = torch.randn(_COPIED_BYTES // 4 // scale, device=device)
    to, size = torch.empty_like(source), _MATRIX // scale
    a, b = torch.randn(2, size, size, device=device)
    calls = {"copy": lambda: to.copy_(source), "product": lambda: a @ b}
    samples = interleaved(calls, effort, watch)
    seconds = {name: 1e-9 * found.timing(False).median for name, found in samples.items()}
    moved = 2 * source.numel() * source.element_size()
    return Ceilings(moved / seconds["copy"], 2.0 * size**3 / seconds["product"])

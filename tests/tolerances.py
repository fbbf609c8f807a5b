# SPDX-License-Identifier: Apache-2.0
"""THE table of tolerances, each with its reason, and the comparisons that use it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Bound:
    """Largest relative L2 error of one example, per precision of the computation."""

    float32: float
    float64: float
    reason: str


TABLE = {
    "stft": Bound(3e-7, 2e-15, "a float32 FFT rounds by 1.1e-7 to 1.3e-7, as torch's and SciPy's"),
    "istft": Bound(5e-7, 2e-15, "the same, and up to n_fft frames added up where hop_length is 1"),
    "round_trip": Bound(2e-6, 1e-12, "the maximum, not L2, over both transforms of each sample"),
    "mel": Bound(3e-7, 2e-15, "that of the magnitudes; band_error carries it on"),
    "mel_inverse": Bound(2e-6, 1e-14, "a step corrects the rounding of the one before"),
    "griffin_lim_1": Bound(1e-5, 1e-12, "phases of near-empty bins turn with rounding"),
    "griffin_lim_3": Bound(1e-4, 1e-10, "each iteration multiplies what the last one turned"),
    "griffin_lim_3_loose": Bound(
        2e-3,
        1e-10,
        "momentum 0.99, two frames overlap or fewer, drawn for devices: the CPU is 1.1e-3 off",
    ),
    "griffin_lim_8": Bound(5e-4, 1e-9, "and so on: two builds of float32 differ by 1e-4"),
    "half": Bound(6e-4, 6e-4, "one rounding to float16: 2**-11, and subnormals below 6e-5"),
    "bfloat": Bound(5e-3, 5e-3, "one rounding to bfloat16: 2**-8"),
}
LARGE_PRIMES = 2  # times: Bluestein does two FFTs of twice the size or more, and two products
EDGES = 1e-8  # relative: the window's smallest values, about 1e-8, are known to 1e-16
ONE_FRAME = 4  # times: the worst frame of an example, where the table is about all of them together


def bluestein(n_fft: int) -> bool:
    """Whether n_fft has a prime factor above 7."""
    for prime in (2, 3, 5, 7):
        while n_fft % prime == 0:
            n_fft //= prime
    return n_fft > 1


def bound(operation: str, dtype: object, n_fft: int = 1) -> float:
    """The table's entry for the precision that `dtype` is computed in."""
    double = np.dtype(dtype).name in ("float64", "complex128")
    limit = TABLE[operation].float64 if double else TABLE[operation].float32
    return limit * (LARGE_PRIMES if bluestein(n_fft) else 1)


def relative_error(actual: np.ndarray, expected: np.ndarray) -> float:
    """||actual - expected|| / ||expected||; 0 where both are 0."""
    difference = norm(np.asarray(actual).astype(expected.dtype) - expected)
    return float(difference / norm(expected)) if difference > 0 else 0.0


def norm(a: np.ndarray, axis: int | None = None) -> np.ndarray:
    """L2, without BLAS and its threads."""
    return np.sqrt(np.sum(np.abs(a) ** 2, axis=axis))


def assert_close(actual: np.ndarray, expected: np.ndarray, limit: float) -> None:
    """All of both, within a relative L2 error of `limit`."""
    error = relative_error(actual, expected)
    assert error <= limit, f"relative error {error:.3g} is above {limit:.3g}"


def assert_spectrum(actual: np.ndarray, expected: np.ndarray, limit: float) -> None:
    """Both (bins, frames): the whole within `limit`, and no frame much worse than the whole."""
    assert actual.shape == expected.shape
    assert_close(actual, expected, limit)
    off, level = (norm(a, axis=0) for a in (actual - expected, expected))
    worst = np.argmax(off - ONE_FRAME * limit * level) if off.size else 0
    assert np.all(off <= ONE_FRAME * limit * level), f"frame {worst}: {off[worst]:.3g}"


def assert_signal(
    actual: np.ndarray, expected: np.ndarray, coverage: np.ndarray, limit: float
) -> None:
    """Both (samples,). At the edges of frames a sample is a small sum divided by a small coverage.

    So the sums are compared within `limit`, and their quotients by the window they came through
    within what a window rounded differently by 1e-16 changes.
    """
    assert actual.shape == expected.shape
    weight = coverage / max(coverage.max(initial=0), 1e-300)
    assert_close(actual * weight, expected * weight, limit)
    weight = np.sqrt(weight)
    assert_close(actual * weight, expected * weight, max(limit, EDGES))
    assert not np.any(actual[coverage == 0]), "a sample no window covers must be 0"


def band_error(
    filters: np.ndarray, magnitude: np.ndarray, power: float, limit: float
) -> np.ndarray:
    """What each band may be off by when each bin is off by `limit` of its frame's level.

    In near-empty bands the rounding of the FFT is the signal: there a relative bound says nothing.
    """
    level = np.sqrt(np.mean(magnitude**2, axis=0, keepdims=True))
    off = ONE_FRAME * limit * (level + magnitude)
    return filters @ ((magnitude + off) ** power - magnitude**power)


def assert_bands(actual: np.ndarray, expected: np.ndarray, allowed: np.ndarray) -> None:
    """Every band within what band_error allows it, beside one rounding of its own."""
    assert actual.shape == expected.shape
    rounding = 8 * np.finfo(actual.dtype).eps * np.abs(expected)
    excess = np.abs(actual - expected) - allowed - rounding
    assert np.all(excess <= 0), f"off by {excess.max():.3g} more than allowed"

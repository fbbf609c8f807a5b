# SPDX-License-Identifier: Apache-2.0
"""Does a library compute what lapped computes? Asked of every one before it is timed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from . import reference
from .cases import Case
from .inputs import Inputs
from .rivals import Rival


@dataclass(frozen=True)
class Check:
    """What a result should be in float64, and how far from it is something else."""

    expected: Callable[[Inputs], np.ndarray]
    distance: Callable[[np.ndarray, np.ndarray], float]
    unit: str
    limits: dict[str, float]  # by precision
    observed: Callable[[np.ndarray, Inputs], np.ndarray] = lambda result, inputs: result


def error_of(rival: Rival, inputs: Inputs) -> float:
    """How far a rival's result is from float64. Griffin-Lim is checked on one second."""
    inputs = inputs.first_second() if rival.op == "griffin_lim" else inputs
    return error_of_result(rival, np.asarray(rival.build(inputs)()), inputs)


def error_of_result(rival: Rival, result: np.ndarray, inputs: Inputs) -> float:
    """How far a result that a rival gave for `inputs` is from float64."""
    check = CHECKS[rival.op]
    observed = check.observed(result, inputs)
    expected = rival.expected(inputs) if rival.expected else _expected(rival.op, inputs)
    return check.distance(observed, expected) if observed.shape == expected.shape else float("inf")


def limit_of(op: str, case: Case) -> float:
    """The largest error that still counts as the same thing."""
    return CHECKS[op].limits[case.dtype]


@lru_cache(maxsize=1)  # the libraries of one operation at one size come one after the other
def _expected(op: str, inputs: Inputs) -> np.ndarray:
    return CHECKS[op].expected(inputs)


def relative_l2(result: np.ndarray, expected: np.ndarray) -> float:
    """Norm of the difference over the norm of the expected."""
    return float(np.linalg.norm((result - expected).ravel()) / np.linalg.norm(expected.ravel()))


def _largest(result: np.ndarray, expected: np.ndarray) -> float:
    return float(np.max(np.abs(result - expected)))


def _bands_of(magnitude: np.ndarray, inputs: Inputs) -> np.ndarray:
    """The mel bands of an inverted mel spectrogram; not a number where it is negative."""
    allowed = np.where(magnitude >= 0, magnitude.astype(np.float64), np.nan)
    return reference.mel_filters(inputs.case) @ allowed


def _spectrum(inputs: Inputs) -> np.ndarray:
    return reference.stft(inputs.x, inputs.case)


# One transform in float32 is off by about 1e-7; a quiet band's logarithm by more, since there the
# rounding is the signal. Griffin-Lim repeats the rounding in 64 transforms, and its angles are free
# where a bin is empty. Mel inversion has no single answer, so what counts is how well the answer
# explains the bands: || A X - M || / || M ||. In float64 everything is nine digits better, but for
# filters that a library computes in float32 whatever it is asked for.
_TRANSFORM = {"float32": 1e-5, "float64": 1e-13}
_LOGARITHM = {"float32": 1e-2, "float64": 1e-4}
_ITERATED = {"float32": 1e-2, "float64": 1e-9}
_RESIDUAL = {"float32": 0.5, "float64": 0.5}
CHECKS = {
    "stft": Check(_spectrum, relative_l2, "rel. L2", _TRANSFORM),
    "fft": Check(_spectrum, relative_l2, "rel. L2", _TRANSFORM),
    "power": Check(lambda i: np.abs(_spectrum(i)) ** 2, relative_l2, "rel. L2", _TRANSFORM),
    "istft": Check(lambda i: i.x, relative_l2, "rel. L2", _TRANSFORM),
    "mel": Check(lambda i: reference.log_mel(i.x, i.case), _largest, "max nats", _LOGARITHM),
    "griffin_lim": Check(
        lambda i: reference.griffin_lim(i.magnitude, i.case), relative_l2, "rel. L2", _ITERATED
    ),
    "mel_inverse": Check(lambda i: i.mel, relative_l2, "residual", _RESIDUAL, observed=_bands_of),
}

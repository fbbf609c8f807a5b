# SPDX-License-Identifier: Apache-2.0
"""How near a result is to the clean recording."""

from __future__ import annotations

import warnings
from importlib.util import find_spec

import numpy as np

TINY = 1e-30


def si_sdr(clean: np.ndarray, y: np.ndarray) -> float:
    """Scale-invariant signal-to-distortion ratio of `y` in dB; higher is better.

    ``|s|^2 / |y - s|^2`` with ``s`` the projection of `y` on `clean`, both without their means.
    """
    clean = clean.astype(np.float64) - clean.mean(dtype=np.float64)
    y = y.astype(np.float64) - y.mean(dtype=np.float64)
    target = clean * (clean @ y) / max(clean @ clean, TINY)
    error = y - target
    return float(10 * np.log10(max(target @ target, TINY) / max(error @ error, TINY)))


def has_stoi() -> bool:
    """Whether `stoi` can be measured here."""
    return find_spec("pystoi") is not None


def stoi(clean: np.ndarray, y: np.ndarray, sample_rate: int) -> float:
    """Short-time objective intelligibility of `y`, about 0 to 1, by pystoi."""
    from pystoi import stoi as measured

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of sound too short to be measured: its result is 1e-5
        return float(measured(clean, y, sample_rate))

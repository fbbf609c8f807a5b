# SPDX-License-Identifier: Apache-2.0
"""Mel scales and triangular filters, in float64."""

import numpy as np

SCALES = ("slaney", "htk", "kaldi")

# Slaney: linear below 1 kHz (15 mel), logarithmic above (27 mel for a factor of 6.4).
_SLANEY_HZ_PER_MEL = 200 / 3
_SLANEY_BREAK_HZ = 1000.0
_SLANEY_BREAK_MEL = _SLANEY_BREAK_HZ / _SLANEY_HZ_PER_MEL
_SLANEY_LOG_STEP = np.log(6.4) / 27


def hz_to_mel(hz: np.ndarray, scale: str) -> np.ndarray:
    if scale == "htk":
        return 2595 * np.log10(1 + hz / 700)
    if scale == "kaldi":
        return 1127 * np.log1p(hz / 700)
    above = np.log(np.maximum(hz, _SLANEY_BREAK_HZ) / _SLANEY_BREAK_HZ) / _SLANEY_LOG_STEP
    return np.where(hz < _SLANEY_BREAK_HZ, hz / _SLANEY_HZ_PER_MEL, _SLANEY_BREAK_MEL + above)


def mel_to_hz(mel: np.ndarray, scale: str) -> np.ndarray:
    if scale == "htk":
        return 700 * (10 ** (mel / 2595) - 1)
    if scale == "kaldi":
        return 700 * np.expm1(mel / 1127)
    above = np.exp(_SLANEY_LOG_STEP * np.maximum(mel - _SLANEY_BREAK_MEL, 0))
    linear = mel * _SLANEY_HZ_PER_MEL
    return np.where(mel < _SLANEY_BREAK_MEL, linear, _SLANEY_BREAK_HZ * above)


def triangles(
    frequencies: np.ndarray, n_mels: int, f_min: float, f_max: float, scale: str, norm: str | None
) -> np.ndarray:
    """Filters (n_mels, n_freq): triangles between n_mels + 2 edges, equally spaced in mel.

    They are linear in Hz, on the "kaldi" scale linear in mel. `norm` "slaney" makes each one's area
    in Hz 1: ``2 / (f[m + 2] - f[m])``.
    """
    low, high = hz_to_mel(np.array([f_min, f_max]), scale)
    mels = np.linspace(low, high, n_mels + 2)
    edges = mel_to_hz(mels, scale)
    if not (np.diff(edges) > 0).all():
        raise ValueError(f"n_mels={n_mels} bands do not fit between {f_min:g} and {f_max:g} Hz")
    axis, corners = (
        (hz_to_mel(frequencies, scale), mels) if scale == "kaldi" else (frequencies, edges)
    )
    left, centre, right = (corners[i : n_mels + i, None] for i in range(3))
    rising, falling = (axis - left) / (centre - left), (right - axis) / (right - centre)
    filters = np.maximum(0, np.minimum(rising, falling))
    return filters * (2 / (edges[2:] - edges[:-2]))[:, None] if norm == "slaney" else filters

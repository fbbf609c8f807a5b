# SPDX-License-Identifier: Apache-2.0
"""The operations in plain float64 NumPy: what every time in the tables is checked against."""

from __future__ import annotations

import numpy as np

from .cases import FLOOR, GRIFFIN_LIM_ITERATIONS, GRIFFIN_LIM_MOMENTUM, N_MELS, Case


def window(case: Case) -> np.ndarray:
    """Periodic Hann."""
    return 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(case.n_fft) / case.n_fft)


def stft(x: np.ndarray, case: Case) -> np.ndarray:
    """(batch, samples) -> (batch, bins, frames), padded by reflection, frames centred."""
    return np.fft.rfft(windowed_frames(x, case)).swapaxes(-1, -2)


def windowed_frames(x: np.ndarray, case: Case) -> np.ndarray:
    """(batch, samples) -> (batch, frames, n_fft)."""
    half = case.n_fft // 2
    padded = np.pad(x.astype(np.float64), ((0, 0), (half, half)), mode="reflect")
    frames = np.lib.stride_tricks.sliding_window_view(padded, case.n_fft, axis=-1)
    return frames[:, :: case.hop_length] * window(case)


def istft(spectrum: np.ndarray, case: Case) -> np.ndarray:
    """(batch, bins, frames) -> (batch, samples), least squares."""
    n_fft, hop, half = case.n_fft, case.hop_length, case.n_fft // 2
    frames = np.fft.irfft(spectrum.swapaxes(-1, -2), n_fft) * window(case)
    total = max((frames.shape[1] - 1) * hop + n_fft, half + case.samples)
    y, weight = np.zeros((len(frames), total)), np.zeros(total)
    for t in range(frames.shape[1]):
        y[:, t * hop : t * hop + n_fft] += frames[:, t]
        weight[t * hop : t * hop + n_fft] += window(case) ** 2
    covered = weight > np.finfo(np.float32).tiny
    return np.divide(y, weight, out=np.zeros_like(y), where=covered)[:, half : half + case.samples]


def griffin_lim(magnitude: np.ndarray, case: Case) -> np.ndarray:
    """(batch, bins, frames) -> (batch, samples), fast Griffin-Lim from zero phase."""
    weight = GRIFFIN_LIM_MOMENTUM / (1 + GRIFFIN_LIM_MOMENTUM)
    magnitude = magnitude.astype(np.float64)
    phase, previous = np.ones_like(magnitude, dtype=np.complex128), 0.0
    for _ in range(GRIFFIN_LIM_ITERATIONS):
        rebuilt = stft(istft(magnitude * phase, case), case)
        phase = rebuilt - weight * previous
        phase /= np.abs(phase) + 1e-16
        previous = rebuilt
    return istft(magnitude * phase, case)


def log_mel(x: np.ndarray, case: Case, scale: str = "slaney") -> np.ndarray:
    """(batch, samples) -> (batch, bands, frames), natural logarithm of the band power."""
    power = np.abs(stft(x, case)) ** 2
    return np.log(np.maximum(mel_filters(case, scale) @ power, FLOOR))


def mel_filters(case: Case, scale: str = "slaney") -> np.ndarray:
    """(bands, bins): triangles of unit area, their edges evenly spaced on a mel scale."""
    to_mel, to_hz = _SCALES[scale]
    edges = to_hz(np.linspace(0.0, to_mel(case.sample_rate / 2), N_MELS + 2))
    bins = np.arange(case.bins) * case.sample_rate / case.n_fft
    rising = (bins - edges[:-2, None]) / np.diff(edges)[:-1, None]
    falling = (edges[2:, None] - bins) / np.diff(edges)[1:, None]
    triangles = np.maximum(0.0, np.minimum(rising, falling))
    return triangles * (2 / (edges[2:] - edges[:-2]))[:, None]


_HZ_PER_MEL = 200 / 3
_MELS_PER_E_FOLD = 27 / np.log(6.4)


def _slaney_mel(hz: float) -> float:
    """Linear to 1 kHz and logarithmic above."""
    return 15 + _MELS_PER_E_FOLD * np.log(hz / 1000) if hz >= 1000 else hz / _HZ_PER_MEL


def _slaney_hz(mel: np.ndarray) -> np.ndarray:
    return np.where(mel < 15, mel * _HZ_PER_MEL, 1000 * np.exp((mel - 15) / _MELS_PER_E_FOLD))


def _htk_mel(hz: float) -> float:
    return 2595 * np.log10(1 + hz / 700)


def _htk_hz(mel: np.ndarray) -> np.ndarray:
    return 700 * (10 ** (mel / 2595) - 1)


_SCALES = {"slaney": (_slaney_mel, _slaney_hz), "htk": (_htk_mel, _htk_hz)}

# SPDX-License-Identifier: Apache-2.0
"""Test signals, generated: float64, deterministic, amplitude about 0.1 to 0.5."""

from __future__ import annotations

import numpy as np


def noise(n: int, seed: int = 0) -> np.ndarray:
    """White noise with RMS 0.1."""
    return 0.1 * np.random.default_rng(seed).standard_normal(n)


def tone(n: int, cycles_per_sample: float = 0.0471) -> np.ndarray:
    """One sine; with most windows nearly all bins are far below the peak."""
    return 0.5 * np.sin(2 * np.pi * cycles_per_sample * np.arange(n))


def chirp(n: int) -> np.ndarray:
    """A sweep from 0 to half the sample rate."""
    t = np.arange(n)
    return 0.5 * np.sin(np.pi * 0.5 * t * t / max(1, n))


def impulse(n: int) -> np.ndarray:
    """One sample of 1 in the middle."""
    x = np.zeros(n)
    x[n // 2 : n // 2 + 1] = 1
    return x


def silence(n: int) -> np.ndarray:
    """Zeros."""
    return np.zeros(n)


def denormals(n: int) -> np.ndarray:
    """Values that single precision holds only as subnormal numbers."""
    return 1e-39 * (1 + np.arange(n) % 7)


SIGNALS = {"noise": noise, "tone": tone, "chirp": chirp, "impulse": impulse}


def padded_batch(lengths: list[int], width: int, seed: int = 0) -> np.ndarray:
    """(len(lengths), width): noise, and loud garbage behind each row's own end."""
    x = 1e3 * np.ones((len(lengths), width))
    for row, n in enumerate(lengths):
        x[row, :n] = noise(n, seed + row)
    return x


def speechlike(n: int, seed: int = 0, sample_rate: int = 22050) -> np.ndarray:
    """Harmonics with vibrato under three formants in syllables, and gated noise; RMS 0.1."""
    rng = np.random.default_rng(seed)
    t = np.arange(n) / sample_rate
    pitch = (
        120 + 30 * np.sin(2 * np.pi * 0.7 * t + rng.uniform(0, 6)) + 4 * np.sin(2 * np.pi * 5.3 * t)
    )
    phase = 2 * np.pi * np.cumsum(pitch) / sample_rate
    formants = rng.uniform([300, 900, 2200], [800, 1800, 3200])
    voiced = np.zeros(n)
    for k in range(1, 40):
        weight = sum(1 / (1 + ((k * pitch - f) / 120) ** 2) for f in formants)
        voiced += weight * np.sin(k * phase + rng.uniform(0, 6))
    syllables = np.clip(np.sin(2 * np.pi * 3.1 * t + rng.uniform(0, 6)) + 0.4, 0, 1)
    hiss = np.diff(rng.standard_normal(n + 1)) * (syllables == 0)
    return scaled(voiced * syllables + 0.4 * hiss)


def musiclike(n: int, seed: int = 0, sample_rate: int = 22050) -> np.ndarray:
    """24 decaying, slightly inharmonic notes and 8 noise hits; RMS 0.1."""
    rng = np.random.default_rng(seed)
    t = np.arange(n) / sample_rate
    y = np.zeros(n)
    for _ in range(24):
        since = t - rng.uniform(0, 0.9 * n / sample_rate)
        f0 = 110 * 2 ** (rng.integers(0, 36) / 12)
        for k in range(1, 9):
            partial = np.sin(2 * np.pi * f0 * k * np.sqrt(1 + 4e-4 * k * k) * since)
            y += np.where(since > 0, np.exp(-np.maximum(since, 0) * (2 + k)) * partial / k, 0)
    for _ in range(8):
        since = t - rng.uniform(0, 0.9 * n / sample_rate)
        y += np.where(since > 0, np.exp(-np.maximum(since, 0) * 40) * rng.standard_normal(n), 0)
    return scaled(y)


def scaled(y: np.ndarray) -> np.ndarray:
    """To RMS 0.1."""
    return 0.1 * y / np.sqrt(np.mean(y**2))

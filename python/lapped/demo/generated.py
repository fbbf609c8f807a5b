# SPDX-License-Identifier: Apache-2.0
"""Sound for machines where nothing recorded is installed."""

from __future__ import annotations

import numpy as np

LEVEL = 0.05  # root mean square


def speechlike(samples: int, sample_rate: int = 16000, seed: int = 0) -> np.ndarray:
    """Harmonics of a gliding pitch under three moving formants, in syllables with pauses."""
    t = np.arange(samples) / sample_rate
    rng = np.random.default_rng(seed)
    pitch = 130 + 25 * np.sin(2 * np.pi * 0.6 * t) + 3 * np.sin(2 * np.pi * 5.1 * t)
    phase = 2 * np.pi * np.cumsum(pitch) / sample_rate
    formants = [500 + 200 * np.sin(7 * t), 1500 + 500 * np.sin(4 * t + 1), 2600 + 0 * t]
    voice = np.zeros(samples)
    for harmonic in range(1, int(0.45 * sample_rate / pitch.max())):
        envelope = sum(1 / (1 + ((harmonic * pitch - f) / 150) ** 2) for f in formants)
        voice += envelope * np.sin(harmonic * phase + rng.uniform(0, 2 * np.pi))
    return _levelled(voice * np.clip(np.sin(2 * np.pi * 2.7 * t) + 0.5, 0, 1))


def pink(samples: int, seed: int = 0) -> np.ndarray:
    """Noise with the same power in every octave."""
    spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal(samples))
    spectrum /= np.sqrt(np.maximum(1, np.arange(len(spectrum))))
    return _levelled(np.fft.irfft(spectrum, samples))


def _levelled(x: np.ndarray) -> np.ndarray:
    return (LEVEL * x / max(1e-12, np.sqrt(np.mean(np.square(x))))).astype(np.float32)

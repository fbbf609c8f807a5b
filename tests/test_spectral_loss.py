# SPDX-License-Identifier: Apache-2.0
"""The kernels of spectral losses against float64 formulas, on every library."""

from __future__ import annotations

import numpy as np
import pytest

import lapped
from lapped._spectral_loss import SpectralLoss
from tests import signals
from tests.tolerances import bound

FLOOR = 1e-4


def stft_of(n_fft: int) -> lapped.STFT:
    return lapped.STFT(n_fft, max(1, n_fft // 3))


def kinds(n_fft: int) -> dict[str, SpectralLoss]:
    stft = stft_of(n_fft)
    gains = np.linspace(0.2, 2, stft.n_freq)
    mel = lapped.Mel(stft, 16000, max(1, n_fft // 16), power=1.0)
    return {
        "bins": SpectralLoss(stft, floor=FLOOR),
        "gains": SpectralLoss(stft, gains=gains, floor=FLOOR, squared_logs=True),
        "bands": SpectralLoss(mel, gains=gains, floor=FLOOR),
    }


def values_by_hand(loss: SpectralLoss, x: np.ndarray) -> np.ndarray:
    """Values (n_values, frames) of one row."""
    gains = 1.0 if loss.gains is None else loss.gains[:, None]
    bins = np.sqrt(np.maximum(np.abs(gains * loss.stft(x)) ** 2, loss.floor))
    return bins if isinstance(loss.transform, lapped.STFT) else loss.transform.filters @ bins


def sums_by_hand(loss: SpectralLoss, x: np.ndarray, y: np.ndarray) -> list[float]:
    v, t = values_by_hand(loss, x), values_by_hand(loss, y)
    heard = t > 0  # of an empty band both are 0
    log = np.log(v[heard] / t[heard])
    logs = log**2 if loss.squared_logs else np.abs(log)
    return [((v - t) ** 2).sum(), (t**2).sum(), np.abs(v - t).sum(), logs.sum()]


@pytest.mark.parametrize("kind", ["bins", "gains", "bands"])
@pytest.mark.parametrize("n_fft", [16, 127, 400, 512, 1024])
def test_values_sums_and_gradients(library, dtype: np.dtype, n_fft: int, kind: str):
    loss = kinds(n_fft)[kind]
    n = 9 * n_fft + 5
    x, y = (np.stack([signals.noise(n, s) for s in seeds]) for seeds in ((0, 1), (2, 3)))
    lengths = np.array([n, 4 * n_fft])
    factors = np.array([[0.5, 0.0, -0.3, 0.2], [1.0, 0.0, 0.1, -0.4]])
    own, other = (library.array(a.astype(dtype)) for a in (x, y))
    counts = library.counts(lengths)
    target = loss.values(other, counts)
    sums = library.numpy(loss.sums(own, target, counts))
    gradient = library.numpy(loss.gradient(library.array(factors), own, target, counts))
    limit = 10 * bound("stft", dtype, n_fft)
    direction = signals.noise(2 * n, 7).reshape(2, n)
    for row, count in enumerate(lengths):
        a, b = x[row, :count], y[row, :count]
        blocks = library.numpy(target)[row]
        flat = blocks.transpose(1, 0, 2).reshape(loss.n_values, -1)
        frames = loss.stft.n_frames(int(count))
        np.testing.assert_allclose(flat[:, :frames], values_by_hand(loss, b), rtol=0, atol=limit)
        assert not flat[:, frames:].any()
        np.testing.assert_allclose(sums[row], sums_by_hand(loss, a, b), rtol=20 * limit)
        assert not gradient[row, count:].any()
        step = 1e-6 * direction[row, :count]
        ends = [np.dot(factors[row], sums_by_hand(loss, a + s, b)) for s in (step, -step)]
        slope = (ends[0] - ends[1]) / 2e-6
        found = np.dot(gradient[row, :count].astype(np.float64), direction[row, :count])
        scale = np.linalg.norm(gradient[row]) * np.linalg.norm(direction[row])
        assert abs(found - slope) <= max(limit * 50, 1e-5) * scale


def test_a_row_is_what_it_would_be_alone(library, dtype: np.dtype):
    for loss in kinds(400).values():
        x, y = (np.stack([signals.noise(5000, s) for s in (i, i + 1, i + 2)]) for i in (0, 5))
        own, other = (library.array(a.astype(dtype)) for a in (x, y))
        factors = library.array(np.ones((3, 4)))
        target = loss.values(other)
        sums, gradient = loss.sums(own, target), loss.gradient(factors, own, target)
        for row in range(3):
            alone = loss.values(other[row : row + 1])
            assert library.numpy(alone).tobytes() == library.numpy(target[row : row + 1]).tobytes()
            single = library.numpy(loss.sums(own[row : row + 1], alone))
            assert single.tobytes() == library.numpy(sums)[row : row + 1].tobytes()
            slope = library.numpy(loss.gradient(factors[:1], own[row : row + 1], alone))
            assert slope.tobytes() == library.numpy(gradient)[row : row + 1].tobytes()


def test_equal_signals_differ_by_nothing(library):
    x = library.array(signals.noise(3000).astype(np.float32)[None])
    for loss in kinds(512).values():
        target = loss.values(x)
        sums = library.numpy(loss.sums(x, target))
        assert sums[0, [0, 2, 3]].tolist() == [0, 0, 0]
        assert not library.numpy(loss.gradient(library.array(np.ones((1, 4))), x, target)).any()

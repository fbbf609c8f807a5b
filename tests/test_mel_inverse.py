# SPDX-License-Identifier: Apache-2.0
"""Mel inversion against the reference, and what its steps promise whatever the input."""

from __future__ import annotations

import numpy as np
import pytest

import lapped
from tests import reference, signals
from tests.cases import SIZES
from tests.tolerances import ONE_FRAME, assert_spectrum, bound

SAMPLE_RATE = 22050
LAYOUTS = {"ft": lambda a: a, "tf": lambda a: np.ascontiguousarray(a.swapaxes(-1, -2))}


def bank(n_fft: int, n_mels: int = 80, power: float = 1.0, **options) -> lapped.Mel:
    layout = options.pop("layout", "ft")
    stft = lapped.STFT(n_fft, max(1, n_fft // 4), layout=layout)
    return lapped.Mel(stft, SAMPLE_RATE, n_mels, 0.0, 8000.0, power=power, **options)


def spoken(n_fft: int, frames: int = 70) -> np.ndarray:
    """Magnitudes (bins, frames) of something voiced; small sizes get positive noise instead."""
    if n_fft < 127:
        return np.random.default_rng(n_fft).random((n_fft // 2 + 1, frames))
    hop = n_fft // 4
    framing = reference.Framing(reference.cosine_window("hann", n_fft), hop)
    return reference.magnitude(framing, signals.speechlike(n_fft + hop * (frames - 1)))


def residual(mel: lapped.Mel, x: np.ndarray, bands: np.ndarray) -> float:
    """||filters x^power - bands|| / ||bands||."""
    return np.linalg.norm(mel.filters @ x.astype(float) ** mel.power - bands) / np.linalg.norm(
        bands
    )


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("power", [1.0, 2.0])
@pytest.mark.parametrize("n_fft", SIZES)
def test_inverse(library, dtype: np.dtype, n_fft: int, power: float, layout: str) -> None:
    mel = bank(n_fft, power=power, layout=layout)
    bands = (mel.filters @ spoken(n_fft) ** power).astype(dtype)
    for n_iter in (0, 1, 6):
        given = library.array(LAYOUTS[layout](bands))
        actual = LAYOUTS[layout](library.numpy(mel.inverse(given, n_iter=n_iter)))
        assert actual.dtype == dtype
        expected = reference.mel_inverse(mel.filters, bands.astype(float), power, n_iter)
        assert_spectrum(actual, expected, bound("mel_inverse", dtype))


def test_uncovered_bins_are_zero_and_all_are_finite(library, dtype: np.dtype) -> None:
    mel = bank(1024, 40)
    x = library.numpy(mel.inverse(library.array((mel.filters @ spoken(1024)).astype(dtype))))
    covered = mel.filters.sum(axis=0) > 0
    assert not np.any(x[~covered])
    assert np.all(x >= 0)
    assert np.all(np.isfinite(x))
    assert np.all(x[covered].max(axis=1) > 0)


@pytest.mark.parametrize("value", [0.0, 1e-30, 1e30])
def test_extreme_bands_stay_finite(library, dtype: np.dtype, value: float) -> None:
    mel = bank(512, 40)
    bands = np.full((40, 9), value)
    bands[7] = 0
    x = library.numpy(mel.inverse(library.array(bands.astype(dtype))))
    assert np.all(np.isfinite(x))
    assert np.all(x >= 0)
    only_band_7 = (mel.filters[7] > 0) & (np.delete(mel.filters, 7, axis=0).sum(axis=0) == 0)
    assert not np.any(x[only_band_7])


def test_empty_bands_and_rank_deficient_banks_do_no_harm(library, dtype: np.dtype) -> None:
    mel = bank(256, 128, scale="htk", norm=None)
    assert np.linalg.matrix_rank(mel.filters) < 128
    bands = (mel.filters @ spoken(256)).astype(dtype)
    x = library.numpy(mel.inverse(library.array(bands)))
    assert np.all(np.isfinite(x))
    assert residual(mel, x, bands) <= 0.05


@pytest.mark.parametrize(("power", "reached"), [(1.0, 1e-4), (2.0, 2e-3)])
@pytest.mark.parametrize("n_fft", [400, 1024])
def test_bands_of_the_result_are_the_bands_given(
    library, dtype, power: float, reached: float, n_fft: int
) -> None:
    """Three steps are the default, and each leaves a fraction of what the one before left."""
    mel = bank(n_fft, power=power)
    for signal in (signals.speechlike, signals.musiclike):
        framing = reference.Framing(reference.cosine_window("hann", n_fft), n_fft // 4)
        S = reference.magnitude(framing, signal(30000))
        bands = (mel.filters @ S**power).astype(dtype)
        left = [
            residual(mel, library.numpy(mel.inverse(library.array(bands), **steps)), bands)
            for steps in ({"n_iter": 1}, {"n_iter": 2}, {}, {"n_iter": 8})
        ]
        assert left[2] <= reached
        assert left == sorted(left, reverse=True)


@pytest.mark.parametrize("n_fft", [400, 1024])
def test_bands_that_no_magnitude_has_are_met_halfway(library, dtype, n_fft: int) -> None:
    """Neighbours that share a bin may disagree: they are met as least squares would, or better."""
    mel = bank(n_fft)
    noise = np.exp(0.3 * np.random.default_rng(0).standard_normal((80, 70)))
    bands = (mel.filters @ spoken(n_fft)) * noise
    found = library.numpy(mel.inverse(library.array(bands.astype(dtype)), n_iter=8))
    least_squares = np.maximum(np.linalg.pinv(mel.filters, rcond=1e-2) @ bands, 0)
    assert found.max() <= 2.5 * spoken(n_fft).max()
    assert residual(mel, found, bands) <= 1.05 * residual(mel, least_squares, bands)


def test_linear_error_is_below_that_of_least_squares(dtype: np.dtype) -> None:
    """Below the pseudo-inverse with its negative values cut off, where the bands are covered."""
    framing = reference.Framing(reference.cosine_window("hann", 1024), 256)
    S = reference.magnitude(framing, signals.musiclike(60000))
    mel = bank(1024)
    covered = mel.filters.sum(axis=0) > 0
    bands = mel.filters @ S
    pseudo = np.maximum(np.linalg.pinv(mel.filters) @ bands, 0)
    found = mel.inverse(bands.astype(dtype))
    errors = [
        np.linalg.norm((x - S)[covered]) / np.linalg.norm(S[covered]) for x in (found, pseudo)
    ]
    assert errors[0] < errors[1]


@pytest.mark.parametrize(
    "compression",
    [
        {"base": "10", "floor": 1e-10, "dynamic_range": 8.0, "scale": 0.25, "shift": 4.0},
        {"base": "e", "floor": 1e-5},
        {"base": "e", "floor": 1e-6, "floor_mode": "add"},
        {"base": "db", "floor": 1e-10},
        {"base": "log1p"},
    ],
    ids=str,
)
@pytest.mark.parametrize("power", [1.0, 2.0])
def test_compression_is_undone(library, compression: dict, power: float) -> None:
    plain = bank(512, 60, power)
    packed = bank(512, 60, power, compression=lapped.Compression(**compression))
    S = 100 * spoken(512)
    expected = library.numpy(plain.inverse(library.array(plain.filters @ S**power), n_iter=4))
    M = packed.project(library.array(S))
    actual = library.numpy(packed.inverse(M, n_iter=4))
    loud = expected > 1e-2 * expected.max()  # floors and the dynamic range lose the rest
    assert np.allclose(actual[loud], expected[loud], rtol=1e-2)


def test_scaling_by_powers_of_two_scales(library, dtype: np.dtype) -> None:
    mel = bank(512, 60)
    bands = (mel.filters @ spoken(512)).astype(dtype)
    plain = library.numpy(mel.inverse(library.array(bands)))
    for exponent in (-30, 20):
        scaled = library.numpy(mel.inverse(library.array(np.ldexp(bands, exponent))))
        assert_spectrum(
            scaled, plain.astype(float) * 2.0**exponent, ONE_FRAME * bound("mel_inverse", dtype)
        )


def test_half_is_computed_in_single(library) -> None:
    mel = bank(512, 60)
    bands = (mel.filters @ spoken(512)).astype(np.float16)
    x = library.numpy(mel.inverse(library.array(bands)))
    assert x.dtype == np.float16
    expected = library.numpy(mel.inverse(library.array(bands.astype(np.float32))))
    assert np.array_equal(x, expected.astype(np.float16))


def test_frames_do_not_see_each_other(library, dtype: np.dtype) -> None:
    mel = bank(512, 60)
    bands = (mel.filters @ spoken(512, 37)).astype(dtype)
    together = library.numpy(mel.inverse(library.array(bands)))
    for t in (0, 5, 36):
        alone = library.numpy(mel.inverse(library.array(bands[:, t : t + 1].copy())))
        assert np.array_equal(alone[:, 0], together[:, t])


def test_batches_and_empty_batches(library, dtype: np.dtype) -> None:
    mel = bank(64, 10)
    bands = np.random.default_rng(0).random((2, 3, 10, 21)).astype(dtype)
    together = library.numpy(mel.inverse(library.array(bands)))
    assert together.shape == (2, 3, 33, 21)
    assert np.array_equal(together[1, 2], library.numpy(mel.inverse(library.array(bands[1, 2]))))
    for shape in [(0, 10, 5), (2, 10, 0)]:
        empty = library.numpy(mel.inverse(library.array(np.zeros(shape, dtype))))
        assert empty.shape == (shape[0], 33, shape[2])

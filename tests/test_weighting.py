# SPDX-License-Identifier: Apache-2.0
"""Loudness curves against the tables of the standards, and against librosa."""

from __future__ import annotations

import re

import numpy as np
import pytest

import lapped

EXACT = 1000 * 10 ** (np.arange(-20, 14) / 10)  # Hz, of the nominal third octaves 10 to 20000
NOMINAL = [20, 25, 31.5, 40, 50, 63, 80, 100, 125, 160, 200, 250, 315, 400, 500, 630, 800, 1000]
NOMINAL += [1250, 1600, 2000, 2500, 3150, 4000, 5000, 6300, 8000, 10000, 12500]
CURVES = ["A", "B", "C", "D", "iso226:0", "iso226:40", "iso226:90"]

# From 10 Hz to 20 kHz: A and C of IEC 61672-1, B of IEC 60651, D of IEC 60537.
TABLES = {
    "A": "-70.4 -63.4 -56.7 -50.5 -44.7 -39.4 -34.6 -30.2 -26.2 -22.5 -19.1 -16.1 -13.4 -10.9 -8.6 "
    "-6.6 -4.8 -3.2 -1.9 -0.8 0 0.6 1.0 1.2 1.3 1.2 1.0 0.5 -0.1 -1.1 -2.5 -4.3 -6.6 -9.3",
    "B": "-38.2 -33.2 -28.5 -24.2 -20.4 -17.1 -14.2 -11.6 -9.3 -7.4 -5.6 -4.2 -3.0 -2.0 -1.3 "
    "-0.8 -0.5 -0.3 -0.1 0 0 0 0 -0.1 -0.2 -0.4 -0.7 -1.2 -1.9 -2.9 -4.3 -6.1 -8.4 -11.1",
    "C": "-14.3 -11.2 -8.5 -6.2 -4.4 -3.0 -2.0 -1.3 -0.8 -0.5 -0.3 -0.2 -0.1 0 0 "
    "0 0 0 0 0 0 0 -0.1 -0.2 -0.3 -0.5 -0.8 -1.3 -2.0 -3.0 -4.4 -6.2 -8.5 -11.2",
    "D": "-26.6 -24.6 -22.6 -20.6 -18.7 -16.7 -14.7 -12.8 -10.9 -9.0 -7.2 -5.5 -4.0 -2.6 -1.6 "
    "-0.8 -0.4 -0.3 -0.5 -0.6 0 2.0 4.9 7.9 10.4 11.6 11.1 9.6 7.6 5.5 3.4 1.4 -0.7 -2.7",
}
# dB at the 29 frequencies, of ISO 226:2003's annex A.
CONTOURS = {
    20: "89.6 82.7 76.0 69.6 64.0 58.6 53.2 48.4 43.9 39.4 35.5 32.0 28.7 25.7 23.4 21.5 20.1 20.0 "
    "21.5 21.4 18.2 15.4 14.3 15.1 18.6 25.0 31.5 34.4 33.0",
    40: "99.9 93.9 88.2 82.6 77.8 73.1 68.5 64.4 60.6 56.7 53.4 50.4 47.6 45.0 43.1 41.3 40.1 40.0 "
    "41.8 42.5 39.2 36.5 35.6 36.6 40.0 45.8 51.8 54.3 51.5",
}


def numbers(text: str) -> np.ndarray:
    return np.array(text.split(), float)


@pytest.mark.parametrize("curve", TABLES)
def test_curve_is_the_standards(curve: str):
    """Tables have one digit behind the point, and their authors' own roundings at its edge."""
    error = np.abs(lapped.weighting(curve, EXACT) - numbers(TABLES[curve]))
    assert error.max() < {"D": 0.1}.get(curve, 0.0551)
    assert abs(lapped.weighting(curve, 1000)) < 0.01


@pytest.mark.parametrize("phon", CONTOURS)
def test_contour_is_the_standards(phon: int):
    contour = lapped.equal_loudness(phon)
    assert np.abs(contour - numbers(CONTOURS[phon])).max() < 0.0551
    assert np.array_equal(lapped.equal_loudness(phon, NOMINAL), contour)


@pytest.mark.parametrize("phon", [0, 20, 55.5, 90])
def test_phon_is_the_level_at_1_khz(phon: float):
    assert abs(lapped.equal_loudness(phon, 1000) - phon) < 0.02


@pytest.mark.parametrize("curve", ["A", "B", "C", "D"])
def test_curve_is_librosas(curve: str):
    librosa = pytest.importorskip("librosa")
    hz = np.geomspace(1, 50000, 300)
    theirs = getattr(librosa, f"{curve}_weighting")(hz, min_db=None)
    assert np.allclose(lapped.weighting(curve, hz), theirs, rtol=0, atol=1e-5)


def test_contour_between_and_outside():
    between = lapped.equal_loudness(60, np.sqrt(100 * 125))  # halfway in octaves
    assert np.isclose(between, lapped.equal_loudness(60, [100, 125]).mean(), atol=1e-9)
    below, lowest, highest, above = lapped.equal_loudness(60, [0, 20, 12500, 20000])
    assert (below, above) == (lowest, highest)
    hz = np.linspace(0, 24000, 100)
    level = lapped.equal_loudness(60, 1000) - lapped.equal_loudness(60, hz)
    assert np.allclose(lapped.weighting("iso226:60", hz), level, atol=1e-12)


def test_mel_has_the_same_curves():
    stft = lapped.STFT(512)
    for curve in CURVES:
        level = np.maximum(lapped.weighting(curve, stft.frequencies(16000)), -80)
        gains = lapped.Mel(stft, 16000, weighting=10 ** (level / 20)).filters
        named = lapped.Mel(stft, 16000, weighting=curve).filters
        assert np.allclose(named, gains, rtol=1e-12)


@pytest.mark.parametrize("curve", CURVES)
def test_nothing_at_0_hz(curve: str):
    level = lapped.weighting(curve, 0)
    assert level == (lapped.weighting(curve, 20) if ":" in curve else -np.inf)
    assert np.isfinite(lapped.weighting(curve, [1e-3, 1e12])).all()


@pytest.mark.parametrize(
    "of",
    [
        lambda hz: lapped.weighting("A", hz),
        lambda hz: lapped.weighting("iso226:50", hz),
        lambda hz: lapped.equal_loudness(50, hz),
    ],
)
def test_shape_and_precision(of):
    assert isinstance(of(440), np.float64)
    for shape in [(0,), (3,), (2, 3), (2, 0, 3)]:
        for dtype in (np.float32, np.int64, np.uint8):
            level = of(np.full(shape, 200, dtype))
            assert (level.shape, level.dtype) == (shape, np.float64)
            assert (level == of(200)).all()
    given = np.array([100.0, 200.0])
    of(given)
    assert given.tolist() == [100.0, 200.0]


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: lapped.weighting("E", 100), ValueError, "curve='E' must be 'A', 'B', 'C', 'D'"),
        (lambda: lapped.weighting("a", 100), ValueError, "curve='a' must be"),
        (lambda: lapped.weighting(None, 100), TypeError, "curve=None must be one of 'A'"),
        (lambda: lapped.weighting("iso226:loud", 100), ValueError, "curve='iso226:loud'"),
        (lambda: lapped.weighting("iso226:91", 100), ValueError, "curve's phon=91 must be at most"),
        (lambda: lapped.weighting("A", -1), ValueError, "frequencies=-1 Hz must be within 0.."),
        (lambda: lapped.weighting("A", [1, np.nan]), ValueError, "frequencies=nan Hz must be"),
        (lambda: lapped.weighting("A", np.inf), ValueError, "frequencies=inf Hz must be"),
        (lambda: lapped.weighting("A", "100"), TypeError, "frequencies='100' must be real numbers"),
        (lambda: lapped.weighting("A", [1j]), TypeError, "frequencies=[1j] must be real numbers"),
        (lambda: lapped.weighting("A", [[1], [1, 2]]), TypeError, "must be real numbers"),
        (lambda: lapped.weighting("A", None), TypeError, "frequencies=None must be real numbers"),
        (lambda: lapped.equal_loudness(-1), ValueError, "phon=-1 must be at least 0"),
        (lambda: lapped.equal_loudness(90.5), ValueError, "phon=90.5 must be at most 90"),
        (lambda: lapped.equal_loudness(np.nan), ValueError, "phon=nan must be finite"),
        (lambda: lapped.equal_loudness("40"), TypeError, "phon='40' must be a real number"),
        (lambda: lapped.equal_loudness(40, -5), ValueError, "frequencies=-5 Hz"),
    ],
)
def test_wrong_calls_are_named(call, error: type[Exception], message: str):
    with pytest.raises(error, match=re.escape(message)):
        call()

# SPDX-License-Identifier: Apache-2.0
"""The inverse STFT against the reference, and what makes it the least-squares inverse."""

from __future__ import annotations

import numpy as np
import pytest

import lapped
from tests import reference, signals
from tests.cases import Case, draw, on_devices
from tests.libraries import library_named
from tests.tolerances import assert_signal, assert_spectrum, bound, relative_error

REAL = {"complex64": "float32", "complex128": "float64"}
COMPLEX = {"float32": "complex64", "float64": "complex128"}
INVERSE = {"signal": ("noise",), "samples": ("long", "long", "prime", "n_fft", 0)}


def random_spectrum(case: Case) -> np.ndarray:
    """(*batch, bins, frames): no signal has this STFT, so the inverse must do its best."""
    n_frames = case.framing().n_frames(case.n_samples)
    rng = np.random.default_rng(case.n_fft)
    shape = (*case.batch, case.n_fft // 2 + 1, n_frames)
    return rng.standard_normal(shape) + 1j * rng.standard_normal(shape)


def in_memory(X: np.ndarray, case: Case) -> np.ndarray:
    """The spectrum in the case's layout, in memory bin-major, frame-major or with gaps."""
    X = X if case.layout == "ft" else X.swapaxes(-1, -2)
    if case.memory == "fortran":
        return X.swapaxes(-1, -2).copy().swapaxes(-1, -2)
    if case.memory == "strided":
        return np.repeat(np.repeat(X, 2, axis=-1), 3, axis=-2)[..., ::3, ::2]
    return X[..., ::-1].copy()[..., ::-1] if case.memory == "reversed" else X.copy()


@pytest.mark.parametrize(
    "case",
    draw("istft", "float32", 4, **INVERSE)
    + draw("istft", "float64", 4, **INVERSE)
    + on_devices("istft", **INVERSE),
    ids=str,
)
@pytest.mark.parametrize("length", ["own", "shorter", "longer"])
def test_inverse(case: Case, length: str) -> None:
    library, framing, X = library_named(case.library), case.framing(), random_spectrum(case)
    X = X.astype(COMPLEX[case.dtype])
    n_frames = X.shape[-1]
    own = framing.n_samples(n_frames)
    samples = {"own": own, "shorter": own * 2 // 3, "longer": own + case.hop + 7}[length]
    given = {} if length == "own" else {"length": samples}
    y = library.numpy(case.stft().inverse(library.array(in_memory(X, case)), **given))
    assert y.dtype == case.dtype
    assert y.shape == (*case.batch, samples)
    coverage = reference.trimmed(framing, reference.coverage(framing, n_frames), samples)
    for spectrum, actual in zip(
        X.reshape(case.rows, *X.shape[-2:]), y.reshape(case.rows, samples), strict=True
    ):
        expected = reference.istft(framing, spectrum.astype(np.complex128), samples)
        assert_signal(actual, expected, coverage, bound("istft", case.dtype, case.n_fft))


ROUND_TRIP = {
    "hop": ("quarter", "half", "third"),
    "padding": ("center", "same", "uneven"),
    **INVERSE,
}


@pytest.mark.parametrize(
    "case",
    draw("trip", "float32", 2, **ROUND_TRIP)
    + draw("trip", "float64", 2, **ROUND_TRIP)
    + on_devices("trip", 1, **ROUND_TRIP),
    ids=str,
)
def test_perfect_reconstruction(case: Case) -> None:
    library, framing, stft, x = (
        library_named(case.library),
        case.framing(),
        case.stft(),
        case.input(),
    )
    spectrum = stft(library.array(x))
    y = library.numpy(stft.inverse(spectrum, length=case.n_samples))
    n_frames = framing.n_frames(case.n_samples)
    coverage = reference.trimmed(framing, reference.coverage(framing, n_frames), case.n_samples)
    well_covered = coverage > 1e-2 * coverage.max(initial=0)
    error = np.abs(y - x)[..., well_covered].max(initial=0)
    assert error <= bound("round_trip", case.dtype, case.n_fft) * np.abs(x).max(initial=0)


def two_sided(X: np.ndarray, Y: np.ndarray, n_fft: int) -> float:
    """Inner product with the bins that stand for two counted twice."""
    weights = np.full(len(X), 2.0)
    weights[0] = 1
    if n_fft % 2 == 0:
        weights[-1] = 1
    return float(np.sum(weights[:, None] * (X.conj() * Y).real))


# A hop of 1, 2 or 4 legs of the outermost stage, by its radix (8, 5, 4, 3, 2): wide vectors then
# turn the samples that frames share into lanes once, and add frames up before lanes are samples.
@pytest.mark.parametrize(
    ("n_fft", "hop"),
    [
        *((256, hop) for hop in (64, 128)),
        *((320, hop) for hop in (64, 128, 256)),
        *((192, hop) for hop in (48, 96)),
        *((96, hop) for hop in (32, 64)),
        (32, 16),
    ],
)
@pytest.mark.parametrize("dtype", sorted(COMPLEX))
def test_frames_that_share_their_samples(n_fft: int, hop: int, dtype: str) -> None:
    stft = lapped.STFT(n_fft, hop)
    window = reference.cosine_window("hann", n_fft)
    framing = reference.Framing(window, hop, n_fft // 2, n_fft // 2, "reflect")
    rng = np.random.default_rng(n_fft + hop)
    for n_frames in range(1, 36):
        samples = framing.n_samples(n_frames)
        x = rng.standard_normal(samples).astype(dtype)
        expected = reference.stft(framing, x.astype(np.float64))
        assert_spectrum(stft(x), expected, bound("stft", dtype, n_fft))
        X = (expected * rng.standard_normal(expected.shape)).astype(COMPLEX[dtype])
        expected = reference.istft(framing, X.astype(np.complex128), samples)
        coverage = reference.trimmed(framing, reference.coverage(framing, n_frames), samples)
        assert_signal(stft.inverse(X), expected, coverage, bound("istft", dtype, n_fft))


@pytest.mark.parametrize(("n_fft", "hop"), [(16, 4), (400, 160), (401, 100), (1024, 256)])
def test_projection_is_idempotent_and_orthogonal(
    library, dtype: np.dtype, n_fft: int, hop: int
) -> None:
    stft = lapped.STFT(n_fft, hop, padding="none")
    framing = reference.Framing(reference.cosine_window("hann", n_fft), hop)
    n_frames = max(40, 6400 // n_fft)
    rng = np.random.default_rng(0)
    Z = rng.standard_normal((n_fft // 2 + 1, n_frames)) + 1j * rng.standard_normal(
        (n_fft // 2 + 1, n_frames)
    )
    Z[0] = Z[0].real * 2**0.5  # of a real signal, and white
    if n_fft % 2 == 0:
        Z[-1] = Z[-1].real * 2**0.5
    Z = Z.astype(COMPLEX[dtype.name])

    def project(X: np.ndarray) -> np.ndarray:
        return library.numpy(stft(stft.inverse(library.array(X))))

    P = project(Z)
    limit = 1e-12 if dtype == np.float64 else 2e-6
    assert relative_error(project(P), P) <= limit
    Z, P = Z.astype(np.complex128), P.astype(np.complex128)
    energy = two_sided(Z, Z, n_fft)
    assert abs(two_sided(Z - P, P, n_fft)) <= limit * energy
    assert two_sided(P, P, n_fft) <= energy
    assert framing.n_samples(n_frames) / n_frames / n_fft == pytest.approx(
        two_sided(P, P, n_fft) / energy, rel=0.15
    )


@pytest.mark.parametrize(("n_fft", "hop"), [(20, 5), (127, 50), (512, 128)])
def test_inverse_is_the_adjoint_divided_by_coverage(
    library, dtype: np.dtype, n_fft: int, hop: int
) -> None:
    """<STFT x, Z> = n_fft <x, overlap-add of windowed inverse transforms>, two-sided."""
    stft = lapped.STFT(n_fft, hop, padding="none")
    framing = reference.Framing(reference.cosine_window("hann", n_fft), hop)
    n_frames = 30
    rng = np.random.default_rng(1)
    x = rng.standard_normal(framing.n_samples(n_frames)).astype(dtype)
    Z = rng.standard_normal((n_fft // 2 + 1, n_frames)) + 1j * rng.standard_normal(
        (n_fft // 2 + 1, n_frames)
    )
    Z = Z.astype(COMPLEX[dtype.name])
    X = library.numpy(stft(library.array(x))).astype(np.complex128)
    y = library.numpy(stft.inverse(library.array(Z))).astype(np.float64)
    overlap_added = y * reference.coverage(framing, n_frames)
    real_parts = Z.astype(np.complex128)
    left, right = (
        two_sided(X, real_parts, n_fft),
        n_fft * float(x.astype(np.float64) @ overlap_added),
    )
    scale = np.linalg.norm(X) * np.linalg.norm(Z)
    assert abs(left - right) <= (1e-12 if dtype == np.float64 else 1e-5) * scale


def test_imaginary_parts_of_the_real_bins_are_ignored(library, dtype: np.dtype) -> None:
    for n_fft in (16, 127, 400):
        stft = lapped.STFT(n_fft)
        X = library.numpy(stft(library.array(signals.noise(5 * n_fft).astype(dtype)))).copy()
        turned = X.copy()
        turned[0] += 1j
        if n_fft % 2 == 0:
            turned[-1] -= 2j
        ys = [library.numpy(stft.inverse(library.array(a))) for a in (X, turned)]
        assert np.array_equal(*ys)


def test_scaling_by_powers_of_two_is_exact(library, dtype: np.dtype) -> None:
    stft = lapped.STFT(400, 160)
    X = library.numpy(stft(library.array(signals.noise(3000).astype(dtype))))
    plain = library.numpy(stft.inverse(library.array(X)))
    for exponent in (-40, 30):
        scaled = library.numpy(stft.inverse(library.array(X * dtype.type(2.0**exponent))))
        assert np.array_equal(scaled, plain * dtype.type(2.0**exponent))


def test_no_frames_is_no_signal(library, dtype: np.dtype) -> None:
    X = np.zeros((2, 129, 0), COMPLEX[dtype.name])
    assert library.numpy(lapped.STFT(256).inverse(library.array(X))).shape == (2, 0)
    filled = library.numpy(lapped.STFT(256).inverse(library.array(X), length=50))
    assert np.array_equal(filled, np.zeros((2, 50), dtype))

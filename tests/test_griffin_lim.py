# SPDX-License-Identifier: Apache-2.0
"""Griffin-Lim: waveforms against the reference for few iterations, convergence for many.

Phases of near-empty bins turn with rounding and each iteration multiplies that: after 32 iterations
only the spectral convergence of two correct implementations agrees.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest

import lapped
from lapped._framing import PAD_MODES
from tests import reference, signals
from tests.cases import Case, draw, on_devices
from tests.libraries import DEVICE, library_named
from tests.operations import bits
from tests.tolerances import assert_signal, bound, relative_error

METHODS = {  # momentum, step of the reference
    "classic": (0.0, 1.0),
    "fast": (0.99, 1.0),
    "accelerated": (0.95, 1.25),
}
COMPLEX = {"float32": "complex64", "float64": "complex128"}
INVERTIBLE = {
    "hop": ("quarter", "half", "third"),
    "samples": ("long",),
    "batch": ((), (2,)),
    "signal": ("noise",),
    "win_length": ("full",),
}


def random_phase(shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    return np.exp(2j * np.pi * np.random.default_rng(seed).random(shape))


def one_in_three(cases: list[Case]) -> list:
    """Each size with each method, in turn."""
    return [
        pytest.param(case, method, id=f"{case}-{method}")
        for i, case in enumerate(cases)
        for method in [list(METHODS)[i % 3]]
    ]


@pytest.mark.parametrize(
    ("case", "method"),
    one_in_three(
        draw("gl", "float32", 3, **INVERTIBLE)
        + draw("gl", "float64", 3, **INVERTIBLE)
        + on_devices("gl", 1, **INVERTIBLE)
    ),
)
def test_few_iterations(case: Case, method: str) -> None:
    library, framing, x = library_named(case.library), case.framing(), case.input()
    rows = x.reshape(case.rows, case.n_samples).astype(np.float64)
    S = np.array([reference.magnitude(framing, row) for row in rows]).astype(case.dtype)
    if mirrored_at_the_ends(case):
        S[:, -1, [0, -1]] = 0
    phase = random_phase(S.shape).astype(COMPLEX[case.dtype])
    S, phase = (a.reshape(*case.batch, *a.shape[1:]) for a in (S, phase))
    n_samples = framing.n_samples(S.shape[-1])
    only_signs = case.n_fft < 4 and case.dtype == "float32"  # all bins real: near 0 a phase flips
    for n_iter in (1,) if only_signs else (1, 3):
        gl = lapped.GriffinLim(case.stft(), n_iter, method=method)
        given = [library.array(case.bins_first(a)) for a in (S, phase)]
        y = library.numpy(gl(given[0], phase=given[1]))
        assert y.dtype == case.dtype
        assert y.shape == (*case.batch, n_samples)
        assert_rows(case, y, S, phase, n_iter, METHODS[method])


def mirrored_at_the_ends(case: Case) -> bool:
    """Whether the outer frames are even about their middle.

    Their bin n_fft / 2 is then 0 but for rounding, which picks its sign.
    """
    return (case.padding, case.pad_mode, case.periodic) == ("center", "symmetric", False)


def assert_rows(
    case: Case, y: np.ndarray, S: np.ndarray, phase: np.ndarray, n_iter: int, method: tuple
) -> None:
    framing = case.framing()
    chaotic = method == METHODS["fast"] and 2 * case.hop >= case.n_fft
    loose = chaotic and case.library in DEVICE
    entry = "griffin_lim_1" if n_iter == 1 else "griffin_lim_3_loose" if loose else "griffin_lim_3"
    limit = bound(entry, case.dtype, case.n_fft)
    examples = zip(*(a.reshape(case.rows, *a.shape[-2:]) for a in (S, phase)), strict=True)
    for (s, p), actual in zip(examples, y.reshape(case.rows, y.shape[-1]), strict=True):
        coverage = reference.trimmed(framing, reference.coverage(framing, s.shape[1]), len(actual))
        exact = s.astype(np.float64), p.astype(np.complex128)
        expected, _ = reference.griffin_lim(framing, *exact, n_iter, *method)
        assert_signal(actual, expected, coverage, limit)


def hann(n_fft: int, hop: int, mode: str = "constant") -> tuple[lapped.STFT, reference.Framing]:
    """The same transform for both sides."""
    window = reference.cosine_window("hann", n_fft)
    framing = reference.Framing(window, hop, n_fft // 2, n_fft // 2, mode)
    return lapped.STFT(n_fft, hop, pad_mode=mode), framing


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("mode", ["constant", "reflect"])
def test_eight_iterations(library, dtype: np.dtype, method: str, mode: str) -> None:
    stft, framing = hann(256, 64, mode)
    S = reference.magnitude(framing, signals.speechlike(6000)).astype(dtype)
    phase = random_phase(S.shape).astype(COMPLEX[dtype.name])
    gl = lapped.GriffinLim(stft, 8, method=method)
    y = library.numpy(gl(library.array(S), phase=library.array(phase)))
    expected, _ = reference.griffin_lim(
        framing, S.astype(float), phase.astype(complex), 8, *METHODS[method]
    )
    assert relative_error(y, expected) <= bound("griffin_lim_8", dtype)


@pytest.mark.parametrize("method", METHODS)
def test_many_iterations_converge_as_the_reference_does(dtype: np.dtype, method: str) -> None:
    stft, framing = hann(256, 64)
    S = reference.magnitude(framing, signals.speechlike(8000))
    phase = random_phase(S.shape)
    expected, _ = reference.griffin_lim(framing, S, phase, 60, *METHODS[method])
    gl = lapped.GriffinLim(stft, 60, method=method)
    y = gl(S.astype(dtype), phase=phase.astype(COMPLEX[dtype.name]))
    reached = reference.spectral_convergence(framing, S, y.astype(float))
    assert abs(reached - reference.spectral_convergence(framing, S, expected)) <= 0.05


@pytest.mark.parametrize("method", METHODS)
def test_true_phase_is_a_fixed_point(library, dtype: np.dtype, method: str) -> None:
    stft, framing = hann(1024, 256)
    X = reference.stft(framing, signals.speechlike(79 * 256)).astype(COMPLEX[dtype.name])
    gl = lapped.GriffinLim(stft, 32, method=method)
    y = library.numpy(gl(library.array(np.abs(X)), phase=library.array(X)))
    reached = reference.spectral_convergence(framing, np.abs(X).astype(float), y.astype(float))
    assert reached <= (-250 if dtype == np.float64 else -110)


def test_only_the_angle_of_the_phase_counts(dtype: np.dtype) -> None:
    stft, framing = hann(128, 32)
    S = reference.magnitude(framing, signals.noise(2000)).astype(dtype)
    phase = random_phase(S.shape).astype(COMPLEX[dtype.name])
    gl = lapped.GriffinLim(stft, 2)
    factors = 2.0 ** np.random.default_rng(1).integers(-8, 8, S.shape)
    plain, scaled = gl(S, phase=phase), gl(S, phase=phase * factors.astype(dtype))
    assert relative_error(scaled, plain.astype(float)) <= bound("griffin_lim_1", dtype)


def test_phase_in_radians(library, dtype: np.dtype) -> None:
    stft, framing = hann(128, 32)
    S = reference.magnitude(framing, signals.noise(2000)).astype(dtype)
    angles = np.random.default_rng(0).uniform(-9, 9, S.shape).astype(dtype)
    turned = np.exp(1j * angles.astype(float)).astype(COMPLEX[dtype.name])
    gl = lapped.GriffinLim(stft, 2)
    by_angle, by_number = (
        library.numpy(gl(library.array(S), phase=library.array(p))) for p in (angles, turned)
    )
    assert relative_error(by_angle, by_number.astype(float)) <= bound("griffin_lim_3", dtype)


def test_half_is_computed_in_single() -> None:
    stft, framing = hann(128, 32)
    S = reference.magnitude(framing, signals.noise(2000)).astype(np.float16)
    y = lapped.GriffinLim(stft, 4)(S)
    assert y.dtype == np.float16
    assert np.array_equal(y, lapped.GriffinLim(stft, 4)(S.astype(np.float32)).astype(np.float16))


def two_sided_errors(framing: reference.Framing, gl_of, S: np.ndarray, n: int) -> list[float]:
    """Distance of each iterate's magnitudes from S, inner bins counted twice."""
    weights = np.full((len(S), 1), 2.0)
    weights[0] = weights[-1] = 1
    magnitudes = [reference.magnitude(framing, gl_of(k)) for k in range(1, n + 1)]
    return [float(np.sum(weights * (a - S) ** 2)) for a in magnitudes]


def test_classic_never_gets_worse(dtype: np.dtype) -> None:
    stft, framing = hann(256, 64)
    S = reference.magnitude(framing, signals.speechlike(6000))
    phase = random_phase(S.shape)
    errors = two_sided_errors(
        framing,
        lambda n: lapped.GriffinLim(stft, n, method="classic")(
            S.astype(dtype), phase=phase.astype(COMPLEX[dtype.name])
        ).astype(float),
        S,
        40,
    )
    slack = 1e-12 if dtype == np.float64 else 1e-6
    assert all(b <= a * (1 + slack) for a, b in pairwise(errors))


def test_no_momentum_is_classic(dtype: np.dtype) -> None:
    stft, framing = hann(256, 64)
    S = reference.magnitude(framing, signals.speechlike(6000)).astype(dtype)
    classic = lapped.GriffinLim(stft, 8, method="classic")(S)
    assert np.array_equal(lapped.GriffinLim(stft, 8, method="fast", momentum=0.0)(S), classic)


@pytest.mark.parametrize("signal", [signals.speechlike, signals.musiclike])
@pytest.mark.parametrize("n_fft", [1024, 2048])
def test_quality_from_random_phase(n_fft: int, signal) -> None:
    """Worst of five seeds of the measured prototype, and 0.7 dB."""
    limits = {"classic": -14.8, "fast": -20.1, "accelerated": -20.7}
    stft, framing = hann(n_fft, n_fft // 4)
    x = signal(44032)
    S = reference.magnitude(framing, x).astype(np.float32)
    for method, limit in limits.items():
        y = lapped.GriffinLim(stft, 32, method=method)(S, length=len(x))
        assert reference.spectral_convergence(framing, S.astype(float), y.astype(float)) <= limit


@pytest.mark.parametrize("method", METHODS)
def test_convergence_is_that_of_each_iterate(library, dtype: np.dtype, method: str) -> None:
    stft, framing = hann(256, 64)
    S = reference.magnitude(framing, signals.speechlike(6000)).astype(dtype)
    batch = np.stack([S, S[:, ::-1]])
    phase = random_phase(batch.shape).astype(COMPLEX[dtype.name])
    gl = lapped.GriffinLim(stft, 6, method=method)
    y, convergence = gl(library.array(batch), phase=library.array(phase), return_convergence=True)
    convergence = library.numpy(convergence)
    assert convergence.shape == (2, 6)
    for row in range(2):
        exact = batch[row].astype(float), phase[row].astype(complex)
        _, expected = reference.griffin_lim(framing, *exact, 6, *METHODS[method])
        assert np.allclose(convergence[row], expected, atol=0.01)
    measured = library.numpy(lapped.spectral_convergence(stft, library.array(batch), y))
    assert np.allclose(measured, convergence[:, -1], atol=0.01)


@pytest.mark.parametrize("padding", ["center", "causal", "none", (3, 90)], ids=str)
@pytest.mark.parametrize("mode", PAD_MODES)
def test_iterations_together_are_those_one_by_one(
    thread_counts, dtype: np.dtype, mode: str, padding: Any
) -> None:
    """Who asks for convergence has them one by one."""
    for n_fft, hop_length in [(16, 2), (16, 16), (16, 40), (64, 5), (400, 160)]:
        stft = lapped.STFT(n_fft, hop_length=hop_length, pad_mode=mode, padding=padding)
        S = np.abs(stft(signals.noise(300 * hop_length).astype(dtype)))
        for n_iter in (1, 11, 19):
            gl = lapped.GriffinLim(stft, n_iter)
            expected = gl(S, return_convergence=True)[0]
            for threads in (1, 2, 5, 12):
                thread_counts(threads)
                assert bits(gl(S)) == bits(expected), (n_fft, hop_length, n_iter, threads)


def test_tolerance_stops_early() -> None:
    stft, framing = hann(256, 64)
    S = reference.magnitude(framing, signals.speechlike(6000))
    patient = lapped.GriffinLim(stft, 60, method="classic")
    hasty = lapped.GriffinLim(stft, 60, method="classic", tolerance=0.05)
    _, all_of_them = patient(S, return_convergence=True)
    y, some = hasty(S, return_convergence=True)
    assert y.shape == (framing.n_samples(S.shape[1]),)
    n = int(np.sum(~np.isnan(some)))
    assert 1 < n < 60
    assert np.array_equal(some[:n], all_of_them[:n])


def test_seeds_and_starts(library, dtype: np.dtype) -> None:
    stft, framing = hann(256, 64)
    S = library.array(reference.magnitude(framing, signals.noise(3000)).astype(dtype))

    def start(**options: object) -> np.ndarray:
        return library.numpy(lapped.GriffinLim(stft, 2, **options)(S))

    assert np.array_equal(start(seed=3), start(seed=3))
    assert not np.array_equal(start(seed=3), start(seed=4))
    assert not np.array_equal(start(init="zeros"), start())
    ones = library.array(np.ones(library.numpy(S).shape, COMPLEX[dtype.name]))
    given = library.numpy(lapped.GriffinLim(stft, 2)(S, phase=ones))
    assert relative_error(start(init="zeros"), given.astype(float)) <= bound("griffin_lim_1", dtype)


def test_random_phases_are_uniform() -> None:
    """One frame a hop apart without overlap gives the start's phases back."""
    stft = lapped.STFT(512, 512, window=np.ones(512), padding="none")
    S = np.ones((257, 400))
    y = lapped.GriffinLim(stft, 1, method="classic", seed=5)(S)
    phases = np.angle(stft(y)[1:-1]) / (2 * np.pi) % 1
    counts = np.histogram(phases, bins=16, range=(0, 1))[0]
    assert np.all(np.abs(counts / phases.size * 16 - 1) < 0.05)
    neighbours = [np.mean(np.exp(2j * np.pi * np.diff(phases, axis=a))) for a in (0, 1)]
    assert max(map(abs, neighbours)) < 0.02


def test_scaling_by_powers_of_two_is_exact(library, dtype: np.dtype) -> None:
    stft, framing = hann(256, 64)
    S = reference.magnitude(framing, signals.speechlike(6000)).astype(dtype)
    gl = lapped.GriffinLim(stft, 8)
    plain = library.numpy(gl(library.array(S)))
    for exponent in (-40, 30):
        scaled = library.numpy(gl(library.array(np.ldexp(S, exponent))))
        assert np.array_equal(scaled, np.ldexp(plain, exponent))


def test_silence_stays_silent(library, dtype: np.dtype) -> None:
    stft, _ = hann(256, 64)
    S = np.zeros((129, 40), dtype)
    assert not np.any(library.numpy(lapped.GriffinLim(stft)(library.array(S))))


@pytest.mark.parametrize("length", [0, 1, 500, 5951, 5952, 6000, 6015, 6016, 7000])
def test_length(library, dtype: np.dtype, length: int) -> None:
    """94 frames belong to 5952 to 6015 samples: other lengths are cut or filled with zeros."""
    stft, framing = hann(256, 64)
    S = reference.magnitude(framing, signals.noise(6000)).astype(dtype)
    phase = random_phase(S.shape).astype(COMPLEX[dtype.name])
    gl = lapped.GriffinLim(stft, 2)
    y = library.numpy(gl(library.array(S), phase=library.array(phase), length=length))
    nearest = min(max(length, 5952), 6015)
    exact = S.astype(float), phase.astype(complex)
    expected, _ = reference.griffin_lim(framing, *exact, 2, *METHODS["accelerated"], nearest)
    expected = np.pad(expected, (0, max(0, length - nearest)))[:length]
    assert y.shape == (length,)
    assert relative_error(y, expected) <= bound("griffin_lim_8", dtype)


@pytest.mark.parametrize("peak", [3e-36, 1e-38, 1e-39, 2.5e38])
def test_extreme_levels_of_float32(peak: float) -> None:
    """Denormals are zero wherever a row is worked on, and the loudest magnitudes come through."""
    stft = lapped.STFT(512, 128)
    S = stft.magnitude(np.stack([signals.noise(4000), signals.chirp(4000), signals.noise(4000)]))
    S = (S * (peak / S.max())).astype(np.float32)
    gl = lapped.GriffinLim(stft, 4)
    batch = gl(S)
    for row, alone in zip(batch, S, strict=True):
        assert np.array_equal(row, gl(alone))
    assert np.isfinite(batch).all()
    assert batch.any() == (peak > np.finfo(np.float32).tiny)

# SPDX-License-Identifier: Apache-2.0
"""Adjoints and gradients on devices against float64: values, the adjoint identity, and edges."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import lapped
from lapped import _adjoint, _arrays
from tests import libraries, reference, signals
from tests.cases import Case, arranged, on_devices
from tests.test_istft import COMPLEX, in_memory
from tests.tolerances import ONE_FRAME, assert_close, bound, norm

MODES = ("reflect", "constant", "replicate", "symmetric", "circular")
POWERS = [(2.0, 0.0), (1.0, 0.0), (0.7, 0.0), (3.0, 0.0), (1.0, 1e-9), (0.7, 1e-9)]
NOISE = {"signal": ("noise",), "batch": ((), (3,), (2, 3), (0,), (1,))}


# ---- what they mean


def stft_adjoint(framing: reference.Framing, G: np.ndarray, n: int) -> np.ndarray:
    """(n,): what each sample gets of every frame, wherever padding repeats it."""
    out = np.zeros(n)
    for t in range(framing.n_frames(n)):
        frame = framing.n_fft * np.fft.ifft(G[:, t], framing.n_fft).real * framing.window
        for s, value in enumerate(frame):
            at = reference.shown_sample(t * framing.hop + s - framing.left, n, framing.mode)
            if at is not None:
                out[at] += value
    return out


def istft_adjoint(framing: reference.Framing, g: np.ndarray, n_frames: int) -> np.ndarray:
    """(bins, n_frames): the spectra of g over the sum of squared windows, g being 0 elsewhere."""
    weight = reference.coverage(framing, n_frames)
    covered = weight > reference.COVERED * weight.max(initial=0)
    padded = np.zeros(len(weight))
    own = g[: max(0, len(weight) - framing.left)]
    padded[framing.left : framing.left + len(own)] = own
    padded = np.where(covered, padded / np.where(covered, weight, 1), 0)
    starts = [t * framing.hop for t in range(n_frames)]
    frames = np.array([padded[s : s + framing.n_fft] for s in starts]).reshape(-1, framing.n_fft)
    twice = np.full(framing.n_fft // 2 + 1, 2.0)
    twice[0] = 1
    if framing.n_fft % 2 == 0:
        twice[-1] = 1
    return (np.fft.rfft(frames * framing.window) * twice).T / framing.n_fft


def power_weights(
    W: np.ndarray, X: np.ndarray, exponent: float, eps: float
) -> tuple[np.ndarray, np.ndarray]:
    """W times the derivative of (|X|^2 + eps)^(exponent / 2), and that without its factor X."""
    s = np.abs(X) ** 2 + eps
    slope = np.where(s > 0, exponent * np.where(s > 0, s, 1) ** (exponent / 2 - 1), 0)
    return W * slope * X, W * slope


def amplification(framing: reference.Framing, n: int) -> float:
    """At least the norm of the STFT of n samples as a linear map."""
    places = np.arange(-framing.left, n + framing.right)
    shown = [reference.shown_sample(int(p), n, framing.mode) for p in places]
    repeats = np.bincount([i for i in shown if i is not None], minlength=1).max()
    peak = reference.coverage(framing, framing.n_frames(n)).max(initial=0)
    return float(np.sqrt(framing.n_fft * peak * repeats))


def assert_gradient(
    actual: np.ndarray, framing: reference.Framing, x: np.ndarray, W: np.ndarray, power: tuple
) -> None:
    """Within what an error of each bin becomes: near-empty bins have phases of rounding alone."""
    X = reference.stft(framing, x)
    G, factor = power_weights(W, X, *power)
    expected = stft_adjoint(framing, G, len(x))
    limit = ONE_FRAME * bound("stft", actual.dtype, framing.n_fft)
    off = limit * np.sqrt(np.mean(np.abs(X) ** 2, axis=0, keepdims=True)) + limit * np.abs(X)
    allowed = norm(np.minimum(2 * max(1, power[0]) * np.abs(factor) * off, 2 * np.abs(G)))
    error = norm(actual - expected)
    assert error <= limit * norm(expected) + amplification(framing, len(x)) * allowed


def spectrum_like(shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.standard_normal(shape) + 1j * rng.standard_normal(shape)


def product(a: np.ndarray, b: np.ndarray) -> float:
    """Of two spectra or signals as real vectors."""
    return float(np.sum(a.real * b.real + a.imag * b.imag))


# ---- every size, window, padding and memory order


@pytest.mark.parametrize("case", on_devices("stft_adjoint", **NOISE), ids=str)
def test_stft_adjoint(case: Case) -> None:
    library, framing, n = libraries.library_named(case.library), case.framing(), case.n_samples
    G = spectrum_like((*case.batch, case.n_fft // 2 + 1, framing.n_frames(n)))
    G = G.astype(COMPLEX[case.dtype])
    out = library.numpy(
        _adjoint.stft_adjoint(case.stft(), library.array(in_memory(G, case)), n)
    ).reshape(case.rows, n)
    assert out.dtype == case.dtype
    for row, (spectrum, actual) in enumerate(
        zip(G.reshape(case.rows, *G.shape[-2:]).astype(np.complex128), out, strict=True)
    ):
        expected = stft_adjoint(framing, spectrum, n)
        assert_close(actual, expected, bound("istft", case.dtype, case.n_fft))
        x = signals.noise(n, row)
        scale = norm(spectrum) * norm(x) * amplification(framing, n)
        difference = product(spectrum, reference.stft(framing, x)) - product(actual, x)
        assert abs(difference) <= bound("istft", case.dtype, case.n_fft) * scale


@pytest.mark.parametrize("case", on_devices("istft_adjoint", **NOISE), ids=str)
def test_istft_adjoint(case: Case) -> None:
    library, framing, n = libraries.library_named(case.library), case.framing(), case.n_samples
    n_frames = framing.n_frames(n)
    coverage = reference.trimmed(framing, reference.coverage(framing, n_frames), n)
    quiet = case.input() * (coverage / max(coverage.max(initial=0), 1e-300))  # where it is divided
    g = arranged(quiet.astype(case.dtype), case.memory)
    out = library.numpy(_adjoint.istft_adjoint(case.stft(), library.array(g), n_frames))
    assert out.dtype == COMPLEX[case.dtype]
    out = case.bins_first(out).reshape(case.rows, case.n_fft // 2 + 1, n_frames)
    for signal, actual in zip(g.reshape(case.rows, n).astype(np.float64), out, strict=True):
        expected = istft_adjoint(framing, signal, n_frames)
        assert_close(actual, expected, 2 * bound("stft", case.dtype, case.n_fft))
        X = spectrum_like(expected.shape)
        back = reference.istft(framing, X, n)
        difference = product(signal, back) - product(actual, X)
        assert abs(difference) <= 1e-6 * norm(X) * norm(expected)


@pytest.mark.parametrize(
    ("case", "power"),
    [
        pytest.param(case, power, id=f"{case}-{power[0]}-{power[1]}")
        for case, power in zip(on_devices("gradient", **NOISE), itertools.cycle(POWERS))
    ],
)
def test_power_gradient(case: Case, power: tuple[float, float]) -> None:
    library, framing, n, x = (
        libraries.library_named(case.library),
        case.framing(),
        case.n_samples,
        case.input(),
    )
    W = spectrum_like((*case.batch, case.n_fft // 2 + 1, framing.n_frames(n))).real
    W = W.astype(case.dtype)
    out = library.numpy(
        _adjoint.power_gradient(
            case.stft(), library.array(in_memory(W, case)), library.array(x), *power
        )
    )
    assert out.dtype == case.dtype
    for signal, weights, actual in zip(
        x.reshape(case.rows, n).astype(np.float64),
        W.reshape(case.rows, *W.shape[-2:]),
        out.reshape(case.rows, n),
        strict=True,
    ):
        assert_gradient(actual, framing, signal, weights, power)


BANKS = [(80, "slaney", "slaney"), (40, "htk", None), (23, "kaldi", None), (1, "slaney", None)]


@pytest.mark.parametrize(("n_mels", "scale", "norm_"), BANKS)
@pytest.mark.parametrize("n_fft", [2, 16, 127, 400, 512, 1009])
@pytest.mark.parametrize("layout", ["ft", "tf"])
def test_mel_gradient(dtype, n_fft: int, n_mels: int, scale: str, norm_: str, layout: str) -> None:
    library, power = libraries.library_named("cupy"), (1.0, 1e-9) if n_mels == 80 else (2.0, 0.0)
    stft = lapped.STFT(n_fft, max(1, n_fft // 3), layout=layout)
    mel = lapped.Mel(
        stft, 16000, n_mels, 60.0, 7600.0, scale=scale, norm=norm_,
        power=power[0], magnitude_eps=power[1],
    )  # fmt: skip
    framing = reference.Framing(
        reference.cosine_window("hann", n_fft), stft.hop_length, *stft.pad, stft.pad_mode
    )
    n = 7 * n_fft + 3
    x = np.stack([signals.noise(n, seed) for seed in range(2)]).astype(dtype)
    W = spectrum_like((2, n_mels, framing.n_frames(n))).real.astype(dtype)
    given = W if layout == "ft" else W.swapaxes(1, 2).copy()
    out = library.numpy(_adjoint.mel_gradient(mel, library.array(given), library.array(x)))
    filters = mel.filters
    for signal, weights, actual in zip(x.astype(np.float64), W, out, strict=True):
        assert_gradient(actual, framing, signal, filters.T @ weights, power)


# ---- edges: few samples, much padding, frames with gaps, rows of their own lengths


SHAPES = [(1, 1), (1, 3), (2, 1), (3, 2), (16, 5), (16, 16), (20, 33), (127, 200), (400, 160)]
PADDINGS = ("center", "same", "causal", "none", (3, 50), (41, 0), (0, 300))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("n_fft", "hop"), SHAPES)
def test_few_samples(mode: str, n_fft: int, hop: int) -> None:
    library = libraries.library_named("cupy")
    for padding, n in itertools.product(PADDINGS, (0, 1, 2, 3, 7, 61)):
        stft = lapped.STFT(n_fft, hop, window="hamming", padding=padding, pad_mode=mode)
        window = reference.cosine_window("hamming", n_fft)
        framing = reference.Framing(window, hop, *stft.pad, mode)
        n_frames = framing.n_frames(n)
        X = spectrum_like((2, n_fft // 2 + 1, n_frames), n)
        W, x = X.real.copy(), np.stack([signals.noise(n, seed) for seed in range(2)])
        outs = [
            library.numpy(a)
            for a in (
                _adjoint.stft_adjoint(stft, library.array(X), n),
                _adjoint.istft_adjoint(stft, library.array(x), n_frames),
                _adjoint.power_gradient(stft, library.array(W), library.array(x), 3.0, 0.0),
            )
        ]
        for b, (samples, spectrum, gradient) in enumerate(zip(*outs, strict=True)):
            error = norm(samples - stft_adjoint(framing, X[b], n))
            assert error <= 1e-15 * norm(X[b]) * amplification(framing, n)
            assert_close(spectrum, istft_adjoint(framing, x[b], n_frames), 1e-13)
            assert_gradient(gradient, framing, x[b], W[b], (3.0, 0.0))


LENGTHS = [900, 0, 1, 13, 450, 899]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    ("n_fft", "hop", "padding"), [(16, 5, "center"), (20, 33, "same"), (127, 50, (60, 9))]
)
def test_rows_of_their_own_lengths(mode: str, n_fft: int, hop: int, padding: object) -> None:
    library = libraries.library_named("cupy")
    stft = lapped.STFT(n_fft, hop, padding=padding, pad_mode=mode)
    mel = lapped.Mel(stft, 16000, 5, power=2.0)
    width = max(LENGTHS)
    framing = reference.Framing(reference.cosine_window("hann", n_fft), hop, *stft.pad, mode)
    n_frames = framing.n_frames(width)
    x = np.stack([signals.noise(width, seed) for seed in range(len(LENGTHS))])
    X = spectrum_like((len(LENGTHS), n_fft // 2 + 1, n_frames))
    for b, n in enumerate(LENGTHS):  # what does not belong to a row must not count
        x[b, n:] = np.nan
        X[b, :, framing.n_frames(n) :] = np.nan
    W, B = X.real.copy(), X.real[:, :5].copy()
    lengths = np.array(LENGTHS)
    adjoint, gradient, of_bands, spectra = [
        library.numpy(a)
        for a in (
            _adjoint.stft_adjoint(stft, library.array(X), width, lengths),
            _adjoint.power_gradient(stft, library.array(W), library.array(x), 2.0, 0.0, lengths),
            _adjoint.mel_gradient(mel, library.array(B), library.array(x), lengths),
            _adjoint.istft_adjoint(stft, library.array(x), n_frames, lengths),
        )
    ]
    for b, n in enumerate(LENGTHS):
        own = framing.n_frames(n)
        assert_close(adjoint[b, :n], stft_adjoint(framing, X[b, :, :own], n), 1e-13)
        assert_gradient(gradient[b, :n], framing, x[b, :n], W[b, :, :own], (2.0, 0.0))
        weights = mel.filters.T @ B[b, :, :own]
        assert_gradient(of_bands[b, :n], framing, x[b, :n], weights, (2.0, 0.0))
        assert_close(spectra[b, :, :own], istft_adjoint(framing, x[b, :n], own), 1e-11)
        for signal in (adjoint, gradient, of_bands):
            assert not signal[b, n:].any()
        assert not spectra[b, :, own:].any()


@pytest.mark.parametrize("power", [*POWERS, (3.0, 1e-9)])
def test_silence_has_no_gradient(dtype, power: tuple[float, float]) -> None:
    library, stft = libraries.library_named("cupy"), lapped.STFT(400, 160)
    x, W = np.zeros((1, 1600), dtype), np.ones((1, 201, 11), dtype)
    out = _adjoint.power_gradient(stft, library.array(W), library.array(x), *power)
    assert not library.numpy(out).any()


def test_integers_count_as_fractions() -> None:
    library, stft = libraries.library_named("cupy"), lapped.STFT(400, 160)
    x = (32768 * signals.noise(1600)).astype(np.int16)
    W = library.array(np.ones((201, 11), np.float32))
    out = _adjoint.power_gradient(stft, W, library.array(x), 2.0, 0.0)
    same = _adjoint.power_gradient(
        stft, W, library.array(np.float32(x) / np.float32(32768)), 2.0, 0.0
    )
    assert np.array_equal(library.numpy(out), library.numpy(same))


def test_results_go_where_strides_lead() -> None:
    library, stft = libraries.library_named("cupy"), lapped.STFT(16, 5)
    G = library.array(spectrum_like((2, 9, 13)))
    expected = library.numpy(_adjoint.stft_adjoint(stft, G, 61))
    spectrum, _, like = _arrays.operand(G, "G", "complex", 2)
    memory = library.array(np.full((2, 183), 7.0))
    like.kernels.stft_adjoint(stft._plans[like.module], spectrum, None, memory[::-1, 182::-3])
    memory = library.numpy(memory)
    assert np.array_equal(memory[::-1, 182::-3], expected)
    assert np.count_nonzero(memory == 7) == 2 * 122


@pytest.mark.parametrize("n_fft", [60_000, 30_011])
def test_frames_beyond_shared_memory(n_fft: int) -> None:
    library, stft = libraries.library_named("cupy"), lapped.STFT(n_fft, n_fft // 4)
    x = signals.noise(2 * n_fft)
    X = stft(x)
    G, W = spectrum_like(X.shape), spectrum_like(X.shape).real
    limit = 1e-13
    expected, actual = [
        [
            library.numpy(a) if arrays is library.array else a
            for a in (
                _adjoint.stft_adjoint(stft, arrays(G), len(x)),
                _adjoint.istft_adjoint(stft, arrays(x), X.shape[1]),
                _adjoint.power_gradient(stft, arrays(W), arrays(x), 2.0, 0.0),
            )
        ]
        for arrays in (np.asarray, library.array)
    ]
    for a, b in zip(actual, expected, strict=True):
        assert_close(a, b, limit)

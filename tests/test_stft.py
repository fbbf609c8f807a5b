# SPDX-License-Identifier: Apache-2.0
"""STFT, magnitude and power against the reference, over every size and the rest sampled."""

from __future__ import annotations

import numpy as np
import pytest

import lapped
from tests import reference, signals
from tests.cases import SIZES, Case, draw, on_devices
from tests.libraries import NAMES, library_named
from tests.tolerances import TABLE, assert_spectrum, bound, relative_error

COMPLEX = {"float32": "complex64", "float64": "complex128"}
EPS = 1e-3


def computed(case: Case, method: str, **options: object) -> np.ndarray:
    """(*batch, bins, frames) of one method, after checks of library, shape and dtype."""
    library = library_named(case.library)
    stft, x = case.stft(), case.input()
    call = stft if method == "complex" else getattr(stft, method)
    result = library.numpy(call(library.array(x), **options))
    expected = COMPLEX[case.dtype] if method == "complex" else case.dtype
    assert result.dtype == expected
    n_frames = case.framing().n_frames(case.n_samples)
    bins_first = case.bins_first(result)
    assert bins_first.shape == (*case.batch, case.n_fft // 2 + 1, n_frames)
    return bins_first


def assert_rows(case: Case, result: np.ndarray, of_one) -> None:
    """Every example against the reference's function of its float64 samples."""
    x = case.input().reshape(case.rows, case.n_samples).astype(np.float64)
    for row, actual in zip(x, result.reshape(case.rows, *result.shape[-2:]), strict=True):
        assert_spectrum(actual, of_one(row), bound("stft", case.dtype, case.n_fft))


@pytest.mark.parametrize(
    "case",
    draw("stft", "float32", 6) + draw("stft", "float64", 6) + on_devices("stft", 2),
    ids=str,
)
def test_complex(case: Case) -> None:
    framing = case.framing()
    assert_rows(case, computed(case, "complex"), lambda x: reference.stft(framing, x))


@pytest.mark.parametrize(
    "case",
    draw("abs", "float32", 3) + draw("abs", "float64", 3) + on_devices("abs", 1),
    ids=str,
)
def test_magnitude(case: Case) -> None:
    framing = case.framing()
    result = computed(case, "magnitude", eps=EPS)
    assert_rows(case, result, lambda x: reference.magnitude(framing, x, EPS))
    assert_rows(case, computed(case, "magnitude"), lambda x: reference.magnitude(framing, x))


@pytest.mark.parametrize(
    "case",
    draw("power", "float32", 3) + draw("power", "float64", 3) + on_devices("power", 1),
    ids=str,
)
def test_power(case: Case) -> None:
    framing = case.framing()
    assert_rows(case, computed(case, "power"), lambda x: reference.magnitude(framing, x) ** 2)


@pytest.mark.parametrize("n_fft", [n for n in SIZES if n <= 401])
def test_the_reference_is_the_sum_that_defines_the_transform(n_fft: int) -> None:
    framing = reference.Framing(reference.cosine_window("hann", n_fft), max(1, n_fft // 2))
    x = signals.noise(2 * n_fft)
    k, i = np.arange(n_fft // 2 + 1)[:, None], np.arange(n_fft)
    matrix = np.exp(-2j * np.pi * (k * i % n_fft) / n_fft)
    expected = matrix @ (framing.frames(x) * framing.window).T
    assert relative_error(reference.stft(framing, x), expected) <= 1e-13


@pytest.mark.parametrize("hop", [64, 100])
@pytest.mark.parametrize("library", NAMES)
@pytest.mark.parametrize(("dtype", "scale"), [("int16", 2.0**15), ("int32", 2.0**31)])
def test_integers_are_pcm(library: str, dtype: str, scale: float, hop: int) -> None:
    adapter = library_named(library)
    pcm = (signals.noise(3 * 4001).reshape(3, 4001) * scale / 2).astype(dtype)
    framing = reference.Framing(reference.cosine_window("hann", 256), hop, 128, 128)
    stft = lapped.STFT(256, hop)
    for memory in (pcm, pcm[:, ::3], pcm.T.copy().T):
        result = adapter.numpy(stft(adapter.array(memory)))
        assert result.dtype == np.complex64
        for row, actual in zip(memory, result, strict=True):
            assert_spectrum(actual, reference.stft(framing, row / scale), bound("stft", "float32"))


@pytest.mark.parametrize("n_fft", [20, 400, 1024])
@pytest.mark.parametrize("kind", ["numpy float16", "torch float16", "torch bfloat16"])
def test_half_is_computed_in_single(kind: str, n_fft: int) -> None:
    library, name = kind.split()
    x = signals.noise(3 * 3000).reshape(3, 3000).astype(np.float32)
    if library == "numpy":
        half = x.astype(name)
        widened, power = half.astype(np.float64), lapped.STFT(n_fft).power(half)
        assert power.dtype == half.dtype
        complex_result = lapped.STFT(n_fft)(half)
    else:
        torch = pytest.importorskip("torch")
        half = torch.from_numpy(x).to(getattr(torch, name))
        widened, power = half.double().numpy(), lapped.STFT(n_fft).power(half)
        assert power.dtype == half.dtype
        power, complex_result = power.double().numpy(), lapped.STFT(n_fft)(half).numpy()
    assert complex_result.dtype == np.complex64
    window = reference.cosine_window("hann", n_fft)
    framing = reference.Framing(window, n_fft // 4, n_fft // 2, n_fft // 2)
    rounding = TABLE["bfloat" if name == "bfloat16" else "half"].float32
    for row, X, P in zip(widened, complex_result, power.astype(np.float64), strict=True):
        expected = reference.stft(framing, row)
        assert_spectrum(X, expected, bound("stft", "float32"))
        assert relative_error(P, np.abs(expected) ** 2) <= rounding


def test_out_is_written_and_returned(library, dtype: np.dtype) -> None:
    stft = lapped.STFT(128, 40)
    x = library.array(signals.noise(2 * 999).reshape(2, 999).astype(dtype))
    expected = library.numpy(stft(x))
    out = library.array(np.full(expected.shape, np.nan, expected.dtype))
    assert stft(x, out=out) is out
    assert np.array_equal(library.numpy(out), expected)


@pytest.mark.parametrize("order", ["transposed", "strided"])
def test_out_of_any_strides(library, dtype: np.dtype, order: str) -> None:
    stft = lapped.STFT(128, 40)
    x = library.array(signals.noise(999).astype(dtype))
    expected = library.numpy(stft(x))
    bins, frames = expected.shape
    room = np.zeros((2 * frames, 2 * bins), expected.dtype)
    view = room[:frames, :bins].T if order == "transposed" else room.T[::2, ::2]
    out = library.array(view)
    stft(x, out=out)
    assert np.array_equal(library.numpy(out), expected)


@pytest.mark.parametrize("layout", ["ft", "tf"])
def test_both_layouts_hold_the_same_bits(library, dtype: np.dtype, layout: str) -> None:
    x = library.array(signals.noise(3 * 2999).reshape(3, 2999).astype(dtype))
    for n_fft, hop in [(16, 5), (401, 100), (1024, 256)]:
        ft = library.numpy(lapped.STFT(n_fft, hop)(x))
        other = library.numpy(lapped.STFT(n_fft, hop, layout=layout)(x))
        assert np.array_equal(other if layout == "ft" else other.swapaxes(-1, -2), ft)


@pytest.mark.parametrize(("n_fft", "hop"), [(64, 16), (401, 100), (400, 160)])
def test_frames_have_the_same_bits_wherever_a_row_ends(
    library, dtype: np.dtype, n_fft: int, hop: int
) -> None:
    stft = lapped.STFT(n_fft, hop, padding=(0, 0))
    x = signals.noise(89 * hop + n_fft).astype(dtype)
    for method in (stft, stft.power):
        whole = library.numpy(method(library.array(x)))
        for frames in (1, 3, 7, 8, 9, 15, 17, 31, 63, 64, 65, 71, 79, 81):
            part = method(library.array(x[: (frames - 1) * hop + n_fft]))
            assert np.array_equal(library.numpy(part), whole[:, :frames])


@pytest.mark.parametrize("signal", [signals.silence, signals.denormals])
def test_tiny_input_gives_tiny_output(library, dtype: np.dtype, signal) -> None:
    x = signal(5000).astype(dtype)
    result = library.numpy(lapped.STFT(512)(library.array(x)))
    assert np.all(np.isfinite(result))
    assert np.abs(result).max() <= 512 * np.abs(x).max()


def test_scaling_by_powers_of_two_is_exact(library, dtype: np.dtype) -> None:
    x = signals.noise(3000).astype(dtype)
    stft = lapped.STFT(400, 160)
    plain = library.numpy(stft(library.array(x)))
    for exponent in (-40, 30):
        scaled = library.numpy(stft(library.array(np.ldexp(x, exponent))))
        assert np.array_equal(scaled, plain * dtype.type(2.0**exponent))


def test_frequencies_and_times() -> None:
    stft = lapped.STFT(400, 160)
    assert np.allclose(stft.frequencies(16000), np.arange(201) * 40.0, rtol=1e-15)
    assert np.allclose(np.diff(stft.times(5, 16000)), 0.01, rtol=1e-12)

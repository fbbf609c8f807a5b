# SPDX-License-Identifier: Apache-2.0
"""Adjoints and gradients of arrays on the CPU against float64, and what holds for their bits.

tests/test_adjoints_device.py has the references and the bodies, and runs them for devices.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import pytest

import lapped
from lapped import _adjoint
from tests import reference, signals
from tests import test_adjoints_device as device
from tests.cases import Case, draw
from tests.operations import bits
from tests.test_istft import COMPLEX
from tests.tolerances import bound, norm

# ---- values, of every size


def on_the_cpu(operation: str) -> list[Case]:
    return [
        case
        for dtype in ("float32", "float64")
        for case in draw(operation, dtype, 1, **device.NOISE, library=("numpy",))
    ]


@pytest.mark.parametrize("case", on_the_cpu("stft_adjoint"), ids=str)
def test_stft_adjoint(case: Case) -> None:
    device.test_stft_adjoint(case)


@pytest.mark.parametrize("case", on_the_cpu("istft_adjoint"), ids=str)
def test_istft_adjoint(case: Case) -> None:
    device.test_istft_adjoint(case)


@pytest.mark.parametrize("power", device.POWERS, ids=str)
@pytest.mark.parametrize("n_fft", [16, 127, 400, 512])
def test_power_gradient(n_fft: int, power: tuple[float, float]) -> None:
    for case in on_the_cpu("power_gradient"):
        if case.n_fft == n_fft:
            device.test_power_gradient(case, power)


@pytest.mark.parametrize("mode", device.MODES)
@pytest.mark.parametrize(("n_fft", "hop"), [(1, 1), (2, 1), (16, 5), (20, 33), (127, 50)])
def test_few_samples(mode: str, n_fft: int, hop: int) -> None:
    window = reference.cosine_window("hamming", n_fft)
    for padding, n in itertools.product(device.PADDINGS, (0, 1, 2, 3, 61)):
        stft = lapped.STFT(n_fft, hop, window="hamming", padding=padding, pad_mode=mode)
        framing = reference.Framing(window, hop, *stft.pad, mode)
        G = device.spectrum_like((2, n_fft // 2 + 1, framing.n_frames(n)), n)
        out = _adjoint.stft_adjoint(stft, G, n)
        for spectrum, actual in zip(G, out, strict=True):
            error = norm(actual - device.stft_adjoint(framing, spectrum, n))
            terms = norm(spectrum) * device.amplification(framing, n)  # they may cancel
            assert error <= bound("istft", np.float64, n_fft) * terms


@pytest.mark.parametrize("power", [1.0, 2.0])
@pytest.mark.parametrize(("n_fft", "n_mels"), [(16, 3), (127, 20), (400, 80), (512, 40)])
def test_mel_gradient(dtype: np.dtype, n_fft: int, n_mels: int, power: float) -> None:
    stft = lapped.STFT(n_fft, n_fft // 3)
    mel = lapped.Mel(stft, 16000, n_mels, 60.0, 7600.0, power=power)
    window = reference.cosine_window("hann", n_fft)
    framing = reference.Framing(window, stft.hop_length, *stft.pad, stft.pad_mode)
    x = np.stack([signals.noise(7 * n_fft + 3, seed) for seed in range(2)]).astype(dtype)
    frames = framing.n_frames(x.shape[1])
    W = device.spectrum_like((2, n_mels, frames)).real.astype(dtype)
    for weights, signal, actual in zip(W, x, _adjoint.mel_gradient(mel, W, x), strict=True):
        of_bins = mel.filters.T @ weights
        device.assert_gradient(actual, framing, signal.astype(float), of_bins, (power, 0.0))


# ---- rows, threads, strides, NaN

TRANSFORMS = {
    "registers": lapped.STFT(400, 160),
    "tf": lapped.STFT(512, 128, layout="tf"),
    "bluestein": lapped.STFT(127, 50, pad_mode="circular"),
    "gaps": lapped.STFT(20, 33, padding=(3, 50), pad_mode="symmetric"),
}
SAMPLES = 6001


def calls(stft: lapped.STFT, n: int = SAMPLES) -> dict[str, Callable]:
    """Of spectra G, signals x and weights W: each function with n samples a row."""
    mel, frames = lapped.Mel(stft, 16000, 4, power=1.0), stft.n_frames(n)
    bands = (..., slice(0, 4)) if stft.layout == "tf" else (..., slice(0, 4), slice(None))
    return {
        "stft_adjoint": lambda G, x, W, **k: _adjoint.stft_adjoint(stft, G, n, **k),
        "istft_adjoint": lambda G, x, W, **k: _adjoint.istft_adjoint(stft, x, frames, **k),
        "power_gradient": lambda G, x, W, **k: _adjoint.power_gradient(stft, W, x, 0.7, 1e-9, **k),
        "mel_gradient": lambda G, x, W, **k: _adjoint.mel_gradient(mel, W[bands], x, **k),
    }


def given(stft: lapped.STFT, dtype: np.dtype, rows: int = 3) -> list[np.ndarray]:
    """G, x and W of as many rows."""
    core = (stft.n_freq, stft.n_frames(SAMPLES))
    shape = (rows, *(core[::-1] if stft.layout == "tf" else core))
    G = device.spectrum_like(shape).astype(COMPLEX[dtype.name])
    x = np.stack([signals.noise(SAMPLES, seed) for seed in range(rows)]).astype(dtype)
    return [G, x, G.real.copy()]


NAMES = list(calls(TRANSFORMS["registers"]))


@pytest.mark.parametrize("transform", TRANSFORMS)
@pytest.mark.parametrize("name", NAMES)
def test_rows_in_a_batch_equal_alone(library, dtype: np.dtype, name: str, transform: str) -> None:
    stft = TRANSFORMS[transform]
    call, arrays = calls(stft)[name], given(stft, dtype)
    together = library.numpy(call(*map(library.array, arrays)))
    for row in range(3):
        alone = call(*(library.array(a[row].copy()) for a in arrays))
        assert bits(together[row]) == bits(library.numpy(alone))


@pytest.mark.parametrize("transform", TRANSFORMS)
@pytest.mark.parametrize("name", NAMES)
def test_nan_stays_in_its_row(library, dtype: np.dtype, name: str, transform: str) -> None:
    stft = TRANSFORMS[transform]
    call, arrays = calls(stft)[name], given(stft, dtype)
    clean = library.numpy(call(*map(library.array, arrays)))
    for a in arrays:
        a[1, ..., 2] = np.nan
    dirty = library.numpy(call(*map(library.array, arrays)))
    assert bits(dirty[[0, 2]]) == bits(clean[[0, 2]])
    assert np.isnan(dirty[1]).any()


@pytest.mark.parametrize("transform", TRANSFORMS)
@pytest.mark.parametrize("name", NAMES)
def test_lengths_equal_alone(library, dtype: np.dtype, name: str, transform: str) -> None:
    stft, lengths = TRANSFORMS[transform], np.array([SAMPLES, 0, 1, 160, 2999])
    tf = stft.layout == "tf"
    arrays = given(stft, dtype, len(lengths))
    padded = calls(stft)[name](*map(library.array, arrays), lengths=library.counts(lengths))
    for row, n in enumerate(lengths):
        frames = slice(0, stft.n_frames(int(n)))
        own = (frames,) if tf else (slice(None), frames)
        G, x, W = arrays[0][row][own], arrays[1][row, :n], arrays[2][row][own]
        alone = calls(stft, int(n))[name](*(library.array(a.copy()) for a in (G, x, W)))
        of_row = library.numpy(padded)[row]
        part = own if name == "istft_adjoint" else (slice(0, n),)
        assert bits(of_row[part]) == bits(library.numpy(alone))
        rest = of_row.copy()
        rest[part] = 0
        assert not np.any(rest), "what lies past a row's own size must be 0"


@pytest.mark.parametrize("transform", TRANSFORMS)
@pytest.mark.parametrize("name", NAMES)
def test_strides_change_no_bits(library, dtype: np.dtype, name: str, transform: str) -> None:
    stft = TRANSFORMS[transform]
    call, arrays = calls(stft)[name], given(stft, dtype)
    plain = bits(library.numpy(call(*map(library.array, arrays))))
    for arranged in (
        [np.asfortranarray(a) for a in arrays],
        [np.repeat(a, 2, axis=-1)[..., ::2] for a in arrays],
        [a[::-1, ..., ::-1].copy()[::-1, ..., ::-1] for a in arrays],
    ):
        assert bits(library.numpy(call(*map(library.array, arranged)))) == plain


@pytest.mark.parametrize("transform", TRANSFORMS)
@pytest.mark.parametrize("name", NAMES)
def test_the_number_of_threads_changes_no_bits(
    thread_counts, dtype: np.dtype, name: str, transform: str
) -> None:
    stft = TRANSFORMS[transform]
    call, arrays = calls(stft)[name], given(stft, dtype)
    results = []
    for n in (1, 2, 3, 8):
        thread_counts(n)
        results.append(bits(call(*arrays)) + bits(call(*(a[1:2] for a in arrays))))
    assert results == results[:1] * 4

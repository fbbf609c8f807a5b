# SPDX-License-Identifier: Apache-2.0
"""Fused mel against the reference: bands, compression, and projection of given magnitudes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import lapped
from tests import reference, signals
from tests.cases import SIZES, Case, draw, on_devices
from tests.libraries import library_named
from tests.tolerances import assert_bands, band_error, bound

SAMPLE_RATE = 16000
BANKS = [  # n_mels, f_min, f_max, scale, norm
    (80, 0.0, None, "slaney", "slaney"),
    (40, 60.0, 7600.0, "htk", None),
    (23, 20.0, None, "kaldi", None),
    (7, 0.0, 4000.0, "htk", "slaney"),
    (1, 0.0, None, "slaney", None),
    (128, 0.0, None, "htk", None),
]
COMPRESSIONS = [
    None,
    {"base": "10", "floor": 1e-10, "dynamic_range": 8.0, "scale": 0.25, "shift": 4.0},
    {"base": "e", "floor": 1e-5},
    {"base": "e", "floor": 2.0**-24, "floor_mode": "add"},
    {"base": "db", "floor": 1e-10, "dynamic_range": 80.0},
    {"base": "log1p"},
]
POWERS = [(2.0, 0.0), (1.0, 0.0), (1.0, 1e-9), (0.7, 0.0), (3.0, 0.0)]  # power, magnitude_eps


def mel_of(stft: lapped.STFT, bank: tuple, power: tuple, compression: dict | None) -> lapped.Mel:
    n_mels, f_min, f_max, scale, norm = bank
    return lapped.Mel(
        stft,
        SAMPLE_RATE,
        n_mels,
        f_min,
        f_max,
        scale=scale,
        norm=norm,
        power=power[0],
        magnitude_eps=power[1],
        compression=None if compression is None else lapped.Compression(**compression),
    )


def allowed_after(
    bands: np.ndarray, error: np.ndarray, power: float, compression: dict | None
) -> np.ndarray:
    """What an error of the bands may become behind the compression; its limits are 1-Lipschitz."""
    if compression is None:
        return error
    plain = {k: v for k, v in compression.items() if k != "dynamic_range"}
    grown = reference.compress(bands + error, power, **plain)
    shrunk = reference.compress(np.maximum(bands - error, 0), power, **plain)
    spread = grown - shrunk
    peak = spread.ravel()[bands.argmax()] if spread.size and "dynamic_range" in compression else 0
    return np.maximum(spread, peak)


def assert_mel(
    actual: np.ndarray, S: np.ndarray, filters: np.ndarray, power: float, compression: dict | None
) -> None:
    """`S`: exact magnitudes (bins, frames) of the same example."""
    bands = filters @ S**power
    limit = bound("mel", actual.dtype, 2 * (len(S) - 1) or 1)
    error = band_error(filters, S, power, limit)
    expected = bands if compression is None else reference.compress(bands, power, **compression)
    allowed = allowed_after(bands, error, power, compression)
    if compression is not None:  # rounding of the logarithm itself, before scale and shift
        allowed = allowed + 64 * np.finfo(actual.dtype).eps * (1 + np.abs(expected))
    assert_bands(actual, expected, allowed)


def cases(drawn: list[Case]) -> list:
    """Each case with the banks, powers and compressions in turn."""
    return [
        pytest.param(
            case,
            BANKS[i % len(BANKS)],
            POWERS[i % len(POWERS)],
            COMPRESSIONS[i // 2 % len(COMPRESSIONS)],
            id=f"{case}-bank{i % len(BANKS)}-{i}",
        )
        for i, case in enumerate(drawn)
    ]


@pytest.mark.parametrize(
    ("case", "bank", "power", "compression"),
    cases(draw("mel", "float32", 4)) + cases(draw("mel", "float64", 4)) + cases(on_devices("mel")),
)
def test_mel(case: Case, bank: tuple, power: tuple, compression: dict | None) -> None:
    library, framing, x = library_named(case.library), case.framing(), case.input()
    mel = mel_of(case.stft(), bank, power, compression)
    result = library.numpy(mel(library.array(x)))
    assert result.dtype == case.dtype
    bands_first = case.bins_first(result)
    assert bands_first.shape == (*case.batch, bank[0], framing.n_frames(case.n_samples))
    rows = x.reshape(case.rows, case.n_samples).astype(np.float64)
    for row, actual in zip(
        rows, bands_first.reshape(case.rows, *bands_first.shape[-2:]), strict=True
    ):
        S = reference.magnitude(framing, row, power[1])
        assert_mel(actual, S, mel.filters, power[0], compression)


@pytest.mark.parametrize("bank", BANKS, ids=str)
@pytest.mark.parametrize("n_fft", SIZES)
def test_filters(n_fft: int, bank: tuple) -> None:
    n_mels, f_min, f_max, scale, norm = bank
    f_max = SAMPLE_RATE / 2 if f_max is None else f_max
    expected = reference.mel_filters(n_fft, SAMPLE_RATE, n_mels, f_min, f_max, scale, norm)
    filters = mel_of(lapped.STFT(n_fft), bank, (2.0, 0.0), None).filters
    assert filters.dtype == np.float64
    assert filters.shape == expected.shape
    assert np.allclose(filters, expected, rtol=1e-9, atol=1e-11 * expected.max())


@pytest.mark.parametrize("layout", ["ft", "tf"])
@pytest.mark.parametrize("compression", COMPRESSIONS, ids=str)
def test_project_is_the_rest_of_mel(library, dtype: np.dtype, layout: str, compression) -> None:
    for n_fft, power in [(16, 2.0), (127, 1.0), (400, 0.7), (1024, 2.0)]:
        stft = lapped.STFT(n_fft, layout=layout)
        S = np.abs(np.random.default_rng(n_fft).standard_normal((2, 3, n_fft // 2 + 1, 77)))
        S = S.astype(dtype)
        for bank in BANKS[:3]:
            mel = mel_of(stft, bank, (power, 0.0), compression)
            given = S if layout == "ft" else np.ascontiguousarray(S.swapaxes(-1, -2))
            result = library.numpy(mel.project(library.array(given)))
            bands = result if layout == "ft" else result.swapaxes(-1, -2)
            examples = zip(S.reshape(6, *S.shape[-2:]), bands.reshape(6, bank[0], -1), strict=True)
            for row, actual in examples:
                assert_mel(actual, row.astype(np.float64), mel.filters, power, compression)


@pytest.mark.parametrize("weighting", ["A", "B", "C", "D", "iso226:60", "array"])
def test_weighting_lies_in_the_filters(library, dtype: np.dtype, weighting: str) -> None:
    stft = lapped.STFT(512)
    weights = np.linspace(0.1, 2, 257) if weighting == "array" else weighting
    mel = lapped.Mel(stft, SAMPLE_RATE, 40, 50.0, weighting=weights)
    plain = lapped.Mel(stft, SAMPLE_RATE, 40, 50.0)
    assert not np.allclose(mel.filters, plain.filters)
    x = signals.noise(4000).astype(dtype)
    result = library.numpy(mel(library.array(x)))
    framing = reference.Framing(reference.cosine_window("hann", 512), 128, 256, 256)
    assert_mel(result, reference.magnitude(framing, x.astype(float)), mel.filters, 2.0, None)


def test_batch_scope_shares_one_peak(library, dtype: np.dtype) -> None:
    loud = np.stack([signals.noise(4000), 1e-3 * signals.noise(4000)]).astype(dtype)
    stft = lapped.STFT(400, 160)
    common = {"base": "10", "dynamic_range": 2.0}
    shared = lapped.Mel(stft, 16000, compression=lapped.Compression(scope="batch", **common))
    own = lapped.Mel(stft, 16000, compression=lapped.Compression(scope="example", **common))
    batch, examples = (library.numpy(m(library.array(loud))) for m in (shared, own))
    assert np.array_equal(batch[0], examples[0])
    assert np.all(batch[1] == batch[0].max() - dtype.type(2))
    assert examples[1].max() < batch[1].max()


def test_project_of_half(library) -> None:
    S = np.abs(np.random.default_rng(0).standard_normal((257, 50))).astype(np.float16)
    mel = lapped.Mel(lapped.STFT(512), SAMPLE_RATE, 40)
    result = library.numpy(mel.project(library.array(S)))
    assert result.dtype == np.float16
    expected = mel.filters @ S.astype(np.float64) ** 2
    assert np.allclose(result, expected, rtol=2e-3, atol=1e-6)


def test_integers_are_pcm(library) -> None:
    pcm = (signals.noise(4000) * 2**14).astype(np.int16)
    mel = lapped.Mel(lapped.STFT(400, 160), SAMPLE_RATE)
    as_float = library.numpy(mel(library.array((pcm / 2**15).astype(np.float32))))
    assert np.array_equal(library.numpy(mel(library.array(pcm))), as_float)


def test_out_is_written_and_returned(library, dtype: np.dtype) -> None:
    mel = lapped.Mel(lapped.STFT(400, 160, layout="tf"), SAMPLE_RATE)
    x = library.array(signals.noise(4000).astype(dtype))
    expected = library.numpy(mel(x))
    out = library.array(np.zeros_like(expected))
    assert mel(x, out=out) is out
    assert np.array_equal(library.numpy(out), expected)


@pytest.mark.parametrize("signal", [signals.silence, signals.denormals])
def test_silence_sits_on_the_floor(library, dtype: np.dtype, signal) -> None:
    mel = lapped.Mel(
        lapped.STFT(400, 160), SAMPLE_RATE, compression=lapped.Compression("10", 1e-10)
    )
    result = library.numpy(mel(library.array(signal(3000).astype(dtype))))
    assert np.allclose(result, -10, rtol=1e-6)


@pytest.mark.parametrize("mode", ["clamp", "add"])
def test_logarithms_of_all_magnitudes_are_within_two_ulps(
    library, dtype: np.dtype, mode: str
) -> None:
    """Of the very energies that the kernel finds; close to 1 their logarithms go to 0."""
    stft = lapped.STFT(64, 16)
    plain = lapped.Mel(stft, 16000, 4, power=1.0)
    floor = float(np.finfo(dtype).tiny)
    log = replace(plain, compression=lapped.Compression(base="e", floor=floor, floor_mode=mode))
    limits = np.finfo(dtype)
    levels = np.logspace(np.log10(limits.tiny) + 6, np.log10(limits.max) - 2, 4000)
    near_one = np.outer(1 / plain.filters.sum(axis=1), 1 + np.linspace(-0.5, 1, 4001))
    rows = np.concatenate([levels, near_one.ravel()]).astype(dtype)
    S = library.array(np.broadcast_to(rows, (stft.n_freq, rows.size)).copy())
    energies = library.numpy(plain.project(S)) + (dtype.type(floor) if mode == "add" else 0)
    exact = np.log(energies.astype(np.longdouble))
    spacing = np.spacing(np.abs(exact.astype(dtype)))
    error = np.abs(library.numpy(log.project(S)) - exact)
    assert (error <= 2 * spacing).all(), (error / spacing).max()

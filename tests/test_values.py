# SPDX-License-Identifier: Apache-2.0
"""The values users build: defaults, equality, pickling, representation, and what they refuse."""

from __future__ import annotations

import copy
import dataclasses
import pickle

import numpy as np
import pytest

import lapped
from lapped import _windows

STFT = lapped.STFT(400, 160)
MEL = lapped.Mel(STFT, 16000, 40)


def values() -> list:
    """Return one of each kind, and those with arrays inside."""
    ramp = np.linspace(0.1, 1, 400)
    windowed = lapped.STFT(400, 160, window=ramp, padding=(3, 5))
    return [
        lapped.STFT(),
        lapped.STFT(512, window=("kaiser", 8.6), normalized="window", layout="tf"),
        windowed,
        lapped.Mel(STFT, 22050.5, 12, compression=lapped.Compression("db", dynamic_range=80)),
        lapped.Mel(windowed, 16000, 12, weighting=np.linspace(0, 1, 201)),
        lapped.Mel(STFT, 16000, 12, weighting="iso226:40"),
        lapped.Compression("log1p"),
        lapped.GriffinLim(STFT),
        lapped.GriffinLim(windowed, 3, method="classic", init="zeros", seed=7, tolerance=1e-3),
    ]


def twin(value: object) -> object:
    fields = {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
    return type(value)(**fields)


@pytest.mark.parametrize("value", values(), ids=lambda v: type(v).__name__)
def test_values_equal_by_content(value: object) -> None:
    assert value == twin(value)
    assert hash(value) == hash(twin(value))
    assert [other for other in values() if other == value] == [value]


@pytest.mark.parametrize("value", values(), ids=lambda v: type(v).__name__)
def test_values_survive_copies(value: object) -> None:
    if isinstance(value, lapped.Mel):
        value.filters  # noqa: B018  (kept beside the fields, and not to be pickled)
    assert pickle.loads(pickle.dumps(value)) == value
    assert copy.deepcopy(value) == value
    assert len(pickle.dumps(value)) < 8000


@pytest.mark.parametrize("value", values(), ids=lambda v: type(v).__name__)
def test_values_are_frozen(value: object) -> None:
    name = dataclasses.fields(value)[0].name
    with pytest.raises(AttributeError):
        setattr(value, name, getattr(value, name))


def test_arrays_inside_are_frozen_copies() -> None:
    window = np.hanning(400)
    value = lapped.STFT(400, window=window)
    window[:] = 1
    assert value.window[0] == 0
    for array in (value.window, pickle.loads(pickle.dumps(value)).window, MEL.filters):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1


def test_representations_rebuild_the_value() -> None:
    for value in values():
        text = repr(value)
        assert "\n" not in text
        if "<array" not in text:
            assert eval(text, vars(lapped)) == value
    assert repr(STFT) == "STFT(n_fft=400, hop_length=160, win_length=400)"
    assert repr(lapped.Compression()) == "Compression(base='10')"


def test_defaults_are_resolved() -> None:
    assert (lapped.STFT(1024).hop_length, lapped.STFT(1024).win_length) == (256, 1024)
    assert lapped.STFT(3).hop_length == 1
    assert lapped.STFT(1024) == lapped.STFT(1024, 256, 1024, "hann")
    assert MEL.f_max == 8000
    assert [lapped.GriffinLim(STFT, method=m).momentum for m in ("classic", "fast")] == [0, 0.99]
    assert lapped.GriffinLim(STFT) == lapped.GriffinLim(
        STFT, 32, method="accelerated", momentum=0.95
    )


def test_padding_by_name() -> None:
    def pad(n_fft: int, hop: int, padding: str) -> tuple[int, int]:
        return lapped.STFT(n_fft, hop, padding=padding).pad

    assert pad(401, 160, "center") == (200, 200)
    assert pad(1024, 256, "same") == (384, 384)
    assert pad(401, 160, "same") == (120, 120)
    assert pad(400, 160, "causal") == (240, 0)
    assert pad(400, 500, "causal") == pad(400, 500, "same") == pad(400, 160, "none") == (0, 0)


WRONG_STFT = [
    ({"n_fft": 0}, ValueError, r"n_fft=0 must be at least 1"),
    ({"n_fft": 2**24 + 1}, ValueError, r"n_fft=16777217 must be at most 16777216"),
    ({"n_fft": True}, TypeError, "n_fft=True must be an integer"),
    ({"n_fft": 400.0}, TypeError, r"n_fft=400\.0 must be an integer"),
    ({"hop_length": 0}, ValueError, "hop_length=0 must be at least 1"),
    ({"win_length": 2000}, ValueError, "win_length=2000 must be at most 1024"),
    ({"window": "han"}, ValueError, "window='han' must be one of"),
    ({"window": "kaiser"}, ValueError, r"must be given as \('kaiser', beta\)"),
    ({"window": ("hann", 2)}, ValueError, "must be given as 'hann'"),
    ({"window": ("gaussian", 0)}, ValueError, "std=0 must be greater than 0"),
    ({"window": np.ones(5)}, ValueError, r"window has shape \(5,\)"),
    ({"window": np.zeros(1024)}, ValueError, "window is 0 everywhere"),
    ({"window": np.full(1024, np.nan)}, ValueError, "window must be finite"),
    ({"window": np.ones(1024, complex)}, TypeError, "window must be"),
    ({"window": None}, TypeError, "window must be"),
    ({"win_length": 2, "periodic": False}, ValueError, "is 0 everywhere"),
    ({"padding": "valid"}, ValueError, "padding='valid' must be one of 'center'"),
    ({"padding": (1, -1)}, ValueError, r"padding\[1\]=-1 must be at least 0"),
    ({"padding": 5}, TypeError, "padding=5 must be one of"),
    ({"pad_mode": "wrap"}, ValueError, "pad_mode='wrap' must be one of 'reflect'"),
    ({"window_align": "right"}, ValueError, "window_align='right' must be one of"),
    ({"periodic": 1}, TypeError, "periodic=1 must be True or False"),
    ({"normalized": True}, TypeError, "'frame_length' in torch and 'window' in torchaudio"),
    ({"normalized": "ortho"}, ValueError, "normalized='ortho' must be"),
    ({"layout": "FT"}, ValueError, "layout='FT' must be one of 'ft', 'tf'"),
]
WRONG_MEL = [
    ({"stft": 400}, TypeError, r"stft must be an lapped\.STFT, got int 400"),
    ({"sample_rate": 0}, ValueError, "sample_rate=0 must be greater than 0"),
    ({"sample_rate": "16k"}, TypeError, "sample_rate='16k' must be a real number"),
    ({"n_mels": 0}, ValueError, "n_mels=0 must be at least 1"),
    ({"f_min": -1}, ValueError, "f_min=-1 must be at least 0"),
    ({"f_max": 9000}, ValueError, "f_max=9000 must fulfil .* sample_rate / 2 = 8000"),
    ({"f_min": 4000, "f_max": 4000}, ValueError, "f_min=4000 and f_max=4000"),
    ({"f_max": float("nan")}, ValueError, "f_max=nan must be finite"),
    ({"scale": "mel"}, ValueError, "scale='mel' must be one of 'slaney', 'htk', 'kaldi'"),
    ({"norm": "l1"}, ValueError, "norm='l1' must be 'slaney' or None"),
    ({"power": 0}, ValueError, "power=0 must be greater than 0"),
    ({"magnitude_eps": -1e-9}, ValueError, "magnitude_eps=-1e-09 must be at least 0"),
    ({"compression": "log"}, TypeError, r"compression must be a lapped\.Compression"),
    ({"weighting": "E"}, ValueError, "weighting='E' must be None, 'A'"),
    ({"weighting": "iso226:100"}, ValueError, "phon=100 must be at most 90"),
    ({"weighting": np.ones(5)}, ValueError, r"must have \(201,\)"),
    ({"weighting": -np.ones(201)}, ValueError, "weighting's gains must be"),
]
WRONG_COMPRESSION = [
    ({"base": "2"}, ValueError, "base='2' must be one of '10', 'e', 'db', 'log1p'"),
    ({"floor": 0}, ValueError, "floor=0 must be greater than 0"),
    ({"floor_mode": "max"}, ValueError, "floor_mode='max' must be one of 'clamp', 'add'"),
    ({"dynamic_range": -1}, ValueError, "dynamic_range=-1 must be at least 0"),
    ({"scope": "all"}, ValueError, "scope='all' must be one of 'example', 'batch'"),
    ({"scale": 0}, ValueError, "scale=0"),
    ({"shift": float("inf")}, ValueError, "shift=inf must be finite"),
]
WRONG_GRIFFIN_LIM = [
    ({"n_iter": -1}, ValueError, "n_iter=-1 must be at least 0"),
    ({"method": "gla"}, ValueError, "method='gla' must be one of 'classic'"),
    ({"method": "admm"}, NotImplementedError, "method='admm' does not exist yet"),
    ({"init": "spsi"}, NotImplementedError, "init='spsi' does not exist yet"),
    ({"init": "pghi"}, NotImplementedError, "init='pghi' does not exist yet; .*'random', 'zeros'"),
    ({"momentum": -0.1}, ValueError, "momentum=-0.1 must be at least 0"),
    ({"momentum": 1.0}, ValueError, "momentum=1 must be below 1"),
    ({"momentum": 1.1, "method": "fast"}, ValueError, "momentum=1.1 must be at most 1"),
    ({"momentum": 0.5, "method": "classic"}, ValueError, "momentum=0.5 must be 0 or None"),
    ({"seed": 0.5}, TypeError, "seed=0.5 must be an integer"),
    ({"tolerance": -1}, ValueError, "tolerance=-1 must be at least 0"),
]
WRONG = [
    *((lapped.STFT, {}, *case) for case in WRONG_STFT),
    *((lapped.Mel, {"stft": STFT, "sample_rate": 16000}, *case) for case in WRONG_MEL),
    *((lapped.Compression, {}, *case) for case in WRONG_COMPRESSION),
    *((lapped.GriffinLim, {"stft": STFT}, *case) for case in WRONG_GRIFFIN_LIM),
]


@pytest.mark.parametrize(
    ("kind", "good", "wrong", "error", "message"),
    WRONG,
    ids=[f"{kind.__name__}-{next(iter(wrong))}" for kind, _, wrong, _, _ in WRONG],
)
def test_wrong_options(kind: type, good: dict, wrong: dict, error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        kind(**{**good, **wrong})


def test_huge_filter_banks_are_refused_before_they_are_made() -> None:
    with pytest.raises(ValueError, match=r"n_mels=16384 times n_freq=.* must be at most"):
        lapped.Mel(lapped.STFT(2**20), 16000, 2**14)


def test_bands_that_do_not_fit() -> None:
    mel = lapped.Mel(STFT, 16000, 500, f_min=1000, f_max=np.nextafter(1000, 2000))
    with pytest.raises(ValueError, match="n_mels=500 bands do not fit"):
        mel(np.zeros(400))


def test_numpy_numbers_are_numbers() -> None:
    value = lapped.STFT(np.int64(400), np.uint8(160))
    assert value == STFT
    assert type(value.n_fft) is int
    assert lapped.Mel(value, np.float32(16000), np.int16(40)) == MEL


# ---- windows -------------------------------------------------------------------------------------

SCIPY_WINDOWS = [
    "hann", "hamming", "blackman", "bartlett", "boxcar", "nuttall", "blackmanharris", "flattop",
    "cosine", ("kaiser", 8.6), ("kaiser", 0.0), ("gaussian", 7.5), ("general_hamming", 0.6),
]  # fmt: skip


@pytest.mark.parametrize("periodic", [True, False])
@pytest.mark.parametrize("spec", SCIPY_WINDOWS, ids=str)
def test_windows_are_scipys(spec: object, periodic: bool) -> None:
    get_window = pytest.importorskip("scipy.signal").get_window
    for length in (1, 2, 3, 16, 127, 400):
        expected = get_window(spec, length, fftbins=periodic)
        np.testing.assert_allclose(_windows.window(spec, length, periodic), expected, atol=1e-12)


def test_windows_of_our_own() -> None:
    hann = _windows.window("hann", 400, False)
    np.testing.assert_allclose(_windows.window("povey", 400, False), hann**0.85, atol=1e-12)
    np.testing.assert_allclose(_windows.window("sqrt_hann", 400, False) ** 2, hann, atol=1e-12)
    vorbis = _windows.window("vorbis", 64) ** 2
    np.testing.assert_allclose(vorbis + np.roll(vorbis, 32), 1, atol=1e-12)


def test_aliases_name_the_same_window() -> None:
    assert lapped.STFT(8, window="rectangular") == lapped.STFT(8, window="boxcar")


# ---- loudness ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("phon", "hz", "level"),
    [(40, 20, 99.85), (40, 1000, 40.01), (80, 20, 118.99), (80, 1000, 80.01)],
)
def test_contours_are_iso226s(phon: int, hz: int, level: float) -> None:
    stft = lapped.STFT(800, padding="none")
    plain, weighted = (
        lapped.Mel(stft, 16000, 3, norm=None, power=1.0, weighting=w)
        for w in (None, f"iso226:{phon}")
    )
    f = hz * 800 // 16000
    band = plain.filters[:, f].argmax()
    gain = weighted.filters[band, f] / plain.filters[band, f]
    reference = {40: 40.01, 80: 80.01}[phon]
    assert 20 * np.log10(gain) == pytest.approx(reference - level, abs=0.02)


def test_weights_are_gains_of_the_magnitude() -> None:
    gains = np.linspace(0, 2, 201)
    for power in (1.0, 2.0, 0.5):
        plain, weighted = (lapped.Mel(STFT, 16000, power=power, weighting=w) for w in (None, gains))
        np.testing.assert_allclose(weighted.filters, plain.filters * gains**power)


# ---- presets and names ---------------------------------------------------------------------------


def test_presets_are_listed_with_their_source() -> None:
    wanted = ["whisper-80", "whisper-128", "hifigan-22k", "vocos-24k", "speecht5", "tacotron2"]
    listed = lapped.presets()
    assert {*wanted, "kaldi-fbank"} <= set(listed)
    for name, info in listed.items():
        assert lapped.preset(name) is lapped.preset(name)
        assert info.sample_rate > 0
        assert info.source
        assert info.left_out


def test_an_unknown_preset_names_the_nearest() -> None:
    with pytest.raises(ValueError, match="name='whisper-81' must be a preset: 'whisper-80'"):
        lapped.preset("whisper-81")
    with pytest.raises(TypeError, match="name=80 must be"):
        lapped.preset(80)


@pytest.mark.parametrize("name", ["compat"])
def test_what_does_not_exist_yet_says_so(name: str) -> None:
    assert not hasattr(lapped, name)
    with pytest.raises(AttributeError, match=rf"lapped\.{name} does not exist yet"):
        getattr(lapped, name)
    with pytest.raises(ImportError):
        __import__(f"lapped.{name}")


def test_unknown_names_are_attribute_errors() -> None:
    with pytest.raises(AttributeError, match=r"lapped\.stft does not exist"):
        lapped.stft  # noqa: B018


def test_number_of_threads() -> None:
    before = lapped.get_num_threads()
    for wrong in (0, -1, 1.5, True, None):
        with pytest.raises((ValueError, TypeError), match="n="):
            lapped.set_num_threads(wrong)
    assert lapped.get_num_threads() == before

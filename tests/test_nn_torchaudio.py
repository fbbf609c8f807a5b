# SPDX-License-Identifier: Apache-2.0
"""lapped.nn gives torchaudio's results over the options of its constructors, in both precisions."""

from __future__ import annotations

import inspect

import pytest

torch = pytest.importorskip("torch")

import lapped.nn as T  # noqa: E402, N812
from tests.transforms import (  # noqa: E402
    BANKS,
    BUFFERS,
    KINDS,
    assert_alike,
    given,
    made,
    pair,
    waves,
)

pytestmark = pytest.mark.filterwarnings("ignore:At least one mel filterbank")

FRAMES = [
    {},
    {"n_fft": 401},
    {"n_fft": 512, "win_length": 400, "hop_length": 160},
    {"n_fft": 401, "win_length": 300},
    {"pad": 100},
    {"onesided": False},
    {"onesided": False, "n_fft": 401},
    {"center": False, "window_fn": torch.hamming_window},
    {"pad_mode": "constant"},
    {"pad_mode": "replicate"},
    {"pad_mode": "circular"},
    {"normalized": True},
    {"normalized": "window", "win_length": 201},
    {"normalized": "frame_length"},
    {"window_fn": torch.kaiser_window, "wkwargs": {"beta": 8.0, "periodic": False}},
]
MELS = [
    {},
    {"n_fft": 1024, "n_mels": 40, "norm": "slaney", "mel_scale": "slaney"},
    {"f_min": 50.0, "f_max": 7000.0, "center": False, "normalized": True},
    {"f_max": 9000.0},
    {"pad": 30, "power": 1.0},
    {"power": 0.5, "sample_rate": 22050, "n_mels": 80},
]
ODD = [{"n_fft": 401}, {"sample_rate": 11025, "n_mels": 64}]


def written(options: dict) -> str:
    """Return the same text in every process: functions by name, not by address."""
    return str({name: getattr(value, "__name__", value) for name, value in options.items()})


@pytest.fixture(params=["float32", "float64"])
def precision(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.mark.parametrize("name", KINDS)
def test_signatures_begin_with_theirs(torchaudio, name: str):
    theirs = list(inspect.signature(getattr(torchaudio.transforms, name)).parameters.values())
    ours = list(inspect.signature(getattr(T, name)).parameters.values())
    assert [(p.name, p.default) for p in ours[: len(theirs)]] == [
        (p.name, p.default) for p in theirs
    ]
    assert all(p.kind is inspect.Parameter.KEYWORD_ONLY for p in ours[len(theirs) :])


@pytest.mark.parametrize("options", FRAMES, ids=written)
@pytest.mark.parametrize("power", [None, 1.0, 2.0, 0.5, 3.0])
def test_spectrogram(torchaudio, precision: str, options: dict, power: float | None):
    dtype = getattr(torch, precision)
    ours, theirs = pair(torchaudio, "Spectrogram", dtype, power=power, **options)
    x = waves(2, 1500, dtype=dtype)
    assert_alike(ours(x), theirs(x), BUFFERS[precision])


@pytest.mark.parametrize("batch", [(), (2,), (2, 3), (2, 1, 2), (0,)], ids=str)
@pytest.mark.parametrize("name", ["Spectrogram", "MelSpectrogram", "LFCC", "TimeStretch"])
def test_leading_axes(torchaudio, name: str, batch: tuple):
    ours, theirs = pair(torchaudio, name, torch.float64, **KINDS[name])
    x = given(name, batch=batch)
    if 0 in batch:
        assert ours(x).shape[0] == 0
    elif name == "LFCC":  # their peak is one of a batch
        assert ours(x).shape == theirs(x).shape
    else:
        assert_alike(ours(x), theirs(x), BANKS)


@pytest.mark.parametrize("options", FRAMES, ids=written)
@pytest.mark.parametrize("length", [None, 1500, 1300])
def test_inverse_spectrogram(torchaudio, precision: str, options: dict, length: int | None):
    dtype = getattr(torch, precision)
    X = torchaudio.transforms.Spectrogram(power=None, **options).to(dtype)(waves(2, 1500).to(dtype))
    ours, theirs = pair(torchaudio, "InverseSpectrogram", dtype, **options)
    if options.get("center") is False and length == 1500:
        length = None  # more than the frames cover
    limit = {"float32": 1e-4, "float64": 1e-12}[precision]  # a window's ends are divided by
    assert_alike(ours(X, length), theirs(X, length), limit)


@pytest.mark.parametrize("options", MELS, ids=str)
def test_mel_spectrogram(torchaudio, precision: str, options: dict):
    dtype = getattr(torch, precision)
    x = waves(2, 3000, dtype=dtype)
    for load in (False, True):
        ours, theirs = pair(torchaudio, "MelSpectrogram", dtype, load=load, **options)
        assert_alike(ours(x), theirs(x), BANKS)


@pytest.mark.parametrize("options", ODD, ids=str)
def test_frequencies_of_bins(torchaudio, options: dict):
    """Theirs are wrong where n_fft or the rate is odd; the switch, or their bank, brings them."""
    x = waves(2, 3000)
    switched, theirs = pair(
        torchaudio, "MelSpectrogram", torch.float64, load=False, frequencies="torchaudio", **options
    )
    expected = theirs(x)
    assert_alike(switched(x), expected, BANKS)
    assert switched._mel is not None
    ours = T.MelSpectrogram(**options).double()
    assert float((ours(x) - expected).norm() / expected.norm()) > 1e-3
    ours.load_state_dict(theirs.state_dict())
    assert_alike(ours(x), expected, 1e-12)


@pytest.mark.parametrize("name", ["MelScale", "MelSpectrogram"])
@pytest.mark.parametrize("odd", [0, 1])
def test_bank_is_that_of_its_frame(name: str, odd: int):
    """Bin k is at k * sample_rate / n_fft, for odd n_fft too."""
    n_fft = 400 + odd
    module = (
        T.MelScale(40, 16000, n_stft=201, n_fft=n_fft)
        if name == "MelScale"
        else T.MelSpectrogram(n_fft=n_fft, n_mels=40).mel_scale
    )
    stft = T.Spectrogram(n_fft)._stft
    exact = T.mel.Mel(stft, 16000, 40, scale="htk", norm=None).filters
    assert torch.equal(module.fb, torch.from_numpy(exact.T.copy()).float())


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"log_mels": True},
        {"norm": None, "n_mfcc": 13},
        {"melkwargs": {"n_fft": 512, "n_mels": 64}},
    ],
    ids=str,
)
def test_mfcc(torchaudio, precision: str, options: dict):
    dtype = getattr(torch, precision)
    x = waves(3, 2000, dtype=dtype) * torch.tensor([[1.0], [1e-3], [1e-5]]).to(dtype)
    ours, theirs = pair(torchaudio, "MFCC", dtype, peak="torchaudio", **options)
    assert_alike(ours(x), theirs(x), BANKS)
    ours, theirs = pair(torchaudio, "MFCC", dtype, **options)
    assert_alike(ours(x), torch.stack([theirs(row) for row in x]), BANKS)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"log_lf": True},
        {"norm": None, "n_lfcc": 13, "n_filter": 30, "f_max": 5000.0},
        {"speckwargs": {"n_fft": 513}},
    ],
    ids=str,
)
def test_lfcc(torchaudio, precision: str, options: dict):
    dtype = getattr(torch, precision)
    x = waves(3, 2000, dtype=dtype)
    ours, theirs = pair(torchaudio, "LFCC", dtype, peak="torchaudio", **options)
    assert_alike(ours(x), theirs(x), BUFFERS[precision])
    ours, _ = pair(
        torchaudio,
        "LFCC",
        dtype,
        load=False,
        peak="torchaudio",
        frequencies="torchaudio",
        **options,
    )
    assert_alike(ours(x), theirs(x), BANKS)


@pytest.mark.parametrize("stype", ["power", "magnitude"])
@pytest.mark.parametrize("shape", [(5, 7), (3, 5, 7), (2, 3, 5, 7), (2, 2, 3, 5, 7)], ids=str)
@pytest.mark.parametrize("top_db", [None, 0.0, 20.0])
def test_amplitude_to_db(torchaudio, stype: str, shape: tuple, top_db: float | None):
    x = waves(*shape).abs() ** 6
    ours, theirs = pair(
        torchaudio, "AmplitudeToDB", torch.float64, stype=stype, top_db=top_db, peak="torchaudio"
    )
    assert torch.equal(ours(x), theirs(x))
    each = torch.stack([theirs(item) for item in x.reshape(-1, 5, 7)]).reshape(shape)
    assert torch.equal(T.AmplitudeToDB(stype, top_db)(x), each)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"momentum": 0.0},
        {"power": 1.0, "n_fft": 401, "win_length": 300},
        {"length": 1550},
        {"n_iter": 0},
    ],
    ids=str,
)
def test_griffin_lim(torchaudio, precision: str, options: dict):
    dtype = getattr(torch, precision)
    frames = {k: options[k] for k in ("n_fft", "win_length") if k in options}
    S = T.Spectrogram(**frames)(waves(2, 1500, dtype=dtype))
    options = {"n_iter": 3, "rand_init": False, **options}
    ours, theirs = pair(torchaudio, "GriffinLim", dtype, **options)
    expected = theirs(S)
    assert_alike(ours(S), expected, 1e-3 if precision == "float32" else 1e-10)
    unrolled = ours(S.clone().requires_grad_())
    assert_alike(unrolled.detach(), expected, 1e-3 if precision == "float32" else 1e-10)


@pytest.mark.parametrize(
    "options",
    [{"n_iter": 5}, {"n_iter": 3, "power": 1.0}, {"n_iter": 3, "length": 1550, "momentum": 0.0}],
    ids=str,
)
def test_griffin_lim_from_their_phases(torchaudio, options: dict):
    S = T.Spectrogram()(given("Spectrogram", batch=(2, 1)))
    S = S.mT.contiguous().mT  # as torch.stft lays it out
    torch.manual_seed(1)
    expected = torchaudio.transforms.GriffinLim(**options).double()(S)
    torch.manual_seed(1)
    ours = T.GriffinLim(**options, phases="torchaudio").double()(S)
    assert_alike(ours, expected, 1e-10)


@pytest.mark.parametrize("rate", [0.1, 0.8, 1, 1.3, 2.0, 3.7])
def test_time_stretch(torchaudio, precision: str, rate: float):
    dtype = getattr(torch, precision)
    X = T.Spectrogram(power=None)(waves(2, 3000, dtype=dtype))
    ours, theirs = pair(torchaudio, "TimeStretch", dtype, hop_length=200, fixed_rate=1.1)
    assert_alike(ours(X, rate), theirs(X, rate), 10 * BUFFERS[precision])
    assert_alike(ours(X), theirs(X), 10 * BUFFERS[precision])


def test_inverse_mel_scale_by_least_squares(torchaudio):
    M = given("InverseMelScale", batch=(2, 3))
    ours, theirs = pair(
        torchaudio, "InverseMelScale", torch.float64, driver="gelsd", solver="torchaudio",
        n_stft=201, n_mels=64,
    )  # fmt: skip
    assert_alike(ours(M), theirs(M), 1e-12)


def test_inverse_mel_scale_fits_better_and_never_fails(torchaudio):
    """Whisper's front end, where their default raises for a filter bank of deficient rank."""
    options = {"n_mels": 80, "norm": "slaney", "mel_scale": "slaney"}
    scale = T.MelScale(n_stft=201, **options).double()
    S = T.Spectrogram()(waves(16000))
    M = scale(S)
    found = T.InverseMelScale(201, **options)(M)
    assert bool((found >= 0).all())
    theirs = torchaudio.transforms.InverseMelScale(201, driver="gelsd", **options).double()
    ours = float((scale(found) - M).norm() / M.norm())
    assert ours < float((scale(theirs(M)) - M).norm() / M.norm())
    narrow = T.InverseMelScale(201, 128)  # four filters have no bin
    assert bool(narrow(given("InverseMelScale")[0, 0].expand(128, 9)).isfinite().all())


@pytest.mark.parametrize("name", KINDS)
def test_state_dicts_load_both_ways(torchaudio, name: str):
    _, theirs = pair(torchaudio, name, torch.float32, **KINDS[name])
    theirs.load_state_dict(made(name).state_dict(), strict=True)
    assert list(made(name).state_dict()) == list(theirs.state_dict())
    shapes = {key: value.shape for key, value in theirs.state_dict().items()}
    assert {key: value.shape for key, value in made(name).state_dict().items()} == shapes

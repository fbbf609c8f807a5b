# SPDX-License-Identifier: Apache-2.0
"""What lapped.nn refuses: each message names the argument, its value and what is allowed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

torch = pytest.importorskip("torch")

import lapped  # noqa: E402
import lapped.nn as T  # noqa: E402, N812
from tests.transforms import waves  # noqa: E402

MADE: list[tuple[Callable[[], Any], type, str]] = [
    (lambda: T.Spectrogram(n_fft=0), ValueError, "n_fft=0 must be at least 1"),
    (lambda: T.Spectrogram(400, 500), ValueError, "win_length=500 must be at most 400"),
    (lambda: T.Spectrogram(hop_length=0), ValueError, "hop_length=0 must be at least 1"),
    (lambda: T.Spectrogram(pad=-1), ValueError, "pad=-1 must be at least 0"),
    (lambda: T.Spectrogram(power="2"), TypeError, "power='2' must be a real number"),
    (lambda: T.Spectrogram(normalized="x"), ValueError, "normalized='x' must be False, True, "),
    (lambda: T.Spectrogram(normalized=1), TypeError, "normalized=1 must be False, True, "),
    (lambda: T.Spectrogram(center=1), TypeError, "center=1 must be True or False"),
    (lambda: T.Spectrogram(pad_mode="x"), ValueError, "pad_mode='x' must be one of 'reflect', "),
    (lambda: T.Spectrogram(window_fn="hann"), TypeError, "window_fn='hann' must be a function"),
    (lambda: T.Spectrogram(window_fn=int), TypeError, "window=400 must be a tensor (400,)"),
    (
        lambda: T.Spectrogram(400, 200, window_fn=lambda n: torch.ones(400)),
        ValueError,
        "window has shape (400,) and must have (200,)",
    ),
    (lambda: T.MelScale(0), ValueError, "n_mels=0 must be at least 1"),
    (lambda: T.MelScale(f_min=9000.0), ValueError, "f_min=9000 and f_max=8000 must fulfil"),
    (lambda: T.MelScale(norm="x"), ValueError, "norm='x' must be 'slaney' or None"),
    (lambda: T.MelScale(mel_scale="x"), ValueError, "mel_scale='x' must be one of 'htk', 'slaney'"),
    (lambda: T.MelScale(n_fft=512), ValueError, "n_fft=512 must be 400 or 401"),
    (lambda: T.MelScale(frequencies="x"), ValueError, "frequencies='x' must be one of 'exact', "),
    (lambda: T.InverseMelScale(201, driver="x"), ValueError, "driver='x' must be one of 'gels', "),
    (
        lambda: T.InverseMelScale(201, solver="x"),
        ValueError,
        "solver='x' must be one of 'newton', ",
    ),
    (lambda: T.MelSpectrogram(power=0), ValueError, "power=0 must be greater than 0"),
    (lambda: T.MFCC(n_mfcc=200), ValueError, "n_mfcc=200 must be at most n_mels=128"),
    (lambda: T.MFCC(dct_type=3), ValueError, "dct_type=3 must be 2"),
    (lambda: T.MFCC(norm="x"), ValueError, "norm='x' must be 'ortho' or None"),
    (lambda: T.LFCC(n_lfcc=500), ValueError, "n_lfcc=500 must be at most n_fft=400"),
    (lambda: T.AmplitudeToDB("x"), ValueError, "stype='x' must be one of 'power', "),
    (lambda: T.AmplitudeToDB(top_db=-1.0), ValueError, "top_db=-1 must be at least 0"),
    (lambda: T.AmplitudeToDB(peak="x"), ValueError, "peak='x' must be one of 'example', "),
    (lambda: T.GriffinLim(momentum=1.0), ValueError, "momentum=1 must be below 1"),
    (lambda: T.GriffinLim(power=0), ValueError, "power=0 must be greater than 0"),
    (lambda: T.GriffinLim(phases="x"), ValueError, "phases='x' must be one of 'circle', "),
    (lambda: T.GriffinLim(length=-1), ValueError, "length=-1 must be at least 0"),
    (lambda: T.TimeStretch(fixed_rate=0), ValueError, "fixed_rate=0 must be greater than 0"),
]
S = waves(201, 5, dtype=torch.float32).abs()
CALLED: list[tuple[Callable[[], Any], type, str]] = [
    (lambda: T.Spectrogram()([1.0]), TypeError, "waveform is a list and must be a torch tensor"),
    (lambda: T.Spectrogram()(torch.tensor(1.0)), ValueError, "waveform has shape () and must be "),
    (lambda: T.MelSpectrogram(n_mels=9)(S + 0j), TypeError, "waveform has dtype torch.complex64 "),
    (
        lambda: T.MelScale(40)(S[:100]),
        ValueError,
        "specgram has shape (100, 5) and must be (..., n_stft, n_frames) with n_stft=201",
    ),
    (lambda: T.MelScale(40)(S + 0j), TypeError, "specgram has dtype torch.complex64 and must be "),
    (lambda: T.GriffinLim()(S[0]), ValueError, "specgram has shape (5,) and must be (..., n_freq"),
    (lambda: T.InverseSpectrogram()(S), TypeError, "spectrogram has dtype torch.float32 and must "),
    (
        lambda: T.InverseSpectrogram(onesided=False)(S + 0j),
        ValueError,
        "spectrogram has shape (201, 5) and must be (..., n_freq, n_frames) with n_freq=400",
    ),
    (lambda: T.InverseSpectrogram(pad=3)(S + 0j, -1), ValueError, "length=-1 must be at least 0"),
    (
        lambda: T.InverseMelScale(201, 40)(S),
        ValueError,
        "melspec has shape (201, 5) and must be (..., n_mels, n_frames) with n_mels=40",
    ),
    (lambda: T.TimeStretch(fixed_rate=2)(S), TypeError, "complex_specgrams has dtype torch.float"),
    (lambda: T.TimeStretch()(S + 0j), ValueError, "overriding_rate=None must be a number"),
    (lambda: T.TimeStretch()(S + 0j, 0), ValueError, "overriding_rate=0 must be greater than 0"),
]


REFUSED = [*MADE, *CALLED]


@pytest.mark.parametrize(
    ("call", "error", "message"), REFUSED, ids=[message for *_, message in REFUSED]
)
def test_refused(call: Callable[[], Any], error: type, message: str):
    with pytest.raises(error) as caught:
        call()
    assert message in str(caught.value)


def test_window_has_no_gradient():
    module = T.Spectrogram()
    module.window = torch.nn.Parameter(module.window)
    with pytest.raises(TypeError, match="window requires grad and must not"):
        module(waves(4000))


def test_newton_refuses_filters_below_zero():
    inverse = T.InverseMelScale(201, 40)
    inverse.load_state_dict({"fb": -inverse.fb})
    with pytest.raises(ValueError, match="fb has numbers below 0"):
        inverse(S[:40])


@pytest.mark.parametrize(
    "make", [lambda: T.Spectrogram(return_complex=True), lambda: T.MelSpectrogram(onesided=True)]
)
def test_options_without_effect_warn(make: Callable[[], Any]):
    with pytest.warns(UserWarning, match="has no effect"):
        make()


def test_import_is_lazy():
    assert "nn" in dir(lapped)
    assert lapped.nn is T

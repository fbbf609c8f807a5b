# SPDX-License-Identifier: Apache-2.0
"""lapped.nn's modules as modules: buffers and options that count, copies, precisions."""

from __future__ import annotations

import copy
import io
import pickle
from collections.abc import Callable

import pytest

torch = pytest.importorskip("torch")

import lapped.nn as T  # noqa: E402, N812
from tests.transforms import BANKS, KINDS, assert_alike, given, made, waves  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore:At least one mel filterbank")


def other_window(length: int) -> torch.Tensor:
    return torch.hamming_window(length, periodic=False)


# ---- buffers


@pytest.mark.parametrize("way", ["load", "assign", "set"])
@pytest.mark.parametrize("name", ["Spectrogram", "InverseSpectrogram", "GriffinLim"])
def test_another_window_is_used(name: str, way: str):
    module, x = made(name), given(name)
    before = module(x)
    if way == "set":
        module.window = other_window(400)
    else:
        module.load_state_dict({"window": other_window(400)}, assign=way == "assign")
    expected = made(name, window_fn=other_window)(x)
    assert torch.equal(module(x), expected)
    assert not torch.allclose(before, expected)


def test_another_window_is_used_by_what_contains_it():
    x = waves(2, 3000)
    plain, other = T.MelSpectrogram(), T.MelSpectrogram(window_fn=other_window)
    plain.load_state_dict(other.state_dict())
    assert torch.equal(plain(x), other(x))
    inner = T.MelSpectrogram()
    inner.spectrogram.load_state_dict(other.spectrogram.state_dict())
    assert_alike(inner(x), other(x), 1e-6)
    outer = torch.nn.Sequential(T.MFCC())
    outer.load_state_dict({f"0.{k}": v for k, v in T.MFCC(
        melkwargs={"window_fn": other_window}).state_dict().items()})  # fmt: skip
    assert torch.equal(outer(x), T.MFCC(melkwargs={"window_fn": other_window})(x))


@pytest.mark.parametrize("way", ["load", "assign", "set", "outer"])
def test_other_filters_are_used(way: str):
    module, x = T.MelSpectrogram(n_mels=40), waves(2, 3000)
    fb = torch.rand(201, 40, generator=torch.Generator().manual_seed(0))
    if way == "set":
        module.mel_scale.fb = fb
    elif way == "outer":
        module.load_state_dict({**module.state_dict(), "mel_scale.fb": fb})
    else:
        module.mel_scale.load_state_dict({"fb": fb}, assign=way == "assign")
    assert_alike(module(x), fb.double().mT @ module.spectrogram(x), 1e-12)
    module.mel_scale.load_state_dict(T.MelScale(40).state_dict())
    assert torch.equal(module(x), T.MelSpectrogram(n_mels=40)(x))


def test_other_filters_are_inverted():
    module, M = made("InverseMelScale"), given("InverseMelScale")
    expected = module(M)
    module.load_state_dict(module.state_dict())
    assert torch.equal(module(M), expected)
    module._mel = None  # what other filters leave of it
    assert_alike(module(M), expected, 1e-5)
    module.fb = module.fb.flip(1)
    assert_alike(module(M.flip(-2)), expected, 1e-5)


def test_saved_filters_are_those_loaded():
    fb = T.MelScale().fb * (1 + 1e-6)
    module = T.MelSpectrogram()
    module.mel_scale.load_state_dict({"fb": fb})
    assert torch.equal(module.state_dict()["mel_scale.fb"], fb)


@pytest.mark.parametrize("name", KINDS)
def test_copies_are_alike(name: str):
    module, x = made(name), given(name)
    expected = module(x)
    saved = io.BytesIO()
    torch.save(module, saved)
    saved.seek(0)
    copies = copy.deepcopy(module), pickle.loads(pickle.dumps(module)), torch.load(
        saved, weights_only=False
    )  # fmt: skip
    for other in copies:
        assert torch.equal(other(x), expected)
        assert repr(other) == repr(module)
    assert_alike(copy.deepcopy(module).double()(x), expected, 1e-6)


def test_a_copy_of_a_mel_spectrogram_is_still_one_pass():
    module = pickle.loads(pickle.dumps(T.MelSpectrogram()))
    assert module._mel.stft is module.spectrogram._stft


@pytest.mark.parametrize("name", ["Spectrogram", "MelSpectrogram", "GriffinLim"])
def test_made_on_the_meta_device_then_loaded(name: str):
    with torch.device("meta"):
        module = made(name)
    assert all(buffer.is_meta for buffer in module.buffers())
    module.load_state_dict(made(name).state_dict(), assign=True)
    assert torch.equal(module(given(name)), made(name)(given(name)))


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_results_have_the_precision_of_the_input(name: str, dtype: torch.dtype):
    result = made(name)(given(name, dtype))
    assert (result.real.dtype if result.is_complex() else result.dtype) == dtype


@pytest.mark.parametrize("name", KINDS)
def test_examples_are_independent(name: str):
    module, x = made(name), given(name, batch=(3,))
    scales = torch.tensor([1.0, 1e-4, 1e3])[:, None, None].to(x.real.dtype)
    x = x * (scales if x.ndim == 3 else scales[..., 0])
    batch = module(x)
    for i, row in enumerate(x):
        assert_alike(module(row), batch[i], 1e-13)


def test_all_bins_are_mirrored():
    for n_fft in (400, 401):
        full = T.Spectrogram(n_fft, power=None, onesided=False)(waves(1500))
        assert full.shape[0] == n_fft
        assert torch.equal(full[1:], full[1:].flip(0).conj().resolve_conj())


def test_griffin_lim_is_the_same_at_each_call_and_has_seeds():
    S = given("GriffinLim")
    assert torch.equal(T.GriffinLim()(S), T.GriffinLim()(S))
    assert not torch.allclose(T.GriffinLim(seed=1)(S), T.GriffinLim()(S))


# ---- what is written, replaced and hooked


def composed(mel: T.MelSpectrogram, x: torch.Tensor) -> torch.Tensor:
    """The mel spectrogram in two steps, by its buffers alone."""
    stft = torch.stft(x, 400, 200, window=mel.spectrogram.window, return_complex=True)
    return mel.mel_scale.fb.detach().mT @ stft.abs().square()


def load(mel: T.MelSpectrogram) -> None:
    mel.mel_scale.load_state_dict({"fb": mel.mel_scale.fb * 0.5})


def load_window(mel: T.MelSpectrogram) -> None:
    mel.spectrogram.load_state_dict({"window": torch.hamming_window(400)})


def assign(mel: T.MelSpectrogram) -> None:
    mel.mel_scale.fb = mel.mel_scale.fb * 0.5


def write(mel: T.MelSpectrogram) -> None:
    mel.mel_scale.fb.mul_(2)


def write_window(mel: T.MelSpectrogram) -> None:
    mel.spectrogram.window.copy_(torch.hamming_window(400))


def replace(mel: T.MelSpectrogram) -> None:
    mel.mel_scale = T.MelScale(40, norm="slaney")


def learn(mel: T.MelSpectrogram) -> None:
    mel.mel_scale.fb = torch.nn.Parameter(mel.mel_scale.fb * 0.5)


def write_and_move(mel: T.MelSpectrogram) -> None:
    mel.spectrogram.window.mul_(0.5)
    mel.double().float()


@pytest.mark.parametrize(
    "change",
    [load, load_window, assign, write, write_window, replace, learn, write_and_move],
    ids=lambda change: change.__name__,
)
def test_mel_spectrogram_follows_its_buffers(change: Callable):
    x = waves(2, 4000, dtype=torch.float32)
    mel = T.MelSpectrogram(n_mels=40)
    before = mel(x)
    assert_alike(before, composed(mel, x), BANKS)
    change(mel)
    assert_alike(mel(x).detach(), composed(mel, x), BANKS)
    assert not torch.allclose(mel(x), before)
    assert_alike(copy.deepcopy(mel)(x), composed(mel, x), BANKS)


def test_mel_spectrogram_is_one_kernel_until_something_differs():
    mel = T.MelSpectrogram(n_mels=40)
    assert mel._one_pass() is not None
    mel.load_state_dict(mel.state_dict())
    assert mel._one_pass() is not None
    mel.half()
    assert mel._one_pass() is not None
    mel.load_state_dict({k: v * 0.5 for k, v in mel.state_dict().items()})
    assert mel._one_pass() is None
    assert T.MelSpectrogram(n_mels=40, f_max=9000.0)._one_pass() is None


def test_theirs_loaded_is_still_one_kernel(torchaudio):
    for options in ({}, {"n_fft": 1024, "sample_rate": 44100, "norm": "slaney"}):
        mel = T.MelSpectrogram(**options)
        mel.load_state_dict(torchaudio.transforms.MelSpectrogram(**options).state_dict())
        assert mel._one_pass() is not None
    odd = T.MelSpectrogram(n_fft=401, n_mels=40)
    odd.load_state_dict(torchaudio.transforms.MelSpectrogram(n_fft=401, n_mels=40).state_dict())
    assert odd._one_pass() is None


def test_what_stands_inside_is_called():
    mel, x = T.MelSpectrogram(n_mels=40), waves(2, 4000, dtype=torch.float32)
    seen = []
    hook = mel.spectrogram.register_forward_hook(lambda module, args, y: seen.append(y.shape))
    hooked = mel(x)
    hook.remove()
    assert_alike(mel(x), hooked, BANKS)
    assert seen == [(2, 201, 21)]
    mel.spectrogram.power = 1.0
    assert_alike(mel(x), mel.mel_scale(mel.spectrogram(x)), BANKS)
    mel.mel_scale = torch.nn.Identity()
    assert mel(x).shape == (2, 201, 21)


def test_options_can_be_assigned():
    spectrogram, x = T.Spectrogram(), waves(2, 4000, dtype=torch.float32)
    spectrogram.hop_length, spectrogram.pad_mode = 100, "constant"
    wanted = T.Spectrogram(hop_length=100, pad_mode="constant")
    assert torch.equal(spectrogram(x), wanted(x))
    gl, S = T.GriffinLim(n_iter=2), wanted(x)
    gl.n_iter, gl.hop_length = 3, 100
    assert torch.equal(gl(S), T.GriffinLim(n_iter=3, hop_length=100)(S))


def test_default_dtype_is_that_of_the_buffers():
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        state = T.MFCC().state_dict()
    finally:
        torch.set_default_dtype(before)
    assert {value.dtype for value in state.values()} == {torch.float64}

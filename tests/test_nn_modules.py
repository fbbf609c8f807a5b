# SPDX-License-Identifier: Apache-2.0
"""lapped.nn's modules as modules: buffers that count, copies, gradients, compile and export."""

from __future__ import annotations

import copy
import io
import pickle

import pytest

torch = pytest.importorskip("torch")

import lapped.nn as T  # noqa: E402
from tests.transforms import BANKS, KINDS, assert_alike, given, made, waves  # noqa: E402


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


# ---- gradients


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("Spectrogram", {"power": 0.5}),
        ("Spectrogram", {"power": None, "onesided": False, "n_fft": 15}),
        ("Spectrogram", {"power": 3.0, "pad": 2, "normalized": True}),
        ("MelSpectrogram", {"n_mels": 4}),
        ("MFCC", {"n_mfcc": 3, "melkwargs": {"n_fft": 16, "n_mels": 4}}),
        ("LFCC", {"n_lfcc": 3, "n_filter": 4, "speckwargs": {"n_fft": 16}}),
    ],
)
def test_gradients_of_waveforms(name: str, options: dict):
    module = getattr(T, name)(**({} if "FCC" in name else {"n_fft": 16}) | options).double()
    x = waves(2, 40).requires_grad_()
    assert torch.autograd.gradcheck(module, x)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("InverseSpectrogram", {}),
        ("MelScale", {}),
        ("InverseMelScale", {}),
        ("AmplitudeToDB", {}),
        ("TimeStretch", {}),
        ("GriffinLim", {"differentiable": True}),
        ("GriffinLim", {"differentiable": True, "phases": "torchaudio"}),
    ],
)
def test_gradients_of_spectra(name: str, options: dict):
    small = {
        "InverseSpectrogram": {"n_fft": 16},
        "GriffinLim": {"n_fft": 16, "win_length": 16},
        "MelScale": {"n_stft": 9, "n_mels": 4},
        "InverseMelScale": {"n_stft": 9, "n_mels": 4},
        "TimeStretch": {"n_freq": 9},
    }
    module = made(name, **small.get(name, {}), **options).double()
    x = given(name)[..., : 4 if name == "InverseMelScale" else 9, :5].clone().requires_grad_()

    def seeded(x: torch.Tensor) -> torch.Tensor:
        torch.manual_seed(0)
        return module(x)

    if name == "InverseSpectrogram":  # the imaginary parts at both ends do not count
        assert torch.autograd.gradcheck(module, x)
    else:
        assert torch.autograd.gradcheck(seeded, x)


@pytest.mark.parametrize("power", [0.5, 1.0, 2.0])
def test_silence_has_a_gradient(power: float):
    x = torch.zeros(1500, requires_grad=True)
    T.Spectrogram(power=power)(x).sum().backward()
    assert torch.equal(x.grad, torch.zeros(1500))


def test_griffin_lim_has_no_gradient_unless_asked():
    S = given("GriffinLim").requires_grad_()
    assert not made("GriffinLim")(S).requires_grad
    assert not made("GriffinLim", phases="torchaudio")(S).requires_grad


# ---- compile and export


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("copied", [False, True])
def test_modules_compile_in_one_graph(name: str, copied: bool):
    torch.compiler.reset()
    module, x = made(name), given(name)
    if copied:
        module = pickle.loads(pickle.dumps(module))
    compiled = torch.compile(module, fullgraph=True, backend="aot_eager")
    assert_alike(compiled(x), module(x), 1e-12)


@pytest.mark.parametrize("name", ["MelSpectrogram", "MFCC", "InverseMelScale"])
def test_compiled_gradients(name: str):
    torch.compiler.reset()
    module, x = made(name), given(name)
    compiled = torch.compile(module, fullgraph=True, backend="aot_eager")
    grads = []
    for f in (module, compiled):
        own = x.clone().requires_grad_()
        f(own).square().sum().backward()
        grads.append(own.grad)
    assert_alike(grads[1], grads[0], 1e-10)


@pytest.mark.parametrize("name", KINDS)
def test_modules_export(name: str):
    module, x = made(name), given(name)
    program = torch.export.export(module, (x,))
    assert_alike(program.module()(x), module(x), 1e-12)


@pytest.mark.parametrize("name", ["Spectrogram", "MelSpectrogram", "MFCC", "LFCC"])
def test_export_with_any_number_of_samples(name: str):
    module, x = made(name), given(name)
    shapes = {"waveform": {1: torch.export.Dim("samples", min=1000, max=100000)}}
    program = torch.export.export(module, (x,), dynamic_shapes=shapes)
    longer = waves(2, 4001)
    assert_alike(program.module()(longer), module(longer), BANKS)


# ---- errors


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("Spectrogram", {"n_fft": 0}, "n_fft=0 must be at least 1"),
        ("Spectrogram", {"win_length": 401}, "win_length=401 must be at most 400"),
        ("Spectrogram", {"hop_length": 0}, "hop_length=0 must be at least 1"),
        ("Spectrogram", {"pad": -1}, "pad=-1 must be at least 0"),
        ("Spectrogram", {"pad_mode": "edge"}, "pad_mode='edge' must be one of 'reflect'"),
        ("Spectrogram", {"normalized": "no"}, "normalized='no' must be False, True, 'window'"),
        ("Spectrogram", {"normalized": None}, "normalized=None must be"),
        ("Spectrogram", {"center": 1}, "center=1 must be True or False"),
        ("Spectrogram", {"window_fn": lambda n: None}, r"window=None must be a tensor \(400,\)"),
        ("MelSpectrogram", {"power": 0.0}, "power=0 must be greater than 0"),
        ("MelSpectrogram", {"power": None}, "power=None must be a real number"),
        ("MelScale", {"mel_scale": "kaldi"}, "mel_scale='kaldi' must be one of 'htk', 'slaney'"),
        ("MelScale", {"norm": "area"}, "norm='area' must be 'slaney' or None"),
        ("MelScale", {"f_min": 8000.0}, "f_min=8000 and f_max=8000 must fulfil"),
        ("MelScale", {"n_fft": 512}, "n_fft=512 must be 400 or 401"),
        ("MelScale", {"frequencies": "librosa"}, "frequencies='librosa' must be one of 'exact'"),
        ("InverseMelScale", {"driver": "svd"}, "driver='svd' must be one of 'gels'"),
        ("InverseMelScale", {"solver": "lstsq"}, "solver='lstsq' must be one of 'em'"),
        ("MFCC", {"n_mfcc": 129}, "n_mfcc=129 must be at most n_mels=128"),
        ("MFCC", {"dct_type": 3}, "dct_type=3 must be 2"),
        ("MFCC", {"norm": "slaney"}, "norm='slaney' must be 'ortho' or None"),
        ("LFCC", {"n_lfcc": 401}, "n_lfcc=401 must be at most n_fft=400"),
        ("AmplitudeToDB", {"top_db": -1.0}, "top_db=-1 must be at least 0"),
        ("AmplitudeToDB", {"peak": "batch"}, "peak='batch' must be one of 'example', 'torchaudio'"),
        ("GriffinLim", {"momentum": 1.0}, "momentum=1 must be below 1"),
        ("GriffinLim", {"momentum": -0.1}, "momentum=-0.1 must be at least 0"),
        ("GriffinLim", {"phases": "full"}, "phases='full' must be one of 'circle'"),
        ("TimeStretch", {"fixed_rate": 0.0}, "fixed_rate=0 must be greater than 0"),
    ],
)
def test_options_are_checked(name: str, options: dict, message: str):
    with pytest.raises((ValueError, TypeError), match=f"^{message}"):
        made(name, **options)


def test_calls_are_checked():
    with pytest.raises(ValueError, match="overriding_rate=None must be a number"):
        T.TimeStretch()(given("TimeStretch"))
    with pytest.raises(TypeError, match=r"complex_specgrams has dtype torch.float64"):
        T.TimeStretch()(waves(201, 9), 1.2)
    with pytest.raises(ValueError, match=r"melspec has shape \(2, 64, 9\) and must be"):
        T.InverseMelScale(201)(given("InverseMelScale"))
    with pytest.raises(ValueError, match=r"spectrogram has shape .* onesided=False"):
        T.InverseSpectrogram(onesided=False)(given("InverseSpectrogram"))


def test_options_without_effect_say_so():
    with pytest.warns(UserWarning, match="return_complex=True has no effect"):
        T.Spectrogram(return_complex=True)
    with pytest.warns(UserWarning, match="onesided=True has no effect"):
        T.MelSpectrogram(onesided=True)

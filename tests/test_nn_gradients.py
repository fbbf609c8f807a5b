# SPDX-License-Identifier: Apache-2.0
"""lapped.nn's modules in training: gradients, torch.compile and torch.export."""

from __future__ import annotations

import pickle

import pytest

torch = pytest.importorskip("torch")

import lapped.nn as T  # noqa: E402, N812
from tests.transforms import BANKS, KINDS, assert_alike, given, made, waves  # noqa: E402

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
        ("GriffinLim", {}),
        ("GriffinLim", {"phases": "torchaudio"}),
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


def test_griffin_lim_has_a_gradient_unless_refused():
    S = given("GriffinLim").requires_grad_()
    for options in ({}, {"phases": "torchaudio"}):
        assert made("GriffinLim", **options)(S).requires_grad
        assert not made("GriffinLim", differentiable=False, **options)(S).requires_grad
    with torch.no_grad():
        constant = made("GriffinLim")(S)
    assert not constant.requires_grad
    waveform = made("GriffinLim")(S)
    assert_alike(waveform.detach(), constant, 1e-12)
    assert torch.equal(made("GriffinLim", differentiable=False)(S), constant)


@pytest.mark.parametrize("name", ["MelScale", "MelSpectrogram", "InverseMelScale"])
def test_filters_can_learn(name: str):
    module, x = made(name), given(name)
    inner = module.mel_scale if name == "MelSpectrogram" else module
    fixed = module(x)
    inner.fb = torch.nn.Parameter(inner.fb)
    learning = module(x)
    assert_alike(learning.detach(), fixed, BANKS)
    learning.sum().backward()
    assert inner.fb.grad.abs().sum() > 0
    assert_alike(pickle.loads(pickle.dumps(module))(x).detach(), fixed, BANKS)


def test_second_gradients():
    module = T.MelSpectrogram(n_fft=16, n_mels=4).double()
    x = waves(2, 40).requires_grad_()
    assert torch.autograd.gradgradcheck(module, x)


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

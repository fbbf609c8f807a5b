# SPDX-License-Identifier: Apache-2.0
"""Gradients in torch: of any order, over all framings, and those that torch itself finds."""

from __future__ import annotations

import numpy as np
import pytest

import lapped
from tests import torch_operations as ops

torch = pytest.importorskip("torch")
gradcheck, gradgradcheck = torch.autograd.gradcheck, torch.autograd.gradgradcheck


def asking(x: torch.Tensor) -> torch.Tensor:
    return x.clone().requires_grad_()


@pytest.mark.parametrize("transform", ops.TRANSFORMS)
@pytest.mark.parametrize("name", ops.WITH_GRADIENT)
def test_first_order(transform: str, name: str):
    stft = ops.TRANSFORMS[transform]
    operation = {**ops.linear(stft), **ops.others(stft)}[name]
    assert gradcheck(operation.function, asking(ops.tensor(operation)), fast_mode=True)


@pytest.mark.parametrize("transform", ["center", "odd", "uneven"])
@pytest.mark.parametrize("name", ["stft", "inverse", "magnitude", "power", "mel", "mel_plain"])
def test_second_order_and_forward_mode(transform: str, name: str):
    stft = ops.TRANSFORMS[transform]
    operation = {**ops.linear(stft), **ops.others(stft)}[name]
    x = asking(ops.tensor(operation))
    assert gradcheck(operation.function, x, check_forward_ad=True, fast_mode=True)
    assert gradgradcheck(operation.function, x, fast_mode=True)


def test_every_element_of_a_jacobian():
    for name in ("stft", "inverse", "power", "mel"):
        operation = ops.ALL[name]
        assert gradcheck(operation.function, asking(ops.tensor(operation)))


@pytest.mark.parametrize("compression", ops.COMPRESSIONS)
@pytest.mark.parametrize("lengths", [None, [29, 13]])
def test_compressions(compression: str, lengths: list | None):
    mel = ops.mel_of(ops.CENTER, compression=ops.COMPRESSIONS[compression])
    x = asking(ops.tensor(ops.ALL["mel"]))
    assert gradcheck(lambda x: mel(x, lengths=lengths), x)
    assert gradcheck(lambda x: mel(x, lengths=lengths), x, check_forward_ad=True, fast_mode=True)
    S = asking(mel.stft.magnitude(x.detach()))
    assert gradcheck(lambda S: mel.project(S, lengths=lengths), S, fast_mode=True)
    M = asking(mel(x.detach()))
    assert gradcheck(lambda M: mel.inverse(M, n_iter=2), M, fast_mode=True)


@pytest.mark.parametrize("layout", ["ft", "tf"])
@pytest.mark.parametrize("n_mels", [1, 2, 9])
def test_inversion_follows_the_kernel_whatever_the_bands(n_mels: int, layout: str):
    mel = lapped.Mel(lapped.STFT(32, 8, layout=layout), 16000, n_mels)
    M = torch.rand(2, n_mels, 5, dtype=torch.float64, generator=torch.manual_seed(0))
    M[1, 0] = 0
    M = asking(M.mT if layout == "tf" else M)
    assert torch.allclose(mel.inverse(M).detach(), mel.inverse(M.detach()), atol=1e-12)
    mel.inverse(M).sum().backward()
    assert bool(M.grad.isfinite().all())


@pytest.mark.parametrize("transform", ["center", "odd", "gaps", "tf"])
def test_rows_of_their_own_lengths(transform: str):
    stft, lengths = ops.TRANSFORMS[transform], torch.tensor([29, 14])
    mel = ops.mel_of(stft, power=1.0)
    x = asking(ops.tensor(ops.ALL["stft"]))
    for function in (stft, stft.magnitude, stft.power, mel):
        assert gradcheck(lambda x, f=function: f(x, lengths=lengths), x, fast_mode=True)
    X = asking(stft(x.detach()))
    assert gradcheck(lambda X: stft.inverse(X, lengths=lengths), X, fast_mode=True)
    S, gl = asking(stft.magnitude(x.detach()) + 0.1), lapped.GriffinLim(stft, 2)
    for length in (29, 31):

        def reconstruct(S: torch.Tensor, length: int = length) -> torch.Tensor:
            return gl(S, length=length, lengths=lengths, differentiable=True)

        torch.testing.assert_close(reconstruct(S), gl(S, length=length, lengths=lengths))
        assert gradcheck(reconstruct, S, fast_mode=True)
    x.grad = None
    stft.power(x, lengths=lengths).sum().backward()
    assert not x.grad[1, 14:].any()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("n_fft", [400, 401, 512])
def test_those_that_torch_finds(n_fft: int, dtype: torch.dtype):
    stft, window = lapped.STFT(n_fft, 160), torch.hann_window(n_fft, dtype=dtype)
    x = torch.randn(3, 4000, dtype=dtype, generator=torch.Generator().manual_seed(0))

    def theirs(x: torch.Tensor) -> torch.Tensor:
        return torch.stft(x, n_fft, 160, window=window, return_complex=True)

    weights = torch.randn_like(theirs(x))
    for of in (lambda X: (X * weights).real, lambda X: (X * weights).abs(), lambda X: X.abs()):
        own, other = asking(x), asking(x)
        of(stft(own)).sum().backward()
        of(theirs(other)).sum().backward()
        tolerance = 1e-4 if dtype == torch.float32 else 1e-11
        torch.testing.assert_close(own.grad, other.grad, rtol=tolerance, atol=10 * tolerance)
    own, other = asking(theirs(x)), asking(theirs(x))
    y = torch.randn_like(x)
    (stft.inverse(own, length=4000) * y).sum().backward()
    (torch.istft(other, n_fft, 160, window=window, length=4000) * y).sum().backward()
    torch.testing.assert_close(own.grad, other.grad, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("power", [1.0, 2.0, 0.5])
def test_silence_has_the_gradient_0(power: float):
    stft = lapped.STFT(64, 16)
    mel = lapped.Mel(stft, 8000, 8, power=power)
    for function in (stft, stft.magnitude, stft.power, mel):
        x = torch.zeros(2, 500, requires_grad=True)
        function(x).abs().sum().backward()
        assert not x.grad.any()
    assert gradgradcheck(stft.power, torch.zeros(2, 80, dtype=torch.float64, requires_grad=True))
    x = torch.zeros(1, 80, dtype=torch.float64, requires_grad=True)
    (first,) = torch.autograd.grad(stft.magnitude(x).sum(), x, create_graph=True)
    first.sum().backward()
    assert not x.grad.any()


def test_nan_stays_in_its_row():
    stft = lapped.STFT(64, 16)
    x = torch.randn(3, 500)
    x[1, 100] = torch.nan
    x.requires_grad_()
    lapped.Mel(stft, 8000, 8, compression=ops.DECIBELS)(x).sum().backward()
    assert x.grad[1].isnan().any()
    assert x.grad[[0, 2]].isfinite().all()


@pytest.mark.parametrize("half", [torch.float16, torch.bfloat16])
def test_half_types_are_computed_in_float32(half: torch.dtype):
    stft = lapped.STFT(64, 16)
    mel = lapped.Mel(stft, 8000, 8, compression=lapped.Compression("10"))
    x = torch.randn(2, 500).to(half)
    for function in (stft.power, mel):
        narrow, wide = asking(x), asking(x.float())
        result = function(narrow)
        assert result.dtype == half
        assert torch.equal(result, function(x))
        result.sum().backward()
        function(wide).sum().backward()
        assert torch.equal(narrow.grad, wide.grad.to(half))
    assert stft(asking(x)).dtype == torch.complex64


def test_autocast_changes_nothing():
    stft, layer = lapped.STFT(64, 16), torch.nn.Linear(33, 8)
    mel = lapped.Mel(stft, 8000, 8, compression=lapped.Compression("10"))
    x = torch.randn(2, 500)
    with torch.autocast("cpu", torch.bfloat16):
        wave = asking(x)
        assert torch.equal(mel(wave), mel(x))
        hidden = layer(stft.power(wave).mT)
        assert hidden.dtype == torch.bfloat16
        mel(hidden.flatten(1)).float().sum().backward()
    assert wave.grad.dtype == torch.float32
    assert wave.grad.isfinite().all()
    assert wave.grad.any()


def test_strided_and_expanded_inputs():
    base = torch.randn(500, 6, dtype=torch.float64)
    stft = lapped.STFT(64, 16)
    for view in (lambda b: b[::2, 1::2].T, lambda b: b[:, 0].expand(3, 500)):
        own, copied = asking(base), asking(base)
        stft.magnitude(view(own)).sum().backward()
        stft.magnitude(view(copied).contiguous()).sum().backward()
        torch.testing.assert_close(own.grad, copied.grad, rtol=1e-12, atol=1e-12)
    X = asking(stft(base.T))
    stft.inverse(X.conj()).sum().backward()
    torch.testing.assert_close(X.grad.shape, X.shape)


def test_batches_of_any_shape_and_none():
    stft = lapped.STFT(64, 16)
    for shape in ((500,), (2, 3, 500), (0, 500), (2, 0)):
        x = torch.randn(shape, requires_grad=True)
        stft.power(x).sum().backward()
        assert x.grad.shape == shape
        X = stft(x).detach().requires_grad_()
        stft.inverse(X).sum().backward()
        assert X.grad.shape == X.shape


def test_gradients_do_not_depend_on_batch_or_threads(thread_counts):
    stft = lapped.STFT(400, 160)
    mel = lapped.Mel(stft, 16000, 40, compression=lapped.Compression("10"))
    x = torch.randn(5, 20000)

    def gradient(x: torch.Tensor) -> torch.Tensor:
        x = asking(x)
        mel(x).pow(2).sum().backward()
        return x.grad

    whole = gradient(x)
    for row in range(5):
        assert torch.equal(gradient(x[row]), whole[row])
    thread_counts(1)
    assert torch.equal(gradient(x), whole)


def test_griffin_lim_has_none_by_default():
    stft = lapped.STFT(64, 16)
    noise = torch.randn(2, 500, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    S = asking(stft.magnitude(noise))
    gl = lapped.GriffinLim(stft, 4)
    assert not gl(S).requires_grad
    for options in ({}, {"init": "zeros"}, {"method": "fast"}, {"method": "classic", "seed": 5}):
        gl = lapped.GriffinLim(stft, 4, **options)
        y = gl(S, differentiable=True)
        assert y.requires_grad
        torch.testing.assert_close(y.detach(), gl(S.detach()), rtol=0, atol=1e-9)
    phase = 100 * S.detach()
    started = gl(S, phase=phase, differentiable=True)
    torch.testing.assert_close(started.detach(), gl(S.detach(), phase=phase), rtol=0, atol=1e-9)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"differentiable": True, "return_convergence": True}, "excludes return_convergence=True"),
        ({"differentiable": 1}, "differentiable=1 must be True or False"),
    ],
)
def test_differentiable_has_its_limits(options: dict, message: str):
    stft = lapped.STFT(64, 16)
    S = torch.rand(33, 10)
    with pytest.raises((TypeError, ValueError), match=message):
        lapped.GriffinLim(stft, 4)(S, **options)
    with pytest.raises(ValueError, match=r"excludes tolerance=0\.1"):
        lapped.GriffinLim(stft, 4, tolerance=0.1)(S, differentiable=True)
    with pytest.raises(TypeError, match="differentiable=True needs a torch tensor"):
        lapped.GriffinLim(stft, 4)(S.numpy(), differentiable=True)


def test_mixed_arguments_are_refused_while_recorded():
    stft, x = lapped.STFT(64, 16), torch.randn(2, 500, requires_grad=True)
    S = stft.magnitude(x)
    with pytest.raises(TypeError, match="phase is a ndarray and must be a torch tensor"):
        lapped.GriffinLim(stft)(S, phase=np.zeros(S.shape, np.float32))
    with pytest.raises(TypeError, match="S is a ndarray and must be a torch tensor"):
        lapped.spectral_convergence(stft, S.detach().numpy(), x)
    with pytest.raises(ValueError, match=r"lengths has shape \(3,\) and must have \(2,\)"):
        stft(x, lengths=[1, 2, 3])
    with pytest.raises(ValueError, match=r"lengths\[1\]=501 must be within 0\.\.500"):
        stft(x, lengths=[1, 501])
    with pytest.raises(TypeError, match="lengths must be integers"):
        stft(x, lengths=[1.0, 2.0])
    with pytest.raises(TypeError, match=r"x has dtype torch\.complex64"):
        stft(torch.ones(500, dtype=torch.complex64, requires_grad=True))
    with pytest.raises(ValueError, match="X has shape"):
        stft.inverse(torch.ones(33, dtype=torch.complex64, requires_grad=True))

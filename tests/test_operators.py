# SPDX-License-Identifier: Apache-2.0
"""The torch operators: torch's own checks of them, vmap, torch.func, torch.compile, modes."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys

import pytest

import lapped
from tests import torch_operations as ops

torch = pytest.importorskip("torch")
operators = pytest.importorskip("lapped._operators")
from lapped._operators import _bands, _losses, _phases, _spectra  # noqa: E402
from lapped._spectral_loss import SpectralLoss  # noqa: E402

STFT = ops.CENTER
MEL = ops.mel_of(STFT, compression=lapped.Compression("10", 1e-4))
GL = lapped.GriffinLim(STFT, 2)
LOSS = SpectralLoss(STFT, floor=1e-3)
LENGTHS = torch.tensor([29, 13])
SAMPLES, FRAMES = 29, STFT.n_frames(29)


def noise(*shape: int, complex_: bool = False) -> torch.Tensor:
    generator = torch.Generator().manual_seed(sum(shape))
    dtype = torch.complex128 if complex_ else torch.float64
    return torch.randn(shape, dtype=dtype, generator=generator)


def registered() -> dict[str, tuple]:
    """Every operator with arguments for it."""
    x, X = noise(2, SAMPLES), noise(2, 9, FRAMES, complex_=True)
    S, M = X.abs() + 0.1, noise(2, 4, FRAMES).abs() + 0.1
    text, mel, gl, loss = STFT._text, MEL._text, GL._text, LOSS._text
    blocks = LOSS.values(x + noise(2, SAMPLES + 1)[:, 1:])
    return {
        "stft": (_spectra.stft, (x, LENGTHS, text)),
        "stft_adjoint": (_spectra.stft_adjoint, (X, SAMPLES, None, text)),
        "istft": (_spectra.istft, (X, SAMPLES, LENGTHS, text)),
        "istft_adjoint": (_spectra.istft_adjoint, (x, FRAMES, None, text)),
        "magnitude": (_spectra.magnitude, (x, None, 1e-3, text)),
        "power": (_spectra.power, (x, LENGTHS, text)),
        "power_gradient": (_spectra.power_gradient, (S, x, None, 1.0, 1e-3, text)),
        "mel": (_bands.mel, (x, None, mel)),
        "mel_gradient": (_bands.mel_gradient, (M, x, LENGTHS, mel)),
        "project": (_bands.project, (S, None, mel)),
        "mel_filters": (_bands.mel_filters, (S, mel)),
        "mel_inverse": (_bands.mel_inverse, (M, 2, None, mel)),
        "griffin_lim": (_phases.griffin_lim, (S, None, SAMPLES, LENGTHS, gl)),
        "griffin_lim_watched": (_phases.griffin_lim_watched, (S, S, SAMPLES, None, gl)),
        "mel_to_audio": (_phases.mel_to_audio, (M, 2, "joint", SAMPLES, None, mel)),
        "random_phase": (_phases.random_phase, (S, FRAMES, gl)),
        "spectral_values": (_losses.spectral_values, (x, LENGTHS, loss)),
        "spectral_loss": (_losses.spectral_loss, (x, blocks, LENGTHS, loss)),
        "spectral_loss_gradient": (
            _losses.spectral_loss_gradient,
            (noise(2, 4), x, blocks, None, loss),
        ),
    }


def test_every_operator_is_checked_here():
    defined = {op._name for op in (entry[0].op for entry in registered().values())}
    ours = {str(s.name) for s in torch._C._jit_get_all_schemas() if s.name.startswith("lapped::")}
    assert {f"lapped::{name}" for name in registered()} == ours
    assert len(defined) == len(ours)


@pytest.mark.parametrize("name", registered())
@pytest.mark.parametrize("gradient", [False, True])
def test_opcheck(name: str, gradient: bool):
    operator, args = registered()[name]
    differentiable = operator._backward is not None
    if gradient and not differentiable:
        pytest.skip("has no gradient")
    asking = [
        a.clone().requires_grad_()
        if gradient and isinstance(a, torch.Tensor) and a.dtype != torch.int64
        else a
        for a in args
    ]
    torch.library.opcheck(operator.op, tuple(asking))


@pytest.mark.parametrize("name", ops.ALL)
def test_operator_and_plain_call_give_the_same_bits(name: str):
    operation = ops.ALL[name]
    for dtype in ("float32", "float64"):
        x = ops.tensor(operation, dtype)
        with torch.no_grad():
            plain = operation.function(x)
        recorded = operation.function(x.clone().requires_grad_()).detach()
        if name in ("mel_inverse", "spectral_convergence"):  # a chain of torch's operations
            near = 2e-6 if dtype == "float32" else 1e-7  # decibels are float64 of either
            torch.testing.assert_close(recorded, plain, rtol=near, atol=near)
        else:
            assert torch.equal(recorded, plain)


@pytest.mark.parametrize("name", ops.ALL)
@pytest.mark.parametrize("in_dim", [0, 1])
def test_vmap(name: str, in_dim: int):
    operation = ops.ALL[name]
    batch = torch.stack([ops.tensor(operation, seed=seed) for seed in range(3)])
    expected = torch.stack([operation.function(x) for x in batch])
    result = torch.func.vmap(operation.function, in_dim)(batch.movedim(0, in_dim))
    torch.testing.assert_close(result, expected, rtol=1e-9, atol=1e-9)


def test_vmap_over_rows_with_their_lengths():
    x = noise(3, 2, SAMPLES)
    result = torch.func.vmap(lambda row: STFT(row, lengths=LENGTHS))(x)
    assert torch.equal(result, torch.stack([STFT(row, lengths=LENGTHS) for row in x]))


def test_vmap_keeps_examples_apart():
    mel = ops.mel_of(STFT, compression=ops.COMPRESSIONS["range_of_batch"])
    with pytest.raises(ValueError, match="scope='batch' must be 'example' under vmap"):
        torch.func.vmap(mel)(noise(3, SAMPLES))


def test_functional_transforms():
    x = noise(SAMPLES)
    jacobian = torch.func.jacrev(STFT.power)(x)
    torch.testing.assert_close(torch.func.jacfwd(STFT.power)(x), jacobian)
    torch.testing.assert_close(torch.autograd.functional.jacobian(STFT.power, x), jacobian)
    per_example = torch.func.vmap(torch.func.grad(lambda x: MEL(x).sum()))(noise(3, SAMPLES))
    wave = noise(3, SAMPLES).requires_grad_()
    MEL(wave).sum().backward()
    torch.testing.assert_close(per_example, wave.grad)
    hessian = torch.func.hessian(lambda x: STFT.magnitude(x, eps=1e-3).sum())(x)
    torch.testing.assert_close(hessian, hessian.mT)
    assert torch.equal(torch.func.functionalize(STFT)(x), STFT(x))
    value, tangent = torch.func.jvp(STFT, (x,), (x,))
    torch.testing.assert_close(tangent, value)


@pytest.mark.parametrize("name", ops.ALL)
def test_compiled_with_its_gradient(name: str):
    torch._dynamo.reset()
    operation = ops.ALL[name]
    compiled = torch.compile(operation.function, fullgraph=True, backend="aot_eager", dynamic=True)
    x, other = (ops.tensor(operation).requires_grad_() for _ in range(2))
    result, expected = compiled(x), operation.function(other)
    torch.testing.assert_close(result, expected, rtol=1e-9, atol=1e-9)
    assert result.requires_grad == (name in ops.WITH_GRADIENT)
    if result.requires_grad:
        result.abs().sum().backward()
        expected.abs().sum().backward()
        torch.testing.assert_close(x.grad, other.grad, rtol=1e-8, atol=1e-8)


def test_compiled_by_inductor():
    torch._dynamo.reset()
    stft = lapped.STFT(64, 16)
    mel = lapped.Mel(stft, 8000, 8, compression=lapped.Compression("10"))

    def step(x: torch.Tensor) -> torch.Tensor:
        X = stft(2 * x)
        y = stft.inverse(X * torch.sigmoid(X.abs()), length=x.shape[-1])
        return (mel(y) - mel(x)).abs().mean()

    compiled = torch.compile(step, fullgraph=True, dynamic=True)
    for shape in ((2, 400), (3, 555)):
        x, other = (torch.randn(shape, generator=torch.Generator().manual_seed(1)) for _ in "ab")
        loss, expected = compiled(x.requires_grad_()), step(other.requires_grad_())
        torch.testing.assert_close(loss, expected)
        loss.backward()
        expected.backward()
        torch.testing.assert_close(x.grad, other.grad, rtol=1e-4, atol=1e-6)


def test_one_compiled_function_tells_transforms_apart():
    torch._dynamo.reset()
    compiled = torch.compile(lambda x, t: t(x), fullgraph=True, backend="aot_eager", dynamic=True)
    x = noise(2, 500)
    for t in (lapped.STFT(16), lapped.STFT(64, 16), lapped.STFT(16, padding="none"), MEL):
        assert torch.equal(compiled(x, t), t(x))


def test_lengths_in_compiled_code():
    torch._dynamo.reset()
    compiled = torch.compile(
        lambda x, n: STFT.power(x, lengths=n), fullgraph=True, backend="aot_eager", dynamic=True
    )
    x = noise(2, 50)
    for lengths in ([50, 3], [0, 49]):
        n = torch.tensor(lengths)
        assert torch.equal(compiled(x, n), STFT.power(x, lengths=n))


@pytest.mark.parametrize("transform", ops.TRANSFORMS)
def test_shapes_without_values(transform: str):
    stft = ops.TRANSFORMS[transform]
    mel = ops.mel_of(stft)
    fake = torch._subclasses.FakeTensorMode()
    for samples in (0, 1, 7, 8, 29):
        real = noise(2, samples)
        with fake:
            x = torch.empty(2, samples, dtype=torch.float64)
        for function in (stft, stft.magnitude, mel):
            with fake:
                shadow = function(x)
            expected = function(real)
            assert shadow.shape == expected.shape
            assert shadow.dtype == expected.dtype
            assert shadow.stride() == expected.stride()
        X = stft(real)
        with fake:
            shadow = stft.inverse(torch.empty(X.shape, dtype=X.dtype))
        assert shadow.shape == stft.inverse(X).shape


def test_values_travel_with_modules():
    class Front(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.mel, self.scale = MEL, torch.nn.Parameter(torch.ones(4, 1, dtype=torch.float64))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.scale * self.mel(x)

    front, x = Front(), noise(2, SAMPLES)
    for copied in (copy.deepcopy(front), copy.copy(front)):
        assert torch.equal(copied(x), front(x))
    assert pickle.loads(pickle.dumps(MEL)) == MEL
    front(x).sum().backward()
    assert front.scale.grad is not None


def test_a_text_says_all_of_a_transform():
    from lapped._operators._transforms import transform_of

    for value in (
        *ops.TRANSFORMS.values(),
        MEL,
        GL,
        lapped.preset("whisper-80"),
        lapped.STFT(400, 160, 320, ("kaiser", 8.6)),
        ops.mel_of(STFT, weighting=[1.0] * 9),
    ):
        assert transform_of(value._text) == value
    with pytest.raises(ValueError, match="is not the text of a transform"):
        torch.ops.lapped.power(noise(30), None, "nonsense")


def test_a_tensor_elsewhere_is_refused_by_name():
    for x in (torch.empty(500, device="meta"), torch.empty(500, device="meta", requires_grad=True)):
        with pytest.raises(
            TypeError, match="x is on device 'meta', but must be on the CPU or a CUDA"
        ):
            STFT(x)
    if not torch.cuda.is_available():
        return
    with pytest.raises(TypeError, match="phase"):
        GL(torch.rand(9, 4, device="cuda", requires_grad=True), phase=torch.rand(9, 4))


def test_neither_import_nor_plain_calls_need_the_operators():
    code = (
        "import sys, torch, lapped; lapped.STFT(16)(torch.zeros(99)); "
        "assert 'lapped._operators' not in sys.modules; "
        "lapped.STFT(16)(torch.zeros(99, requires_grad=True)); "
        "assert 'lapped._operators' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)

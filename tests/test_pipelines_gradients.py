# SPDX-License-Identifier: Apache-2.0
"""Gradients through the pipelines: to the waveform and to the model."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from lapped.pipelines import PhaseReconstruction, PhaseReuse, Waveform  # noqa: E402
from tests.pipelines import (  # noqa: E402
    KINDS,
    Enlarge,
    Neighbours,
    batch,
    mel_of,
    neighbourly,
    stft_of,
)

RECORDED = [kind for kind in KINDS if not kind.startswith("griffin-lim")]


def short(samples: int = 400) -> torch.Tensor:
    return batch(torch.float64)[:2, :samples].clone().requires_grad_()


def gradients(pipeline: torch.nn.Module, y: torch.Tensor, *inputs: torch.Tensor) -> list:
    """Of a weighted sum of `y`, to the inputs and to the pipeline's parameters."""
    weights = torch.linspace(-1, 1, y.numel(), dtype=y.dtype).reshape(y.shape)
    return torch.autograd.grad((y * weights).sum(), [*inputs, *pipeline.parameters()])


@pytest.mark.parametrize("kind", RECORDED)
@pytest.mark.parametrize("lengths", [None, [400, 263]], ids=["whole", "lengths"])
def test_gradients_are_those_of_finite_differences(kind: str, lengths: list[int] | None):
    pipeline, x = neighbourly(kind).double(), short()
    parameters = dict(pipeline.named_parameters())

    def function(x: torch.Tensor, *values: torch.Tensor) -> torch.Tensor:
        given = dict(zip(parameters, values, strict=True))
        return torch.func.functional_call(pipeline, given, (x, lengths))

    assert torch.autograd.gradcheck(function, (x, *parameters.values()), fast_mode=True)


@pytest.mark.parametrize("layout", ["ft", "tf"])
def test_mask_has_the_gradients_of_torchs_transforms(layout: str):
    pipeline = PhaseReuse(Neighbours(129, layout), stft_of(layout), combine="mask").double()
    x = short(1000)
    window = torch.hann_window(256, dtype=torch.float64)
    X = torch.stft(x, 256, 64, window=window, return_complex=True)
    mask = pipeline.model(X.abs() if layout == "ft" else X.abs().mT)
    y = torch.istft(X * (mask if layout == "ft" else mask.mT), 256, 64, window=window, length=1000)
    for ours, theirs in zip(
        gradients(pipeline, pipeline(x), x), gradients(pipeline, y, x), strict=True
    ):
        assert torch.allclose(ours, theirs, rtol=1e-9, atol=1e-9 * theirs.abs().max().item())


@pytest.mark.parametrize("kind", RECORDED)
def test_rows_have_their_own_gradients_and_padding_none(kind: str):
    pipeline, x = neighbourly(kind).double(), short()
    (padded,) = torch.autograd.grad(pipeline(x, [400, 263]).pow(2).sum(), x)
    assert not padded[1, 263:].any()
    alone = x[1:, :263].detach().requires_grad_()
    (expected,) = torch.autograd.grad(pipeline(alone).pow(2).sum(), alone)
    assert torch.allclose(padded[1, :263], expected[0], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("kind", RECORDED)
def test_gradients_of_silence_are_finite(kind: str):
    pipeline, x = neighbourly(kind), torch.zeros(2, 400, requires_grad=True)
    assert all(g.isfinite().all() for g in gradients(pipeline, pipeline(x), x))


@pytest.mark.parametrize("power", [1.0, 2.0])
def test_a_model_that_shuts_bands_has_finite_gradients(power: float):
    """The root of a band's energy is steep at 0, where a ReLU often ends."""
    mel = mel_of(power=power)
    model = torch.nn.Sequential(Neighbours(20), torch.nn.Threshold(1.0, 0.0))
    pipeline = PhaseReuse(model, mel)
    x = batch().requires_grad_()
    assert all(g.isfinite().all() for g in gradients(pipeline, pipeline(x), x))


@pytest.mark.parametrize("kind", KINDS)
def test_graphs_follow_the_callers_mode(kind: str):
    pipeline, x = neighbourly(kind), batch()
    recorded = pipeline(x)
    assert recorded.requires_grad == (kind in RECORDED)
    for mode in (torch.no_grad, torch.inference_mode):
        with mode():
            y = pipeline(x.requires_grad_())
        assert not y.requires_grad
        if kind.startswith("mel"):  # where gradients are recorded, torch undoes the compression
            assert torch.allclose(y, recorded, atol=1e-5)
        else:
            assert torch.equal(y, recorded)


def test_a_frozen_model_builds_no_graph():
    for kind in KINDS:
        assert not neighbourly(kind).requires_grad_(False)(batch()).requires_grad


@pytest.mark.parametrize("lengths", [None, [2000, 1203, 0]], ids=["whole", "lengths"])
def test_griffin_lim_has_gradients_where_it_is_asked_to(lengths: list[int] | None):
    model, x = Neighbours(129).double(), batch(torch.float64)
    plain, trained = (
        PhaseReconstruction(model, stft_of(), n_iter=3, differentiable=d) for d in (False, True)
    )
    y = trained(x, lengths)
    assert not plain(x, lengths).requires_grad
    assert torch.allclose(y, plain(x, lengths), atol=1e-9)
    assert all(g.isfinite().all() and g.any() for g in gradients(trained, y))


def test_mel_to_audio_has_no_gradient():
    with pytest.raises(ValueError, match="differentiable=True needs a vocoder or an STFT"):
        PhaseReconstruction(Neighbours(20), mel_of(), differentiable=True)
    with pytest.raises(TypeError, match="differentiable=1 must be True or False"):
        PhaseReconstruction(Neighbours(129), stft_of(), differentiable=1)
    spoken = PhaseReconstruction(Neighbours(20), mel_of(), Enlarge(), differentiable=True)
    assert spoken(batch()).requires_grad


def test_a_mask_can_be_trained_through_the_pipeline():
    """A gain of each bin learns to take a hum away that no clean recording has."""
    t = torch.arange(4000) / 16000
    clean = batch()[:1].repeat(1, 2)
    noisy = clean + torch.sin(2 * torch.pi * 2000 * t)

    class Gain(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.level = torch.nn.Parameter(torch.full((129, 1), 3.0))

        def forward(self, magnitude: torch.Tensor) -> torch.Tensor:
            return self.level.sigmoid().expand_as(magnitude)

    pipeline = PhaseReuse(Gain(), stft_of(), combine="mask")
    optimizer = torch.optim.Adam(pipeline.parameters(), 0.3)
    before = float((pipeline(noisy) - clean).square().mean())
    for _ in range(30):
        optimizer.zero_grad()
        loss = (pipeline(noisy) - clean).square().mean()
        loss.backward()
        optimizer.step()
    assert loss < 0.2 * before


def test_chunks_keep_no_copy_of_the_whole_for_each():
    """Each part goes into the result once: the graph has no in-place write on all of it."""
    pipeline = Waveform(lambda x: 2 * x, sample_rate=1000, chunk=0.1, overlap=0.02)
    x = batch().requires_grad_()
    seen, todo = set(), [pipeline(x).grad_fn]
    while todo:
        node = todo.pop()
        seen.add(node.name())
        todo += [parent for parent, _ in node.next_functions if parent is not None]
    assert not {name for name in seen if "CopySlices" in name}
    (gradient,) = torch.autograd.grad(pipeline(x).sum(), x)
    assert torch.allclose(gradient, torch.full_like(x, 2.0))

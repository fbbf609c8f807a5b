# SPDX-License-Identifier: Apache-2.0
"""Pipelines under torch.compile, in one graph, and torch.export, with sizes that vary."""

from __future__ import annotations

import os
import pickle
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from lapped.pipelines import PhaseReconstruction, PhaseReuse, Waveform  # noqa: E402
from tests.model_files import exported  # noqa: E402
from tests.pipelines import (  # noqa: E402
    KINDS,
    Neighbours,
    batch,
    mel_of,
    neighbourly,
    stft_of,
)

SIZES = [(3, 2000), (2, 1777)]


def pipeline_of(kind: str) -> torch.nn.Module:
    if kind == "waveform whole":
        return Waveform(Neighbours(1), sample_rate=1000, channel_axis=True).eval()
    if kind == "mel-to-audio ft":
        return PhaseReconstruction(Neighbours(20), mel_of(), n_iter=2).eval()
    return neighbourly(kind).eval()


EXPORTED = [k for k in KINDS if k != "waveform ft"] + ["waveform whole", "mel-to-audio ft"]
COMPILED = ["magnitude tf", "mel ft", "griffin-lim tf", "vocoder ft", "waveform ft"]  # slow: few


def assert_same(actual: torch.Tensor, expected: torch.Tensor) -> None:
    """But for the order of a few operations of torch's own."""
    assert actual.shape == expected.shape
    assert (actual - expected).abs().max() <= 1e-5 * expected.abs().max()


@pytest.mark.parametrize("kind", COMPILED)
def test_compiles_into_one_graph(kind: str):
    """With gradients: one graph for the result, one for the backward pass, for sizes that vary."""
    torch.compiler.reset()
    pipeline = pipeline_of(kind)
    compiled = torch.compile(pipeline, fullgraph=True, dynamic=True, backend="aot_eager")
    for rows, samples in SIZES:
        x = batch()[:rows, :samples]
        y, expected = compiled(x), pipeline(x)
        assert_same(y.detach(), expected.detach())
        assert y.requires_grad == expected.requires_grad
        if y.requires_grad:
            parameters = list(pipeline.parameters())
            ours, theirs = (
                torch.autograd.grad(z.square().sum(), parameters) for z in (y, expected)
            )
            for a, b in zip(ours, theirs, strict=True):
                assert_same(a, b)


@pytest.mark.skipif(not shutil.which("g++"), reason="inductor needs a compiler")
@pytest.mark.parametrize("kind", [*EXPORTED, "waveform ft"])
def test_compiles_with_inductor(kind: str):
    if kind != "mask ft" and "LAPPED_SLOW" not in os.environ:
        pytest.skip("LAPPED_SLOW is not set: takes half a minute")
    torch.compiler.reset()
    pipeline = pipeline_of(kind)
    compiled = torch.compile(pipeline, fullgraph=True, dynamic=True)
    with torch.no_grad():
        for rows, samples in SIZES:
            x = batch()[:rows, :samples]
            assert_same(compiled(x), pipeline(x))


@pytest.mark.parametrize("kind", ["mask ft", "griffin-lim ft", "waveform whole"])
def test_copies_compile(kind: str):
    """Values that come out of a pickle have none of what calls keep in them."""
    torch.compiler.reset()
    pipeline = pickle.loads(pickle.dumps(pipeline_of(kind)))
    compiled = torch.compile(pipeline, fullgraph=True, backend="aot_eager")
    assert_same(compiled(batch()).detach(), pipeline(batch()).detach())


@pytest.mark.parametrize("strict", [False, True], ids=["loose", "strict"])
@pytest.mark.parametrize("kind", EXPORTED)
def test_exports_with_any_batch_and_length(kind: str, strict: bool, tmp_path: Path):
    pipeline, path = pipeline_of(kind), tmp_path / "pipeline.pt2"
    sizes = {0: torch.export.Dim("batch"), 1: torch.export.Dim("samples", min=600)}
    exported = torch.export.export(pipeline, (batch(),), dynamic_shapes={"x": sizes}, strict=strict)
    torch.export.save(exported, path)
    program = torch.export.load(path).module()
    for rows, samples in SIZES:
        x = batch()[:rows, :samples]
        assert_same(program(x).detach(), pipeline(x).detach())


def test_chunks_export_for_one_length_and_any_batch():
    pipeline = pipeline_of("waveform ft")
    sizes = {"x": {0: torch.export.Dim("batch")}}
    program = torch.export.export(pipeline, (batch(),), dynamic_shapes=sizes).module()
    for rows in (3, 2):
        assert_same(program(batch()[:rows]).detach(), pipeline(batch()[:rows]).detach())


ELSEWHERE = """
import sys, torch
import lapped.pipelines
program, x, y = (torch.export.load(sys.argv[1]), *torch.load(sys.argv[2]))
assert torch.allclose(program.module()(x), y, atol=1e-5 * float(y.abs().max()))
"""


def test_exported_pipelines_run_in_a_new_process(tmp_path: Path):
    """Where operators are known and no object of ours is."""
    sizes = {"x": {0: torch.export.Dim("batch"), 1: torch.export.Dim("samples", min=600)}}
    pipeline = pipeline_of("mel ft")
    program = torch.export.export(pipeline, (batch(),), dynamic_shapes=sizes)
    torch.export.save(program, tmp_path / "pipeline.pt2")
    x = batch()[:2, :1777]
    torch.save((x, pipeline(x).detach()), tmp_path / "expected.pt")
    files = [str(tmp_path / name) for name in ("pipeline.pt2", "expected.pt")]
    subprocess.run([sys.executable, "-c", ELSEWHERE, *files], check=True)


def test_models_out_of_files_are_exported_too(tmp_path: Path):
    path = exported(Neighbours(129), 129, tmp_path / "model.pt2")
    pipeline = PhaseReuse(path, stft_of())
    sizes = {"x": {0: torch.export.Dim("batch"), 1: torch.export.Dim("samples", min=600)}}
    program = torch.export.export(pipeline, (batch(),), dynamic_shapes=sizes).module()
    for rows, samples in SIZES:
        x = batch()[:rows, :samples]
        assert_same(program(x), pipeline(x))

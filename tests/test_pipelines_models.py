# SPDX-License-Identifier: Apache-2.0
"""Models out of files: every pipeline gives what it gives with the nn.Module they were made of."""

from __future__ import annotations

import copy
import os
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from lapped.pipelines import PhaseReconstruction, PhaseReuse, Waveform  # noqa: E402
from tests.model_files import (  # noqa: E402
    Vocoder,
    archive,
    as_onnx,
    chunked,
    example,
    exported,
    scripted,
    write_graph,
)
from tests.pipelines import Neighbours, batch, mel_of, stft_of  # noqa: E402

IDENTITY = torch.nn.Identity()
FORMATS = ["torchscript", "pt2", "onnx", "callable"]


# Name: the model, the axis of channels its input has, the pipeline around it.
CASES: dict[str, tuple[Callable, int, Callable]] = {
    "reuse magnitude": (lambda: Neighbours(129), 129, lambda m: PhaseReuse(m, stft_of())),
    "reuse mask": (
        lambda: Neighbours(129),
        129,
        lambda m: PhaseReuse(m, stft_of(), combine="mask"),
    ),
    "reuse mel": (lambda: Neighbours(20), 20, lambda m: PhaseReuse(m, mel_of(compression="e"))),
    "griffin-lim": (
        lambda: Neighbours(129),
        129,
        lambda m: PhaseReconstruction(m, stft_of(), n_iter=1),
    ),
    "mel to audio": (
        lambda: Neighbours(20),
        20,
        lambda m: PhaseReconstruction(m, mel_of(), n_iter=1),
    ),
    "vocoder": (Vocoder, 20, lambda m: PhaseReconstruction(IDENTITY, mel_of(), m)),
    "waveform": (lambda: Neighbours(1), 1, chunked),
}


def given_as(form: str, model: torch.nn.Module, channels: int, folder: Path) -> object:
    if form == "torchscript":
        return scripted(model, channels, folder / "model.pt")
    if form == "pt2":
        return str(exported(model, channels, folder / "model.pt2"))
    if form == "onnx":
        return as_onnx(model, channels, folder / "model.onnx")
    return lambda x: model(x)


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("case", CASES)
def test_file_gives_what_the_module_gives(case: str, form: str, tmp_path: Path):
    make, channels, pipeline_of = CASES[case]
    model, x = make(), batch()
    with torch.inference_mode():
        expected = pipeline_of(model)(x)
        pipeline = pipeline_of(given_as(form, model, channels, tmp_path))
        limit = 1e-5 if form == "onnx" else 0
        assert torch.allclose(pipeline(x), expected, rtol=limit, atol=limit * expected.abs().max())
        lengths = [2000, 1203, 0]
        expected = pipeline_of(model)(x, lengths)
        assert torch.allclose(pipeline(x, lengths), expected, rtol=0, atol=1e-5 * expected.max())


@pytest.mark.parametrize("form", FORMATS[:3])
def test_copies_pickles_and_modes(form: str, tmp_path: Path):
    x = batch()
    pipeline = chunked(given_as(form, Neighbours(1), 1, tmp_path))
    assert not any(module.training for module in pipeline.model.modules())
    assert not any(parameter.requires_grad for parameter in pipeline.parameters())
    expected = pipeline(x)
    state = pipeline.state_dict()
    assert len(state) == (0 if form == "onnx" else 2)
    for other in (copy.deepcopy(pipeline), pickle.loads(pickle.dumps(pipeline))):
        assert torch.equal(other(x), expected)
        assert other.state_dict().keys() == state.keys()
    assert torch.equal(pipeline.train().eval()(x), expected)
    assert torch.allclose(pipeline.double()(x.double()).float(), expected, atol=1e-5)


@pytest.mark.parametrize("form", FORMATS[:2])
def test_pickle_holds_the_weights_of_now(form: str, tmp_path: Path):
    pipeline = chunked(given_as(form, Neighbours(1), 1, tmp_path))
    with torch.no_grad():
        for parameter in pipeline.parameters():
            parameter.mul_(2)
    again = pickle.loads(pickle.dumps(pipeline))
    for old, new in zip(pipeline.parameters(), again.parameters(), strict=True):
        assert torch.equal(old, new)
        assert old.data_ptr() != new.data_ptr()


@pytest.mark.parametrize("kind", [1, 10, 11], ids=["float", "float16", "double"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.int16], ids=str)
def test_onnx_gets_its_own_precision(kind: int, dtype: torch.dtype, tmp_path: Path):
    h = pytest.importorskip("onnx").helper
    x, y = (h.make_tensor_value_info(n, kind, ("batch", "samples")) for n in "xy")
    node = h.make_node("Add", ["x", "x"], ["y"])
    pipeline = Waveform(write_graph(tmp_path / "m.onnx", [node], [x], [y], []), sample_rate=1000)
    wave = batch(torch.float64).clamp(-0.9, 0.9)
    made = pipeline((wave * 2**15).to(dtype) if dtype == torch.int16 else wave.to(dtype))
    assert made.dtype == (dtype if dtype.is_floating_point else torch.float32)
    steps = {10: 1e-3}.get(kind, {torch.float64: 1e-12, torch.int16: 1e-4}.get(dtype, 1e-6))
    steps = max(steps, 1e-6) if kind == 1 else steps
    assert torch.allclose(made.double(), 2 * wave, rtol=steps, atol=steps)


def test_onnx_refuses_gradients(tmp_path: Path):
    pipeline = PhaseReconstruction(
        Neighbours(20), mel_of(), as_onnx(Vocoder(), 20, tmp_path / "m.onnx")
    )
    with pytest.raises(TypeError, match=r"vocoder='.*m.onnx' has no gradient, and its input"):
        pipeline.vocoder(torch.rand(2, 20, 30, requires_grad=True))
    with torch.inference_mode():
        assert pipeline(batch()).shape == (3, 2000)


def test_exported_program_is_taken_as_it_is():
    model, axes = Neighbours(1), {0: torch.export.Dim.AUTO, 2: torch.export.Dim.AUTO}
    program = torch.export.export(model, (example(1),), dynamic_shapes=(axes,))
    pipeline, like = (
        Waveform(m, sample_rate=1000, channel_axis=True) for m in (program, model.eval())
    )
    assert torch.equal(pipeline(batch()), like(batch()))
    assert all(parameter.requires_grad for parameter in pipeline.parameters())


def test_kind_is_found_without_a_name(tmp_path: Path):
    """By what files hold: nothing here has a suffix."""
    model, x = Neighbours(1), batch()
    expected = chunked(model)(x)
    for write in (scripted, exported, as_onnx):
        path = write(model, 1, tmp_path / "model.pt2").rename(tmp_path / write.__name__)
        assert torch.allclose(chunked(path)(x), expected, atol=1e-6)


# ---- AOTInductor


def check_twice(pipeline: Waveform) -> None:
    """The package doubles float32; it takes no part in moves and has no state."""
    for x in (batch(), batch(torch.float64)):
        for other in (pipeline, copy.deepcopy(pipeline), pickle.loads(pickle.dumps(pipeline))):
            assert torch.allclose(other(x), 2 * x, atol=1e-6)
    assert torch.equal(pipeline.double()(batch()), 2 * batch())
    assert not pipeline.state_dict()
    with pytest.raises(TypeError, match="has no gradient, and its input requires one"):
        pipeline.model(batch().requires_grad_())


@pytest.mark.skipif(
    "LAPPED_SLOW" not in os.environ, reason="LAPPED_SLOW is not set: takes a minute"
)
@pytest.mark.skipif(not shutil.which("g++"), reason="AOTInductor needs a compiler")
def test_package_of_aotinductor(tmp_path: Path):
    class Twice(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return 2 * x

    axes = {0: torch.export.Dim.AUTO, 1: torch.export.Dim.AUTO}
    program = torch.export.export(Twice(), (torch.rand(2, 100),), dynamic_shapes=(axes,))
    path = tmp_path / "twice.pt2"
    torch._inductor.aoti_compile_and_package(program, package_path=str(path))
    check_twice(Waveform(path, sample_rate=1000))


class Package:
    """What torch makes of a package of a program with so many inputs, which doubles float32."""

    def __init__(self, inputs: int) -> None:
        self.loader, self.inputs = self, inputs

    def get_call_spec(self) -> list[str]:
        leaf = '{"type": null, "context": null, "children_spec": []}'
        return [f"[1, [{', '.join([leaf] * self.inputs)}]]", f"[1, {leaf}]"]

    def get_metadata(self) -> dict[str, str]:
        return {"AOTI_DEVICE_KEY": "cpu"}

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        assert x.dtype == torch.float32
        return 2 * x


@pytest.mark.parametrize("inputs", [1, 2])
def test_package_is_recognised(inputs: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """With a stand-in for the compiled program."""
    monkeypatch.setattr(torch._inductor, "aoti_load_package", lambda path: Package(inputs))
    path = archive(tmp_path / "a.pt2", "a/data/aotinductor/model/a.so")
    if inputs == 1:
        check_twice(Waveform(path, sample_rate=1000))
    else:
        with pytest.raises(ValueError, match=r"has 2 inputs .* and must have 1"):
            Waveform(path, sample_rate=1000)


def test_model_for_one_row_gets_rows_one_by_one(tmp_path: Path):
    model = Neighbours(1)
    program = torch.export.export(model, (torch.rand(1, 1, 2000),))
    torch.export.save(program, tmp_path / "m.pt2")
    expected = Waveform(model, sample_rate=1000, channel_axis=True)(batch())
    for path in [tmp_path / "m.pt2", as_onnx(model, 1, tmp_path / "m.onnx", 1, (1, 1, 2000))]:
        y = Waveform(path, sample_rate=1000, channel_axis=True)(batch())
        assert torch.allclose(y, expected, rtol=1e-5, atol=1e-6)


def test_onnx_input_of_unknown_rank(tmp_path: Path):
    h = pytest.importorskip("onnx").helper
    x, y = (h.make_tensor_value_info(n, 1, None) for n in "xy")
    node = h.make_node("Add", ["x", "x"], ["y"])
    path = write_graph(tmp_path / "m.onnx", [node], [x], [y], [])
    assert torch.equal(Waveform(path, sample_rate=1000)(batch()), 2 * batch())

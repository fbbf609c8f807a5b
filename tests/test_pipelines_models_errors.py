# SPDX-License-Identifier: Apache-2.0
"""Files that are no models, and models that do not fit."""

from __future__ import annotations

import pickle
import re
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from lapped.pipelines import PhaseReconstruction, Waveform  # noqa: E402
from tests.model_files import archive, as_onnx, chunked, scripted, write_graph  # noqa: E402
from tests.pipelines import Neighbours, batch, mel_of  # noqa: E402

IDENTITY = torch.nn.Identity()


def write(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def saved(path: Path, value: object, **options: object) -> Path:
    torch.save(value, path, **options)
    return path


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda p: p / "none.onnx", FileNotFoundError, "none.onnx' does not exist; model must be"),
        (lambda p: p, ValueError, "is a folder; model must be"),
        (
            lambda p: saved(p / "a.pt", Neighbours(1).state_dict()),
            ValueError,
            "checkpoint of torch",
        ),
        (
            lambda p: saved(p / "a.pt", {}, _use_new_zipfile_serialization=False),
            ValueError,
            "check",
        ),
        (lambda p: write(p / "a.pkl", pickle.dumps([1])), ValueError, "load_state_dict"),
        (lambda p: write(p / "a", b'\x40\0\0\0\0\0\0\0{"w":'), ValueError, "holds weights, not a"),
        (lambda p: write(p / "a.wav", b"RIFF" + bytes(40)), ValueError, "is not a model: neither"),
        (lambda p: write(p / "a.pt2", b""), ValueError, "is not a model: neither"),
        (lambda p: archive(p / "a.zip"), ValueError, "is not a model: neither"),
    ],
)
def test_other_files_are_refused(make, error: type[Exception], message: str, tmp_path: Path):
    with pytest.raises(error, match=re.escape(message)):
        chunked(make(tmp_path))


def test_broken_files_are_refused(tmp_path: Path):
    pytest.importorskip("onnxruntime")
    with pytest.raises(ValueError, match=r"model='.*a.onnx' would not load as ONNX: "):
        chunked(write(tmp_path / "a.onnx", b"nothing"))
    whole = scripted(Neighbours(1), 1, tmp_path / "b.pt")
    with zipfile.ZipFile(whole) as old, zipfile.ZipFile(tmp_path / "c.pt", "w") as new:
        for name in old.namelist():
            new.writestr(name, old.read(name) if "data" not in name else b"")
    with pytest.raises(ValueError, match=r"vocoder='.*c.pt' would not load as TorchScript: "):
        PhaseReconstruction(IDENTITY, mel_of(), tmp_path / "c.pt")


class Two(torch.nn.Module):
    def forward(self, x: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return x + y, x


class Pair(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return x * 2, x * 3


@pytest.mark.parametrize(("model", "count"), [(Two(), 2), (Pair(), 1)])
def test_inputs_and_outputs_are_counted(model: torch.nn.Module, count: int, tmp_path: Path):
    given = tuple(torch.rand(2, 100) for _ in range(count))
    torch.jit.save(torch.jit.trace(model, given), tmp_path / "a.pt")
    torch.export.save(torch.export.export(model, given), tmp_path / "a.pt2")
    wrong = "has 2 inputs" if count == 2 else r"has 2 outputs|returns Tuple\[Tensor, Tensor\]"
    for name in ("a.pt", "a.pt2"):
        with pytest.raises((ValueError, TypeError), match=f"model=.*{name}' ({wrong}).* must"):
            Waveform(tmp_path / name, sample_rate=1000)


@pytest.mark.parametrize("inputs", [1, 2])
def test_inputs_and_outputs_of_onnx_are_counted(inputs: int, tmp_path: Path):
    h = pytest.importorskip("onnx").helper
    values = {n: h.make_tensor_value_info(n, 1, (None, None)) for n in "xyab"}
    nodes = [h.make_node("Add", ["x", "x" if inputs == 1 else "y"], ["a"])]
    nodes += [h.make_node("Abs", ["a"], ["b"])]
    given, made = [values["x"], values["y"]][:inputs], [values["a"], values["b"]]
    path = write_graph(tmp_path / "m.onnx", nodes, given, made[: 3 - inputs], [])
    wrong = "2 outputs (a, b)" if inputs == 1 else "2 inputs (x, y)"
    with pytest.raises(ValueError, match=re.escape(f"has {wrong} and must have 1")):
        Waveform(path, sample_rate=1000)


def test_onnx_of_integers_is_refused(tmp_path: Path):
    h = pytest.importorskip("onnx").helper
    x, y = (h.make_tensor_value_info(n, 7, (None, None)) for n in "xy")
    path = write_graph(tmp_path / "m.onnx", [h.make_node("Abs", ["x"], ["y"])], [x], [y], [])
    with pytest.raises(TypeError, match=re.escape("takes tensor(int64), which must be one of")):
        Waveform(path, sample_rate=1000)


def test_static_shapes_that_do_not_fit_are_named(tmp_path: Path):
    program = torch.export.export(Neighbours(1), (torch.rand(3, 1, 2000),))
    torch.export.save(program, tmp_path / "m.pt2")
    paths = [tmp_path / "m.pt2", as_onnx(Neighbours(1), 1, tmp_path / "m.onnx", 1, (3, 1, 2000))]
    for path in paths:
        pipeline = Waveform(path, sample_rate=1000, channel_axis=True)
        assert pipeline(batch()).shape == (3, 2000)
        said = f"{path.name}' takes shape (3, 1, 2000) and is given (3, 1, 1999): export it with"
        with pytest.raises(ValueError, match=re.escape(said)):
            pipeline(batch()[:, 1:])
        with pytest.raises(ValueError, match=re.escape("(3, 1, 2000) and is given (3, 2000)")):
            Waveform(path, sample_rate=1000)(batch())


def test_sizes_outside_the_exported_range_are_named(tmp_path: Path):
    axes = {2: torch.export.Dim("samples", max=1999)}
    program = torch.export.export(Neighbours(1), (torch.rand(3, 1, 500),), dynamic_shapes=(axes,))
    torch.export.save(program, tmp_path / "m.pt2")
    pipeline = Waveform(tmp_path / "m.pt2", sample_rate=1000, channel_axis=True)
    assert pipeline(batch()[:, 1:]).shape == (3, 1999)
    with pytest.raises(ValueError, match=r"m.pt2' refuses \(3, 1, 2000\): .*<= 1999"):
        pipeline(batch())


def test_missing_onnxruntime_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = as_onnx(Neighbours(1), 1, tmp_path / "m.onnx")
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(ImportError, match=r"needs onnxruntime: install lapped\[onnx\]"):
        chunked(path)


def test_failure_inside_onnx_is_raised_once(tmp_path: Path, capfd: pytest.CaptureFixture):
    """A shape baked into the graph: raised with the model's name, not printed."""
    onnx = pytest.importorskip("onnx")
    h = onnx.helper
    shape = onnx.numpy_helper.from_array(np.array([3, 2000]), "s")
    x, y = (h.make_tensor_value_info(n, 1, (None, None)) for n in "xy")
    node = h.make_node("Reshape", ["x", "s"], ["y"])
    pipeline = Waveform(
        write_graph(tmp_path / "m.onnx", [node], [x], [y], [shape]), sample_rate=1000
    )
    assert torch.equal(pipeline(batch()), batch())
    with pytest.raises(RuntimeError, match=r"model=.*m.onnx' fails on \(3, 1999\): "):
        pipeline(batch()[:, 1:])
    assert capfd.readouterr() == ("", "")

# SPDX-License-Identifier: Apache-2.0
"""Toy models in files of every kind, for the tests of pipelines."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from lapped.pipelines import Waveform  # noqa: E402


class Vocoder(torch.nn.Module):
    """64 samples a frame of 20 bands."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.convolution = torch.nn.ConvTranspose1d(20, 1, 64, stride=64)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.convolution(x).abs()


def chunked(model: object) -> Waveform:
    return Waveform(model, sample_rate=1000, chunk=0.5, overlap=0.1, channel_axis=True)


def example(channels: int) -> torch.Tensor:
    return torch.rand(2, channels, 100)


def scripted(model: torch.nn.Module, channels: int, path: Path) -> Path:
    torch.jit.save(torch.jit.trace(model.eval(), example(channels)), path)
    return path


def exported(model: torch.nn.Module, channels: int, path: Path) -> Path:
    axes = {0: torch.export.Dim.AUTO, 2: torch.export.Dim.AUTO}
    program = torch.export.export(model.eval(), (example(channels),), dynamic_shapes=(axes,))
    torch.export.save(program, path)
    return path


def as_onnx(
    model: torch.nn.Module,
    channels: int,
    path: Path,
    kind: int = 1,
    shape: tuple | None = None,
) -> Path:
    """Write the convolution and the absolute value of `model`, in the element type `kind`."""
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    h, layer = onnx.helper, model.convolution
    dtype = h.tensor_dtype_to_np_dtype(kind)
    turned = isinstance(layer, torch.nn.ConvTranspose1d)
    nodes = [
        h.make_node("ConvTranspose", ["x", "w", "b"], ["c"], strides=[64])
        if turned
        else h.make_node("Conv", ["x", "w", "b"], ["c"], pads=[1, 1]),
        h.make_node("Abs", ["c"], ["y"]),
    ]
    weights = [
        onnx.numpy_helper.from_array(t.detach().numpy().astype(dtype), name)
        for t, name in ((layer.weight, "w"), (layer.bias, "b"))
    ]
    given = h.make_tensor_value_info("x", kind, shape or ("batch", channels, "frames"))
    made = h.make_tensor_value_info("y", kind, ("batch", None, None))
    write_graph(path, nodes, [given], [made], weights)
    return path


def write_graph(path: Path, nodes: list, given: list, made: list, weights: list) -> Path:
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    graph = onnx.helper.make_graph(nodes, "model", given, made, weights)
    opset = [onnx.helper.make_opsetid("", 17)]
    onnx.save(onnx.helper.make_model(graph, opset_imports=opset, ir_version=8), path)
    return path


def archive(path: Path, name: str = "a/readme") -> Path:
    with zipfile.ZipFile(path, "w") as file:
        file.writestr(name, "nothing")
    return path

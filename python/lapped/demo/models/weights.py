# SPDX-License-Identifier: Apache-2.0
"""Files inside installed packages, found without importing those packages."""

from __future__ import annotations

import warnings
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import onnx
    import torch


class NotInstalledError(RuntimeError):
    """A package that the demo reads from is not installed, or lacks the file."""


def package_file(package: str, ending: str) -> Path:
    """Return the file of an installed package whose path ends with `ending`."""
    try:
        files = metadata.distribution(package).files or []
    except metadata.PackageNotFoundError:
        raise NotInstalledError(f"the package {package} is not installed") from None
    for file in files:
        path = Path(str(file.locate()))
        if str(file).endswith(ending) and path.is_file():
            return path
    raise NotInstalledError(f"the package {package} holds no file ...{ending}")


def onnx_graph(path: Path) -> tuple[onnx.GraphProto, dict[str, torch.Tensor]]:
    """Return an ONNX file's graph and its constants by name."""
    import onnx
    import torch
    from onnx import numpy_helper

    graph = onnx.load(path).graph
    return graph, {
        tensor.name: torch.from_numpy(numpy_helper.to_array(tensor).copy())
        for tensor in graph.initializer
    }


def torchscript_state(path: Path) -> dict[str, torch.Tensor]:
    """Return the tensors of a TorchScript file, on the CPU."""
    import torch

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", r".*torch\.jit\.load.*", DeprecationWarning)
        return torch.jit.load(path, map_location="cpu").state_dict()

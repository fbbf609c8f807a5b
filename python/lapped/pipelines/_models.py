# SPDX-License-Identifier: Apache-2.0
"""Models out of files, as modules: TorchScript, torch.export, AOTInductor and ONNX.

What a file is shows in what it holds, whatever its name. Every module here takes one tensor,
returns one, copies and pickles; those of ONNX and AOTInductor refuse gradients.
"""

from __future__ import annotations

import io
import os
import warnings
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

FORMS = "an nn.Module, another function of a tensor, or a file of TorchScript, torch.export or ONNX"

_ONNX = {
    "tensor(float)": torch.float32,
    "tensor(float16)": torch.float16,
    "tensor(double)": torch.float64,
}


def load(name: str, path: str | os.PathLike) -> nn.Module:
    """The model in the file `path`, in eval mode, without gradients of its parameters.

    `name` is the argument it was given as.
    """
    source = f"{name}={os.fspath(path)!r}"
    path = Path(path).absolute()
    if not path.exists():
        raise FileNotFoundError(f"{source} does not exist; {name} must be {FORMS}")
    if not path.is_file():
        raise ValueError(f"{source} is a folder; {name} must be {FORMS}")
    kind = _kind(path)
    if kind in _WEIGHTS:
        raise ValueError(f"{source} {_WEIGHTS[kind]}")
    if kind not in _READERS:
        raise ValueError(
            f"{source} is not a model: neither TorchScript, torch.export, AOTInductor nor ONNX"
        )
    with _loading(source, kind):
        return _READERS[kind](source, path).requires_grad_(False)


def exported(name: str, program: torch.export.ExportedProgram) -> nn.Module:
    """An exported program as a module."""
    return ExportedModel(name, program)


class ScriptedModel(nn.Module):
    """A model of TorchScript."""

    def __init__(self, source: str, module: torch.jit.ScriptModule) -> None:
        super().__init__()
        arguments = module.forward.schema.arguments[1:]
        required = [a.name for a in arguments if not a.has_default_value()]
        _expect_one(source, "input", required or [a.name for a in arguments])
        returned = str(module.forward.schema.returns[0].type)
        if returned != "Tensor":
            raise TypeError(f"{source} returns {returned} and must return a tensor")
        self.source, self.module = source, module
        self.train(module.training)

    def forward(self, x: Tensor) -> Tensor:
        return self.module(x)

    def __reduce__(self) -> tuple:
        memory = io.BytesIO()
        torch.jit.save(self.module, memory)
        return _scripted_again, (self.source, memory.getvalue(), self.training)


class ExportedModel(nn.Module):
    """A program of torch.export, which trains or evaluates as it did when it was exported."""

    def __init__(self, source: str, program: torch.export.ExportedProgram) -> None:
        super().__init__()
        signature = program.graph_signature
        _expect_one(source, "input", signature.user_inputs)
        _expect_one(source, "output", signature.user_outputs)
        nodes = {node.name: node for node in program.graph.nodes}
        example = nodes[signature.user_inputs[0]].meta["val"]
        self.source, self.program, self.module = source, program, program.module()
        self._shape = [n if isinstance(n, int) else None for n in example.shape]
        self._dtype = None if any(True for _ in self.parameters()) else example.dtype
        for part in self.modules():
            part.training = False

    def train(self, mode: bool = True) -> ExportedModel:
        return self

    def forward(self, x: Tensor) -> Tensor:
        x = x if self._dtype is None else x.to(self._dtype)
        return _fitted(self.source, self._run, self._shape, x)

    def _run(self, x: Tensor) -> Tensor:
        try:
            return self.module(x)
        except AssertionError as error:  # a guard: sizes it was not exported for
            raise ValueError(f"{self.source} refuses {tuple(x.shape)}: {error}") from error

    def __reduce__(self) -> tuple:
        memory = io.BytesIO()
        torch.export.save(self.program, memory)
        own, shared = self.module.state_dict(keep_vars=True), self.program.state_dict
        others = {name: value for name, value in own.items() if value is not shared.get(name)}
        return _exported_again, (self.source, memory.getvalue(), others)


class CompiledModel(nn.Module):
    """A package of AOTInductor, which is compiled for one kind of device.

    It says nothing of its precision: it is given float32. Copies and pickles hold the path.
    """

    def __init__(self, source: str, path: Path) -> None:
        super().__init__()
        self.source, self.path = source, path
        self._package = torch._inductor.aoti_load_package(str(path))
        for what, spec in zip(
            ("input", "output"), self._package.loader.get_call_spec(), strict=True
        ):
            _expect_one(source, what, ["?"] * spec.count('"type": null'))
        device = self._package.loader.get_metadata().get("AOTI_DEVICE_KEY", "cpu")
        self.register_buffer("_place", torch.empty(0, device=device), persistent=False)
        self.training = False

    def _apply(self, fn: Any, recurse: bool = True) -> CompiledModel:
        return self  # stays where and in what it was compiled for

    @torch.compiler.disable
    def forward(self, x: Tensor) -> Tensor:
        _refuse_gradient(self.source, x)
        result = self._package(x.detach().to(self._place))
        return result.to(x.device) if isinstance(result, Tensor) else result

    def __reduce__(self) -> tuple:
        return CompiledModel, (self.source, self.path)


class OnnxModel(nn.Module):
    """A model of ONNX, run by onnxruntime on the device of its input, or on the CPU if it cannot.

    Data go through the CPU's memory. Copies share the sessions, pickles hold the path.
    """

    def __init__(self, source: str, path: Path) -> None:
        super().__init__()
        self.source, self._sessions = source, _Sessions(path)
        session = self._sessions.on(torch.device("cpu"))
        inputs, outputs = session.get_inputs(), session.get_outputs()
        _expect_one(source, "input", [i.name for i in inputs])
        _expect_one(source, "output", [o.name for o in outputs])
        for verb, value in (("takes", inputs[0]), ("returns", outputs[0])):
            if value.type not in _ONNX:
                allowed = ", ".join(_ONNX)
                raise TypeError(f"{source} {verb} {value.type}, which must be one of {allowed}")
        self._name, self._dtype = inputs[0].name, _ONNX[inputs[0].type]
        self._shape = [n if isinstance(n, int) else None for n in inputs[0].shape]
        self.training = False

    @torch.compiler.disable
    def forward(self, x: Tensor) -> Tensor:
        _refuse_gradient(self.source, x)
        return _fitted(self.source, self._run, self._shape, x)

    def _run(self, x: Tensor) -> Tensor:
        array = np.ascontiguousarray(x.detach().to("cpu", self._dtype).numpy())
        try:
            (result,) = self._sessions.on(x.device).run(None, {self._name: array})
        except Exception as error:  # onnxruntime's have no common base
            shape = tuple(x.shape)
            raise RuntimeError(f"{self.source} fails on {shape}: {_first_line(error)}") from error
        return torch.from_numpy(result).to(x.device)


class _Sessions:
    """Sessions of onnxruntime for one file, one for each device, opened when first used."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._opened: dict[Any, Any] = {}

    def on(self, device: torch.device) -> Any:
        runtime = _runtime(self.path)
        providers: list = ["CPUExecutionProvider"]
        key = "cpu"
        if device.type == "cuda" and "CUDAExecutionProvider" in runtime.get_available_providers():
            key = device.index or 0
            providers.insert(0, ("CUDAExecutionProvider", {"device_id": key}))
        if key not in self._opened:
            options = runtime.SessionOptions()
            options.log_severity_level = 4  # what is wrong is raised; nothing prints
            options.intra_op_num_threads = torch.get_num_threads()
            self._opened[key] = runtime.InferenceSession(
                str(self.path), options, providers=providers
            )
        return self._opened[key]

    def __deepcopy__(self, memo: dict) -> _Sessions:
        return self

    def __reduce__(self) -> tuple:
        return _Sessions, (self.path,)


def _runtime(path: Path) -> Any:
    try:
        import onnxruntime
    except ImportError as error:
        raise ImportError(
            f"{str(path)!r} is an ONNX model and needs onnxruntime: install lapped[onnx]"
        ) from error
    return onnxruntime


# ---- what a file holds


def _kind(path: Path) -> str:
    with path.open("rb") as file:
        head = file.read(16)
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            return _archive_kind(archive.namelist())
    if head[:1] == b"\x80":
        return "checkpoint"
    if head[8:10] == b'{"':
        return "safetensors"
    onnx = path.suffix.lower() in (".onnx", ".ort") or head[:1] == b"\x08"  # field 1: ir_version
    return "ONNX" if onnx else "unknown"


def _archive_kind(names: Sequence[str]) -> str:
    if any(name.endswith("/constants.pkl") for name in names):
        return "TorchScript"
    if any("/models/" in name or "serialized_exported_program" in name for name in names):
        return "torch.export"
    if any("data/aotinductor/" in name for name in names):
        return "AOTInductor"
    return "checkpoint" if any(name.endswith("/data.pkl") for name in names) else "unknown"


_WEIGHTS = {
    "checkpoint": "is a checkpoint of torch.save, not a model: give its weights to their nn.Module "
    "with load_state_dict and pass that, or save the model with torch.export.save",
    "safetensors": "holds weights, not a model: give them to their nn.Module with load_state_dict "
    "and pass that",
}


# ---- readers


def _read_scripted(source: str, file: Any) -> nn.Module:
    where = None if torch.cuda.is_available() else "cpu"
    with warnings.catch_warnings():  # that TorchScript is deprecated helps nobody who has a file
        warnings.simplefilter("ignore", DeprecationWarning)
        return ScriptedModel(source, torch.jit.load(file, map_location=where).eval())


def _read_exported(source: str, file: Any) -> nn.Module:
    return ExportedModel(source, torch.export.load(file))


_READERS = {
    "TorchScript": lambda source, path: _read_scripted(source, str(path)),
    "torch.export": _read_exported,
    "AOTInductor": CompiledModel,
    "ONNX": OnnxModel,
}


def _scripted_again(source: str, content: bytes, training: bool) -> nn.Module:
    return _read_scripted(source, io.BytesIO(content)).train(training)


def _exported_again(source: str, content: bytes, others: dict[str, Tensor]) -> nn.Module:
    model = _read_exported(source, io.BytesIO(content))
    model.module.load_state_dict(others, strict=False, assign=True)
    return model


@contextmanager
def _loading(source: str, kind: str) -> Iterator[None]:
    try:
        yield
    except (_CountError, TypeError, ImportError):
        raise
    except Exception as error:  # every library has its own for a broken file
        raise ValueError(f"{source} would not load as {kind}: {_first_line(error)}") from error


# ---- checks


class _CountError(ValueError):
    """A model of several inputs or outputs."""


def _expect_one(source: str, what: str, names: Sequence[Any]) -> None:
    if len(names) != 1:
        listed = f" ({', '.join(map(str, names))})" if names else ""
        raise _CountError(f"{source} has {len(names)} {what}s{listed} and must have 1")


def _fitted(
    source: str, run: Callable[[Tensor], Tensor], wanted: Sequence[int | None], x: Tensor
) -> Tensor:
    """``run(x)`` where `x` has the shape `wanted`, None standing for any number.

    A model for one row, as many are exported, gets the rows one by one. An empty shape says
    nothing: so onnxruntime writes that the rank is not known.
    """
    if not wanted:
        return run(x)
    own, rest = tuple(x.shape), list(wanted[1:])
    fits = len(wanted) == x.ndim
    if fits and all(n is None or n == m for n, m in zip(rest, own[1:], strict=True)):
        if wanted[0] is None or wanted[0] == own[0]:
            return run(x)
        if wanted[0] == 1:
            return torch.cat([run(row) for row in x.split(1)])
    shape = ", ".join("*" if n is None else str(n) for n in wanted)
    advice = ": export it with dynamic axes" if fits else ""
    raise ValueError(f"{source} takes shape ({shape}) and is given {own}{advice}")


def _refuse_gradient(source: str, x: Tensor) -> None:
    if x.requires_grad and torch.is_grad_enabled():
        raise TypeError(
            f"{source} has no gradient, and its input requires one: call under "
            "torch.inference_mode(), or train with the nn.Module it was made of"
        )


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]

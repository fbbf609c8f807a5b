# SPDX-License-Identifier: Apache-2.0
"""Torch CPU tensors: the kernels see their memory as NumPy arrays; only half types are copied."""

import importlib
import sys
from dataclasses import replace
from types import ModuleType

import numpy as np
import torch
from torch.autograd import forward_ad

from lapped import _cpu
from lapped._arrays import _numpy
from lapped._arrays._like import Like

NAME = "torch tensor"

_CPU = torch.device("cpu")
_C = torch._C
_HALF = (torch.float16, torch.bfloat16)
_PLAIN = (torch.Tensor, torch.nn.Parameter)
_is_functional = getattr(torch, "_is_functional_tensor", lambda x: False)
_DTYPE = {
    np.dtype(np.float32): torch.float32,
    np.dtype(np.float64): torch.float64,
    np.dtype(np.complex64): torch.complex64,
    np.dtype(np.complex128): torch.complex128,
}

# What the results of an operand of each dtype are like.
_SELF = sys.modules[__name__]
_SINGLE = Like(_SELF, _cpu, _cpu.context, np.dtype(np.float32), np.dtype(np.complex64))
_DOUBLE = Like(_SELF, _cpu, _cpu.context, np.dtype(np.float64), np.dtype(np.complex128))
_LIKE = {
    **dict.fromkeys((torch.float64, torch.complex128), _DOUBLE),
    **dict.fromkeys((torch.float32, torch.complex64, torch.int16, torch.int32), _SINGLE),
    **{half: replace(_SINGLE, half=half) for half in _HALF},
}

# Where torch has DLPack 1.3's table of functions, C++ reads tensors by itself.
_TABLE = getattr(torch.Tensor, "__dlpack_c_exchange_api__", None)
if _TABLE is not None:
    _DTYPES = (torch.float32, torch.float64, torch.complex64, torch.complex128)
    _cpu.direct.add_library(torch.Tensor, _TABLE, torch.empty, _DTYPES, _CPU)

# Views are NumPy arrays.
overlap, strides, reshaped = _numpy.overlap, _numpy.strides, _numpy.reshaped
write, cast, phasors = _numpy.write, _numpy.cast, _numpy.phasors


def of_device(x: torch.Tensor) -> ModuleType:
    """The adapter of the kind of device `x` is on."""
    if x.is_cuda:
        return importlib.import_module("lapped._arrays._torch_cuda")
    return _SELF


def direct(x: torch.Tensor) -> ModuleType | None:
    """The module that does whole calls on `x`; None off the CPU and where its memory is not what
    its elements are.
    """
    plain = _TABLE is not None and x.is_cpu and not (x.is_neg() or x.is_conj())
    return _cpu if plain else None


def read(x: torch.Tensor, name: str, kind: str) -> tuple[np.ndarray | None, Like | None]:
    """`x` as the kernels read it, and what its results are like.

    None in place of the array for a dtype that `kind` does not have.
    """
    _refuse_elsewhere(x, name)
    like = _LIKE.get(x.dtype)
    if like is None:
        return None, None
    memory = _memory(x if like.half is None else x.float(), name)
    array, _ = _numpy.read(memory, name, kind)
    return array, like


def _refuse_elsewhere(x: torch.Tensor, name: str) -> None:
    if x.is_cpu and x.layout is torch.strided:  # x.device.type takes three times as long
        return
    if x.device.type != "cpu":
        raise TypeError(
            f"{name} is on device {str(x.device)!r}, but must be on the CPU or a CUDA device: "
            f"pass {name}.cpu()"
        )
    if x.layout is not torch.strided:
        raise TypeError(f"{name} has layout {x.layout}: pass a dense tensor ({name}.to_dense())")


def recorded(x: torch.Tensor) -> bool:
    """Whether torch wants to know what happens to `x`: gradients, traces, transforms of functions.

    In the order of how often; a plain tensor is asked everything, in some tenths of a microsecond.
    """
    if traced(x) or (x.requires_grad and torch.is_grad_enabled()):
        return True
    return transformed() or forward_ad._current_level >= 0


def traced(x: torch.Tensor) -> bool:
    """Whether what happens to `x` is written down by a compiler, or seen by a subclass or mode."""
    if torch.compiler.is_dynamo_compiling():
        return True
    return (
        type(x) not in _PLAIN
        or _C._len_torch_dispatch_stack() > 0
        or _C._get_tracing_state() is not None
        or _is_functional(x)
    )


def transformed() -> bool:
    """Whether a transform of torch.func is at work."""
    return _C._functorch.peek_interpreter_stack() is not None


def refuse_gradient(out: torch.Tensor) -> None:
    """Gradients do not flow into memory that is given; to drop them in silence would be wrong."""
    if out.requires_grad and torch.is_grad_enabled():
        raise TypeError("out requires grad and must not: a result written into it has no gradient")


def _memory(x: torch.Tensor, name: str) -> np.ndarray:
    if _is_functional(x):  # its numpy() is memory that nobody has written
        raise TypeError(f"{name} is traced by torch.func.functionalize: call lapped outside of it")
    try:
        try:
            return x.numpy()
        except RuntimeError:  # perhaps only a gradient switched off, a lazy conjugate or minus
            return x.numpy(force=x.requires_grad or x.is_conj() or x.is_neg())
    except (RuntimeError, NotImplementedError, TypeError) as error:
        reason = str(error).splitlines()[0]
        raise TypeError(f"{name} is a {type(x).__name__} without plain memory: {reason}") from None


def empty(like: Like, shape: tuple[int, ...], dtype: np.dtype) -> tuple[torch.Tensor, np.ndarray]:
    """New memory for a result as the caller sees it and as the kernels see it."""
    memory = torch.empty(size=shape, dtype=_DTYPE[dtype], device=_CPU)
    return memory, memory.numpy()


def dtype_of(like: Like, spectrum: bool) -> torch.dtype:
    """The dtype that a result has for the caller."""
    return _DTYPE[like.complex] if spectrum else like.half or _DTYPE[like.real]


def device_of(x: torch.Tensor) -> None:
    """The device of an array: nothing to tell apart on the CPU."""


def writable(out: torch.Tensor) -> np.ndarray | None:
    """The memory of `out` as the kernels see it; None where they cannot write there."""
    _refuse_elsewhere(out, "out")
    refuse_gradient(out)
    lazy = out.dtype in _HALF or out.is_conj() or out.is_neg()
    return None if lazy else _memory(out, "out")


def narrowed(memory: torch.Tensor, half: torch.dtype) -> torch.Tensor:
    """`memory` in the half type `half` unless complex; what that type cannot hold becomes inf."""
    return memory if memory.is_complex() else memory.to(half)


def assign(out: torch.Tensor, memory: torch.Tensor) -> None:
    out.copy_(memory)


def returned(memory: torch.Tensor) -> torch.Tensor:
    """A finished result as the caller gets it."""
    return memory


def item(memory: torch.Tensor) -> torch.Tensor:
    """A result without axes as the library's scalar: a tensor without axes."""
    return memory

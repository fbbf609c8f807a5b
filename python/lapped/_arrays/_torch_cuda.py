# SPDX-License-Identifier: Apache-2.0
"""Torch CUDA tensors: the kernels run on the tensor's device, on torch's current stream there."""

import sys
from functools import partial
from typing import Any

import numpy as np
import torch

from lapped._arrays import _device
from lapped._arrays._like import Like
from lapped._arrays._torch import assign as assign
from lapped._arrays._torch import item as item
from lapped._arrays._torch import narrowed as narrowed
from lapped._arrays._torch import refuse_gradient
from lapped._arrays._torch import returned as returned

NAME = "torch CUDA tensor"

_F32, _F64 = np.dtype(np.float32), np.dtype(np.float64)
_C64, _C128 = np.dtype(np.complex64), np.dtype(np.complex128)
_DTYPE = {
    _F32: torch.float32,
    _F64: torch.float64,
    _C64: torch.complex64,
    _C128: torch.complex128,
}
_HALF = (torch.float16, torch.bfloat16)
_NAME = {
    **{torch_dtype: dtype.name for dtype, torch_dtype in _DTYPE.items()},
    torch.float16: "float16",
    torch.bfloat16: "bfloat16",
    torch.int16: "int16",
    torch.int32: "int32",
}
_DOUBLE = (torch.float64, torch.complex128)
_REAL = (torch.float64, torch.float32, *_HALF)
_COMPLEX = (torch.complex128, torch.complex64)
_ALLOWED = {
    "signal": (*_REAL, torch.int16, torch.int32),
    "real": _REAL,
    "complex": _COMPLEX,
    "angles": (*_REAL, *_COMPLEX),
}
_SELF = sys.modules[__name__]


def read(x: torch.Tensor, name: str, kind: str) -> tuple[torch.Tensor | None, Like | None]:
    """`x` as the kernels read it, and what its results are like.

    None in place of the tensor for a dtype that `kind` does not have.
    """
    if x.layout is not torch.strided:
        raise TypeError(f"{name} has layout {x.layout}: pass a dense tensor ({name}.to_dense())")
    if x.dtype not in _ALLOWED[kind]:
        return None, None
    half = x.dtype if x.dtype in _HALF else None
    real, complex_ = (_F64, _C128) if x.dtype in _DOUBLE else (_F32, _C64)
    module, device = _device.module(), x.device
    like = Like(_SELF, module, _context(module, device), real, complex_, half, device)
    if half is not None and kind != "signal":
        x = x.float()
    return x.resolve_conj().resolve_neg(), like


def _context(module: Any, device: torch.device) -> Any:
    """Where calls on `device` go: torch's current stream there, and torch's memory."""
    stream = torch.cuda.current_stream(device).cuda_stream
    return module.Context(device.index, stream, describe, partial(allocate, device))


def describe(view: torch.Tensor) -> tuple[int, str, tuple[int, ...], tuple[int, ...]]:
    """Address, dtype, shape and strides in elements."""
    return view.data_ptr(), _NAME[view.dtype], view.shape, view.stride()


def allocate(device: torch.device, n_bytes: int) -> tuple[torch.Tensor, int]:
    """Work memory on the current stream, and its address."""
    owner = torch.empty(n_bytes, dtype=torch.uint8, device=device)
    return owner, owner.data_ptr()


def empty(like: Like, shape: tuple[int, ...], dtype: np.dtype) -> tuple[torch.Tensor, torch.Tensor]:
    """New memory for a result as the caller sees it and as the kernels see it: here the same."""
    memory = torch.empty(size=shape, dtype=_DTYPE[dtype], device=like.device)
    return memory, memory


def dtype_of(like: Like, spectrum: bool) -> torch.dtype:
    """The dtype that a result has for the caller."""
    return _DTYPE[like.complex] if spectrum else like.half or _DTYPE[like.real]


def device_of(x: torch.Tensor) -> torch.device:
    return x.device


def writable(out: torch.Tensor) -> torch.Tensor | None:
    """The memory of `out` as the kernels see it; None where they cannot write there."""
    refuse_gradient(out)
    return None if out.dtype in _HALF or out.is_conj() or out.is_neg() else out


def overlap(a: torch.Tensor, b: torch.Tensor) -> bool:
    """Whether two views may share memory."""
    (first, last), (other_first, other_last) = _extent(a), _extent(b)
    return first < other_last and other_first < last


def _extent(view: torch.Tensor) -> tuple[int, int]:
    """First address and the one past the last."""
    if view.numel() == 0:
        return 0, 0
    reach = sum((n - 1) * stride for n, stride in zip(view.shape, view.stride(), strict=True))
    return view.data_ptr(), view.data_ptr() + (reach + 1) * view.element_size()


def strides(memory: torch.Tensor) -> tuple[int, ...]:
    return memory.stride()


def reshaped(view: torch.Tensor, shape: tuple[int, ...]) -> torch.Tensor:
    return view.reshape(shape)


def write(view: torch.Tensor, source: torch.Tensor) -> None:
    view.copy_(source)


def cast(view: torch.Tensor, dtype: np.dtype) -> torch.Tensor:
    return view.to(_DTYPE[dtype])


def phasors(view: torch.Tensor, dtype: np.dtype) -> torch.Tensor:
    """Complex numbers with the angles `view` (radians, or complex itself)."""
    if not view.is_complex():
        view = torch.polar(torch.ones_like(view), view)
    return view.to(_DTYPE[dtype])

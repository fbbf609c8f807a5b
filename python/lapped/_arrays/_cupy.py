# SPDX-License-Identifier: Apache-2.0
"""CuPy arrays: the kernels run on the array's device, on CuPy's current stream, in CuPy's pool."""

import sys
from functools import partial
from types import ModuleType
from typing import Any

import cupy
import numpy as np

from lapped._arrays import _device
from lapped._arrays._like import Like
from lapped._arrays._numpy import READ_AS

NAME = "CuPy array"

_F16, _F32, _F64 = np.dtype(np.float16), np.dtype(np.float32), np.dtype(np.float64)
_C64, _C128 = np.dtype(np.complex64), np.dtype(np.complex128)
_SELF = sys.modules[__name__]


def of_device(x: Any) -> ModuleType:
    """The adapter of the kind of device `x` is on: CuPy has one kind."""
    return _SELF


def direct(x: Any) -> None:
    """The module that does whole calls on `x`: there is none on a device."""


def recorded(x: Any) -> bool:
    """Whether anything records what happens to `x`: CuPy has no gradients."""
    return False


def read(x: Any, name: str, kind: str) -> tuple[Any, Like | None]:
    """`x` as the kernels read it, and what its results are like.

    None in place of the array for a dtype that `kind` does not have.
    """
    wide = READ_AS[kind].get(x.dtype)
    if wide is None:
        return None, None
    half = _F16 if x.dtype == _F16 else None
    real, complex_ = (_F64, _C128) if x.dtype in (_F64, _C128) else (_F32, _C64)
    module, device = _device.module(), x.device.id
    like = Like(_SELF, module, _context(module, device), real, complex_, half, device)
    with cupy.cuda.Device(device):
        if half is not None and kind != "signal":
            x = x.astype(wide)
        if any(stride % x.itemsize for stride in x.strides):
            x = x.copy()
    return x, like


def _context(module: Any, device: int) -> Any:
    """Where calls on `device` go: CuPy's current stream, and CuPy's memory."""
    with cupy.cuda.Device(device):
        stream = cupy.cuda.get_current_stream().ptr
    return module.Context(device, stream, describe, partial(allocate, device))


def describe(view: Any) -> tuple[int, str, tuple[int, ...], tuple[int, ...]]:
    """Address, dtype, shape and strides in elements."""
    size = view.itemsize
    return view.data.ptr, view.dtype.name, view.shape, tuple(s // size for s in view.strides)


def allocate(device: int, n_bytes: int) -> tuple[Any, int]:
    """Work memory on the current stream, and its address."""
    with cupy.cuda.Device(device):
        owner = cupy.empty(n_bytes, np.uint8)
    return owner, owner.data.ptr


def empty(like: Like, shape: tuple[int, ...], dtype: np.dtype) -> tuple[Any, Any]:
    """New memory for a result as the caller sees it and as the kernels see it: here the same."""
    with cupy.cuda.Device(like.device):
        memory = cupy.empty(shape, dtype)
    return memory, memory


def dtype_of(like: Like, spectrum: bool) -> np.dtype:
    """The dtype that a result has for the caller."""
    return like.complex if spectrum else like.half or like.real


def device_of(x: Any) -> int:
    return x.device.id


def writable(out: Any) -> Any:
    """The memory of `out` as the kernels see it; None where they cannot write there."""
    whole = not any(stride % out.itemsize for stride in out.strides)
    return out if whole and out.dtype != _F16 else None


def overlap(a: Any, b: Any) -> bool:
    """Whether two views may share memory."""
    (first, last), (other_first, other_last) = _extent(a), _extent(b)
    return first < other_last and other_first < last


def _extent(view: Any) -> tuple[int, int]:
    """First address and the one past the last."""
    if view.size == 0:
        return 0, 0
    steps = [(n - 1) * stride for n, stride in zip(view.shape, view.strides, strict=True)]
    below = sum(step for step in steps if step < 0)
    above = sum(step for step in steps if step > 0)
    return view.data.ptr + below, view.data.ptr + above + view.itemsize


def strides(memory: Any) -> tuple[int, ...]:
    return memory.strides


def reshaped(view: Any, shape: tuple[int, ...]) -> Any:
    with view.device:
        return view.reshape(shape)


def write(view: Any, source: Any) -> None:
    with view.device:
        view[...] = source


def cast(view: Any, dtype: np.dtype) -> Any:
    with view.device:
        return view.astype(dtype, copy=False)


def phasors(view: Any, dtype: np.dtype) -> Any:
    """Complex numbers with the angles `view` (radians, or complex itself)."""
    with view.device:
        values = view if view.dtype.kind == "c" else cupy.exp(1j * view)
        return values.astype(dtype, copy=False)


def narrowed(memory: Any, half: Any) -> Any:
    """`memory` in the half type `half` unless complex; what that type cannot hold becomes inf."""
    if memory.dtype.kind == "c":
        return memory
    with memory.device:
        return memory.astype(half)


assign = write  # results are their own views


def returned(memory: Any) -> Any:
    """A finished result as the caller gets it."""
    return memory


def item(memory: Any) -> Any:
    """A result without axes as the library's scalar: an array without axes."""
    return memory

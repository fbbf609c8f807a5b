# SPDX-License-Identifier: Apache-2.0
"""NumPy arrays: read in place, written in place."""

import sys
from types import ModuleType
from typing import Any

import numpy as np

from lapped import _cpu
from lapped._arrays._like import Like

NAME = "NumPy array"

_F64, _F32, _F16 = np.dtype(np.float64), np.dtype(np.float32), np.dtype(np.float16)
_C128, _C64 = np.dtype(np.complex128), np.dtype(np.complex64)
_I16, _I32 = np.dtype(np.int16), np.dtype(np.int32)
_FLOAT = {_F64: _F64, _F32: _F32, _F16: _F32}
_COMPLEX = {_C128: _C128, _C64: _C64}

# What the results of an operand of each dtype are like.
_SELF = sys.modules[__name__]
_SINGLE = Like(_SELF, _cpu, _cpu.context, _F32, _C64)
_DOUBLE = Like(_SELF, _cpu, _cpu.context, _F64, _C128)
_LIKE = {
    **dict.fromkeys((_F64, _C128), _DOUBLE),
    **dict.fromkeys((_F32, _C64, _I16, _I32), _SINGLE),
    _F16: Like(_SELF, _cpu, _cpu.context, _F32, _C64, _F16),
}

# What each kind of operand may hold, and the dtype the kernels read it as.
READ_AS = {
    "signal": {**_FLOAT, _I16: _I16, _I32: _I32},
    "real": _FLOAT,
    "complex": _COMPLEX,
    "angles": {**_FLOAT, **_COMPLEX},
}


def read(x: np.ndarray, name: str, kind: str) -> tuple[np.ndarray | None, Like | None]:
    """`x` as the kernels read it, and what its results are like.

    None in place of the array for a dtype that `kind` does not have.
    """
    dtype, table = x.dtype, READ_AS[kind]
    wide = table.get(dtype)
    if wide is dtype and type(x) is np.ndarray and x.flags.carray:
        return x, _LIKE[dtype]  # nearly always
    if type(x) is not np.ndarray:
        x = _plain(x, name)
    if wide is None and not dtype.isnative:
        dtype = dtype.newbyteorder("=")
        wide = table.get(dtype)
    if wide is None:
        return None, None
    if x.dtype is not wide and x.dtype != wide:
        x = x.astype(wide)
    return readable(x), _LIKE[dtype]


def direct(x: np.ndarray) -> ModuleType:
    """The module that does whole calls on `x`."""
    return _cpu


def readable(x: np.ndarray) -> np.ndarray:
    """`x`, or a copy where it is unaligned or its strides are no whole number of items."""
    flags = x.flags
    if flags.aligned and (flags.c_contiguous or not any(s % x.itemsize for s in x.strides)):
        return x
    return x.copy()


def _plain(x: np.ndarray, name: str) -> np.ndarray:
    """`x` without its subclass; masked arrays are refused, their mask would be lost in silence."""
    if isinstance(x, np.ma.MaskedArray):
        raise TypeError(f"{name} is a masked array, which does not work here: fill it first")
    return x.view(np.ndarray)


def empty(like: Like, shape: tuple[int, ...], dtype: np.dtype) -> tuple[np.ndarray, np.ndarray]:
    """New memory for a result as the caller sees it and as the kernels see it: here the same."""
    memory = np.empty(shape, dtype)
    return memory, memory


def dtype_of(like: Like, spectrum: bool) -> np.dtype:
    """The dtype that a result has for the caller."""
    return like.complex if spectrum else like.half or like.real


def device_of(x: np.ndarray) -> None:
    """The device of an array: nothing to tell apart on the CPU."""


def writable(out: np.ndarray) -> np.ndarray | None:
    """The memory of `out` as the kernels see it; None where they cannot write there."""
    if not out.flags.writeable:
        raise ValueError("out is read-only and must be writable")
    memory = out.view(np.ndarray)
    return None if out.dtype == _F16 or readable(memory) is not memory else memory


def overlap(a: np.ndarray, b: np.ndarray) -> bool:
    """Whether two views may share memory."""
    return bool(np.may_share_memory(a, b))


def strides(memory: np.ndarray) -> tuple[int, ...]:
    return memory.strides


def reshaped(view: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    return view.reshape(shape)


def write(view: np.ndarray, source: np.ndarray) -> None:
    view[...] = source


def cast(view: np.ndarray, dtype: np.dtype) -> np.ndarray:
    return view.astype(dtype, copy=False)


def phasors(view: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Complex numbers with the angles `view` (radians, or complex itself)."""
    values = view if view.dtype.kind == "c" else np.exp(1j * view)
    return values.astype(dtype, copy=False)


def narrowed(memory: np.ndarray, half: Any) -> np.ndarray:
    """`memory` in the half type `half` unless complex; what that type cannot hold becomes inf."""
    if memory.dtype.kind == "c":
        return memory
    with np.errstate(over="ignore"):
        return memory.astype(half)


assign = write  # results are their own views


def returned(memory: np.ndarray) -> np.ndarray:
    """A finished result as the caller gets it."""
    return memory


def item(memory: np.ndarray) -> Any:
    """A result without axes as the library's scalar."""
    return memory[()]

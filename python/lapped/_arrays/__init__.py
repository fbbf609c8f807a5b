# SPDX-License-Identifier: Apache-2.0
"""Between the caller's arrays and the kernels: operands in, results out in the same library.

One adapter module per array library. None is imported before the user has imported that library.
The kernels see NumPy views of shape (batch, ...) in logical axis order, whatever the strides.
"""

import importlib
import math
import sys
from types import ModuleType
from typing import Any

import numpy as np

from lapped._arrays import _numpy

Array = Any  # NumPy array or torch tensor
Rows = tuple[str, int]  # name and length of a spectrum's axis of frequency

_F64, _F32 = np.dtype(np.float64), np.dtype(np.float32)
_COMPLEX_OF = {_F64: np.dtype(np.complex128), _F32: np.dtype(np.complex64)}
_PRECISION = {_F64: _F64, np.dtype(np.complex128): _F64}  # everything else: float32
_WORKS = "NumPy arrays and torch CPU tensors work"
_MEANING = {
    "signal": ("a waveform", "float64, float32, float16, bfloat16 (torch), int16 or int32"),
    "real": ("real", "float64, float32, float16 or bfloat16 (torch)"),
    "complex": ("complex", "complex128 or complex64"),
    "angles": ("a phase", "real (radians) or complex (its angle counts)"),
}


class Operand:
    """An argument as the kernels read it."""

    __slots__ = ("batch", "half", "library", "precision", "view")

    def __init__(self, library: ModuleType, view: np.ndarray, batch: tuple[int, ...], half: Any):
        self.library = library
        self.view = view  # (batch, *core), logical order
        self.batch = batch  # the leading axes as the caller has them
        self.half = half  # half type that real results return to, or None
        self.precision = _PRECISION.get(view.dtype, _F32)


class Result:
    """Memory that a kernel writes, and what the caller gets of it."""

    __slots__ = ("_half", "_library", "_memory", "_out", "view")

    def __init__(self, library: ModuleType, memory: Array, view: np.ndarray, half: Any, out: Array):
        self.view = view  # (batch, *core), logical order
        self._library, self._memory, self._half, self._out = library, memory, half, out

    def done(self) -> Array:
        """The written result in the caller's library and precision."""
        memory = self._memory
        if self._half is not None and memory is not self._out:
            memory = self._library.narrowed(memory, self._half)
        if self._out is None:
            return memory
        if memory is not self._out:
            self._library.assign(self._out, memory)
        return self._out


def operand(
    x: Array, name: str, kind: str, *, core: int, swap: bool = False, rows: Rows | None = None
) -> Operand:
    """`x` for the kernels: (..., samples) with `core` 1, (..., `rows`, frames) with `core` 2.

    `swap` says that its last two axes are in layout "tf".
    """
    library = library_of(x, name)
    view, half = library.read(x, name, kind)
    if view is None:
        what, allowed = _MEANING[kind]
        raise TypeError(f"{name} has dtype {x.dtype}, but must be {what}: {allowed}")
    if view.ndim < core:
        axes = "an axis of samples" if core == 1 else "axes of frequency and frames"
        raise ValueError(f"{name} has shape {tuple(view.shape)} and must have {axes}")
    if rows is not None and view.shape[-1 if swap else -2] != rows[1]:
        axes = ("n_frames", rows[0]) if swap else (rows[0], "n_frames")
        form = f"(..., {axes[0]}, {axes[1]}) with {rows[0]}={rows[1]}"
        raise ValueError(f"{name} has shape {tuple(view.shape)} and must be {form}")
    batch = view.shape[:-core]
    view = _flat(view, batch)
    return Operand(library, view.swapaxes(-1, -2) if swap else view, batch, half)


def result(
    like: Operand,
    core: tuple[int, ...],
    *,
    spectrum: bool = False,
    swap: bool = False,
    out: Array | None = None,
) -> Result:
    """Memory for a result of shape (..., *core), complex if `spectrum`, in `like`'s library."""
    dtype = _COMPLEX_OF[like.precision] if spectrum else like.precision
    half = None if spectrum else like.half
    shape = like.batch + (core[::-1] if swap else core)
    memory, view = None, None
    if out is not None:
        memory, view = _given(like, out, shape, dtype, half)
    if view is None:
        memory, view = like.library.empty(shape, dtype)
        view = _flat(view, like.batch)
    return Result(like.library, memory, view.swapaxes(-1, -2) if swap else view, half, out)


def _given(like: Operand, out: Array, shape: tuple, dtype: np.dtype, half: Any) -> tuple:
    """`out` and its view when a kernel can write straight into it, else (None, None)."""
    library = library_of(out, "out")
    if library is not like.library:
        raise TypeError(f"out is a {library.NAME} and must be a {like.library.NAME}")
    wanted = library.dtype_of(dtype, half)
    if out.dtype != wanted:
        raise TypeError(f"out has dtype {out.dtype} and must have {wanted}")
    if tuple(out.shape) != shape:
        raise ValueError(f"out has shape {tuple(out.shape)} and must have {shape}")
    memory = library.writable(out)
    if memory is None or np.may_share_memory(memory, like.view):
        return None, None
    if any(stride == 0 and n > 1 for stride, n in zip(memory.strides, shape, strict=True)):
        raise ValueError("out repeats its own memory (a stride of 0) and must not")
    view = _flat(memory, like.batch)
    direct = view.size == 0 or np.may_share_memory(view, memory)
    return (out, view) if direct and _numpy.readable(view) is view else (None, None)


def _flat(view: np.ndarray, batch: tuple[int, ...]) -> np.ndarray:
    """`view` (*batch, *core) with one batch axis; a copy only where strides leave no choice."""
    if len(batch) == 1:
        return view
    return view.reshape((math.prod(batch), *view.shape[len(batch) :]))


def library_of(x: Array, name: str) -> ModuleType:
    """The adapter of the library `x` belongs to."""
    if isinstance(x, np.ndarray):
        return _numpy
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(x, getattr(torch, "Tensor", ())):
        adapter = sys.modules.get("lapped._arrays._torch")
        return adapter or importlib.import_module("lapped._arrays._torch")
    if type(x).__module__.split(".")[0] == "cupy":
        raise TypeError(f"{name} is a CuPy array, which lapped has no kernels for yet; {_WORKS}")
    raise TypeError(f"{name} is a {type(x).__name__}, not an array; {_WORKS}")


def same_library(like: Operand, x: Operand, name: str, other: str) -> None:
    """Refuses two arguments from two libraries."""
    if x.library is not like.library:
        raise TypeError(f"{name} is a {x.library.NAME} and {other} is a {like.library.NAME}")

# SPDX-License-Identifier: Apache-2.0
"""Between the caller's arrays and the kernels: operands in, results out in the same library.

One adapter module per array library and kind of device. None is imported before the user has
imported that library. The kernels see views of shape (batch, ...) in logical axis order, whatever
the strides: NumPy arrays on the CPU, the library's own arrays on a device.
"""

import importlib
import math
import sys
from types import ModuleType
from typing import Any

import numpy as np

from lapped._arrays import _numpy
from lapped._arrays._like import Like

Array = Any  # NumPy array, torch tensor or CuPy array
Rows = tuple[str, int]  # name and length of a spectrum's axis of frequency
Batch = tuple[int, ...]  # the leading axes as the caller has them

_LIBRARIES = {np.ndarray: _numpy}  # by exact type; others join with their first array
_WORKS = "NumPy arrays, torch tensors, CuPy arrays and others with DLPack work"
_MEANING = {
    "signal": ("a waveform", "float64, float32, float16, bfloat16 (torch), int16 or int32"),
    "real": ("real", "float64, float32, float16 or bfloat16 (torch)"),
    "complex": ("complex", "complex128 or complex64"),
    "angles": ("a phase", "real (radians) or complex (its angle counts)"),
}


def operand(
    x: Array, name: str, kind: str, core: int, swap: bool = False, rows: Rows | None = None
) -> tuple[Array, Batch, Like]:
    """`x` for the kernels: (..., samples) with `core` 1, (..., `rows`, frames) with `core` 2.

    `swap` says that its last two axes are in layout "tf". Returns the kernels' view (batch, *core),
    the leading axes and what results are like: a plain tuple, because to build an object would be a
    tenth of a short call.
    """
    view, like = library_of(x, name).read(x, name, kind)
    if view is None:
        what, allowed = _MEANING[kind]
        raise TypeError(f"{name} has dtype {x.dtype}, but must be {what}: {allowed}")
    shape = tuple(view.shape)
    if len(shape) < core:
        axes = "an axis of samples" if core == 1 else "axes of frequency and frames"
        raise ValueError(f"{name} has shape {shape} and must have {axes}")
    if rows is not None and shape[-1 if swap else -2] != rows[1]:
        axes = ("n_frames", rows[0]) if swap else (rows[0], "n_frames")
        form = f"(..., {axes[0]}, {axes[1]}) with {rows[0]}={rows[1]}"
        raise ValueError(f"{name} has shape {shape} and must be {form}")
    batch = shape[:-core]
    view = _flat(like, view, batch)
    return view.swapaxes(-1, -2) if swap else view, batch, like


def result(
    like: Like,
    batch: Batch,
    core: tuple[int, ...],
    spectrum: bool = False,
    swap: bool = False,
    out: Array | None = None,
    source: Array | None = None,
) -> tuple[Array, Array]:
    """Memory for a result of shape (*batch, *core), complex if `spectrum`, and the kernels' view.

    With `swap` the memory is in layout "tf". It is `out` itself where a kernel that reads `source`
    can write there; else `finished` takes it there.
    """
    shape = batch + (core[::-1] if swap else core)
    view = None
    if out is not None:
        memory, view = _given(out, like, batch, shape, spectrum, source)
    if view is None:
        memory, view = like.library.empty(like, shape, like.complex if spectrum else like.real)
        view = _flat(like, view, batch)
    return memory, view.swapaxes(-1, -2) if swap else view


def finished(like: Like, memory: Array, out: Array | None = None) -> Array:
    """The written `memory` of a result as the caller gets it: in its half type, in `out`."""
    if memory is out:
        return out
    if like.half is not None:
        memory = like.library.narrowed(memory, like.half)
    if out is None:
        return like.library.returned(memory)
    like.library.assign(out, memory)
    return out


def _given(
    out: Array, like: Like, batch: Batch, shape: tuple, spectrum: bool, source: Array
) -> tuple:
    """`out` and its view when a kernel can write straight into it, else (None, None)."""
    library = library_of(out, "out")
    if library is not like.library:
        raise TypeError(f"out is a {library.NAME} and must be a {like.library.NAME}")
    same_device(like, library.device_of(out), "out", "the input")
    wanted = library.dtype_of(like, spectrum)
    if out.dtype != wanted:
        raise TypeError(f"out has dtype {out.dtype} and must have {wanted}")
    if tuple(out.shape) != shape:
        raise ValueError(f"out has shape {tuple(out.shape)} and must have {shape}")
    memory = library.writable(out)
    if memory is None or library.overlap(memory, source):
        return None, None
    if any(stride == 0 and n > 1 for stride, n in zip(library.strides(memory), shape, strict=True)):
        raise ValueError("out repeats its own memory (a stride of 0) and must not")
    view = _flat(like, memory, batch)
    direct = 0 in shape or library.overlap(view, memory)
    return (out, view) if direct else (None, None)


def _flat(like: Like, view: Array, batch: Batch) -> Array:
    """`view` (*batch, *core) with one batch axis; a copy only where strides leave no choice."""
    if not batch:
        return view[None]
    if len(batch) == 1:
        return view
    return like.library.reshaped(view, (math.prod(batch), *view.shape[len(batch) :]))


def direct(x: Array) -> ModuleType | None:
    """The extension module that can do whole calls on `x` by itself, in its part `direct`.

    None where there is none, or something has to be seen to first. Its short calls take
    about half the time, or less, of those prepared here; None where that is needed after all.
    """
    known = _LIBRARIES.get(type(x))
    return None if known is None else known.direct(x)


def recorder(*arrays: Array) -> ModuleType | None:
    """The torch operators, where torch records or traces what happens to any of `arrays`.

    Else None: a plain call does, which takes less time.
    """
    for x in arrays:
        kind = type(x)
        if kind is np.ndarray:
            continue
        adapter = _LIBRARIES.get(kind)
        if adapter is None and is_torch(x):
            from lapped._arrays import _torch as adapter  # torch cannot trace importlib
        if adapter is not None and adapter.recorded(x):
            return operators()
    return None


def operators() -> ModuleType:
    """The torch operators: the one thing above that something below asks for."""
    from lapped import _operators

    return _operators


def is_torch(x: Array) -> bool:
    """Whether `x` is a torch tensor."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(x, torch.Tensor)


def library_of(x: Array, name: str) -> ModuleType:
    """The adapter of the library and the kind of device `x` belongs to."""
    known = _LIBRARIES.get(type(x))
    if known is not None:
        return known if known is _numpy else known.of_device(x)
    if isinstance(x, np.ndarray):
        return _numpy
    for library, kind, module in (("torch", "Tensor", "_torch"), ("cupy", "ndarray", "_cupy")):
        loaded = sys.modules.get(library)
        if loaded is not None and isinstance(x, getattr(loaded, kind, ())):
            adapter = importlib.import_module(f"lapped._arrays.{module}")
            _LIBRARIES[getattr(loaded, kind)] = adapter
            return adapter.of_device(x)
    if hasattr(x, "__dlpack_device__"):
        return importlib.import_module("lapped._arrays._dlpack").adapter_of(x, name)
    raise TypeError(f"{name} is a {type(x).__name__}, not an array; {_WORKS}")


def same_library(like: Like, own: Like, name: str, other: str) -> None:
    """Refuses two arguments from two libraries or two devices."""
    if own.library is not like.library:
        raise TypeError(f"{name} is a {own.library.NAME} and {other} is a {like.library.NAME}")
    same_device(like, own.device, name, other)


def same_device(like: Like, device: object, name: str, other: str) -> None:
    """Refuses two arguments on two devices."""
    if device != like.device:
        raise ValueError(f"{name} is on {device} and {other} is on {like.device}: move one of them")

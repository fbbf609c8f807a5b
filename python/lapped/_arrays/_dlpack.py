# SPDX-License-Identifier: Apache-2.0
"""Arrays of any other library with DLPack, taken without a copy as those of one with an adapter.

On the CPU that is NumPy, on a CUDA device CuPy or torch, whichever is loaded. Results go back by
``from_dlpack`` of the array's own namespace.
"""

import importlib
import sys
from dataclasses import replace
from functools import lru_cache
from types import ModuleType
from typing import Any

import numpy as np

from lapped._arrays import _numpy
from lapped._arrays._like import Like

_CPU, _CUDA = 1, 2  # DLPack's numbers


class Foreign:
    """The adapter of a library whose arrays travel as those of another."""

    def __init__(self, namespace: ModuleType, inner: Any, take: Any) -> None:
        self.NAME = f"{namespace.__name__.split('.')[0]} array"
        self._namespace, self._inner, self._take = namespace, inner, take

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def read(self, x: Any, name: str, kind: str) -> tuple[Any, Like | None]:
        """`x` as the kernels read it, and what its results are like."""
        try:
            taken = self._take(x)
        except (BufferError, RuntimeError, TypeError, ValueError) as error:
            reason = f"that DLPack cannot hand over: {error}"
            raise TypeError(f"{name} is a {self.NAME} {reason}") from None
        view, like = self._inner.read(taken, name, kind)
        return view, like and replace(like, library=self)

    def writable(self, out: Any) -> Any:
        raise TypeError(f"out is a {self.NAME}, which lapped cannot write: leave it out")

    def returned(self, memory: Any) -> Any:
        """A result as an array of the library."""
        return self._namespace.from_dlpack(memory)

    def item(self, memory: Any) -> Any:
        """A result that is as it is, a scalar as an array without axes."""
        return self.returned(np.asarray(memory) if self._inner is _numpy else memory)


def adapter_of(x: Any, name: str) -> Foreign:
    """The adapter for the library and the device of `x`; refuses what it cannot return."""
    own = type(x).__module__.split(".")[0]
    namespace = getattr(x, "__array_namespace__", None)
    namespace = sys.modules.get(own) if namespace is None else namespace()
    if not hasattr(namespace, "from_dlpack"):
        raise TypeError(f"{name} is an array of {own}, which has no from_dlpack for results")
    device = x.__dlpack_device__()[0]
    if device == _CPU:
        return _adapter(namespace, "numpy")
    if device != _CUDA:
        kind = f"DLPack's kind {device}"
        raise TypeError(f"{name} is on a device of {kind}: pass an array on the CPU or CUDA")
    for library in ("cupy", "torch"):
        if library in sys.modules:
            return _adapter(namespace, library)
    raise TypeError(f"{name} is on a CUDA device: import cupy or torch, whose memory it can share")


@lru_cache(maxsize=16)
def _adapter(namespace: ModuleType, library: str) -> Foreign:
    """One for each pair, so that arguments of one library are known to be."""
    modules = {"numpy": "_numpy", "cupy": "_cupy", "torch": "_torch_cuda"}
    inner = importlib.import_module(f"lapped._arrays.{modules[library]}")
    return Foreign(namespace, inner, sys.modules[library].from_dlpack)

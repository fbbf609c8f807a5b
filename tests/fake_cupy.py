# SPDX-License-Identifier: Apache-2.0
"""As much of CuPy as lapped's adapter for it asks for, over host memory and the emulated kernels.

With it `lapped._arrays._cupy` and `lapped._emulated` run where there is no GPU: the path of device
arrays from a public call to the bodies of the CUDA kernels. NumPy functions are refused, as CuPy
arrays refuse to become host arrays in silence; new memory is poisoned.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import numpy as np


class Device:
    """The one device there is."""

    def __init__(self, number: int) -> None:
        self.id = number

    def __enter__(self) -> Device:
        return self

    def __exit__(self, *error: object) -> None:
        pass


class _Pointer:
    def __init__(self, address: int) -> None:
        self.ptr = address


class ndarray(np.ndarray):  # noqa: N801, CuPy's name
    """Host memory that passes for a device's."""

    @property
    def data(self) -> _Pointer:
        return _Pointer(self.__array_interface__["data"][0])

    @property
    def device(self) -> Device:
        return Device(0)

    def get(self) -> np.ndarray:
        return self.view(np.ndarray)

    def __array_function__(self, function: Any, *arguments: Any) -> Any:
        raise TypeError(f"numpy.{function.__name__} reads a device array back in silence")


def asarray(a: np.ndarray) -> ndarray:
    return a.view(ndarray)


def empty(shape: Any, dtype: Any) -> ndarray:
    memory = np.empty(shape, dtype)
    memory.reshape(-1).view(np.uint8)[...] = 0xFF
    return asarray(memory)


def adapter() -> ModuleType:
    """`lapped._arrays._cupy` made with this stand-in, its kernels being the emulated ones."""
    import lapped._arrays as arrays
    from lapped import _emulated
    from lapped._arrays import _device

    if ndarray not in arrays._LIBRARIES:
        module = ModuleType("cupy")
        module.__dict__.update(ndarray=ndarray, empty=empty, exp=np.exp)
        stream = _Pointer(0)
        module.cuda = ModuleType("cupy.cuda")
        module.cuda.__dict__.update(Device=Device, get_current_stream=lambda: stream)
        sys.modules["cupy"] = module
        try:
            from lapped._arrays import _cupy
        finally:
            del sys.modules["cupy"]  # other libraries would take it for the real one
        arrays._LIBRARIES[ndarray] = _cupy
        _device.module = lambda: _emulated
    return arrays._LIBRARIES[ndarray]

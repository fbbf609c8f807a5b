# SPDX-License-Identifier: Apache-2.0
"""The CUDA kernels, for the adapters of every library that has arrays on a device."""

import importlib
from functools import cache
from types import ModuleType


@cache
def module() -> ModuleType:
    """The extension module lapped._cuda; raises RuntimeError that says why there is none."""
    try:
        built = importlib.import_module("lapped._cuda")
    except ModuleNotFoundError:
        raise RuntimeError(
            "this build of lapped has no CUDA kernels: install it where a CUDA compiler (nvcc) is "
            "found, with LAPPED_CUDA=ON to insist on one, or pass arrays on the CPU"
        ) from None
    reason = built.unavailable()
    if reason:
        raise RuntimeError(f"lapped's CUDA kernels have no device to run on: {reason}")
    return built

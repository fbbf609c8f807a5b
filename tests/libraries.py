# SPDX-License-Identifier: Apache-2.0
"""The array libraries the tests run over: how to hand an array in and how to look at a result.

"cupy" is CuPy itself where there is a GPU; elsewhere it is tests/fake_cupy.py, which takes the same
way to the same kernels on the CPU. "torch_cuda" needs a GPU.
"""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest

from tests import fake_cupy


def gpu() -> bool:
    """Whether torch sees a CUDA device."""
    if importlib.util.find_spec("torch") is None:
        return False
    import torch

    return torch.cuda.is_available()


HOST = ("numpy", "torch")
DEVICE = ("cupy", *(("torch_cuda",) if gpu() else ()))
NAMES = HOST + DEVICE


class NumPy:
    """NumPy arrays."""

    name = "numpy"

    def array(self, a: np.ndarray) -> np.ndarray:
        """The same memory, the same strides."""
        return a

    def counts(self, a: np.ndarray) -> object:
        """Integers such as `lengths`: an array of the library, but on the CPU."""
        return self.array(a)

    def numpy(self, a: object) -> np.ndarray:
        """A result as NumPy; a result of another library is an error."""
        assert isinstance(a, np.ndarray), f"expected a NumPy array, got {type(a)}"
        return a


class Torch:
    """torch CPU tensors."""

    name = "torch"

    def __init__(self) -> None:
        self.torch = pytest.importorskip("torch")

    def array(self, a: np.ndarray) -> object:
        """The same memory and strides, or a copy where torch has no such strides."""
        strides_fit = all(s >= 0 and s % a.itemsize == 0 for s in a.strides)
        return self.torch.from_numpy(a if strides_fit and a.flags.writeable else a.copy())

    def counts(self, a: np.ndarray) -> object:
        """Integers such as `lengths`: an array of the library, but on the CPU."""
        return self.torch.from_numpy(a)

    def numpy(self, a: object) -> np.ndarray:
        """A result as NumPy; a result of another library is an error."""
        assert isinstance(a, self.torch.Tensor), f"expected a torch tensor, got {type(a)}"
        return a.numpy()


class TorchCuda(Torch):
    """torch tensors on the first CUDA device."""

    name = "torch_cuda"

    def array(self, a: np.ndarray) -> object:
        """A copy; of the same strides but for what torch cannot have."""
        view = self.torch.from_numpy(a.copy(order="K"))
        memory = self.torch.empty_strided(view.shape, view.stride(), dtype=view.dtype).cuda()
        return memory.copy_(view)

    def numpy(self, a: object) -> np.ndarray:
        """A result as NumPy; a result elsewhere is an error."""
        assert a.is_cuda, f"expected a CUDA tensor, got one on {a.device}"
        return a.cpu().numpy()


class CuPy:
    """CuPy arrays, or where there is no GPU the stand-in."""

    name = "cupy"

    def __init__(self) -> None:
        if gpu():
            self.cupy = pytest.importorskip("cupy")
        else:
            pytest.importorskip("lapped._emulated")
            fake_cupy.adapter()
            self.cupy = fake_cupy

    def array(self, a: np.ndarray) -> object:
        """The same memory and strides, or on a GPU a copy."""
        return self.cupy.asarray(a)

    def counts(self, a: np.ndarray) -> np.ndarray:
        """Integers such as `lengths`, which CuPy cannot have on the CPU."""
        return a

    def numpy(self, a: object) -> np.ndarray:
        """A result as NumPy; a result of another library is an error."""
        assert isinstance(a, self.cupy.ndarray), f"expected a CuPy array, got {type(a)}"
        return a.get()


LIBRARIES = {kind.name: kind for kind in (NumPy, Torch, TorchCuda, CuPy)}


def library_named(name: str) -> NumPy | Torch | CuPy:
    """The adapter; a missing library skips the test visibly."""
    return LIBRARIES[name]()

# SPDX-License-Identifier: Apache-2.0
"""The array libraries the tests run over: how to hand an array in and how to look at a result."""

from __future__ import annotations

import numpy as np
import pytest

NAMES = ("numpy", "torch")


class NumPy:
    """NumPy arrays."""

    name = "numpy"

    def array(self, a: np.ndarray) -> np.ndarray:
        """The same memory, the same strides."""
        return a

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

    def numpy(self, a: object) -> np.ndarray:
        """A result as NumPy; a result of another library is an error."""
        assert isinstance(a, self.torch.Tensor), f"expected a torch tensor, got {type(a)}"
        return a.numpy()


def library_named(name: str) -> NumPy | Torch:
    """The adapter; a missing library skips the test visibly."""
    return {"numpy": NumPy, "torch": Torch}[name]()

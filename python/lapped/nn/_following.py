# SPDX-License-Identifier: Apache-2.0
"""Modules that keep, beside a buffer, the lapped values that the buffer's contents make."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

_PLAIN = (Tensor, nn.Parameter, nn.Buffer) if hasattr(nn, "Buffer") else (Tensor, nn.Parameter)


class Shown(nn.Module):
    """Base of a module whose repr has its options `_shown`."""

    _shown: ClassVar[tuple[str, ...]] = ()

    def extra_repr(self) -> str:
        return ", ".join(f"{name}={getattr(self, name)!r}" for name in self._shown)


class Following(Shown):
    """Base of a module whose values follow its buffer `_followed` and its options `_options`.

    They are made anew when the buffer is loaded, assigned or written into, and when an option is
    assigned; not when the module moves to another device or precision. Compiled code only reads
    them: there, what was written into the buffer in place goes unseen.
    """

    _followed: ClassVar[str]
    _options: ClassVar[tuple[str, ...]] = ()
    _seen: tuple[int, int] | None = None

    def _follow(self) -> None:
        """Makes the values anew from the buffer."""
        raise NotImplementedError

    def _keep(self, tensor: Tensor) -> None:
        """Registers the buffer, whose values are made already."""
        self.register_buffer(self._followed, tensor)
        self._seen = _identity(tensor)

    def _look(self) -> None:
        """Makes the values anew if the buffer is another or holds something else than before."""
        if torch.compiler.is_compiling():
            return
        tensor = getattr(self, self._followed)
        if _identity(tensor) != self._seen and _readable(tensor):
            self._refresh()

    def _refresh(self) -> None:
        tensor = getattr(self, self._followed)
        if not tensor.is_meta:
            self._follow()
            self._seen = _identity(tensor)

    def __setattr__(self, name: str, value: Any) -> None:
        again = name in self._options and name in self.__dict__
        super().__setattr__(name, value)
        if self._seen is not None and (again or name == self._followed):
            self._refresh()

    def __setstate__(self, state: dict) -> None:
        super().__setstate__(state)
        self._refresh()

    def _apply(self, fn: Callable, recurse: bool = True) -> Following:
        self._look()
        super()._apply(fn, recurse)
        self._seen = _identity(getattr(self, self._followed))
        return self

    def _load_from_state_dict(self, state_dict: dict, prefix: str, *rest: Any) -> None:
        super()._load_from_state_dict(state_dict, prefix, *rest)
        if prefix + self._followed in state_dict:
            self._refresh()


def on_default_device(tensor: Tensor) -> Tensor:
    """`tensor` where torch makes tensors now: on the CPU, or what ``torch.device`` says."""
    return tensor.to(torch.get_default_device())


def _identity(tensor: Tensor) -> tuple[int, int]:
    """Which tensor it is, and how often it was written into."""
    return id(tensor), 0 if tensor.is_inference() else tensor._version


def _readable(tensor: Tensor) -> bool:
    """Whether the tensor has numbers: one inside of a transform of functions, or fake, has none."""
    plain = type(tensor) in _PLAIN and not tensor.is_meta
    return plain and not torch._C._functorch.is_functorch_wrapped_tensor(tensor)

# SPDX-License-Identifier: Apache-2.0
"""Modules that keep, beside a buffer, the lapped values that the buffer's contents make."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor, nn


class Shown(nn.Module):
    """Base of a module whose repr has its options `_shown`."""

    _shown: ClassVar[tuple[str, ...]] = ()

    def extra_repr(self) -> str:
        return ", ".join(f"{name}={getattr(self, name)!r}" for name in self._shown)


class Following(Shown):
    """Base of a module whose values follow its buffer `_followed`.

    They are made anew when the buffer is loaded or assigned, not when it moves to another device or
    precision, and never in `forward`: compiled code only reads them. Writing into the buffer in
    place goes unseen.
    """

    _followed: ClassVar[str]

    def _follow(self) -> None:
        """Makes the values anew from the buffer."""
        raise NotImplementedError

    def _refresh(self) -> None:
        if not self._buffers[self._followed].is_meta:
            self._follow()

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        if name == self._followed and name in self._buffers:
            self._refresh()

    def __setstate__(self, state: dict) -> None:
        super().__setstate__(state)
        self._refresh()

    def _load_from_state_dict(self, state_dict: dict, prefix: str, *rest: Any) -> None:
        super()._load_from_state_dict(state_dict, prefix, *rest)
        if prefix + self._followed in state_dict:
            self._refresh()


def on_default_device(tensor: Tensor) -> Tensor:
    """`tensor` where torch makes tensors now: on the CPU, or what ``torch.device`` says."""
    return tensor.to(torch.get_default_device())

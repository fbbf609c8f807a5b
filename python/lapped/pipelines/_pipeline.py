# SPDX-License-Identifier: Apache-2.0
"""What the pipelines share: checks, the model's device and precision, rows of unequal length."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from lapped._validate import row_lengths, shown
from lapped.pipelines import _models

Function = Callable[[Tensor], Tensor]
Model = Function | str | os.PathLike | torch.export.ExportedProgram

_SCALE = {torch.int16: 2.0**-15, torch.int32: 2.0**-31}
_REAL = (torch.float64, torch.float32, torch.float16, torch.bfloat16)
_ALLOWED = "float64, float32, float16, bfloat16, int16 or int32"


class Pipeline(nn.Module):
    """Base of the pipelines; a subclass says what happens to a batch in `_changed`.

    Without `lengths`, sizes are only passed on: so a call can be compiled and exported with a
    batch and a number of samples that vary.
    """

    def __init__(self, model: Model) -> None:
        super().__init__()
        self.model = checked_model("model", model)

    # Not under torch.no_grad(): whoever trains a model through a pipeline would get no gradient and
    # no error, while whoever forgets torch.inference_mode() sees it in memory, as with any module.
    def forward(self, x: Tensor, lengths: Any = None) -> Tensor:
        """Waveforms (batch, samples) or (samples,) out of waveforms of the same shape.

        `lengths`: valid samples of each row; every row equals what it would be alone, 0 after that.
        """
        batch = _waveforms(x).to(_device(self.model) or x.device)
        rows = row_lengths(lengths, x.shape[:-1], x.shape[-1], "the samples of x")
        y = self._changed(batch, rows)
        return y.to(x.device, x.dtype if x.is_floating_point() else y.dtype).reshape(x.shape)

    def _changed(self, x: Tensor, lengths: np.ndarray | None) -> Tensor:
        """Result (batch, samples) for x (batch, samples)."""
        raise NotImplementedError


def checked_model(name: str, model: Any) -> Function:
    """`model` as a function: itself when it can be called, or what is in the file it names."""
    if isinstance(model, str | os.PathLike):
        return _models.load(name, model)
    if isinstance(model, torch.export.ExportedProgram):
        return _models.exported(name, model)
    if not callable(model):
        raise TypeError(f"{name}={shown(model)} must be {_models.FORMS}")
    return model


def called(name: str, model: Function, features: Tensor) -> Tensor:
    """Result of `model` for `features`, which it gets in its own precision; real, in theirs."""
    like = _first(model, Tensor.is_floating_point)
    result = model(features if like is None else features.to(like.dtype))
    if not isinstance(result, Tensor):
        raise TypeError(f"{name} returned a {type(result).__name__} and must return a tensor")
    if result.is_complex():
        raise TypeError(f"{name} returned {result.dtype} and must return a real tensor")
    return result.to(features)


def expect_shape(name: str, result: Tensor, *shapes: tuple[int, ...]) -> None:
    """Refuses a `result` that has none of `shapes`."""
    if tuple(result.shape) not in shapes:
        wanted = " or ".join(map(str, shapes))
        raise ValueError(f"{name} returned shape {tuple(result.shape)} and must return {wanted}")


def rows_by_length(x: Tensor, lengths: np.ndarray) -> Iterator[tuple[Tensor, int]]:
    """Yield the rows of `x` (batch, samples) that have the same number of samples, and that number.

    A model that gets them by themselves never sees padding, so no row depends on its neighbours.
    """
    for count in np.unique(lengths):
        rows = torch.from_numpy(np.flatnonzero(lengths == count))
        yield rows.to(x.device), int(count)


def _waveforms(x: Tensor) -> Tensor:
    """`x` as float32 or float64 (batch, samples); integers scaled to [-1, 1)."""
    if not isinstance(x, Tensor):
        raise TypeError(f"x is a {type(x).__name__} and must be a torch tensor")
    if x.ndim not in (1, 2):
        raise ValueError(f"x has shape {tuple(x.shape)} and must be (batch, samples) or (samples,)")
    if x.dtype not in _REAL and x.dtype not in _SCALE:
        raise TypeError(f"x has dtype {x.dtype}, but must be a waveform: {_ALLOWED}")
    real = x if x.dtype == torch.float64 else x.float() * _SCALE.get(x.dtype, 1)
    return real if x.ndim == 2 else real[None]


def _first(model: Function, wanted: Callable[[Tensor], bool]) -> Tensor | None:
    """The first parameter or buffer of `model` that is `wanted`."""
    tensors = [*model.parameters(), *model.buffers()] if isinstance(model, nn.Module) else []
    return next((tensor for tensor in tensors if wanted(tensor)), None)


def _device(model: Function) -> torch.device | None:
    """Where `model` lives; None if it has no tensors."""
    tensor = _first(model, lambda tensor: True)
    return None if tensor is None else tensor.device

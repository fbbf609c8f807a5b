# SPDX-License-Identifier: Apache-2.0
"""How an operation becomes a torch operator: kernel, shapes, gradients, forward mode, vmap."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.autograd import forward_ad

from lapped._arrays import _torch
from lapped._operators._transforms import transform_of


class Operator:
    """The torch operator ``lapped::<name>``; calling one picks the way that torch records it.

    Compilers and modes see the operator itself. Eager gradients, torch.func and forward mode see an
    autograd.Function: the only form that serves all three, and the dispatcher would cost more than
    a short transform.

    Every tensor argument has the same leading axes, a batch. The last argument is the text of the
    transform (see `_transforms`); `run`, `fake`, `backward` and `jvp` get the transform itself.

    Parameters
    ----------
    schema : str
        Arguments and results as torch writes them, beginning with the name.
    run
        The computation: arguments to results.
    fake
        The same for tensors without memory: shapes and dtypes alone.
    saved
        Names of the arguments that `backward` and `jvp` need; "result" is the result.
    backward
        ``backward(saved, grad)``: a gradient for each differentiable tensor argument, by name.
        `saved` has all arguments that are no tensors, those named in `saved`, and `needs`, the
        names of the arguments whose gradient is wanted.
    jvp
        ``jvp(saved, tangents)``: tangent of the result, from those of the arguments by name (None
        for one that does not change).
    """

    def __init__(
        self,
        schema: str,
        run: Callable,
        fake: Callable,
        *,
        saved: tuple[str, ...] = (),
        backward: Callable | None = None,
        jvp: Callable | None = None,
    ) -> None:
        self.name, arguments = schema.split("(", 1)
        self.names = [word.split()[-1] for word in arguments.split(")")[0].split(", ")]
        self._run, self._fake = run, fake
        self._saved, self._backward, self._jvp = saved, backward, jvp
        self.op = torch.library.custom_op(
            f"lapped::{self.name}",
            lambda *args: run(*args[:-1], transform_of(args[-1])),
            mutates_args=(),
            schema="(" + arguments,
        )
        self.op.register_fake(lambda *args: fake(*args[:-1], transform_of(args[-1])))
        self.op.register_vmap(self._vmapped)
        self._function = _function_of(self) if backward else None
        if backward:
            self.op.register_autograd(self._gradients, setup_context=self._keep)

    def __call__(self, *args: Any) -> Any:
        tensors = [arg for arg in args if isinstance(arg, Tensor)]
        if any(map(_torch.traced, tensors)):
            return self.op(*args)
        if not any(map(_torch.recorded, tensors)):
            return self._run(*args[:-1], transform_of(args[-1]))
        return self.op(*args) if self._function is None else self._function.apply(*args)

    def _vmapped(self, info: Any, in_dims: tuple, *args: Any) -> Any:
        """The operator on tensors that have vmap's axis among their leading ones, or all get it."""
        if getattr(transform_of(args[-1]), "_couples_rows", False):
            raise ValueError(
                "scope='batch' must be 'example' under vmap, whose examples do not see each other"
            )
        moved = [
            arg
            if not isinstance(arg, Tensor)
            else arg.expand(info.batch_size, *arg.shape)
            if dim is None
            else arg.movedim(dim, 0)
            for arg, dim in zip(args, in_dims, strict=True)
        ]
        result = self.op(*moved)
        return result, (0,) * len(result) if isinstance(result, tuple) else 0

    def _keep(self, ctx: Any, inputs: tuple, output: Any) -> None:
        named = {**dict(zip(self.names, inputs, strict=True)), "result": output}
        ctx.plain = {k: v for k, v in named.items() if not isinstance(v, Tensor | tuple)}
        tensors = [named[name] for name in self._saved]
        ctx.save_for_backward(*tensors)
        ctx.shapes = {k: v.shape for k, v in named.items() if isinstance(v, Tensor)}
        if self._jvp is not None and hasattr(ctx, "save_for_forward"):
            ctx.save_for_forward(*tensors)

    def _kept(self, ctx: Any) -> Kept:
        kept = dict(zip(self._saved, ctx.saved_tensors, strict=True))
        transform = transform_of(ctx.plain["transform"])
        return Kept({**ctx.plain, **kept, "transform": transform}, ctx.shapes)

    def _gradients(self, ctx: Any, grad: Tensor) -> tuple:
        needed = dict(zip(self.names, ctx.needs_input_grad, strict=True))
        saved = self._kept(ctx)
        saved.needs = {name for name, need in needed.items() if need}
        gradients = self._backward(saved, grad)
        return tuple(gradients.get(name) if needed[name] else None for name in self.names)


class Kept:
    """What a backward pass has of the forward call, as attributes."""

    needs: set[str]

    def __init__(self, values: dict[str, Any], shapes: dict[str, torch.Size]) -> None:
        self.__dict__.update(values)
        self.shapes = shapes


def _function_of(operator: Operator) -> type[torch.autograd.Function]:
    def forward(*args: Any) -> Any:
        if _torch.transformed():
            return operator.op(*args)
        return operator._run(*args[:-1], transform_of(args[-1]))

    def jvp(ctx: Any, *tangents: Any) -> Any:
        if operator._jvp is None:
            raise NotImplementedError(f"lapped::{operator.name} has no forward-mode gradient")
        return operator._jvp(operator._kept(ctx), dict(zip(operator.names, tangents, strict=True)))

    members = {
        "generate_vmap_rule": True,
        "forward": staticmethod(forward),
        "setup_context": staticmethod(operator._keep),
        "backward": staticmethod(operator._gradients),
        "jvp": staticmethod(jvp),
    }
    return type(operator.name, (torch.autograd.Function,), members)


def differentiated() -> bool:
    """Whether torch.func or forward mode may ask for a gradient."""
    if torch.compiler.is_dynamo_compiling():
        return False
    return _torch.transformed() or forward_ad._current_level >= 0

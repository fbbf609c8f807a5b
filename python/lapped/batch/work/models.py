# SPDX-License-Identifier: Apache-2.0
"""Models by name: files, as the pipelines read them, and ``package.module:callable``."""

from __future__ import annotations

import importlib
import inspect
import os
import sys
from collections.abc import Callable
from typing import Any

from lapped.batch.codes import EnvironmentFailed, ItemError
from lapped.batch.needs import needed

_ANY = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


def loaded(option: str, spec: str, device: str) -> Any:
    """The model that `spec` names, in eval mode on the device.

    A class, and a function without required parameters, is called first: what it returns is the
    model.

    Raises
    ------
    EnvironmentFailed
        If it would not load.
    """
    torch = needed("torch")
    try:
        model = _imported(spec) if ":" in spec and not os.path.exists(spec) else _read(option, spec)
        if isinstance(model, torch.nn.Module):
            model = model.to(device).eval().requires_grad_(False)
    except EnvironmentFailed:
        raise
    except Exception as error:  # whatever somebody's code raises
        what = f"{type(error).__name__}: {error}"
        raise EnvironmentFailed(f"{option}={spec!r} would not load: {what}") from error
    return model


def called(option: str, model: Any, features: Any) -> Any:
    """The model's answer, in the precision of `features`."""
    from lapped.pipelines import _pipeline

    return _pipeline.called(option, model, features)


def alone_on_its_thread() -> None:
    """Makes each call of torch use the thread that it comes from: threads take an input each.

    So results do not depend on how many threads there are.
    """
    needed("torch").set_num_threads(1)


def _read(option: str, spec: str) -> Any:
    from lapped.pipelines import _pipeline

    return _pipeline.checked_model(option, spec)


def _imported(spec: str) -> Any:
    module, _, name = spec.partition(":")
    folder = os.getcwd()
    if folder not in sys.path:
        sys.path.append(folder)
    found: Any = importlib.import_module(module)
    for part in name.split("."):
        found = getattr(found, part)
    if not callable(found):
        raise TypeError(f"{name} is a {type(found).__name__} and must be callable")
    return found() if _makes_model(found) else found


def _makes_model(found: Callable[..., Any]) -> bool:
    if inspect.isclass(found):
        return True
    if not inspect.isroutine(found):
        return False
    try:
        parameters = inspect.signature(found).parameters.values()
    except ValueError:  # of functions in C
        return False
    return all(each.default is not each.empty or each.kind in _ANY for each in parameters)


def attempted(call: Callable[[], Any]) -> Any:
    """What `call` returns, or the item's error where it raises."""
    torch = needed("torch")
    try:
        return call()
    except torch.cuda.OutOfMemoryError as error:
        return ItemError("oom", str(error).splitlines()[0])
    except Exception as error:  # whatever somebody's code raises
        first = (str(error).strip().splitlines() or [""])[0]
        return ItemError("model_error", f"{type(error).__name__}: {first}")

# SPDX-License-Identifier: Apache-2.0
"""One file for each library that is timed, lapped's own among them. A new file is a new rival."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np

from ..inputs import Inputs

OURS = "lapped"
LIBRARIES = (OURS, *sorted({file.name for file in pkgutil.iter_modules(__path__)} - {OURS}))


@dataclass(frozen=True)
class Rival:
    """One way of computing one operation.

    `build` does all that may be done once (windows, modules, wrapping the input) and returns the
    call that is timed; its result converts with `numpy.asarray` to batch x bins x frames. It raises
    UnsupportedError for a case the library has no way to compute. `expected` is the result in
    float64 where a library's own convention differs from everybody else's.
    """

    library: str
    label: str
    op: str
    build: Callable[[Inputs], Callable[[], Any]]
    expected: Callable[[Inputs], np.ndarray] | None = None


class UnsupportedError(Exception):
    """What a library cannot compute, and why."""


def only(condition: bool, reason: str) -> None:
    """Raise UnsupportedError where `condition` does not hold."""
    if not condition:
        raise UnsupportedError(reason)


def load(libraries: Iterable[str]) -> tuple[dict[str, ModuleType], dict[str, str]]:
    """The files of the libraries that import here, and why each of the others does not."""
    modules, skipped = {}, {}
    for library in libraries:
        try:
            modules[library] = importlib.import_module(f"{__name__}.{library}")
        except (ImportError, OSError) as error:
            skipped[library] = f"{type(error).__name__}: {error}".splitlines()[0]
    return modules, skipped

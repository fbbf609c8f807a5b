# SPDX-License-Identifier: Apache-2.0
"""One file for each library that is timed, lapped's own among them."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from ..inputs import Inputs

LIBRARIES = ("lapped", "torch", "torchaudio", "librosa", "scipy")


@dataclass(frozen=True)
class Rival:
    """One way of computing one operation.

    `build` does all that may be done once (windows, modules, wrapping the input) and returns the
    call that is timed; its result converts with `numpy.asarray` to batch x bins x frames.
    """

    library: str
    label: str
    op: str
    build: Callable[[Inputs], Callable[[], Any]]


def load(libraries: Iterable[str]) -> tuple[dict[str, ModuleType], dict[str, str]]:
    """The files of the libraries that import here, and why each of the others does not."""
    modules, skipped = {}, {}
    for library in libraries:
        try:
            modules[library] = importlib.import_module(f"{__name__}.{library}")
        except (ImportError, OSError) as error:
            skipped[library] = f"{type(error).__name__}: {error}".splitlines()[0]
    return modules, skipped

# SPDX-License-Identifier: Apache-2.0
"""The engines by name: each takes parts and yields them finished."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Iterator

from lapped.batch.engine.stopping import Stop
from lapped.batch.engine.watch import Watch
from lapped.batch.record.index import Head
from lapped.batch.running import Run

Engine = Callable[[Run, Iterable[int], Watch, Stop], Iterator[Head]]

_MODULES = {"local": "lapped.batch.engine.local", "ray": "lapped.batch.engine.ray"}


def engine_of(name: str) -> Engine:
    """The engine's `finished`."""
    engine: Engine = importlib.import_module(_MODULES[name]).finished
    return engine

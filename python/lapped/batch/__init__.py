# SPDX-License-Identifier: Apache-2.0
"""From a folder of audio to results, each exactly once, on one machine or many.

``run`` does what ``lapped run`` does; ``status``, ``errors``, ``retry``, ``verify`` and ``export``
are about the folder it leaves. ``AudioDataset`` and ``collate`` are for loops of your own.
"""

import importlib
from typing import Any

_WHERE = {
    "AudioDataset": "dataset",
    "Config": "config",
    "EnvironmentFailed": "codes",
    "Interrupted": "codes",
    "ItemError": "codes",
    "Refused": "codes",
    "Summary": "record.finish",
    "TooManyErrors": "codes",
    "collate": "dataset",
    "errors": "inspect",
    "export": "exporting",
    "plan": "start",
    "retry": "again",
    "run": "start",
    "status": "inspect",
    "verify": "inspect",
}
__all__ = sorted(_WHERE)


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"lapped.batch.{name} does not exist", name=name)
    return getattr(importlib.import_module(f"lapped.batch.{_WHERE[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_WHERE])

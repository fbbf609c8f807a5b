# SPDX-License-Identifier: Apache-2.0
"""Where results go. One place to touch for a new format: `_WHERE`."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lapped.batch.config import Config
from lapped.batch.items import Item
from lapped.batch.output import Output
from lapped.batch.sinks.files import Pending, Sink

_WHERE = {
    "safetensors": "safetensors:Safetensors",
    "parquet": "parquet:Parquet",
    "npy": "each:Npy",
    "wav": "each:Wav",
    "flac": "each:Flac",
    "tar": "tar:Tar",
    "ark": "ark:Ark",
}

__all__ = ["Pending", "Sink", "open_sink", "read_back"]


def open_sink(
    config: Config, output: Output, folder: Path, part: int, items: Sequence[Item]
) -> Sink:
    """A sink for the results of one part, below `folder`. Results are put in the items' order."""
    kind = _each_of(config) if config.mirror else config.resolved_format
    sink: Sink = _class_of(kind)(config, output, folder, part, items)
    return sink


def read_back(folder: Path, place: dict[str, Any]) -> np.ndarray:
    """The array that `put` said is at `place`, as it was put."""
    kind = place["format"]
    found: np.ndarray = _class_of(kind).read(folder, place)
    return found


def _class_of(kind: str) -> Any:
    module, _, name = _WHERE[kind].partition(":")
    return getattr(importlib.import_module(f"lapped.batch.sinks.{module}"), name)


def _each_of(config: Config) -> str:
    """The format of one file an input: mirrored safetensors are .npy files."""
    kind = config.resolved_format
    return "npy" if kind == "safetensors" else kind

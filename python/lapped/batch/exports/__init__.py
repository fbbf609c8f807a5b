# SPDX-License-Identifier: Apache-2.0
"""Results in the form other libraries read. One place to touch for a new one: `_WHERE`."""

from __future__ import annotations

import importlib

from lapped.batch.exports.target import Result, Target

_WHERE = {
    "kaldi": "kaldi:Kaldi",
    "lhotse": "lhotse:Lhotse",
    "npy": "npy:Npy",
    "parquet": "parquet:Parquet",
    "webdataset": "webdataset:WebDataset",
    "zarr": "zarr:Zarr",
}
TARGETS = tuple(_WHERE)

__all__ = ["TARGETS", "Result", "Target", "target_of"]


def target_of(name: str) -> type[Target]:
    """The class that writes `name`."""
    module, _, kind = _WHERE[name].partition(":")
    found: type[Target] = getattr(importlib.import_module(f"lapped.batch.exports.{module}"), kind)
    return found

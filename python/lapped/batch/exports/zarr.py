# SPDX-License-Identifier: Apache-2.0
"""A Zarr group: all results one after another, and where each begins.

::

    values (all frames, bands), or (all samples,) of audio
    offsets (results + 1,): result i is values[offsets[i]:offsets[i + 1]]
    ids (results,)
"""

from __future__ import annotations

from typing import Any

import numpy as np

from lapped.batch.exports.target import Result, Target
from lapped.batch.needs import needed

_CHUNK = 1 << 20  # values
_PIECE = 64  # chunks that are held before they are written


class Zarr(Target):
    def __init__(self, *about: Any) -> None:
        super().__init__(*about)
        self._group = needed("zarr").open_group(str(self.folder), mode="w")
        self._values: Any = None
        self._held: list[np.ndarray] = []
        self._ids: list[str] = []
        self._offsets = [0]

    def add(self, result: Result) -> None:
        value = result.value if self.is_audio else self.matrix(result.value)
        if self._values is None:
            rest = value.shape[1:]
            rows = max(1, _CHUNK // max(1, int(np.prod(rest))))
            self._values = self._group.create_array(
                "values", shape=(0, *rest), chunks=(rows, *rest), dtype=value.dtype
            )
            self._rows = rows * _PIECE
        self._held.append(value)
        self._ids.append(result.id)
        self._offsets.append(self._offsets[-1] + len(value))
        if sum(map(len, self._held)) >= self._rows:
            self._flush()

    def close(self) -> None:
        self._flush()
        self._group.create_array("offsets", data=np.array(self._offsets, np.int64))
        ids = self._group.create_array("ids", shape=(len(self._ids),), dtype=str)
        ids[:] = np.array(self._ids, object)
        self._group.attrs.update(
            {
                "kind": self.output.kind,
                "sample_rate": self.output.sample_rate,
                "frame_shift": self.frame_shift,
            }
        )

    def _flush(self) -> None:
        if self._held:
            self._values.append(np.concatenate(self._held))
            self._held = []

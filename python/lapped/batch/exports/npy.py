# SPDX-License-Identifier: Apache-2.0
"""A .npy file for each result, in the tree of the inputs, and a list of them."""

from __future__ import annotations

import csv
from typing import Any

import numpy as np

from lapped.batch.exports.target import Result, Target


class Npy(Target):
    def __init__(self, *about: Any) -> None:
        super().__init__(*about)
        self._file = (self.folder / "manifest.csv").open(
            "w", newline="", encoding="utf-8", errors="backslashreplace"
        )
        self._list = csv.writer(self._file)
        self._list.writerow(["id", "path", "uri", "audio_s"])

    def add(self, result: Result) -> None:
        path = self.place(result, ".npy")
        np.save(self.folder / path, result.value)
        self._list.writerow([result.id, path, result.row["uri"], result.audio_s])

    def close(self) -> None:
        self._file.close()

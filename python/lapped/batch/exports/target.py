# SPDX-License-Identifier: Apache-2.0
"""What every export is given, result by result."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lapped.batch.output import Output
from lapped.batch.record.index import Row
from lapped.batch.sinks.each import mirrored


@dataclass(frozen=True)
class Result:
    """One result and what the index says of it."""

    row: Row
    value: np.ndarray

    @property
    def id(self) -> str:
        return str(self.row["id"])

    @property
    def audio_s(self) -> float:
        return float(self.row["audio_s"])

    def path(self, suffix: str) -> str:
        """By the name of the input, below any folder."""
        return mirrored(self.row["name"], suffix)


class Target:
    """Writes below a folder of its own, which gets its name when all is written.

    `final` is that name, for formats that say where their files are.
    """

    def __init__(self, folder: Path, final: Path, output: Output, frame_shift: float) -> None:
        self.folder, self.final, self.output = folder, final, output
        self.frame_shift = frame_shift  # seconds
        self._names: set[str] = set()

    def add(self, result: Result) -> None:
        raise NotImplementedError

    def close(self) -> None:
        """All results were added."""

    @property
    def is_audio(self) -> bool:
        return self.output.kind == "audio"

    def matrix(self, value: np.ndarray) -> np.ndarray:
        """Frames by bands."""
        turned = value.T if self.output.layout == "ft" else value
        return np.ascontiguousarray(turned)

    def place(self, result: Result, suffix: str) -> str:
        """A path below the folder that no other result has; its folder is made."""
        path = result.path(suffix)
        if path in self._names:
            path = f"{path[: -len(suffix)]}~{result.id}{suffix}"
        self._names.add(path)
        (self.folder / path).parent.mkdir(parents=True, exist_ok=True)
        return path

    def facts(self, result: Result) -> dict[str, Any]:
        """What a reader may want to know besides."""
        about = {"id": result.id, "name": result.row["name"], "uri": result.row["uri"]}
        about |= {"audio_s": result.audio_s, "sample_rate": self.output.sample_rate}
        return about if self.is_audio else about | {"layout": self.output.layout}

# SPDX-License-Identifier: Apache-2.0
"""What is looked for, and what is found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import BinaryIO

from lapped.batch.items import Item

AUDIO = frozenset(
    [
        ".wav",
        ".flac",
        ".mp3",
        ".ogg",
        ".oga",
        ".opus",
        ".w64",
        ".rf64",
        ".aif",
        ".aiff",
        ".aifc",
        ".au",
        ".snd",
        ".caf",
    ]
)
ARRAYS = frozenset([".npy", ".safetensors"])


@dataclass(frozen=True)
class Broken:
    """An item that is known to be unreadable before anybody tries."""

    item: Item
    code: str
    message: str


Found = Item | Broken


@dataclass(frozen=True)
class Selection:
    """How inputs are understood.

    Attributes
    ----------
    kind : str
        "audio" or "array".
    id_col, path_col : str
        Columns of manifests; "": whichever of the usual ones is there.
    stdin : binary file or None
        What "-" reads.
    """

    kind: str = "audio"
    id_col: str = ""
    path_col: str = ""
    stdin: BinaryIO | None = None

    @property
    def suffixes(self) -> frozenset[str]:
        """Of files that are taken from a folder."""
        return AUDIO if self.kind == "audio" else ARRAYS

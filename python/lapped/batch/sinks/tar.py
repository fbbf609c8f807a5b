# SPDX-License-Identifier: Apache-2.0
"""Parts as tars that WebDataset reads: <id>.npy and <id>.json for each result."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np

from lapped.batch.items import Item
from lapped.batch.sinks.files import Checked, Pending, Place, Result, Sink, flat


def key_of(identity: str) -> str:
    """An id as a key, which WebDataset ends at its first dot."""
    return quote(identity, safe=" ()+,=@", errors="surrogateescape").replace(".", "%2E")


class Tar(Sink):
    format = "tar"
    suffix = ".tar"

    def open(self) -> None:
        self._file = Checked(self.temporary)
        self._tar: Any = tarfile.open(fileobj=self._file, mode="w", format=tarfile.PAX_FORMAT)  # type: ignore[call-overload]  # noqa: SIM115

    def put(self, item: Item, value: Result) -> Place:
        key = key_of(item.id)
        memory = io.BytesIO()
        np.save(memory, flat(value))
        offset = self._add(f"{key}.npy", memory.getvalue())
        about = {
            "id": item.id,
            "name": item.name,
            "sample_rate": self.output.sample_rate,
            "layout": self.output.layout,
        }
        self._add(f"{key}.json", json.dumps(about).encode())
        return self.place(value, key=f"{key}.npy", offset=offset)

    def close(self) -> list[Pending]:
        self._tar.close()
        return [self._file.pending(self.final)]

    def clear(self) -> None:
        self._file.close()
        super().clear()

    def _add(self, name: str, content: bytes) -> int:
        """Adds a member; returns where its content is."""
        info = tarfile.TarInfo(name)
        info.size = len(content)
        self._tar.addfile(info, io.BytesIO(content))
        padded = -(-len(content) // tarfile.BLOCKSIZE) * tarfile.BLOCKSIZE
        return int(self._tar.offset - padded)

    @staticmethod
    def read(folder: Path, place: Place) -> np.ndarray:
        with (folder / place["file"]).open("rb") as file:
            file.seek(place["offset"])
            return np.asarray(np.lib.format.read_array(file, allow_pickle=False))

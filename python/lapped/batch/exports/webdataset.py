# SPDX-License-Identifier: Apache-2.0
"""Tars as WebDataset reads them: key.npy or key.wav, and key.json beside it."""

from __future__ import annotations

import io
import json
import tarfile
from typing import Any

import numpy as np

from lapped.batch.exports.sound import wav_bytes
from lapped.batch.exports.target import Result, Target
from lapped.batch.sinks.tar import key_of

_SHARD = 256 << 20  # bytes


class WebDataset(Target):
    def __init__(self, *about: Any) -> None:
        super().__init__(*about)
        self._tar: Any = None
        self._shards = 0

    def add(self, result: Result) -> None:
        if self._tar is None:
            path = self.folder / f"shard-{self._shards:06d}.tar"
            self._tar = tarfile.open(path, "w", format=tarfile.PAX_FORMAT)  # noqa: SIM115
        key = key_of(result.id)
        name, content = self._content(result)
        self._put(f"{key}.{name}", content)
        self._put(f"{key}.json", json.dumps(self.facts(result)).encode())
        if self._tar.offset >= _SHARD:
            self.close()

    def close(self) -> None:
        if self._tar is not None:
            self._tar.close()
            self._tar, self._shards = None, self._shards + 1

    def _content(self, result: Result) -> tuple[str, bytes]:
        if self.is_audio:
            return "wav", wav_bytes(result.value, self.output.sample_rate)
        memory = io.BytesIO()
        np.save(memory, result.value)
        return "npy", memory.getvalue()

    def _put(self, name: str, content: bytes) -> None:
        info = tarfile.TarInfo(name)
        info.size = len(content)
        self._tar.addfile(info, io.BytesIO(content))

# SPDX-License-Identifier: Apache-2.0
"""A Kaldi data folder: feats.ark with feats.scp, or wav.scp of 16 bits; utt2dur; utt2spk."""

from __future__ import annotations

from typing import Any

import numpy as np

from lapped.batch.exports.sound import write_wav
from lapped.batch.exports.target import Result, Target
from lapped.batch.sinks.ark import key_of, matrix_entry


class Kaldi(Target):
    def __init__(self, *about: Any) -> None:
        super().__init__(*about)
        self._ark = None if self.is_audio else (self.folder / "feats.ark").open("wb")
        self._tables: dict[str, list[str]] = {"utt2dur": [], "utt2spk": [], self._main: []}

    @property
    def _main(self) -> str:
        return "wav.scp" if self.is_audio else "feats.scp"

    def add(self, result: Result) -> None:
        key = key_of(result.id)
        where = self._wav(result) if self._ark is None else self._matrix(key, result)
        self._tables[self._main].append(f"{key} {where}\n")
        self._tables["utt2dur"].append(f"{key} {result.audio_s:.6f}\n")
        self._tables["utt2spk"].append(f"{key} {key}\n")

    def close(self) -> None:
        """Kaldi wants its tables sorted by key, in bytes."""
        if self._ark is not None:
            self._ark.close()
        for name, lines in self._tables.items():
            encoded = sorted(line.encode("utf-8", "surrogateescape") for line in lines)
            (self.folder / name).write_bytes(b"".join(encoded))

    def _matrix(self, key: str, result: Result) -> str:
        assert self._ark is not None
        self._ark.write(key.encode() + b" ")
        offset = self._ark.tell()
        self._ark.writelines(matrix_entry(self.matrix(result.value).astype(np.float32, copy=False)))
        return f"{self.final / 'feats.ark'}:{offset}"

    def _wav(self, result: Result) -> str:
        path = self.place(result, ".wav")
        write_wav(self.folder / path, result.value, self.output.sample_rate, "PCM_16")
        return str(self.final / path)

# SPDX-License-Identifier: Apache-2.0
"""Parquet as Hugging Face's datasets and pandas read it: nested lists, or audio with its bytes."""

from __future__ import annotations

from typing import Any

import numpy as np

from lapped.batch.exports.sound import wav_bytes
from lapped.batch.exports.target import Result, Target
from lapped.batch.items import printable
from lapped.batch.needs import needed

_GROUP = 64 << 20  # bytes of a row group
_GROUPS = 8  # of a file


class Parquet(Target):
    def __init__(self, *about: Any) -> None:
        super().__init__(*about)
        pa = needed("pyarrow")
        sound = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
        value = sound if self.is_audio else pa.list_(pa.list_(pa.float32()))
        texts = [(name, pa.string()) for name in ("id", "name", "uri")]
        self._column = "audio" if self.is_audio else "features"
        self._schema = pa.schema([*texts, ("audio_s", pa.float64()), (self._column, value)])
        self._rows: list[dict[str, Any]] = []
        self._bytes, self._groups, self._files = 0, 0, 0
        self._writer: Any = None

    def add(self, result: Result) -> None:
        facts = {name: printable(result.row[name]) for name in ("id", "name", "uri")}
        value = self._value(result)
        self._rows.append(facts | {"audio_s": result.audio_s, self._column: value})
        self._bytes += result.value.nbytes
        if self._bytes >= _GROUP:
            self._flush()

    def close(self) -> None:
        self._flush()
        self._end_file()

    def _value(self, result: Result) -> Any:
        if self.is_audio:
            content = wav_bytes(result.value, self.output.sample_rate)
            return {"bytes": content, "path": printable(result.path(".wav"))}
        return list(result.value.astype(np.float32, copy=False))

    def _flush(self) -> None:
        if not self._rows:
            return
        if self._writer is None:
            path = self.folder / f"data-{self._files:05d}.parquet"
            self._writer = needed("pyarrow.parquet").ParquetWriter(path, self._schema)
        table = needed("pyarrow").Table.from_pylist(self._rows, schema=self._schema)
        self._writer.write_table(table)
        self._rows, self._bytes, self._groups = [], 0, self._groups + 1
        if self._groups == _GROUPS:
            self._end_file()

    def _end_file(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer, self._groups, self._files = None, 0, self._files + 1

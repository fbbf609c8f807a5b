# SPDX-License-Identifier: Apache-2.0
"""Parts as Parquet: a row a result, its values as bytes beside their shape and dtype."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from lapped.batch.items import Item, printable
from lapped.batch.needs import needed
from lapped.batch.sinks.files import Checked, Pending, Place, Result, Sink, flat

_GROUP = 32 << 20  # bytes of results in a row group


class Parquet(Sink):
    format = "parquet"
    suffix = ".parquet"

    def open(self) -> None:
        pa = needed("pyarrow")
        output = self.output
        about = {"kind": output.kind, "layout": output.layout, "preset": self.config.preset}
        self._schema = pa.schema(
            [
                ("id", pa.string()),
                ("name", pa.string()),
                ("values", pa.large_binary()),
                ("shape", pa.list_(pa.int64())),
                ("dtype", pa.string()),
                ("sample_rate", pa.int64()),
            ],
            metadata=about,
        )
        self._file = Checked(self.temporary)
        sink = pa.PythonFile(self._file, mode="w")
        self._writer = needed("pyarrow.parquet").ParquetWriter(
            sink, self._schema, compression="none", write_statistics=False
        )
        self._rows: list[dict[str, Any]] = []
        self._bytes, self._group = 0, 0

    def put(self, item: Item, value: Result) -> Place:
        values = flat(value).tobytes()
        row = {
            "id": item.id,
            "name": printable(item.name),
            "values": values,
            "shape": list(value.shape),
            "dtype": str(value.dtype),
            "sample_rate": self.output.sample_rate,
        }
        place = self.place(value, group=self._group, row=len(self._rows))
        self._rows.append(row)
        self._bytes += len(values)
        if self._bytes >= _GROUP:
            self._flush()
        return place

    def close(self) -> list[Pending]:
        self._flush()
        self._writer.close()
        return [self._file.pending(self.final)]

    def clear(self) -> None:
        with suppress(Exception):  # else it would be closed when it is collected, and complain
            self._writer.close()
        with suppress(OSError):
            self._file.close()
        super().clear()

    def _flush(self) -> None:
        if self._rows:
            table = needed("pyarrow").Table.from_pylist(self._rows, schema=self._schema)
            self._writer.write_table(table)
            self._rows, self._bytes, self._group = [], 0, self._group + 1

    @staticmethod
    def read(folder: Path, place: Place) -> np.ndarray:
        file = needed("pyarrow.parquet").ParquetFile(folder / place["file"])
        column = file.read_row_group(place["group"], columns=["values"]).column("values")
        values = np.frombuffer(column[place["row"]].as_py(), place["dtype"])
        return values.reshape(place["shape"])

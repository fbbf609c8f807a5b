# SPDX-License-Identifier: Apache-2.0
"""Tables out of Python values, column by column.

pyarrow's own conversions look at every value several times, and import pandas where that is
installed: together they would cost more than a short file's features. So the buffers of Arrow's
layout are filled here.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any

import numpy as np

from lapped.batch.needs import needed


def table_of(schema: Any, columns: dict[str, Sequence[Any]]) -> Any:
    """A table with the schema's columns, of values that may be None.

    Numbers, texts, bytes and lists of numbers; lists and texts of one call below 2 GiB.
    """
    arrays = [_array(field.type, columns[field.name]) for field in schema]
    return needed("pyarrow").Table.from_arrays(arrays, schema=schema)


def _array(kind: Any, values: Sequence[Any]) -> Any:
    pa = needed("pyarrow")
    if pa.types.is_list(kind):
        inner = _array(kind.value_type, list(chain.from_iterable(v or () for v in values)))
        buffers = [_present(values), _offsets(values)]
        return pa.Array.from_buffers(kind, len(values), buffers, children=[inner])
    if pa.types.is_string(kind):
        values = [None if v is None else v.encode() for v in values]
    if pa.types.is_string(kind) or pa.types.is_binary(kind):
        content = pa.py_buffer(b"".join(filter(None, values)))
        return pa.Array.from_buffers(
            kind, len(values), [_present(values), _offsets(values), content]
        )
    numbers = np.array([0 if v is None else v for v in values], kind.to_pandas_dtype())
    return pa.Array.from_buffers(kind, len(values), [_present(values), pa.py_buffer(numbers)])


def _present(values: Sequence[Any]) -> Any:
    """A bit for each value that is not None, the first one lowest; None where all are there."""
    if None not in values:
        return None
    there = np.array([value is not None for value in values])
    return needed("pyarrow").py_buffer(np.packbits(there, bitorder="little"))


def _offsets(values: Sequence[Any]) -> Any:
    """Where each value begins among the content of all, and where the last one ends."""
    ends = np.cumsum([0] + [len(value or ()) for value in values], dtype=np.int32)
    return needed("pyarrow").py_buffer(ends)

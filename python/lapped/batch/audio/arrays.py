# SPDX-License-Identifier: Apache-2.0
"""Spectrograms out of files: .npy, and tensors of .safetensors by name."""

from __future__ import annotations

import json
import struct
from typing import Any, BinaryIO

import numpy as np

from lapped.batch.audio.opening import opened
from lapped.batch.codes import ItemError
from lapped.batch.items import Item

_DTYPES = {"F16": np.float16, "F32": np.float32, "F64": np.float64}


def load_array(item: Item) -> np.ndarray:
    """The item's array, real and of two axes.

    Raises
    ------
    ItemError
        With the code for whatever is wrong with it.
    """
    with opened(item) as file:
        try:
            array = _tensor(file, item.member) if item.member else _npy(file)
        except (ValueError, KeyError, OSError, EOFError, struct.error) as error:
            raise _refused(file, error) from error
    array = array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))
    if array.ndim != 2 or array.dtype not in (np.float16, np.float32, np.float64):
        message = f"is {array.dtype} {array.shape}, and must be real with two axes"
        raise ItemError("unsupported", message)
    if not array.size:
        raise ItemError("empty", f"holds no frames: {array.shape}")
    return array


def shape_of(item: Item) -> tuple[int, ...] | None:
    """As the header says; None where there is none that can be read."""
    try:
        with opened(item) as file:
            if item.member:
                return tuple(map(int, tensors_of(file)[item.member]["shape"]))
            whole = _Whole(file)
            read = {1: np.lib.format.read_array_header_1_0, 2: np.lib.format.read_array_header_2_0}
            return read[np.lib.format.read_magic(whole)[0]](whole)[0]  # type: ignore[arg-type]
    except (ItemError, ValueError, KeyError, TypeError, OSError, struct.error):
        return None


def tensors_of(file: BinaryIO) -> dict[str, Any]:
    """Header of a .safetensors file, and under "" where the data begin."""
    file.seek(0)
    (length,) = struct.unpack("<Q", file.read(8))
    if length > 1 << 30:
        raise ValueError("is no safetensors file")
    header = json.loads(file.read(length))
    header.pop("__metadata__", None)
    return {**header, "": 8 + length}


def _tensor(file: BinaryIO, name: str) -> np.ndarray:
    header = tensors_of(file)
    about = header[name]
    begin, end = about["data_offsets"]
    if about["dtype"] not in _DTYPES:
        raise ItemError("unsupported", f"is {about['dtype']}, and must be F16, F32 or F64")
    file.seek(header[""] + begin)
    content = file.read(end - begin)
    if len(content) < end - begin:
        raise ItemError("truncated", f"holds {len(content)} of {end - begin} bytes")
    return np.frombuffer(content, _DTYPES[about["dtype"]]).reshape(about["shape"])


def _npy(file: BinaryIO) -> np.ndarray:
    return np.asarray(np.load(_Whole(file), allow_pickle=False))


def _refused(file: BinaryIO, error: Exception) -> ItemError:
    file.seek(0)
    start = file.read(8)
    if not start:
        return ItemError("empty", "holds 0 bytes")
    if start.startswith(b"\x93NUMPY") and "allow_pickle" not in str(error):
        return ItemError("truncated", "ends before its header says")
    return ItemError("not_audio", f"is no array of numbers: {error}")


class _Whole:
    """A file as `np.load` reads it: without a descriptor, so that it never maps or seeks by it."""

    def __init__(self, file: BinaryIO) -> None:
        self.read, self.seek, self.tell = file.read, file.seek, file.tell
        self.readline = file.readline

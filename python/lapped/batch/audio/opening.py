# SPDX-License-Identifier: Apache-2.0
"""The bytes of an item, wherever they are, as a binary file that can seek."""

from __future__ import annotations

import errno
import io
import os
import stat
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, BinaryIO, TypeVar

from lapped.batch.codes import ItemError
from lapped.batch.items import Item
from lapped.batch.needs import needed

_T = TypeVar("_T")
_RETRIES = 3
_PAUSE = 0.2  # seconds, doubled each time
_PASSING = {errno.EIO, errno.ETIMEDOUT, errno.EAGAIN, errno.ESTALE, errno.ECONNRESET, errno.EINTR}
_CODES = {
    errno.ENOENT: ("not_found", "there is no such file"),
    errno.ENOTDIR: ("not_found", "there is no such file"),
    errno.ELOOP: ("not_found", "its links lead in a circle"),
    errno.ENAMETOOLONG: ("not_found", "its name is too long for the file system"),
    errno.EACCES: ("permission", "it may not be read"),
    errno.EPERM: ("permission", "it may not be read"),
}
_WHOLE = 64 << 20  # bytes of a remote file that are fetched at once
_kept = threading.local()  # the last row group of each thread


@dataclass(frozen=True)
class InMemory(Item):
    """An item whose bytes are here already."""

    content: bytes = b""


def opened(item: Item) -> BinaryIO:
    """Its bytes. Nothing blocks on a FIFO, and what has changed since it was planned is refused."""
    if isinstance(item, InMemory):
        return io.BytesIO(item.content)
    if "://" in item.uri:
        return _remote(item)
    if ":" in item.member and item.offset is None:
        return io.BytesIO(_row(item))
    file = _local(item)
    return file if item.offset is None else _member(file, item)


def patiently(read: Callable[[], _T]) -> _T:
    """`read`, again where the storage failed for the moment; errors as codes of the ledger."""
    for attempt in range(_RETRIES + 1):
        try:
            return read()
        except OSError as error:
            if error.errno not in _PASSING or attempt == _RETRIES:
                raise _named(error) from error
            time.sleep(_PAUSE * 2**attempt)
    raise AssertionError("the last attempt returns or raises")


def _named(error: OSError) -> ItemError:
    code, message = _CODES.get(error.errno or 0, ("decode_error", error.strerror or str(error)))
    return ItemError(code, message)


def _local(item: Item) -> BinaryIO:
    def attempt() -> BinaryIO:
        descriptor = os.open(item.uri, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            _check(os.fstat(descriptor), item)
        except BaseException:
            os.close(descriptor)
            raise
        return open(descriptor, "rb", buffering=0)

    return patiently(attempt)


def _check(found: os.stat_result, item: Item) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise ItemError("unsupported", f"is {_kind(found.st_mode)}, not a regular file")
    if item.mtime_ns is None:
        return
    changed = found.st_mtime_ns != item.mtime_ns
    if changed or (not item.member and item.size not in (None, found.st_size)):
        raise ItemError("changed", f"is not what was planned: now {found.st_size} bytes")


def _kind(mode: int) -> str:
    kinds = {stat.S_IFDIR: "a folder", stat.S_IFIFO: "a FIFO", stat.S_IFSOCK: "a socket"}
    return kinds.get(stat.S_IFMT(mode), "a device")


def _member(file: BinaryIO, item: Item) -> BinaryIO:
    """A tar's member: it is as long as the tar says, and cut where the tar is."""
    with file:
        content = patiently(lambda: os.pread(file.fileno(), item.size or 0, item.offset or 0))
    if len(content) < (item.size or 0):
        raise ItemError("truncated", f"holds {len(content)} of {item.size} bytes")
    return io.BytesIO(content)


def _row(item: Item) -> bytes:
    """Audio in a Parquet file; `member` is "row group:row"."""
    group, row = map(int, item.member.split(":")[:2])
    if getattr(_kept, "key", None) != (item.uri, item.mtime_ns, group):
        with _local(item):
            pass
        file = needed("pyarrow.parquet").ParquetFile(item.uri)
        column = audio_column(file.schema_arrow)
        table = file.read_row_group(group, columns=[column])
        _kept.key, _kept.rows = (item.uri, item.mtime_ns, group), table.column(column)
    found = _kept.rows[row].as_py()
    content = found.get("bytes") if isinstance(found, dict) else found
    if content is None:
        raise ItemError("empty", "the row holds no audio")
    return bytes(content)


def audio_column(schema: Any) -> str:
    """The column that holds encoded audio: bytes, or a struct with bytes."""
    pa = needed("pyarrow")
    for name in ("audio", "bytes", "audio_bytes", *schema.names):
        if name not in schema.names:
            continue
        kind = schema.field(name).type
        if pa.types.is_struct(kind) and any(
            kind.field(i).name == "bytes" for i in range(kind.num_fields)
        ):
            return str(name)
        if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
            return str(name)
    raise ItemError("not_audio", "the Parquet file has no column of encoded audio")


def _remote(item: Item) -> BinaryIO:
    fsspec = needed("fsspec")

    def attempt() -> BinaryIO:
        file = fsspec.open(item.uri, "rb").open()
        if (item.size or _WHOLE + 1) > _WHOLE:
            return file
        with file:
            return io.BytesIO(file.read())

    try:
        return patiently(attempt)
    except (ItemError, ImportError):
        raise
    except Exception as error:  # every file system has its own
        raise ItemError("decode_error", f"{type(error).__name__}: {error}") from error

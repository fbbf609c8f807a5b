# SPDX-License-Identifier: Apache-2.0
"""Members of tars and of .safetensors files."""

from __future__ import annotations

import os
import posixpath
import tarfile
from collections.abc import Iterator

from lapped.batch.audio.arrays import tensors_of
from lapped.batch.items import Item
from lapped.batch.sources.found import AUDIO, Broken, Found


def of_tar(path: str) -> Iterator[Found]:
    """Audio members, each with where its bytes are; a torn tar's end is an item that is broken."""
    whole = Item(uri=path, name=os.path.basename(path))
    try:
        mtime_ns = os.stat(path).st_mtime_ns
        with tarfile.open(path, "r:") as tar:
            for member in iter(tar.next, None):
                tar.members = []  # type: ignore[assignment]  # else it keeps them all
                if member.isfile() and posixpath.splitext(member.name)[1].lower() in AUDIO:
                    yield _member(path, member, mtime_ns)
    except (tarfile.TarError, EOFError) as error:
        yield Broken(whole, "truncated", f"the tar ends within a header: {error}")
    except OSError as error:
        yield Broken(whole, "decode_error", f"the tar cannot be read: {error.strerror or error}")


def _member(path: str, member: tarfile.TarInfo, mtime_ns: int) -> Item:
    return Item(
        uri=path,
        name=member.name,
        member=member.name,
        offset=member.offset_data,
        size=member.size,
        mtime_ns=mtime_ns,
    )


def of_safetensors(path: str, name: str) -> Iterator[Found]:
    """Tensors, in the order of their data."""
    whole = Item(uri=path, name=name)
    try:
        mtime_ns = os.stat(path).st_mtime_ns
        with open(path, "rb") as file:
            header = tensors_of(file)
    except (ValueError, OSError, KeyError) as error:
        yield Broken(whole, "not_audio", f"is no safetensors file: {error}")
        return
    header.pop("")
    for key, about in sorted(header.items(), key=lambda entry: entry[1]["data_offsets"]):
        begin, end = about["data_offsets"]
        yield Item(uri=path, name=f"{name}/{key}", member=key, size=end - begin, mtime_ns=mtime_ns)

# SPDX-License-Identifier: Apache-2.0
"""How a file comes to be: under a temporary name, onto the disk, then under its own name."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from lapped.batch.codes import EnvironmentFailed

# Of an output: the run cannot go on, and no input is to blame.
_FATAL = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the quota is used up",
    errno.EIO: "the disk fails",
    errno.EROFS: "it is mounted read-only",
    errno.EACCES: "it is not writable",
    errno.EPERM: "it is not writable",
    errno.ENOENT: "it has gone",
    errno.ENOTDIR: "it is no folder",
    errno.EISDIR: "a folder is in the way",
    errno.EMFILE: "too many files are open",
    errno.EFBIG: "a file has become too large for its file system",
}
_LARGE = 1 << 20  # bytes
_FORGETS = hasattr(os, "posix_fadvise")


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Says of a failed write what is wrong with `folder`."""
    try:
        yield
    except OSError as error:
        reason = _FATAL.get(error.errno or 0, str(error))
        raise EnvironmentFailed(f"cannot write to {folder}: {reason}") from error


def replace(moves: Iterable[tuple[Path, Path]], *, read_soon: bool = True) -> None:
    """Moves each finished file to its own name, durably: after this they survive a power cut.

    Large ones that nobody will read soon leave the system's cache: a run that writes more than the
    memory holds would push its own input out of it, and new memory for each page costs several
    times what writing one that has just been freed does.
    """
    moves = list(moves)
    for temporary, _ in moves:
        _sync(temporary, cached=read_soon)
    for temporary, final in moves:
        os.replace(temporary, final)
    for folder in {final.parent for _, final in moves}:
        _sync(folder)


def temporary_of(path: Path) -> Path:
    """What this process calls the file until it is whole."""
    return path.with_name(f"{path.name}.{os.getpid()}.tmp")


def write_file(path: Path, content: bytes) -> None:
    """The whole file or none of it."""
    temporary = temporary_of(path)
    with writing(path.parent):
        try:
            temporary.write_bytes(content)
            replace([(temporary, path)])
        except OSError:
            temporary.unlink(missing_ok=True)
            raise


def remove(path: Path) -> None:
    """Deletes a file durably; none to delete is fine."""
    path.unlink(missing_ok=True)
    _sync(path.parent)


def _sync(path: Path, *, cached: bool = True) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
        if not cached and _FORGETS and os.fstat(descriptor).st_size >= _LARGE:
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(descriptor)

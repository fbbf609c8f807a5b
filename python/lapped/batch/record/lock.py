# SPDX-License-Identifier: Apache-2.0
"""One run at a time on a folder, and one a share of it. The lock of a dead process is none."""

from __future__ import annotations

import fcntl
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lapped.batch.codes import Refused
from lapped.batch.record.commit import writing


@contextmanager
def held(path: Path, wait: bool = False) -> Iterator[None]:
    """Holds the lock, or raises `Refused` with who does."""
    with writing(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("a+b")
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            raise Refused(f"{path.parent} is locked: {_holder(path)}") from None
        file.truncate(0)
        file.write(json.dumps({"host": socket.gethostname(), "pid": os.getpid()}).encode())
        file.flush()
        yield


def is_held(path: Path) -> bool:
    """Whether a run is at work."""
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def _holder(path: Path) -> str:
    try:
        found = json.loads(path.read_text())
        return f"a run with process id {found['pid']} on {found['host']} is at work there"
    except (OSError, ValueError, KeyError):
        return "another run is at work there"

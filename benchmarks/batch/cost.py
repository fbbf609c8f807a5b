# SPDX-License-Identifier: Apache-2.0
"""What a command takes, with every process it starts."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_LOOK_EVERY = 0.05  # seconds
_PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class Cost:
    """CPU and wall in seconds, most resident memory of all its processes together in bytes (0
    where nobody looked).
    """

    cpu: float
    wall: float
    memory: int
    output: str


def cost_of(
    arguments: Sequence[str], log: Path, one_core: bool = True, look_at_memory: bool = False
) -> Cost:
    """Runs ``python -m arguments`` on one thread a library, and waits for it.

    On one core nothing runs beside it that shares the core's caches and arithmetic.
    """
    began = time.perf_counter()
    with log.open("w+") as file, _affinity(one_core):
        process = subprocess.Popen(
            [sys.executable, "-m", *arguments],
            stdout=file,
            stderr=subprocess.STDOUT,
            env=_environment(),
            start_new_session=True,
        )
        peak = _Peak(process.pid) if look_at_memory else None
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        memory = peak.end() if peak else 0
        file.seek(0)
        output = file.read()
    if process.returncode:
        last = output.strip().splitlines()[-1:] or ["without a word"]
        raise RuntimeError(f"{' '.join(arguments)} ended with {process.returncode}: {last[0]}")
    return Cost(usage.ru_utime + usage.ru_stime, wall, memory, output)


def _environment() -> dict[str, str]:
    path = os.pathsep.join(filter(None, sys.path))
    return {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}


@contextmanager
def _affinity(one_core: bool) -> Iterator[None]:
    """What is started meanwhile has one core, the last one, if so wished."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(before)} if one_core else before)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


class _Peak:
    """Looks at the processes of a session now and then."""

    def __init__(self, session: int) -> None:
        self._session, self._most = session, 0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look)
        self._thread.start()

    def end(self) -> int:
        self._ended.set()
        self._thread.join()
        return self._most

    def _look(self) -> None:
        while not self._ended.wait(_LOOK_EVERY):
            self._most = max(self._most, sum(map(self._resident, Path("/proc").glob("[0-9]*"))))

    def _resident(self, process: Path) -> int:
        try:
            about = (process / "stat").read_text().rpartition(")")[2].split()
        except OSError:  # it has ended
            return 0
        return int(about[21]) * _PAGE if int(about[3]) == self._session else 0

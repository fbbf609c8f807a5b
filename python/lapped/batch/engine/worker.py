# SPDX-License-Identifier: Apache-2.0
"""A worker: a process of its own, so that what ends it ends nothing else.

It is told parts and says what became of them. It takes no signals: who started it decides. When
that process is gone, so is the worker.
"""

from __future__ import annotations

import multiprocessing
import os
import queue
import signal
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import lapped
from lapped._malloc import keep_freed_memory
from lapped.batch import running
from lapped.batch.codes import BatchError, Exit
from lapped.batch.engine.crumbs import Crumbs
from lapped.batch.engine.line import Line
from lapped.batch.engine.station import Outcome, Station
from lapped.batch.engine.watch import Tally
from lapped.batch.work import work_of

CONTEXT = multiprocessing.get_context("spawn")  # of every process that decodes: none is forked

STOP = "stop"  # the order besides parts: nothing more is to be begun

_TELL_EVERY = 0.2  # seconds


@dataclass(frozen=True)
class Task:
    """What a worker is started with."""

    device: str
    threads: int
    mem: int  # its share of the run's
    crumbs: str
    config: running.Config


class Telling:
    """Sends tallies and errors to who started the worker, not for every item."""

    def __init__(self, connection: Connection) -> None:
        self._connection, self._lock = connection, threading.Lock()
        self._tally, self._last = Tally(), time.monotonic()

    def __call__(self, outcome: Outcome) -> None:
        self._count(outcome)
        if time.monotonic() - self._last > _TELL_EVERY:
            self.flush()

    def _count(self, outcome: Outcome) -> None:
        tally = self._tally
        tally.items += 1
        if outcome.error is None:
            tally.audio_s += outcome.audio_s
        else:
            tally.errors += 1
            self.say("error", (str(outcome.planned.item), str(outcome.error)))
        for stage, seconds in outcome.busy.items():
            tally.busy[stage] = tally.busy.get(stage, 0.0) + seconds

    def flush(self) -> None:
        self.say("tally", self._tally)
        self._tally, self._last = Tally(), time.monotonic()

    def say(self, what: str, value: Any) -> None:
        with self._lock:
            self._connection.send((what, value))


class Orders:
    """Parts that are to be done, as they come."""

    def __init__(self, connection: Connection) -> None:
        self._orders: queue.SimpleQueue[int | str] = queue.SimpleQueue()
        self._stopped = False
        threading.Thread(target=self._listen, args=(connection,), daemon=True).start()

    def _listen(self, connection: Connection) -> None:
        try:
            while True:
                order = connection.recv()
                self._stopped = self._stopped or order == STOP
                self._orders.put(order)
        except (EOFError, OSError):
            os._exit(Exit.INTERRUPTED)  # nobody is left to work for

    def __iter__(self) -> Iterator[int | None]:
        """None where there is no part just now."""
        while not self._stopped:
            try:
                order = self._orders.get_nowait()
            except queue.Empty:
                yield None
                order = self._orders.get()
            if self._stopped or not isinstance(order, int):
                return
            yield order


def begin() -> None:
    """What every process that decodes does first: signals are for who started it, and what C
    libraries print of broken files is in the ledger already.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    sys.stderr = os.fdopen(os.dup(2), "w", buffering=1)
    with open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), 2)


def main(connection: Connection, task: Task) -> None:
    """Runs until it is stopped, or killed."""
    begin()
    tell = Telling(connection)
    try:
        _work(tell, Orders(connection), task)
    except BatchError as error:
        tell.say("failed", (str(error), int(error.exit_code)))
    except Exception as error:  # a fault of ours or of a library's: the run cannot go on
        tell.say("failed", (_described(error), int(Exit.ENVIRONMENT)))


def _work(tell: Telling, orders: Orders, task: Task) -> None:
    keep_freed_memory()
    run = running.Run(task.config)
    lapped.set_num_threads(1)  # threads take an item each instead
    crumbs = Crumbs(Path(task.crumbs), task.threads + 1)
    work = work_of(task.config, task.device)
    station = Station(task.config, work, crumbs, run.verdicts(), run.layout.parts)
    for head in Line(run.plan, station, task.threads, task.mem, tell).run(orders):
        tell.flush()
        tell.say("part", head)


def _described(error: Exception) -> str:
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {error} ({Path(last.filename).name}:{last.lineno})"

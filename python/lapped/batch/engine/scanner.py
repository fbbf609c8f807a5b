# SPDX-License-Identifier: Apache-2.0
"""Durations out of headers.

What a header does not tell a decoder is asked for, in a process of its own: it may end that, or
never end.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from functools import partial
from itertools import islice
from multiprocessing.connection import Connection
from typing import Any

from lapped.batch import audio
from lapped.batch.codes import Exit
from lapped.batch.config import Config
from lapped.batch.engine.worker import CONTEXT, begin
from lapped.batch.items import Item
from lapped.batch.work import seconds_by_header

_SOME = 512  # items at a time
_THREADS = 8  # on a disk that answers slowly
_PATIENCE = 60.0  # seconds for some; then each is asked for alone
_PATIENCE_ALONE = 5.0

Asked = Callable[[Item], float | None]


def scanned(config: Config, found: Iterable[Any]) -> Iterator[Any]:
    """`found` with the durations of local items as their headers say, where nobody else did.

    What cannot be read stays as it is: whoever decodes it finds out why.
    """
    source = iter(found)
    with ThreadPoolExecutor(_THREADS) as threads, Decoder() as decoder:
        headers = Reading(partial(seconds_by_header, config), threads)
        while some := list(islice(source, _SOME)):
            some = _told(some, headers)
            yield from _told(some, decoder) if config.takes == "audio" else some


def _told(some: list[Any], ask: Callable[[Sequence[Item]], list[float | None]]) -> list[Any]:
    """With the durations that asking brings."""
    durations = iter(ask([each for each in some if _is_unknown(each)]))
    told = []
    for each in some:
        seconds = next(durations) if _is_unknown(each) else None
        told.append(each if seconds is None else replace(each, duration=seconds))
    return told


def _is_unknown(each: Any) -> bool:
    return isinstance(each, Item) and "://" not in each.uri and each.duration is None


class Reading:
    """Asks for each item's duration; in several threads while most of that is waiting."""

    def __init__(self, ask: Asked, threads: ThreadPoolExecutor) -> None:
        self._ask, self._threads, self._waits = ask, threads, True

    def __call__(self, items: Sequence[Item]) -> list[float | None]:
        began, busy = time.perf_counter(), time.process_time()
        found = list((self._threads.map if self._waits else map)(self._ask, items))
        busy = time.process_time() - busy
        self._waits = time.perf_counter() - began > 4 * busy
        return found


class Decoder:
    """Asks a child, and starts another where that is lost."""

    def __init__(self) -> None:
        self._child: Any = None

    def __enter__(self) -> Decoder:
        return self

    def __exit__(self, *_: Any) -> None:
        self._end()

    def __call__(self, items: Sequence[Item]) -> list[float | None]:
        if not items:
            return []
        found = self._asked(items, _PATIENCE)
        if found is not None:
            return found
        return [(self._asked([item], _PATIENCE_ALONE) or [None])[0] for item in items]

    def _asked(self, items: Sequence[Item], patience: float) -> list[float | None] | None:
        """None where the child ended, or did not answer in time."""
        if self._child is None:
            self._connection, theirs = CONTEXT.Pipe()
            self._child = CONTEXT.Process(target=serve, args=(theirs,), daemon=True)
            self._child.start()
            theirs.close()
        with suppress(EOFError, OSError):
            self._connection.send(items)
            if self._connection.poll(patience):
                answer: list[float | None] = self._connection.recv()
                return answer
        self._end()
        return None

    def _end(self) -> None:
        if self._child is not None:
            self._child.kill()
            self._child.join()
            self._connection.close()
            self._child = None


def serve(connection: Connection) -> None:
    """Answers until nobody asks any more."""
    begin()
    with ThreadPoolExecutor(_THREADS) as threads:
        reading = Reading(audio.seconds_of, threads)
        try:
            while True:
                connection.send(reading(connection.recv()))
        except (EOFError, OSError):
            os._exit(Exit.INTERRUPTED)

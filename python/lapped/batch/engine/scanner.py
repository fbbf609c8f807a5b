# SPDX-License-Identifier: Apache-2.0
"""Durations out of headers, read in a process of its own: a decoder may end that, or never end."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from functools import partial
from itertools import islice
from multiprocessing.connection import Connection
from typing import Any

from lapped.batch.codes import Exit
from lapped.batch.config import Config
from lapped.batch.engine.worker import begin
from lapped.batch.items import Item
from lapped.batch.work import seconds_of

_SOME = 512  # items at a time
_THREADS = 8  # a cold disk answers slowly
_PATIENCE = 60.0  # seconds for some; then each is asked for alone
_PATIENCE_ALONE = 5.0

CONTEXT = multiprocessing.get_context("spawn")


def scanned(config: Config, found: Iterable[Any]) -> Iterator[Any]:
    """`found` with the durations of local items as their headers say, where nobody else did.

    What cannot be read stays as it is: whoever decodes it finds out why.
    """
    source = iter(found)
    with Scanner(config) as scanner:
        while some := list(islice(source, _SOME)):
            durations = iter(scanner([each for each in some if _is_unknown(each)]))
            for each in some:
                seconds = next(durations) if _is_unknown(each) else None
                yield each if seconds is None else replace(each, duration=seconds)


def _is_unknown(each: Any) -> bool:
    return isinstance(each, Item) and "://" not in each.uri and each.duration is None


class Scanner:
    """Asks a child, and starts another where that is lost."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._child: Any = None

    def __enter__(self) -> Scanner:
        return self

    def __exit__(self, *_: Any) -> None:
        self._end()

    def __call__(self, items: list[Item]) -> list[float | None]:
        if not items:
            return []
        found = self._ask(items, _PATIENCE)
        if found is not None:
            return found
        return [(self._ask([item], _PATIENCE_ALONE) or [None])[0] for item in items]

    def _ask(self, items: list[Item], patience: float) -> list[float | None] | None:
        """None where the child ended, or did not answer in time."""
        if self._child is None:
            self._connection, theirs = CONTEXT.Pipe()
            self._child = CONTEXT.Process(target=serve, args=(theirs, self._config), daemon=True)
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


def serve(connection: Connection, config: Config) -> None:
    """Answers until nobody asks any more."""
    begin()
    with ThreadPoolExecutor(_THREADS) as threads:
        try:
            while True:
                connection.send(list(threads.map(partial(seconds_of, config), connection.recv())))
        except (EOFError, OSError):
            os._exit(Exit.INTERRUPTED)

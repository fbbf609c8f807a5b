# SPDX-License-Identifier: Apache-2.0
"""Signals of a run: the first asks it to stop, the second ends it at once."""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import Any

from lapped.batch.codes import Exit, Interrupted

_CODES = {signal.SIGINT: Exit.INTERRUPTED, signal.SIGTERM: Exit.TERMINATED}


class Stop:
    """Listens while it is entered. `code` is the exit code once a signal came.

    Signals reach the main thread alone: in another, nothing is listened to.
    """

    def __init__(self) -> None:
        self.code: Exit | None = None
        self.at_once = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Stop:
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._heard) for number in _CODES}
        return self

    def __exit__(self, *_: Any) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def check(self) -> None:
        """Raises `Interrupted` once a signal came."""
        if self.code is not None:
            raise Interrupted("stopped; the same command goes on from here", self.code)

    def _heard(self, number: int, _: FrameType | None) -> None:
        self.at_once = self.code is not None
        self.code = _CODES[signal.Signals(number)]

# SPDX-License-Identifier: Apache-2.0
"""The log file of a run. Without one, nothing is set up: records go where the caller's do."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from lapped.batch.config import Config

_LOGGER = logging.getLogger("lapped.batch")
_LOGGER.addHandler(logging.NullHandler())  # what nobody listens to is not printed


@contextmanager
def logging_to(config: Config) -> Iterator[None]:
    """Sends what `lapped.batch` logs to the file the config names, too."""
    if not config.log:
        yield
        return
    handler = logging.FileHandler(config.log, encoding="utf-8", errors="backslashreplace")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    level = _LOGGER.level
    _LOGGER.addHandler(handler)
    _LOGGER.setLevel(config.log_level.upper())
    try:
        yield
    finally:
        _LOGGER.removeHandler(handler)
        _LOGGER.setLevel(level)
        handler.close()

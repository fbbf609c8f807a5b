# SPDX-License-Identifier: Apache-2.0
"""What `lapped.batch` raises, as messages and exit codes of the documented list."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from lapped.batch.codes import BatchError
from lapped.cli import WRONG_CALL
from lapped.cli.group import Refused


@contextmanager
def refusing() -> Iterator[None]:
    """Ends the command with one line instead of a traceback."""
    try:
        yield
    except BatchError as error:
        raise Refused(str(error), int(error.exit_code)) from error
    except (ValueError, TypeError) as error:
        raise Refused(str(error), WRONG_CALL) from error

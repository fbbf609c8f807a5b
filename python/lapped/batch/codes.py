# SPDX-License-Identifier: Apache-2.0
"""What can go wrong: with one input, which the ledger records, or with the whole run."""

from __future__ import annotations

from enum import IntEnum

CODES = {  # of the error ledger: what each says of the input
    "not_found": "there is no such file",
    "permission": "it may not be read",
    "not_audio": "it is none of the formats that can be decoded",
    "empty": "it holds no samples",
    "truncated": "it ends before its header says, or before the end of its stream",
    "decode_error": "the decoder gave up on it",
    "decode_crash": "the decoder ended its process",
    "decode_timeout": "the decoder did not end in time",
    "unsupported": "it is no regular file, or its kind is not read",
    "too_long": "it does not fit the memory of the run, or its length limit",
    "too_short": "it is shorter than the work needs",
    "nonfinite": "it holds NaN or Inf",
    "changed": "it is not what it was when the run was planned",
    "oom": "the device had no memory for it",
    "model_error": "the model raised",
}


class Exit(IntEnum):
    """Exit codes of the commands on a batch."""

    DONE = 0
    WITH_ERRORS = 1  # finished; some inputs are in the ledger
    WRONG_CALL = 2
    REFUSED = 3  # the folder belongs to another plan, or is locked
    TOO_MANY_ERRORS = 4
    ENVIRONMENT = 5  # disk full, unwritable, model would not load
    INTERRUPTED = 130
    TERMINATED = 143


class ItemError(Exception):
    """What is wrong with one input: ends in the ledger, and its neighbours are untouched.

    Parameters
    ----------
    code : str
        One of `CODES`.
    message : str
        For people; names what was found.

    Examples
    --------
    >>> raise ItemError("empty", "holds 0 samples")
    Traceback (most recent call last):
    lapped.batch.codes.ItemError: empty: holds 0 samples
    """

    def __init__(self, code: str, message: str) -> None:
        if code not in CODES:
            raise ValueError(f"code={code!r} must be one of {', '.join(CODES)}")
        super().__init__(code, message)
        self.code, self.message = code, message

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"


class BatchError(Exception):
    """Ends a run, or refuses it. `exit_code` is what the command line leaves with."""

    exit_code = Exit.ENVIRONMENT


class Refused(BatchError):  # noqa: N818  (what the run was)
    """The folder holds another plan, or another run is at work in it."""

    exit_code = Exit.REFUSED


class TooManyErrors(BatchError):  # noqa: N818
    """More inputs failed than were allowed to."""

    exit_code = Exit.TOO_MANY_ERRORS


class EnvironmentFailed(BatchError):  # noqa: N818
    """Disk full, folder unwritable, a package missing, a model that would not load."""

    exit_code = Exit.ENVIRONMENT


class Interrupted(BatchError):  # noqa: N818
    """Stopped by a signal; the next run resumes."""

    def __init__(self, message: str, exit_code: Exit = Exit.INTERRUPTED) -> None:
        super().__init__(message)
        self.exit_code = exit_code

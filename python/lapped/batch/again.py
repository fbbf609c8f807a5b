# SPDX-License-Identifier: Apache-2.0
"""Trying again what failed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace

from lapped.batch import running
from lapped.batch.inspect import errors
from lapped.batch.record import index, lock, plan
from lapped.batch.record.finish import Summary
from lapped.batch.record.plan import Planned
from lapped.batch.running import Run
from lapped.batch.start import start


def retry(folder: str | os.PathLike, code: str | None = None) -> Summary:
    """Do the inputs again that failed, with the options of the run.

    They are looked at anew: a file that has changed since it was planned is taken as it is now.
    Parts that hold none of them are left alone.

    Parameters
    ----------
    folder : str or path
        Of the run.
    code : str, optional
        Only errors with this code.

    Raises
    ------
    As `errors` and `run` do.
    """
    run = running.opened(folder)
    failed = {row["seq"] for row in errors(folder, code)}
    if failed:
        with lock.held(run.layout.lock()):
            _forget(run, failed)
    return start(run.config)


def _forget(run: Run, failed: set[int]) -> None:
    verdicts = {seq: found for seq, found in run.verdicts().items() if seq not in failed}
    plan.rewrite(run.layout, _looked_at(iter(run.plan), failed))
    if verdicts != run.verdicts():
        run.set_verdicts(verdicts)
    for part in run.layout.indexed():
        head = index.head_of(run.layout, part, run.plan.fingerprint)
        if head is None or any(row["seq"] in failed for row in index.rows_of(run.layout, part)):
            run.drop(part)


def _looked_at(rows: Iterator[Planned], failed: set[int]) -> Iterator[Planned]:
    for planned in rows:
        yield _anew(planned) if planned.seq in failed else planned


def _anew(planned: Planned) -> Planned:
    item = planned.item
    try:
        found = os.stat(item.uri)
    except OSError:
        return replace(planned, code="", message="")  # URLs, and what is still missing
    size = item.size if item.member else found.st_size
    stretch = item.start is not None or item.end is not None
    duration = item.duration if stretch else None  # a changed file's is not what it was
    item = replace(item, size=size, mtime_ns=found.st_mtime_ns, duration=duration)
    return replace(planned, item=item, code="", message="")

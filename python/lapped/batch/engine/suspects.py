# SPDX-License-Identifier: Apache-2.0
"""Who ended the worker? Each item it had in hand is tried alone, in a process that may end."""

from __future__ import annotations

import os
import signal
import tempfile
from collections.abc import Iterable
from pathlib import Path

from lapped.batch.config import Config
from lapped.batch.engine.crumbs import Crumb, Crumbs, read
from lapped.batch.engine.station import Station
from lapped.batch.engine.worker import CONTEXT, begin
from lapped.batch.record.plan import Planned
from lapped.batch.running import Run
from lapped.batch.work import work_of

_CODES = {"decode": "decode_crash", "work": "model_error"}

Verdict = tuple[str, str]


def overdue(crumb: Crumb) -> Verdict:
    """Of an item that has been in hand for too long."""
    return "decode_timeout", f"was not decoded within {crumb.limit:.0f} s"


def tried(
    run: Run, device: str, parts: Iterable[int], in_hand: Iterable[Crumb]
) -> dict[int, Verdict]:
    """Verdicts on those in hand who end a process of their own, too."""
    numbers = {crumb.seq for crumb in in_hand}
    suspects = [p for part in parts for p in run.plan.part(part) if p.seq in numbers]
    verdicts = {planned.seq: _alone(run.config, device, planned) for planned in suspects}
    return {seq: verdict for seq, verdict in verdicts.items() if verdict}


def _alone(config: Config, device: str, planned: Planned) -> Verdict | None:
    with tempfile.TemporaryDirectory(prefix="lapped-") as folder:
        crumbs = Path(folder) / "crumbs"
        process = CONTEXT.Process(target=attempt, args=(config, device, planned, str(crumbs)))
        process.start()
        while process.exitcode is None:
            process.join(0.1)
            if late := [crumb for crumb in read(crumbs) if crumb.overdue]:
                process.kill()
                process.join()
                return overdue(late[0])
        return _verdict(process.exitcode, read(crumbs))


def _verdict(exit_code: int, left: list[Crumb]) -> Verdict | None:
    if exit_code == 0 or not left:  # with nothing in hand, whatever ended it was not the item
        return None
    how = signal.Signals(-exit_code).name if exit_code < 0 else f"exit code {exit_code}"
    stage = left[0].stage
    return _CODES[stage], f"ended its process in {stage} ({how})"


def attempt(config: Config, device: str, planned: Planned, crumbs: str) -> None:
    """Does the item and leaves with 0, whatever becomes of it short of the process's end."""
    begin()
    work = work_of(config, device)
    station = Station(config, work, Crumbs(Path(crumbs), 1), {}, Path(crumbs).parent)
    outcome = station(planned)
    if work.batched:
        station.finish([outcome])
    os._exit(0)

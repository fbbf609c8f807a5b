# SPDX-License-Identifier: Apache-2.0
"""Handing results over to other libraries."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import lapped
from lapped.batch import progress, running
from lapped.batch.codes import Refused
from lapped.batch.config import Config
from lapped.batch.exports import TARGETS, Result, target_of
from lapped.batch.output import output_of
from lapped.batch.record import commit, finish
from lapped.batch.running import Run
from lapped.batch.sinks import read_back


def export(
    folder: str | os.PathLike,
    destination: str | os.PathLike,
    to: str,
    *,
    progress: str = "auto",
) -> int:
    """Write the results of the run in `folder` to `destination`, as another library reads them.

    Parameters
    ----------
    folder : str or path
        Of the run. Of one that is not finished, what is done by now is taken.
    destination : str or path
        Folder that does not exist yet; it appears when all is written.
    to : str
        "kaldi" (feats.scp or wav.scp), "lhotse" (cuts.jsonl.gz), "npy" (a file each, in the tree
        of the inputs), "parquet" (a row each), "webdataset" (tars) or "zarr" (one array and where
        each result begins). Features are frames by bands in "kaldi", "lhotse" and "zarr", in the
        layout of the run elsewhere.
    progress : str
        "auto", "plain", "json" or "none".

    Returns
    -------
    int
        Results that were written.

    Raises
    ------
    ValueError
        For another `to`, and for a `destination` that exists.
    Refused
        If there is no run in `folder`.
    """
    if to not in TARGETS:
        raise ValueError(f"to={to!r} must be one of {', '.join(TARGETS)}")
    final = Path(os.path.abspath(destination))
    if final.exists():
        raise ValueError(f"destination={os.fspath(destination)!r} exists already")
    run = running.opened(folder, progress=progress)
    if not run.layout.holds_plan():
        raise Refused(f"{folder} holds no plan")
    temporary = final.with_name(f"{final.name}.{os.getpid()}.tmp")
    try:
        with commit.writing(final.parent):
            temporary.mkdir(parents=True)
            count = _write(run, temporary, final, to)
            temporary.rename(final)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return count


def _write(run: Run, temporary: Path, final: Path, to: str) -> int:
    shift = _frame_shift(run.config)
    target = target_of(to)(temporary, final, output_of(run.config), shift)
    count = 0
    with progress.counting(run.config, "results", run.plan.totals.items) as counted:
        for result in counted(_results(run)):
            target.add(result)
            count += 1
    target.close()
    return count


def _results(run: Run) -> Iterator[Result]:
    for row in finish.rows(run):
        if row["status"] == "ok":
            yield Result(row, read_back(run.layout.folder, row["place"]))


def _frame_shift(config: Config) -> float:
    """Seconds from frame to frame, 0 of audio."""
    if config.work != "features":
        return 0.0
    mel = lapped.preset(config.preset)
    return mel.stft.hop_length / float(mel.sample_rate)

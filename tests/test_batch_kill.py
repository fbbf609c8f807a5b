# SPDX-License-Identifier: Apache-2.0
"""SIGKILL of everything at random points: whatever was cut off, the same command ends with every
item exactly once and the bytes of an undisturbed run.
"""

import os
import random
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests import batch_runs, corpus

pytest.importorskip("soundfile")

ITEMS = 60
MORE = ("--part-audio", "5s", "--part-items", "6")


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    corpus.good(folder / "good", ITEMS, kinds=("wav", "flac", "ogg"))
    (folder / "good" / "d1" / "broken.flac").write_bytes(b"fLaC and then nothing of the kind")
    return folder / "good"


def killed_after(seconds: float, inputs: Path, output: Path, *more: str) -> bool:
    """Whether the run was still at it."""
    words = batch_runs.arguments(inputs, output, *(more or MORE))
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    running = subprocess.Popen(words, **quiet, start_new_session=True)
    try:
        running.wait(seconds)
        return False
    except subprocess.TimeoutExpired:
        os.killpg(running.pid, signal.SIGKILL)
        running.wait()
        return True


@pytest.mark.parametrize("form", ["safetensors", "npy", "mirror"])
@pytest.mark.parametrize("threads", ["1", "8"])
def test_killed_at_random_and_begun_again(files, tmp_path, threads, form):
    more = ("--threads", threads, *(("--mirror",) if form == "mirror" else ("--format", form)))
    whole = tmp_path / "whole"
    began = time.monotonic()
    assert batch_runs.run(files, whole, *MORE, *more).returncode == 1
    length = time.monotonic() - began

    points = random.Random(int(threads))
    output, kills = tmp_path / "out", 0
    while kills < 9:
        if killed_after(points.uniform(0.25, 1.0) * length, files, output, *MORE, *more):
            kills += 1
        else:  # it came to its end: from the beginning again
            length *= 0.9  # the first run may have been a slow one
            assert_whole(files, output, whole, more)
            output = tmp_path / f"out{kills}"
    assert_whole(files, output, whole, more)


def assert_whole(files: Path, output: Path, whole: Path, more: tuple) -> None:
    assert batch_runs.run(files, output, *MORE, *more).returncode == 1
    assert [row["seq"] for row in batch_runs.rows(output)] == list(range(ITEMS + 1))
    assert batch_runs.contents(output) == batch_runs.contents(whole)
    assert batch_runs.summary(output)["codes"] == {"decode_error": 1}
    assert batch_runs.leftovers(output) == []
    if "--mirror" in more:
        for path in whole.rglob("*.npy"):
            assert (output / path.relative_to(whole)).read_bytes() == path.read_bytes()

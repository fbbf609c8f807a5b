# SPDX-License-Identifier: Apache-2.0
"""What a thread has in hand is what another process reads of it, at any moment."""

import subprocess
import sys
import time

from lapped.batch.engine.crumbs import Crumbs, read

WRITER = """
import sys, pathlib
from lapped.batch.engine.crumbs import Crumbs
crumbs, seq = Crumbs(pathlib.Path(sys.argv[1]), 1), 0
print("begun", flush=True)
while True:
    with crumbs.holding(seq, ("decode", "work")[seq % 2], 60.0 + seq % 2):
        seq = (seq + 1) % 1000
"""


def test_nothing_is_read_of_a_record_that_is_being_written(tmp_path):
    path = tmp_path / "crumbs"
    writer = subprocess.Popen([sys.executable, "-c", WRITER, path], stdout=subprocess.PIPE)
    try:
        assert writer.stdout.readline() == b"begun\n"
        found, end = [], time.monotonic() + 2
        while time.monotonic() < end:
            found += read(path)
        assert writer.poll() is None
    finally:
        writer.kill()
        writer.wait()
    assert len(found) > 1000
    assert [crumb for crumb in found if crumb.overdue] == []
    assert {crumb.seq in range(1000) for crumb in found} == {True}


def test_a_record_ends_with_what_it_is_of(tmp_path):
    crumbs = Crumbs(tmp_path / "crumbs", 2)
    assert read(tmp_path / "crumbs") == []
    with crumbs.holding(7, "work", 5.0):
        (crumb,) = read(tmp_path / "crumbs")
        assert (crumb.seq, crumb.stage, crumb.limit, crumb.overdue) == (7, "work", 5.0, False)
    assert read(tmp_path / "crumbs") == []
    assert read(tmp_path / "nothing") == []

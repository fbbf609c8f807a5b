# SPDX-License-Identifier: Apache-2.0
"""The benchmark of batch inference: its audio, clock and arithmetic, and all of it in small."""

import json
import os

import pytest

from benchmarks.batch import corpus, report, rivals
from benchmarks.batch import run as bench
from benchmarks.batch.cost import cost_of
from benchmarks.batch.run import Plan, Program, Report, Took

soundfile = pytest.importorskip("soundfile")
pytest.importorskip("click")


@pytest.fixture
def little(monkeypatch):
    monkeypatch.setattr(corpus, "_FILES", 6)
    monkeypatch.setattr(corpus, "_SECONDS", (0.5, 2.0))
    monkeypatch.setattr(bench, "_COPIES", dict.fromkeys(corpus.FORMATS, (1, 2)))


@pytest.mark.parametrize("kind", corpus.FORMATS)
def test_a_folder_is_as_long_as_it_says(little, tmp_path, kind):
    folder = corpus.make(tmp_path, kind, 3)
    assert len(folder.paths()) == folder.files == 18
    seconds = sum(soundfile.info(path).duration for path in folder.paths())
    assert seconds == pytest.approx(folder.audio_s, rel=0.02)
    inodes = {os.stat(path).st_ino for path in folder.paths()}
    assert len(inodes) == 6
    assert corpus.make(tmp_path, kind, 3) == folder


def test_what_children_take_counts(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "spends.py").write_text(
        "import subprocess, sys\n"
        "if len(sys.argv) == 1:\n"
        "    subprocess.run([sys.executable, __file__, 'child'], check=True)\n"
        "else:\n"
        "    import time\n"
        "    held = bytearray(200 << 20)\n"
        "    while time.process_time() < 0.5: pass\n"
    )
    found = cost_of(["spends"], tmp_path / "log", look_at_memory=True)
    assert found.cpu >= 0.5
    assert found.wall >= found.cpu * 0.9
    assert found.memory > 200 << 20
    with pytest.raises(RuntimeError, match=r"ended with 1: .*No module named nowhere"):
        cost_of(["nowhere"], tmp_path / "log")


def test_the_start_is_apart():
    program = Program(100.0, 1100.0, [Took(2.0, 3.0)] * 3, [Took(12.0, 4.0)] * 2 + [Took(22.0, 5)])
    assert program.paces() == pytest.approx([0.01, 0.01, 0.02])
    assert program.paces("wall") == pytest.approx([0.001, 0.001, 0.002])
    assert program.start() == pytest.approx(1.0)


def test_tables_say_what_was_measured():
    stages = {"decode": 0.2, "kernel": 0.5, "write": 0.3, "audio_s": 1000.0}
    took = Program(100.0, 1100.0, [Took(0.2, 0.2)], [Took(1.45, 1.45)])
    slow = Program(100.0, 1100.0, [Took(2.0, 2.0)], [Took(14.5, 14.5)])
    about = {"processor": "P", "vector_flags": ["v"], "cores_usable": 2, "load": [], "commit": "c",
             "time": "t"}  # fmt: skip
    found = Report(about, {"numpy": "2"}, "soundfile.read", 1)
    found.stages["flac"] = [stages, stages]
    programs = {bench.OURS: took, rivals.LOOP: slow, bench.LOCAL: took, bench.RAY: slow}
    found.programs["flac"] = programs
    found.memory = {10: 100 << 20, 1000: 110 << 20}
    text = report.as_markdown(found)
    assert "| FLAC | 5,000 | 2,000 | 3,333 | 1,000 | 800 | 0.80 (0.80 to 0.80) | 0.1 |" in text
    assert "| FLAC | DataLoader loop | 80 | 10.0 (10.0 to 10.0) | 0.8 |" in text
    assert "Ray is 0.10 (0.10 to 0.10) times as fast" in text
    assert "1.10 times as much for 100 times the items" in text
    assert json.loads(report.as_json(found))["stages"]["flac"][0] == stages


def test_all_of_it_runs(little, tmp_path):
    plan = Plan(tmp_path, formats=("wav",), parts=("stages",), rounds=1)
    lines: list[str] = []
    text = report.as_markdown(bench.run(plan, lines.append))
    assert "WAV, 16 bits" in text
    assert any("lapped run" in line for line in lines)


def test_stretches_differ(little, tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    folder = corpus.make(tmp_path, "wav", 1)
    rows = parquet.read_table(bench._stretches(folder.paths(), 1000, tmp_path / "m.parquet"))
    assert len({(row["path"], row["start"]) for row in rows.to_pylist()}) == 1000

# SPDX-License-Identifier: Apache-2.0
"""A device's figures are set beside its ceilings, and shown and stored as they were found."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.cases import MAIN, Case
from benchmarks.gpu import ceilings, report, sizes
from benchmarks.gpu.ceilings import Ceilings
from benchmarks.gpu.run import Report, Step, out_of_time
from benchmarks.measure import Effort, Stopwatch
from benchmarks.run import Row
from tests import measured

ROOT = Path(__file__).resolve().parent.parent
# Round numbers: 1 TB/s, and 10 T instructions a second.
ROUND = Ceilings(1e12, 20e12)


# ---- shares of the ceilings


def test_traffic_of_a_frame_is_the_one_on_paper():
    case = sizes.BATCHES[0]
    frames = case.frames * case.batch
    of_frame = {op: ceilings.device_bytes(op, case) / frames for op in sizes.OPS}
    assert of_frame["mel"] == pytest.approx(1024 + 320, rel=2e-3)
    assert of_frame["power"] == pytest.approx(1024 + 2052, rel=2e-3)
    assert of_frame["stft"] == pytest.approx(1024 + 4104, rel=2e-3)
    assert of_frame["griffin_lim"] == 32 * (2052 + 4 * 1024)
    assert ceilings.paper_instructions("mel", case) / frames == 24_000
    assert ceilings.paper_instructions("griffin_lim", case) / frames == 32 * 48_000


def test_other_lengths_count_instructions_by_their_transform():
    case, half = sizes.BATCHES[0], Case(512, 256, 22050, batch=256)
    counted, fewer = (ceilings.paper_instructions("stft", c) for c in (case, half))
    assert fewer / counted == pytest.approx(half.frames / case.frames * 0.5 * 9 / 10)


def test_shares_are_of_both_ceilings_and_the_floor_is_the_higher():
    case = sizes.BATCHES[0]
    copying = ceilings.device_bytes("mel", case) / 1e12
    computing = ceilings.paper_instructions("mel", case) / 10e12
    found = ceilings.shares("mel", case, 1e9 * 4 * computing, ROUND)
    assert found.of_instructions == pytest.approx(0.25)
    assert found.of_copy == pytest.approx(copying / (4 * computing))
    assert found.over_floor == pytest.approx(4)
    assert found.bytes_per_second == pytest.approx(found.of_copy * 1e12)


def test_an_operation_without_a_count_has_the_copy_alone():
    case = sizes.BATCHES[0]
    copying = ceilings.device_bytes("mel_inverse", case) / 1e12
    found = ceilings.shares("mel_inverse", case, 1e9 * 2 * copying, ROUND)
    assert found.of_instructions is None
    assert (found.of_copy, found.over_floor) == (pytest.approx(0.5), pytest.approx(2))


def test_ceilings_count_both_ways_of_a_copy_and_two_flops_an_addition(torch):
    if torch.cuda.is_available():
        pytest.skip("there is a device: this is about sums")
    times = iter(range(0, 10**9, 500_000))
    found = ceilings.measure(torch, Stopwatch(times.__next__, 1), Effort(rounds=1), scale=1024)
    assert found.copy_bytes_per_second == pytest.approx(2 * (2 << 20) / 0.5e-3)
    assert found.float32_flops == pytest.approx(2 * 8**3 / 0.5e-3)


# ---- tables


def a_report() -> Report:
    rows = []
    for extra, case in enumerate(sizes.BATCHES):
        rows += measured.rows("mel", case, torchaudio=8 + extra, cupy=5)
        rows += measured.rows("griffin_lim", case, torchaudio=9)
        rows.append(Row("sizes", "mel", case, "nnaudio", "nnAudio", 0.1, refused="is wrong"))
    rows += measured.rows("mel", sizes.QUICK.short[0], "call", torchaudio=3)
    rows.append(out_of_time(Step("graph", "stft", sizes.QUICK.short[0])))
    rows += measured.rows("griffin_lim", MAIN[0], "processor", librosa=900)[1:]
    return Report(
        {"commit": "source tree", "time": "today"},
        {"name": "a device", "multiprocessors": 7, "cuda_of_torch": "13.0", "l2_bytes": 1},
        {"lapped": "1", "cupy": "2"},
        {"librosa": "not here"},
        ROUND,
        12.5,
        rows,
    )


def test_markdown_names_device_versions_ceilings_and_ratios():
    text = report.as_markdown(a_report())
    for part in (
        "a device, 7 multiprocessors, driver unknown, CUDA 13.0 of torch",
        "lapped 1, cupy 2",
        "source: source tree",
        "| copy within the device, read and written | 1000 GB/s |",
        "| log-mel 80, 256 clips of 10 s | torchaudio.mel | 8.0x | 11.0x | all four |",
        "| log-mel 80, 256 clips of 10 s | cupy.mel | 5.0x | 5.0x | all four |",
        "900.0x",
        "* librosa: not here",
        "* nnAudio, mel 1024/256x256, 400/160x256, 2048/512x256, 512/128x256: is wrong",
        "* lapped, stft 1024/256@1s: the time of the run was over",
    ):
        assert part in text


def test_lapped_s_times_are_set_beside_the_ceilings():
    found = next(t for t in report.tables(a_report()) if t.title.startswith("log-mel"))
    cells = {line[0]: line[1] for line in found.lines}
    case = sizes.BATCHES[0]
    own = ceilings.shares("mel", case, 1e6, ROUND)
    assert cells["lapped"] == f"{1e6 / (case.frames * case.batch):.2f} ns"
    assert cells["- GB/s"] == f"{own.bytes_per_second / 1e9:.0f}"
    assert cells["- of the copy"] == f"{own.of_copy:.2f}"
    assert cells["- of FP32 instructions, paper count"] == f"{own.of_instructions:.2f}"
    assert cells["- times its floor"] == f"{own.over_floor:.2f}"
    assert all(len(line) == len(found.lines[0]) for line in found.lines)


def test_a_call_has_its_microseconds():
    found = next(t for t in report.tables(a_report()) if "from Python" in t.title)
    assert found.lines[1][:4] == ["log-mel 80", "lapped", "1024/256@1s", "1000.0"]
    assert found.lines[2][1:4] == ["torchaudio.mel", "1024/256@1s", "3000.0"]


def test_json_holds_every_row_with_its_spread_and_shares():
    whole = json.loads(report.as_json(a_report()))
    assert len(whole["rows"]) == len(a_report().rows)
    first = whole["rows"][0]
    assert first["timing"]["quartiles"] == [pytest.approx(9e5), pytest.approx(1.1e6)]
    assert first["shares"]["of_copy"] > 0
    assert first["case_name"] == "1024/256x256"
    assert whole["rows"][1]["shares"] is None
    assert whole["ceilings"] == {"copy_bytes_per_second": 1e12, "float32_flops": 20e12}


def test_the_picture_is_drawn_where_something_was_timed(tmp_path: Path):
    picture = pytest.importorskip("benchmarks.gpu.picture")
    assert picture.draw(a_report(), tmp_path / "roofline.png")
    assert (tmp_path / "roofline.png").stat().st_size > 1000
    assert not picture.draw(replace(a_report(), rows=[]), tmp_path / "none.png")


# ---- the one command


def gpu_check(*arguments: str, **environment: str) -> subprocess.CompletedProcess:
    command = ["bash", "benchmarks/gpu_check.sh", *arguments]
    path = {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin"}
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=path | environment)


def test_the_check_says_what_it_does():
    done = gpu_check("--help")
    assert done.returncode == 0
    for step in ("build", "smoke", "tests", "memcheck", "racecheck", "bench"):
        assert f"\n  {step} " in done.stdout


def test_the_check_s_steps_are_chosen_by_name(tmp_path: Path):
    done = gpu_check(
        "--dry-run", "--out", str(tmp_path), "bench", "racecheck", LAPPED_LIMIT_RACECHECK="7"
    )
    assert done.returncode == 0
    assert "-m benchmarks.gpu -o" in done.stdout
    assert "timeout 7 compute-sanitizer --tool racecheck" in done.stdout
    assert "-m pytest" not in done.stdout
    assert [line.split()[0] for line in done.stdout.splitlines()[-2:]] == ["bench", "racecheck"]
    assert not list(tmp_path.iterdir())


def test_the_check_goes_on_after_a_failure_and_ends_with_a_table(tmp_path: Path):
    done = gpu_check("--out", str(tmp_path), "smoke", "bench", PYTHON="false")
    assert done.returncode == 1
    table = [line.split()[:2] for line in done.stdout.splitlines()[-3:]]
    assert table == [["step", "rc"], ["smoke", "1"], ["bench", "1"]]
    assert {path.name for path in tmp_path.iterdir()} == {"smoke.log", "bench.log"}


def test_the_check_refuses_what_it_does_not_know():
    done = gpu_check("--dry-run", "tune")
    assert done.returncode == 2
    assert "there is no step tune" in done.stderr

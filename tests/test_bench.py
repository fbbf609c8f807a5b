# SPDX-License-Identifier: Apache-2.0
"""The benchmark measures what it says: same results before times, and honest arithmetic after."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import lapped
from benchmarks import reference
from benchmarks.cases import CASES, MAIN, N_MELS, OPS, Case
from benchmarks.check import CHECKS, error_of
from benchmarks.inputs import Inputs
from benchmarks.measure import CLOCKS, Effort, Ratio, Timing, interleaved
from benchmarks.report import as_json, as_markdown, as_text
from benchmarks.rivals import LIBRARIES, Rival, load
from benchmarks.run import Report, Row, Settings, compare

ROOT = Path(__file__).parents[1]
SMALL = Inputs(Case(400, 160, 16000, seconds=0.3, batch=2))
ONCE = Effort(rounds=2)


@pytest.mark.parametrize("op", OPS)
@pytest.mark.parametrize("library", LIBRARIES)
def test_every_library_computes_the_same_thing(library, op):
    modules, skipped = load([library])
    if library in skipped:
        pytest.skip(skipped[library])
    for rival in (rival for rival in modules[library].RIVALS if rival.op == op):
        assert error_of(op, rival.build, SMALL) <= CHECKS[op].limit, rival.label


@pytest.mark.parametrize("case", MAIN, ids=lambda case: case.name)
def test_reference_filters_are_lapped_s(case):
    mel = lapped.Mel(lapped.STFT(case.n_fft, case.hop_length), case.sample_rate, N_MELS)
    np.testing.assert_allclose(mel.filters, reference.mel_filters(case), rtol=1e-9, atol=1e-15)


@pytest.mark.parametrize("name", CASES)
def test_cases_count_frames_as_lapped_does(name):
    case = CASES[name]
    assert case.frames == lapped.STFT(case.n_fft, case.hop_length).n_frames(case.samples)


def test_a_library_that_computes_something_else_is_named_and_not_timed():
    wrong = Rival("other", "one frame late", "stft", lambda i: lambda: np.roll(i.spectrum, 1, -1))
    broken = Rival("other", "raises", "stft", lambda i: lambda: i.no_such_input)
    rows = {row.label: row for row in compare([wrong, broken], SMALL, ONCE, "process CPU time")}
    assert "computes something else" in rows["one frame late"].refused
    assert "no_such_input" in rows["raises"].refused
    assert all(row.timing is None and row.ratio is None for row in rows.values())


def test_ratios_are_to_lapped():
    exact = lambda i: lambda: i.spectrum  # noqa: E731
    rivals = [Rival("lapped", "lapped", "stft", exact), Rival("other", "other", "stft", exact)]
    ours, other = compare(rivals, SMALL, ONCE, "wall time")
    assert ours.ratio is None
    assert other.ratio.value == pytest.approx(other.timing.median / ours.timing.median)


def test_a_missing_library_is_skipped_by_name():
    modules, skipped = load(["no_such_library"])
    assert modules == {}
    assert "no_such_library" in skipped["no_such_library"]


def test_timing_gives_median_quartiles_and_deviation():
    timing = Timing.of([4, 1, 3, 2, 100])
    assert (timing.median, timing.quartiles, timing.mad, timing.rounds) == (3, (2, 4), 1, 5)
    assert Timing.of([7]).quartiles == (7, 7)


def test_ratio_sets_quartile_against_quartile():
    ratio = Ratio.of(Timing(12, (10, 14), 1, 9), Timing(4, (2, 5), 1, 9))
    assert (ratio.value, ratio.low, ratio.high) == (3, 2, 7)


def test_rounds_follow_the_budget():
    effort = Effort(seconds=1, fewest=5, most=50)
    assert effort.rounds_for(50_000_000) == 10
    assert effort.rounds_for(1) == 50
    assert effort.rounds_for(900_000_000) == 5
    assert effort.rounds_for(2_000_000_000) == 3
    assert Effort(rounds=4).rounds_for(1) == 4


def test_each_timed_call_has_a_warm_one_and_the_calls_take_turns():
    said = []
    calls = {name: (lambda name=name: said.append(name)) for name in "ab"}
    ticks = iter(range(1000))
    timings = interleaved(calls, Effort(rounds=3), lambda: next(ticks))
    assert "".join(said) == "ab" + "aabb" * 3
    assert timings["a"].rounds == timings["b"].rounds == 3
    assert timings["a"].median == 1


def test_the_result_of_a_call_is_freed_after_the_clock_stopped():
    now = [0]

    class Result:
        def __del__(self):
            now[0] += 1000

    timings = interleaved({"call": Result}, Effort(rounds=2), lambda: now[0])
    assert timings["call"].median == 0


def test_clocks_differ_for_one_and_many_threads():
    assert Settings(threads=1).clock == "process CPU time"
    assert Settings(threads=2).clock == "wall time"
    assert set(CLOCKS) == {"process CPU time", "wall time"}


def small_report() -> Report:
    case, fast, slow = (
        MAIN[0],
        Timing(862e3, (800e3, 900e3), 1.0, 9),
        Timing(8620e3, (8e6, 9e6), 1.0, 9),
    )
    rows = (
        Row("stft", case, "lapped", "lapped", 1e-7, fast),
        Row("stft", case, "torch", "torch.stft", 2e-7, slow, Ratio.of(slow, fast)),
        Row("stft", case, "scipy", "scipy", 1.0, refused="computes something else"),
    )
    machine = {"processor": "a processor", "load": [0.5, 0.5, 0.5]}
    return Report(
        Settings(), machine, {"lapped": "1"}, "avx2", True, None, rows, {"librosa": "not here"}
    )


def test_a_busy_machine_is_told():
    busy = replace(small_report(), machine={**small_report().machine, "cores_usable": 2})
    assert "busy" in as_text(replace(busy, load_after=[9.0, 1.0, 1.0]))
    assert "busy" not in as_text(replace(busy, load_after=[1.0, 9.0, 9.0]))


@pytest.mark.parametrize("show", [as_text, as_markdown])
def test_report_names_machine_ratios_errors_and_what_is_missing(show):
    text = show(small_report())
    for part in ("a processor", "avx2", "1000 ns", "10.0x (8.9-11.2)", "2.0e-07", "not here"):
        assert part in text
    assert "scipy, stft 1024/256: computes something else" in text


def test_json_holds_every_row_with_its_spread():
    rows = json.loads(as_json(small_report()))["rows"]
    assert [row["label"] for row in rows] == ["lapped", "torch.stft", "scipy"]
    assert rows[0]["ns_per_frame"] == 1000
    assert rows[1]["timing"]["quartiles"] == [8e6, 9e6]
    assert rows[2]["timing"] is None
    assert rows[0]["case"]["name"] == "1024/256"


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's malloc")
def test_kept_memory_has_no_new_page_faults():
    script = """
import resource
import numpy as np
from benchmarks.malloc import keep_freed_memory
if keep_freed_memory():
    def touch():
        np.empty(8 * 2**20, np.uint8).fill(1)
    touch()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(10):
        touch()
    print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout or 0) < 100  # a fresh 8 MiB block has 2048 pages


def test_from_a_source_tree_as_a_module(tmp_path):
    case = ["--op", "stft", "--case", "400/160@1s", "--rival", "scipy", "--rounds", "1"]
    result = tmp_path / "result.json"
    command = [sys.executable, "-m", "benchmarks", *case, "--json", str(result)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "complex STFT" in done.stdout
    whole = json.loads(result.read_text())
    assert {row["library"] for row in whole["rows"]} <= {"lapped", "scipy"}
    assert whole["settings"]["effort"]["rounds"] == 1
    assert whole["malloc_tuned"] in (True, False)

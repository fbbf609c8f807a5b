# SPDX-License-Identifier: Apache-2.0
"""The benchmark measures what it says: same results before times, and honest arithmetic after."""

import contextlib
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
from benchmarks.check import error_of, limit_of
from benchmarks.inputs import Inputs
from benchmarks.measure import CLOCKS, Effort, Ratio, Samples, Timing, alike, interleaved
from benchmarks.rivals import LIBRARIES, Rival, UnsupportedError, load
from benchmarks.run import Settings, compare
from benchmarks.suites import EVERYDAY, SUITES, TITLES

ROOT = Path(__file__).parents[1]
SMALL = Inputs(Case(512, 128, 16000, seconds=0.256, batch=2))
DOUBLE = Inputs(replace(SMALL.case, dtype="float64"))
ONCE = Effort(rounds=2)


@pytest.mark.parametrize("inputs", [SMALL, DOUBLE], ids=lambda inputs: inputs.case.dtype)
@pytest.mark.parametrize("op", OPS)
@pytest.mark.parametrize("library", EVERYDAY)
def test_every_library_computes_the_same_thing(library, op, inputs):
    modules, skipped = load([library])
    if library in skipped:
        pytest.skip(skipped[library])
    if library == "audioflux":
        pytest.skip("equal calls of it differ, now and then by a factor of 2: every run asks anew")
    for rival in (rival for rival in modules[library].RIVALS if rival.op == op):
        with contextlib.suppress(*() if library == "lapped" else (UnsupportedError,)):
            assert error_of(rival, inputs) <= limit_of(op, inputs.case), rival.label


@pytest.mark.parametrize("library", EVERYDAY)
def test_a_library_s_file_says_all_that_is_asked_of_it(library):
    modules, skipped = load([library])
    if library in skipped:
        pytest.skip(skipped[library])
    assert modules[library].VERSION
    modules[library].set_num_threads(1)
    assert {rival.library for rival in modules[library].RIVALS} == {library}


def test_a_file_is_a_library():
    files = {path.stem for path in (ROOT / "benchmarks" / "rivals").glob("*.py")}
    assert set(LIBRARIES) == files - {"__init__"}
    assert LIBRARIES[0] == "lapped"


def test_suites_name_what_there_is():
    for suite in SUITES.values():
        for block in suite:
            assert block.name in TITLES
            assert set(block.ops) <= set(OPS)
            assert set(block.libraries) <= set(LIBRARIES)
        assert len({block.name for block in suite}) == len(suite)


def test_a_convention_of_its_own_is_checked_against_its_own_expectation():
    own = Rival(
        "other", "twice", "stft", lambda i: lambda: 2 * i.spectrum, lambda i: 2 * i.spectrum
    )
    assert error_of(own, SMALL) == 0


def test_what_a_library_cannot_compute_is_named_as_it_says_it():
    def build(inputs):
        raise UnsupportedError("frame lengths are powers of two")

    (row,) = compare([Rival("other", "other", "stft", build)], SMALL, ONCE, "wall time")
    assert row.refused == "frame lengths are powers of two"


def test_sizes_have_names_of_their_own():
    case = Case(400, 160, 16000, seconds=1, batch=8, dtype="float64")
    assert case.name == "400/160@1sx8:float64"
    assert all(CASES[name].name == name for name in CASES)


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


def timings_of(samples):
    return {name: alike(of_name)[0] for name, of_name in samples.items()}


def test_each_timed_call_has_a_warm_one_and_the_calls_take_turns():
    said = []
    calls = {name: (lambda name=name: said.append(name)) for name in "ab"}
    ticks = iter(range(1000))
    timings = timings_of(interleaved(calls, Effort(rounds=3), lambda: 10**6 * next(ticks)))
    assert "".join(said) == "aabb" + "aabb" * 3
    assert timings["a"].rounds == timings["b"].rounds == 3
    assert timings["a"].median == 10**6


def test_a_short_call_is_timed_several_in_a_row_and_counted_once():
    ticks = iter(range(0, 10**9, 5000))  # each look at the clock is 5 us after the last
    calls = []
    samples = interleaved({"a": lambda: calls.append(1)}, Effort(rounds=2), lambda: next(ticks))
    timings = timings_of(samples)
    assert timings["a"].median == 5000 / 4  # 20 us are four of the first call's 5 us
    assert len(calls) == 2 + 2 * (1 + 4)


def test_the_result_of_a_call_is_freed_after_the_clock_stopped():
    now = [0]

    class Result:
        def __del__(self):
            now[0] += 1000

    timings = timings_of(interleaved({"call": Result}, Effort(rounds=2), lambda: now[0]))
    assert timings["call"].median == 0


class SharedCore:
    """A core that somebody else uses in every other round: all takes twice as long then."""

    def __init__(self, shared_rounds):
        self.now, self.round, self.shared_rounds = 0, 0, shared_rounds

    def work(self, duration):
        self.now += duration * (2 if self.round in self.shared_rounds else 1)

    def call(self):
        self.round += 0.5  # a warm call and a timed one
        self.work(1000 * 20_000)

    def timings(self, effort):
        probe = lambda: self.work(10)  # noqa: E731
        return timings_of(interleaved({"call": self.call}, effort, lambda: self.now, probe))["call"]


def test_calls_on_a_shared_core_do_not_count():
    core = SharedCore(shared_rounds={3, 5, 7, 9})
    timing = core.timings(Effort(rounds=10, fewest=5))
    assert (timing.rounds, timing.disturbed) == (6, 4)
    assert timing.quartiles == (20_000_000, 20_000_000)


def test_all_calls_count_where_too_few_had_the_core_alone():
    core = SharedCore(shared_rounds=set(range(2, 9)))
    timing = core.timings(Effort(rounds=10, fewest=5))
    assert (timing.rounds, timing.disturbed) == (10, 0)


def test_two_libraries_are_compared_over_calls_of_the_same_kind():
    quick = Samples([1, 1, 1, 9], [True, True, True, False], fewest=3)
    slow = Samples([5, 50, 50], [True, False, False], fewest=3)
    assert [timing.rounds for timing in alike(quick, slow)] == [4, 3]
    assert [timing.rounds for timing in alike(quick, quick)] == [3, 3]


def test_clocks_differ_for_one_and_many_threads():
    assert Settings(threads=1).clock == "process CPU time"
    assert Settings(threads=2).clock == "wall time"
    assert set(CLOCKS) == {"process CPU time", "wall time"}


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's malloc")
def test_kept_memory_has_no_new_page_faults():
    script = """
import resource
import numpy as np
from lapped._malloc import keep_freed_memory
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


def bench(*arguments: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "benchmarks", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


def test_from_a_source_tree_as_a_module(tmp_path):
    case = ["--op", "stft", "--case", "400/160@1s", "--rival", "scipy", "--rounds", "1"]
    done = bench(*case, "-o", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert "complex STFT" in done.stdout
    whole = json.loads((tmp_path / "out" / "result.json").read_text())
    assert {row["library"] for row in whole["rows"]} <= {"lapped", "scipy"}
    assert whole["settings"]["blocks"][0]["effort"]["rounds"] == 1
    assert whole["malloc_tuned"] in (True, False)
    assert whole["floors"]["multiply_add"]["float32"] > 0
    again = bench("--read", tmp_path / "out" / "result.json")
    assert again.returncode == 0, again.stderr
    assert again.stdout.strip() in done.stdout


def test_a_folder_that_cannot_be_written_is_told_before_timing(tmp_path):
    (tmp_path / "file").write_text("")
    done = bench("-o", tmp_path / "file" / "out")
    assert done.returncode == 5
    assert "cannot write to" in done.stderr

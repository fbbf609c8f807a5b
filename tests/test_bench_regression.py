# SPDX-License-Identifier: Apache-2.0
"""A ratio counts as lower when it is lower beyond the spread of both runs, and only then."""

from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import regression
from benchmarks.cases import MAIN
from benchmarks.measure import Ratio
from benchmarks.regression import slower
from benchmarks.run import Report
from tests import measured


def with_ratio(value: float, spread: float = 0.1) -> Report:
    ratio = Ratio(value, value * (1 - spread), value * (1 + spread))
    ours, torch = measured.rows("mel", MAIN[0], torch=8)
    return measured.report(rows=(ours, replace(torch, ratio=ratio)))


BASELINE = with_ratio(10)


@pytest.mark.parametrize("now", [10, 9, 8.2, 20])
def test_within_the_spread_nothing_is_said(now):
    assert slower(with_ratio(now), BASELINE) == []


@pytest.mark.parametrize("now", [8, 5])
def test_beyond_the_spread_it_is_named(now):
    (found,) = slower(with_ratio(now), BASELINE)
    assert str(found).startswith("mel 1024/256, torch.mel: 10.00x (9.00-11.00) is now ")


def test_a_noisy_run_accuses_nobody():
    assert slower(with_ratio(8, spread=0.5), BASELINE) == []


def test_another_version_of_a_library_is_not_compared():
    newer = replace(with_ratio(5), versions={**BASELINE.versions, "torch": "2.1"})
    assert slower(newer, BASELINE) == []


def test_what_only_one_run_timed_is_not_compared():
    assert slower(with_ratio(5), measured.report(rows=())) == []


@pytest.fixture
def check(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """Runs the check with a made-up run and made-up committed results: exit code and output."""

    def run(fresh: Report, *results: Report) -> tuple[int, str]:
        monkeypatch.setattr(regression, "run", lambda settings: fresh)
        kept = [(Path("results/one/result.json"), result) for result in results]
        monkeypatch.setattr(regression, "committed", lambda: kept)
        return regression.main(), capsys.readouterr().out

    return run


def test_the_check_fails_where_something_is_slower(check):
    code, said = check(with_ratio(5), BASELINE)
    assert code == 1
    assert "1 ratios compared with one: 1 lower" in said
    assert "torch.mel" in said


def test_the_check_passes_where_nothing_is(check):
    code, said = check(with_ratio(9.5), BASELINE)
    assert code == 0
    assert "0 lower" in said


def test_without_a_result_of_this_machine_the_check_says_so_and_passes(check):
    code, said = check(with_ratio(5), replace(BASELINE, instruction_set="sse2"))
    assert code == 0
    assert "a processor" in said
    assert "nothing to compare with" in said


def test_wrong_results_fail_the_check(check):
    ours, torch = measured.rows("istft", MAIN[0], torch=8)
    refused = replace(ours, timing=None, refused="computes something else, rel. L2 1.0e+00")
    code, said = check(measured.report(rows=(refused, torch)), BASELINE)
    assert code == 1
    assert said == "istft 1024/256: lapped computes something else, rel. L2 1.0e+00\n"


def test_a_library_of_another_version_is_named(check):
    old = replace(BASELINE, versions={**BASELINE.versions, "torch": "1"})
    code, said = check(with_ratio(5), old)
    assert code == 0
    assert "torch has another version" in said

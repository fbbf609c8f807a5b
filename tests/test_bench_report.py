# SPDX-License-Identifier: Apache-2.0
"""What a run found is shown and stored as it was found."""

import json
from dataclasses import replace

import pytest

from benchmarks import machine
from benchmarks.cases import MAIN
from benchmarks.measure import Ratio
from benchmarks.report import as_markdown, as_text, markdown_table, tables
from benchmarks.results import as_json, committed, from_json, machine_class
from benchmarks.run import Settings
from benchmarks.summary import summary_lines
from benchmarks.work import bytes_moved, nominal_flops, real_fft_flops
from tests import measured

REPORT = measured.report()


def line_of(what: str, against: str) -> list[str]:
    return next(line for line in summary_lines(REPORT) if line[:2] == [what, against])


@pytest.mark.parametrize("show", [as_text, as_markdown])
def test_report_names_machine_ratios_errors_and_what_is_missing(show):
    text = show(REPORT)
    for part in (
        "a processor",
        "avx2",
        "1160 ns",
        "8.0x (6.5-9.8)",
        "2.0e-07",
        "nnaudio: not here",
    ):
        assert part in text
    assert "scipy.mel, mel 1024/256, 400/160, 2048/512, 512/128: has no filters" in text


def test_a_busy_machine_is_told():
    busy = replace(REPORT, machine={**REPORT.machine, "cores_usable": 2})
    assert "busy" in as_text(replace(busy, load_after=[9.0, 1.0, 1.0]))
    assert "busy" not in as_text(replace(busy, load_after=[1.0, 9.0, 9.0]))


def test_what_torch_does_without_is_told(monkeypatch):
    assert "torch with" not in as_text(REPORT)
    monkeypatch.setenv("ATEN_CPU_CAPABILITY", "avx2")
    held = machine.facts()["torch_held_by"]
    assert held["ATEN_CPU_CAPABILITY"] == "avx2"
    text = as_text(replace(REPORT, machine={**REPORT.machine, "torch_held_by": held}))
    assert "torch with ATEN_CPU_CAPABILITY=avx2" in text


def test_the_fastest_rival_stands_next_to_lapped():
    table = next(table for table in tables(REPORT) if table.title.startswith("log-mel"))
    names = [line[0] for line in table.lines]
    assert [name for name in names if not name.startswith("-")] == [
        "",
        "lapped",
        "torch.mel",
        "librosa.mel",
        "scipy.mel",
    ]


def test_lapped_s_time_is_set_beside_the_peak_and_the_traffic():
    table = next(table for table in tables(REPORT) if table.title.startswith("log-mel"))
    cells = {line[0]: line[1] for line in table.lines}
    case = MAIN[0]
    assert cells["- of the multiply-add peak"] == f"{nominal_flops('mel', case) / 1e6 / 100:.2f}"
    assert cells["- GB/s in and out"] == f"{bytes_moved('mel', case) / 1e6:.2g}"


def test_many_sizes_go_below_each_other():
    long = [
        measured.rows("mel", replace(MAIN[0], seconds=s), "length", torch=2) for s in range(1, 9)
    ]
    report = measured.report(rows=tuple(row for rows in long for row in rows))
    table = next(table for table in tables(report) if "as the signal grows" in table.title)
    assert [line[0] for line in table.lines[:2]] == ["", "1024/256@1s"]


def test_markdown_escapes_what_would_end_a_cell():
    assert markdown_table([["a|b", "c"], ["1", "2"]]) == "| a\\|b | c |\n| --- | --: |\n| 1 | 2 |"


def test_summary_has_the_least_and_the_most_over_the_sizes():
    assert line_of("log-mel 80", "torch.mel")[2:] == ["8.0x", "11.0x", "all four"]
    assert line_of("log-mel 80", "librosa.mel")[2:4] == ["20.0x", "20.0x"]


def test_summary_sets_residuals_calls_threads_and_memory_beside_the_ratios():
    assert line_of("mel inversion: lapped's residual over the other's", "torch.mel_inverse")[
        2:4
    ] == [
        "0.5",
        "0.5",
    ]
    assert line_of("complex STFT of 16 samples: the call", "-")[2] == "1000.0 us"
    against = "lapped, one thread (multiply-adds alone: 2.00x)"
    assert line_of("log-mel 80, 2 threads", against)[2] == "2.00x"
    assert line_of("log-mel 80: memory beyond its result of 3.0 MiB", "lapped")[2] == "0.5 MiB"


def test_nominal_work_is_the_customary_count():
    case = MAIN[0]
    assert real_fft_flops(1024) == 2.5 * 1024 * 10
    assert nominal_flops("mel", case) == 862 * real_fft_flops(1024)
    assert nominal_flops("griffin_lim", case) == 64 * nominal_flops("stft", case)
    assert nominal_flops("mel_inverse", case) == 0
    assert bytes_moved("stft", case) == 4 * (220500 + 2 * 513 * 862)
    assert bytes_moved("stft", replace(case, dtype="float64", batch=3)) == 6 * bytes_moved(
        "stft", case
    )


def test_json_holds_every_row_with_its_spread():
    whole = json.loads(as_json(REPORT))
    ours, torch, *_ = whole["rows"]
    assert len(whole["rows"]) == len(REPORT.rows)
    assert ours["ns_per_frame"] == pytest.approx(1e6 / 862)
    assert ours["share_of_peak"] == pytest.approx(nominal_flops("mel", MAIN[0]) / 1e-3 / 100e9)
    assert torch["timing"]["quartiles"] == [7.2e6, 8.8e6]
    assert (torch["case_name"], torch["error_unit"]) == ("1024/256", "max nats")
    assert whole["settings"]["clock"] == "process CPU time"


def test_json_can_be_read_back():
    assert from_json(as_json(REPORT)) == REPORT
    assert from_json(as_json(measured.report(floors=None, speedups=(), weights=()))).floors is None


def test_committed_results_are_whole():
    for path, report in committed():
        assert path.with_name("result.md").read_text(encoding="utf-8") == as_markdown(report), path
        assert path.read_text(encoding="utf-8") == as_json(report), path
        assert all(row.refused or row.timing for row in report.rows)
        for row in report.rows:
            if row.ratio:
                mine = next(
                    r.timing
                    for r in report.rows
                    if (r.group, r.op, r.case, r.label) == (row.group, row.op, row.case, "lapped")
                )
                # A rival with too few undisturbed calls is compared over all calls of both.
                if row.timing.disturbed or not mine.disturbed:
                    assert row.ratio == Ratio.of(row.timing, mine)
                assert row.ratio.low <= row.ratio.value <= row.ratio.high


def test_machine_class_is_processor_instruction_set_and_conditions():
    base = machine_class(REPORT)
    stepping = {**REPORT.machine, "family_model_stepping": ["1", "2", "4"], "load": [9, 9, 9]}
    assert machine_class(replace(REPORT, machine=stepping)) == base
    other = {**REPORT.machine, "family_model_stepping": ["1", "9", "3"]}
    held = {**REPORT.machine, "torch_held_by": {"ATEN_CPU_CAPABILITY": "avx2"}}
    for change in (
        {"machine": other},
        {"machine": held},
        {"instruction_set": "sse2"},
        {"malloc_tuned": False},
        {"settings": Settings(threads=2)},
    ):
        assert machine_class(replace(REPORT, **change)) != base

# SPDX-License-Identifier: Apache-2.0
"""Pictures hold what the report holds, and are left out where it holds nothing to draw."""

from dataclasses import replace

import pytest

from benchmarks.cases import MAIN
from tests import measured

pytest.importorskip("matplotlib")
from benchmarks import pictures

REPORT = measured.report()


def test_every_picture_is_written_and_small(tmp_path):
    written = pictures.draw(REPORT, tmp_path)
    assert [path.name for path in written] == ["roofline.png", "ratios.png", "curves.png"]
    for path in written:
        assert path.read_bytes()[:4] == b"\x89PNG"
        assert path.stat().st_size < 150_000


def test_what_was_not_measured_is_not_drawn(tmp_path):
    assert pictures.draw(replace(REPORT, rows=()), tmp_path) == []
    sizes = replace(REPORT, floors=None, rows=tuple(measured.rows("mel", MAIN[0], torch=2)))
    assert [path.name for path in pictures.draw(sizes, tmp_path)] == ["ratios.png"]


def test_the_roofline_has_the_peak_and_a_point_for_each_operation_and_size():
    (axes,) = pictures.roofline(REPORT).axes
    text = {found.get_text() for found in axes.texts}
    assert {"multiply-add peak 100 Gflop/s", "L1 200 GB/s", "DRAM 10 GB/s"} <= text
    points = [line for line in axes.lines if line.get_linestyle() == "None"]
    assert len(points) == 2 * len(MAIN)  # lapped and the fastest other


def test_bars_are_the_least_ratio_and_name_both_ends():
    axes = pictures.ratios(REPORT).axes[0]
    assert [bar.get_width() for bar in axes.patches] == [pytest.approx(8), pytest.approx(20)]
    assert [text.get_text() for text in axes.texts] == ["8.0 - 11.0", "20.0"]


def test_curves_show_lapped_beside_the_other():
    (axes,) = pictures.curves(REPORT).axes
    assert len(axes.get_lines()[0].get_xdata()) == 2

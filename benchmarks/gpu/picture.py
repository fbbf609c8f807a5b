# SPDX-License-Identifier: Apache-2.0
"""lapped's kernels under the device's measured ceilings. Needs matplotlib."""

from __future__ import annotations

from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..cases import OPS
from ..pictures import COLOURS, MARKERS, plain_numbers, save
from .ceilings import device_bytes, paper_instructions
from .report import shares_of
from .run import Report


def draw(report: Report, path: Path) -> bool:
    """FP32 instructions a second over instructions a byte; nothing where no time was taken."""
    rows = [r for r in report.of_group("sizes") if r.op in COLOURS]
    rows = [row for row in rows if shares_of(report.ceilings, row)]
    if not rows:
        return False
    figure = Figure(figsize=(8.6, 5), layout="constrained")
    axes = figure.subplots()
    markers = dict(zip(dict.fromkeys(row.case for row in rows), MARKERS, strict=False))
    for row in rows:
        done = paper_instructions(row.op, row.case) or 0
        place = done / device_bytes(row.op, row.case), 1e-3 * done / row.timing.median
        first = row.case == rows[0].case
        label = OPS[row.op] if first else None
        marker = markers[row.case]
        axes.plot(*place, marker, color=COLOURS[row.op], label=label, ms=7, ls="none")
    for case, marker in markers.items():
        axes.plot([], [], marker, color="0.3", ls="none", label=case.name)
    axes.set(xscale="log", yscale="log")
    axes.set_xlabel("FP32 instructions, counted on paper, for each byte of device memory")
    axes.set_ylabel("T instructions/s")
    _roof(axes, report)
    plain_numbers(axes.xaxis, axes.yaxis)
    axes.legend(fontsize=8, frameon=False)
    axes.set_title(f"lapped under the ceilings of {report.gpu['name']}", loc="left")
    save(figure, path)
    return True


def _roof(axes: Axes, report: Report) -> None:
    """The slope of the copy up to the level line of the matrix product."""
    peak = report.ceilings.float32_flops / 2e12
    speed = report.ceilings.copy_bytes_per_second / 1e12
    (left, right), lowest = axes.get_xlim(), axes.get_ylim()[0]
    left, right = min(left, peak / speed / 4), max(right, 2 * peak / speed)
    axes.plot([left, peak / speed, right], [left * speed, peak, peak], color="black", lw=1.2)
    axes.set(xlim=(left, right), ylim=(min(lowest, left * speed), 1.8 * peak))
    text = f"copy {1e3 * speed:.0f} GB/s, product {2 * peak:.0f} Tflop/s"
    axes.annotate(text, (right, peak), (-4, 4), textcoords="offset points", ha="right")

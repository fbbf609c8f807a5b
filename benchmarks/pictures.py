# SPDX-License-Identifier: Apache-2.0
"""A report as pictures: roofline, ratios, and costs as something grows. Needs matplotlib."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullLocator
from PIL import Image

from .cases import CURVES, OPS, Case
from .floors import Floors
from .results import ns_per_frame
from .rivals import OURS
from .run import Report, Row
from .work import bytes_moved, nominal_flops

# Okabe and Ito's colours, which stay apart for colour-blind eyes; shapes say the same again.
_BLUE, _ORANGE, _GREEN, _PURPLE, _RED, _SKY = (
    "#0072B2",
    "#E69F00",
    "#009E73",
    "#CC79A7",
    "#D55E00",
    "#56B4E9",
)
COLOURS = {
    "mel": _BLUE,
    "power": _ORANGE,
    "stft": _GREEN,
    "istft": _PURPLE,
    "griffin_lim": _RED,
}
MARKERS = "osD^vP"
_LINES = {"lapped": (_BLUE, "o"), "torch": (_ORANGE, "s"), "torchaudio": (_GREEN, "^")}
_STYLE = {"font.size": 9, "axes.spines.top": False, "axes.spines.right": False}
_DPI = 110
_SHADES = 64  # colours a file holds: enough for these pictures, a third of the bytes


def draw(report: Report, folder: Path) -> list[Path]:
    """Every picture that the report holds the figures for."""
    pictures: dict[str, Callable[[Report], Figure | None]] = {
        "roofline.png": roofline,
        "ratios.png": ratios,
        "curves.png": curves,
    }
    written = []
    with mpl.rc_context(_STYLE):
        for name, picture in pictures.items():
            figure = picture(report)
            if figure is not None:
                save(figure, folder / name)
                written.append(folder / name)
    return written


def save(figure: Figure, path: Path) -> None:
    """As a small PNG."""
    drawn = BytesIO()
    figure.savefig(drawn, dpi=_DPI)
    Image.open(drawn).convert("RGB").quantize(_SHADES).save(path, optimize=True)


def roofline(report: Report) -> Figure | None:
    """Nominal flops a second over nominal flops a byte, under what the machine can do."""
    rows = [r for r in report.rows if r.group == "sizes" and r.op in COLOURS and r.timing]
    if report.floors is None or not rows:
        return None
    figure = Figure(figsize=(9.4, 5.2), layout="constrained")
    axes = figure.subplots()
    markers = dict(zip(dict.fromkeys(r.case for r in rows), MARKERS, strict=False))
    for row in _ours_and_fastest(rows):
        _point(axes, row, markers[row.case])
    axes.set(xscale="log", yscale="log")
    axes.set_xlabel("nominal flops for each byte of input and result")
    axes.set_ylabel("nominal Gflop/s")
    _roof(axes, report.floors)
    plain_numbers(axes.xaxis, axes.yaxis)
    _legends_of_roofline(axes, markers)
    axes.set_title(f"Arithmetic and traffic on one core: {_machine(report)}", loc="left")
    return figure


def _roof(axes: Axes, floors: Floors) -> None:
    """The level line of arithmetic and the slopes that copies allow."""
    peak = floors.multiply_add["float32"] / 1e9
    speeds = {copy.level: copy.bytes_per_second / 1e9 for copy in floors.copies}
    left, right = peak / max(speeds.values()) / 3, axes.get_xlim()[1]
    axes.set(xlim=(left, right), ylim=(axes.get_ylim()[0], 1.8 * peak), aspect="equal")
    axes.plot([left, right], [peak, peak], color="black", lw=1.2)
    text = f"multiply-add peak {peak:.0f} Gflop/s"
    axes.annotate(text, (right, peak), (-4, 4), textcoords="offset points", ha="right")
    for place, (level, speed) in enumerate(speeds.items()):
        x = left * 2**place  # further up each time: two levels may be equally fast
        axes.plot([left, peak / speed], [left * speed, peak], color="0.6", lw=0.9, zorder=1)
        axes.annotate(
            f"{level} {speed:.0f} GB/s",
            (x, x * speed),
            (6, 9),
            textcoords="offset points",
            color="0.35",
            fontsize=8,
            rotation=45,
            rotation_mode="anchor",
        )


def _ours_and_fastest(rows: list[Row]) -> list[Row]:
    """lapped's rows, and for each operation and size the row of the fastest other."""
    fastest: dict[tuple[str, Case], Row] = {}
    for row in rows:
        kept = fastest.get((row.op, row.case))
        if row.ratio and (kept is None or row.timing.median < kept.timing.median):
            fastest[row.op, row.case] = row
    return [*(row for row in rows if row.library == OURS), *fastest.values()]


def _point(axes: Axes, row: Row, marker: str) -> None:
    flops = nominal_flops(row.op, row.case)
    x, y = flops / bytes_moved(row.op, row.case), flops / row.timing.median
    colour = COLOURS[row.op]
    face = colour if row.library == OURS else "none"
    axes.plot(x, y, marker, color=colour, mfc=face, ms=7, mew=1.3, ls="none", zorder=3)


def _legends_of_roofline(axes: Axes, markers: dict[Case, str]) -> None:
    """Beside the picture: colours, shapes, and what is filled."""
    marks = [Line2D([], [], marker="o", ls="", color=c, label=OPS[o]) for o, c in COLOURS.items()]
    for case, marker in markers.items():
        marks.append(Line2D([], [], marker=marker, ls="", color="0.3", label=case.name))
    marks.append(Line2D([], [], marker="o", ls="", color="0.3", label="filled: lapped"))
    hollow = "hollow: the fastest other"
    marks.append(Line2D([], [], marker="o", ls="", color="0.3", mfc="none", label=hollow))
    axes.figure.legend(handles=marks, loc="outside right center", fontsize=8, frameon=False)


def ratios(report: Report) -> Figure | None:
    """For each operation a bar for each library: the least ratio, and a line to the most."""
    spans = {op: _spans(report, op) for op in OPS}
    spans = {op: found for op, found in spans.items() if found}
    if not spans:
        return None
    bars = [len(found) for found in spans.values()]
    figure = Figure(
        figsize=(8.6, 0.6 + 0.55 * len(spans) + 0.235 * sum(bars)), layout="constrained"
    )
    all_axes = figure.subplots(len(spans), sharex=True, height_ratios=bars, squeeze=False)[:, 0]
    for axes, (op, found) in zip(all_axes, spans.items(), strict=True):
        _bars(axes, OPS[op], found)
    figure.suptitle(f"How many times as long as lapped: {_machine(report)}", x=0.01, ha="left")
    all_axes[-1].set_xlabel("least over the sizes (bar) to most (line)")
    highest = max(most for found in spans.values() for _, most in found.values())
    all_axes[-1].set(xscale="log", xlim=(0.5, 3 * highest))  # room for the numbers
    plain_numbers(all_axes[-1].xaxis)
    return figure


def _spans(report: Report, op: str) -> dict[str, tuple[float, float]]:
    """Least and most ratio of each library, the fastest first."""
    values: dict[str, list[float]] = {}
    for row in report.rows:
        if row.group == "sizes" and row.op == op and row.ratio:
            values.setdefault(row.label, []).append(row.ratio.value)
    spans = {label: (min(found), max(found)) for label, found in values.items()}
    return dict(sorted(spans.items(), key=lambda item: item[1]))


def _bars(axes: Axes, title: str, spans: dict[str, tuple[float, float]]) -> None:
    places = range(len(spans))
    axes.barh(places, [least for least, _ in spans.values()], color=_SKY, height=0.72)
    for place, (least, most) in enumerate(spans.values()):
        axes.plot([least, most], [place, place], color=_BLUE, lw=1.6)
        text = f"{least:.1f}" if f"{least:.1f}" == f"{most:.1f}" else f"{least:.1f} - {most:.1f}"
        axes.annotate(
            text, (most, place), (5, 0), textcoords="offset points", va="center", fontsize=8
        )
    axes.axvline(1, color="black", lw=1)
    axes.set_yticks(places, list(spans), fontsize=8)
    axes.set_ylim(len(spans) - 0.4, -0.6)
    axes.set_title(title, loc="left", fontsize=9, fontweight="bold")


def curves(report: Report) -> Figure | None:
    """Time for a frame as the batch, the signal and the frame grow."""
    rows = [row for row in report.rows if row.group in CURVES and row.timing]
    ops = list(dict.fromkeys(row.op for row in rows))
    if not ops:
        return None
    names = [name for name in CURVES if any(row.group == name for row in rows)]
    figure = Figure(figsize=(9.4, 2.9 * len(ops) + 0.4), layout="constrained")
    grid = figure.subplots(len(ops), len(names), sharey="row", squeeze=False)
    for line, op in zip(grid, ops, strict=True):
        for axes, name in zip(line, names, strict=True):
            _curve(axes, name, [row for row in rows if (row.op, row.group) == (op, name)])
        line[0].set_ylabel(f"{OPS[op]}\nns for a frame")
        line[0].legend(fontsize=8)
    figure.suptitle(f"What a frame costs on one core: {_machine(report)}", x=0.01, ha="left")
    return figure


_AXES: dict[str, tuple[str, Callable[[Case], float]]] = {
    "batch": ("rows of 1 s, 1024/256", lambda case: case.batch),
    "length": ("seconds, 1024/256", lambda case: case.seconds),
    "n_fft": ("n_fft, hop n_fft / 4, 10 s", lambda case: case.n_fft),
}


def _curve(axes: Axes, name: str, rows: list[Row]) -> None:
    title, x_of = _AXES[name]
    for library, (colour, marker) in _LINES.items():
        label = next((row.label for row in rows if row.library == library), None)
        mine = sorted((r for r in rows if r.label == label), key=lambda row: x_of(row.case))
        xs = [x_of(row.case) for row in mine]
        axes.plot(xs, [ns_per_frame(row) for row in mine], marker, ls="-", color=colour, ms=4)
        if mine:
            axes.plot([], [], marker, ls="-", color=colour, ms=4, label=label)
            low, high = zip(*(_quartiles_per_frame(row) for row in mine), strict=True)
            axes.fill_between(xs, low, high, color=colour, alpha=0.2, lw=0)
    axes.set(xscale="log", yscale="log", xlabel=title)
    plain_numbers(axes.xaxis, axes.yaxis)
    axes.xaxis.set_major_locator(FixedLocator(sorted({x_of(row.case) for row in rows})))


def _quartiles_per_frame(row: Row) -> tuple[float, float]:
    frames = row.case.frames * row.case.batch
    return row.timing.quartiles[0] / frames, row.timing.quartiles[1] / frames


def plain_numbers(*axes: Axis) -> None:
    """1, 2, 5, 10 rather than powers."""
    for axis in axes:
        axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axis.set_minor_locator(NullLocator())


def _machine(report: Report) -> str:
    where: dict[str, Any] = report.machine
    return f"{where['processor']}, {report.instruction_set}"

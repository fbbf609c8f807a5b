# SPDX-License-Identifier: Apache-2.0
"""The figures of a report in a page: least ratios, floors, threads, memory, the cost of a call."""

from __future__ import annotations

from collections.abc import Iterator

from .cases import CALL, LONG, MAIN, OPS, SHORT
from .floors import Floors
from .results import ours
from .rivals import OURS
from .run import Report, Row

Line = list[str]


def summary_lines(report: Report) -> list[Line]:
    """What was measured, against what, the least and the most over the sizes, and where."""
    header = ["", "against", "least", "most", "sizes"]
    parts = (_sizes, _one_length, _double, _call, _residuals, _speedups, _weights)
    return [header, *(line for part in parts for line in part(report))]


def _sizes(report: Report) -> Iterator[Line]:
    for op in OPS:
        yield from ratio_summary(OPS[op], _rows(report, "sizes", op))


def _one_length(report: Report) -> Iterator[Line]:
    for what, op, cases in (("60 s", "griffin_lim", LONG), ("1 s, whole call", "mel", SHORT)):
        rows = [row for row in _rows(report, "lengths", op) if row.case in cases]
        yield from ratio_summary(f"{OPS[op]}, {what}", rows)


def _double(report: Report) -> Iterator[Line]:
    for op in OPS:
        yield from ratio_summary(f"{OPS[op]}, float64", _rows(report, "float64", op))


def _rows(report: Report, group: str, op: str) -> list[Row]:
    return [row for row in report.rows if (row.group, row.op) == (group, op)]


def ratio_summary(what: str, rows: list[Row]) -> Iterator[Line]:
    """One for each library, the fastest first."""
    by_label: dict[str, list[Row]] = {}
    for row in rows:
        if row.ratio:
            by_label.setdefault(row.label, []).append(row)
    lines = [(min(r.ratio.value for r in rows), label, rows) for label, rows in by_label.items()]
    for least, label, of_label in sorted(lines, key=lambda line: line[0]):
        most = max(row.ratio.value for row in of_label if row.ratio)
        yield [what, label, f"{least:.1f}x", f"{most:.1f}x", _names(of_label)]


def _names(rows: list[Row]) -> str:
    cases = [row.case for row in rows]
    return "all four" if len(cases) == len(MAIN) else ", ".join(case.name for case in cases)


def _call(report: Report) -> Iterator[Line]:
    for row in report.rows:
        if row.case == CALL and row.library == OURS and row.timing:
            what = f"{OPS[row.op]} of {CALL.samples} samples: the call"
            yield [what, "-", f"{row.timing.median / 1e3:.1f} us", "", row.case.name]


def _residuals(report: Report) -> Iterator[Line]:
    """lapped's residual of mel inversion as a fraction of each other library's."""
    shares: dict[str, list[float]] = {}
    for row in _rows(report, "sizes", "mel_inverse"):
        mine = ours(report, row).error
        if row.library != OURS and row.error and mine is not None:
            shares.setdefault(row.label, []).append(mine / row.error)
    for label, found in shares.items():
        what = "mel inversion: lapped's residual over the other's"
        yield [what, label, f"{min(found):.2g}", f"{max(found):.2g}", f"{len(found)} sizes"]


def _speedups(report: Report) -> Iterator[Line]:
    for found in report.speedups:
        what, against = f"{OPS[found.op]}, {found.threads} threads", "lapped, one thread"
        if found.machine:
            against += f" (multiply-adds alone: {found.machine.value:.2f}x)"
        yield [what, against, f"{found.ratio.value:.2f}x", "", found.case.name]


def _weights(report: Report) -> Iterator[Line]:
    for found in report.weights:
        what = f"{OPS[found.op]}: memory beyond its result of {_size(found.result)}"
        yield [what, found.label, _size(found.extra), "", found.case.name]


def _size(count: int) -> str:
    return f"{count / 2**20:.1f} MiB"


def floor_lines(floors: Floors) -> list[Line]:
    """Peak, bandwidths, and what share of the peak a real FFT in cache takes."""
    lines = [["", "measured", "share of the multiply-add peak"]]
    for dtype, flops in floors.multiply_add.items():
        lines.append([f"multiply-add, {dtype}", f"{flops / 1e9:.1f} Gflop/s", "1"])
    for copy in floors.copies:
        where = f"copy in {copy.level}, {copy.footprint // 2**10} KiB"
        lines.append([where, f"{copy.bytes_per_second / 1e9:.1f} GB/s", ""])
    for found in floors.transforms:
        where = f"real FFT of {found.n_fft} in cache, {found.dtype}"
        lines.append([where, f"{found.ns_per_frame:.0f} ns", f"{found.share_of_peak:.2f}"])
        with_bins = f"{found.ns_per_frame_with_bins:.0f} ns"
        lines.append([f"{where}, with bins", with_bins, f"{found.share_of_peak_with_bins:.2f}"])
    return lines

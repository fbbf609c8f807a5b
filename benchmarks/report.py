# SPDX-License-Identifier: Apache-2.0
"""A benchmark's results as text, Markdown and JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from .cases import OPS, Case
from .check import CHECKS
from .run import OURS, Report, Row

CAVEATS = (
    "A ratio is a rival's median time over lapped's in the same process; the bracket sets the "
    "quartiles against each other. Absolute times drift with the machine's load, ratios much less.",
    "The time includes the whole Python call and a fresh result. Rivals run in inference mode with "
    "modules, windows and inputs built before; librosa's functions build theirs in each call.",
    "Griffin-Lim is lapped's method 'fast' from zero phase, the update of torchaudio and librosa. "
    "Mel inversions solve the same problem by different methods: compare their residuals too.",
)


def as_text(report: Report) -> str:
    """One block for each operation, a column for each size."""
    blocks = [_headline(report), *(_block(op, rows) for op, rows in _by_op(report.rows))]
    blocks += _notes(report, bullet="  ")
    return "\n\n".join(blocks)


def as_markdown(report: Report) -> str:
    """The same tables for a page."""
    parts = [_headline(report)]
    for op, rows in _by_op(report.rows):
        header, *lines = [[_escaped(cell) for cell in line] for line in _cells(op, rows)]
        rule = ["---"] + ["--:"] * (len(header) - 1)
        table = "\n".join("| " + " | ".join(line) + " |" for line in (header, rule, *lines))
        parts.append(f"### {_title(op)}\n\n{table}")
    return "\n\n".join(parts + _notes(report, bullet="* ")) + "\n"


def as_json(report: Report) -> str:
    """Everything, in nanoseconds."""
    whole: dict[str, Any] = asdict(report)
    whole["settings"]["clock"] = report.settings.clock
    for row, plain in zip(report.rows, whole["rows"], strict=True):
        plain["case"]["name"] = row.case.name
        plain["case"]["frames"] = row.case.frames
        plain["error_unit"] = CHECKS[row.op].unit
        plain["ns_per_frame"] = _ns_per_frame(row) if row.timing else None
    return json.dumps(whole, indent=1)


def _escaped(cell: str) -> str:
    return cell.replace("|", r"\|")


def _headline(report: Report) -> str:
    """The machine and the conditions, in two lines."""
    where, settings = report.machine, report.settings
    versions = ", ".join(f"{name} {version}" for name, version in report.versions.items())
    malloc = "malloc keeps freed memory" if report.malloc_tuned else "malloc as it is"
    load = "/".join(str((x or [None])[0]) for x in (where["load"], report.load_after))
    return (
        f"{where['processor']}, {report.instruction_set}, {settings.threads} thread(s), "
        f"{settings.clock}, {malloc}, load before/after {load}\n{versions}"
    )


def _notes(report: Report, bullet: str) -> list[str]:
    skipped = [f"{bullet}{library}: {reason}" for library, reason in report.skipped.items()]
    refused = [
        f"{bullet}{row.label}, {row.op} {row.case.name}: {row.refused}"
        for row in report.rows
        if row.refused
    ]
    care = [bullet + caveat for caveat in (*_busy(report), *CAVEATS)]
    sections = {"Not here": skipped, "Not timed": refused, "Read with care": care}
    return [f"{title}:\n" + "\n".join(lines) for title, lines in sections.items() if lines]


def _busy(report: Report) -> list[str]:
    """A caveat where more programs ran than there are cores."""
    load, cores = report.load_after, report.machine.get("cores_usable")
    if not load or not cores or load[0] <= cores:
        return []
    return [f"The machine was busy: load {load[0]} on {cores} core(s). Trust ratios, not times."]


def _by_op(rows: Iterable[Row]) -> list[tuple[str, list[Row]]]:
    grouped = {op: [row for row in rows if row.op == op] for op in OPS}
    return [(op, rows) for op, rows in grouped.items() if rows]


def _title(op: str) -> str:
    return f"{OPS[op]} (lapped: time per frame; others: how many times as long)"


def _block(op: str, rows: list[Row]) -> str:
    lines = _cells(op, rows)
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    text = [
        "  ".join(
            [line[0].ljust(widths[0])]
            + [c.rjust(w) for c, w in zip(line[1:], widths[1:], strict=True)]
        )
        for line in lines
    ]
    return "\n".join([_title(op), *text])


def _cells(op: str, rows: list[Row]) -> list[list[str]]:
    """A header, then a line for each library: its sizes, its least ratio, its largest error."""
    cases = list(dict.fromkeys(row.case for row in rows))
    lines = [["", *(case.name for case in cases), "least", f"error ({CHECKS[op].unit})"]]
    for label in dict.fromkeys(row.label for row in rows):
        mine = {row.case: row for row in rows if row.label == label}
        ratios = [row.ratio.value for row in mine.values() if row.ratio]
        errors = [row.error for row in mine.values() if row.error is not None]
        line = [label, *(_cell(mine.get(case)) for case in cases)]
        line += [f"{min(ratios):.1f}x" if ratios else "", f"{max(errors):.1e}" if errors else "-"]
        lines.append(line)
    return lines


def _cell(row: Row | None) -> str:
    if row is None or row.timing is None:
        return "-"
    if row.library == OURS or row.ratio is None:
        return f"{_ns_per_frame(row):.0f} ns"
    return f"{row.ratio.value:.1f}x ({row.ratio.low:.1f}-{row.ratio.high:.1f})"


def _ns_per_frame(row: Row) -> float:
    assert row.timing is not None
    return row.timing.median / _frames(row.case)


def _frames(case: Case) -> int:
    return case.frames * case.batch

# SPDX-License-Identifier: Apache-2.0
"""A device's results as JSON and Markdown."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import Any

from ..cases import OPS
from ..check import CHECKS
from ..report import Table, markdown_table, meaning_line, ratio_lines, refusals
from ..results import as_lines, ns_per_frame
from ..rivals import OURS
from ..run import Row
from ..summary import ratio_summary
from .ceilings import Ceilings, Shares, device_bytes, shares
from .run import Report
from .sizes import TITLES

CAVEATS = (
    "Times of batches and graphs are the device's own, between two events of one stream; the "
    "inputs rotate, so that they come from memory and not from the cache. Times of one call are "
    "by the clock on the wall, from Python until the device is done; their input may be cached.",
    "A ratio is a rival's median time over lapped's in the same process, their calls taken in "
    "turns; the bracket sets the quartiles against each other.",
    "All libraries compute float32 in float32: TF32 is off for products and convolutions.",
    "Results are checked on the last row of a batch against float64 on the processor, in memory "
    "that held NaN before.",
    "Shares of the copy count what an operation must move at least, an iteration of Griffin-Lim "
    "two signals read, two written and the magnitudes; shares of FP32 instructions use counts made "
    "on paper and half the flops of a matrix product, which may itself be below the device's peak.",
    "lapped and the others run from eager Python; torch.compile fuses what is not a transform.",
)


def as_json(report: Report) -> str:
    """Everything, in nanoseconds and bytes; a line for each time that was taken."""
    whole = asdict(report)
    for row, plain in zip(report.rows, whole["rows"], strict=True):
        plain |= _derived(report, row)
    return as_lines(whole)


def _derived(report: Report, row: Row) -> dict[str, Any]:
    own = shares_of(report.ceilings, row)
    return {
        "case_name": row.case.name,
        "frames": row.case.frames * row.case.batch,
        "error_unit": CHECKS[row.op].unit,
        "ns_per_frame": ns_per_frame(row) if row.timing else None,
        "device_bytes": device_bytes(row.op, row.case),
        "shares": asdict(own) if own else None,
    }


def shares_of(ceilings: Ceilings, row: Row) -> Shares | None:
    """Of lapped's times alone: other libraries move more than they must."""
    if row.library != OURS or row.timing is None or row.group not in ("sizes", "long"):
        return None
    return shares(row.op, row.case, row.timing.median, ceilings)


def as_markdown(report: Report) -> str:
    """For a page."""
    parts = [headline(report)]
    for table in tables(report):
        parts.append(f"### {table.title}\n\n{markdown_table(table.lines, table.words)}")
    notes = {
        "Not here": [f"{name}: {reason}" for name, reason in report.skipped.items()],
        "Not timed": list(refusals(report.rows)),
        "Read with care": list(CAVEATS),
    }
    for title, lines in notes.items():
        if lines:
            parts.append(f"{title}:\n" + "\n".join(f"* {line}" for line in lines))
    return "\n\n".join(parts) + "\n"


def headline(report: Report) -> str:
    """The device, the libraries and the state of the source."""
    gpu = report.gpu
    versions = ", ".join(f"{name} {version}" for name, version in report.versions.items())
    return (
        f"{gpu['name']}, {gpu['multiprocessors']} multiprocessors, driver "
        f"{gpu.get('driver_version') or 'unknown'}, CUDA {gpu['cuda_of_torch']} of torch\n"
        f"{versions}\nsource: {report.machine['commit']}, {report.machine['time']}"
    )


def tables(report: Report) -> Iterator[Table]:
    """The summary, the ceilings, each operation for batches, then single calls."""
    yield Table("Least and most over the sizes", _summary(report), words=2)
    yield Table("Ceilings, measured", _ceiling_lines(report.ceilings))
    for group in ("sizes", "long"):
        for op in OPS:
            rows = [row for row in report.of_group(group) if row.op == op]
            if rows:
                title = f"{OPS[op]}, {TITLES[group]} (lapped: time per frame; others: ratios)"
                yield Table(title, ratio_lines(rows, _meaning(report.ceilings)))
    for group in ("call", "graph"):
        rows = [row for row in report.of_group(group) if row.timing]
        if rows:
            yield Table(f"Microseconds of {TITLES[group]}", _call_lines(rows), words=3)


def _summary(report: Report) -> list[list[str]]:
    header = ["", "against", "least", "most", "sizes"]
    lines = [
        line
        for group in ("sizes", "long", "processor")
        for op in OPS
        for line in ratio_summary(
            _named(op, group), [row for row in report.of_group(group) if row.op == op]
        )
    ]
    return [header, *lines]


def _named(op: str, group: str) -> str:
    where = TITLES.get(group, "a clip of the batch beside one on the processor")
    return f"{OPS[op]}, {where}"


def _ceiling_lines(ceilings: Ceilings) -> list[list[str]]:
    copied, flops = ceilings.copy_bytes_per_second, ceilings.float32_flops
    return [
        ["", "measured"],
        ["copy within the device, read and written", f"{copied / 1e9:.0f} GB/s"],
        ["float32 matrix product without TF32", f"{flops / 1e12:.1f} Tflop/s"],
    ]


def _meaning(ceilings: Ceilings) -> Callable[[list[Row]], Iterator[list[str]]]:
    """Of lapped's times: traffic, and how near to each ceiling it comes."""

    def lines(mine: list[Row]) -> Iterator[list[str]]:
        found = [shares_of(ceilings, row) for row in mine]
        yield meaning_line("GB/s", [s and s.bytes_per_second / 1e9 for s in found], ".0f")
        yield meaning_line("of the copy", [s and s.of_copy for s in found], ".2f")
        if any(s and s.of_instructions for s in found):
            counted = [s and s.of_instructions for s in found]
            yield meaning_line("of FP32 instructions, paper count", counted, ".2f")
        yield meaning_line("times its floor", [s and s.over_floor for s in found], ".2f")

    return lines


def _call_lines(rows: list[Row]) -> list[list[str]]:
    """A line for each call: median and quartiles."""
    lines = [["", "", "size", "median", "quartiles", "error"]]
    for row in rows:
        assert row.timing is not None
        low, high = (t / 1e3 for t in row.timing.quartiles)
        times = [f"{row.timing.median / 1e3:.1f}", f"{low:.1f}-{high:.1f}"]
        lines.append([OPS[row.op], row.label, row.case.name, *times, f"{row.error:.1e}"])
    return lines

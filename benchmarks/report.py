# SPDX-License-Identifier: Apache-2.0
"""A benchmark's results as text and Markdown: a headline, tables, and what to mind."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from .cases import OPS
from .check import CHECKS
from .results import held_by, ns_per_frame, share_of_peak
from .rivals import OURS
from .run import Report, Row
from .suites import TITLES
from .summary import floor_lines, summary_lines
from .work import bytes_moved

CAVEATS = (
    "A ratio is a rival's median time over lapped's in the same process; the bracket sets the "
    "quartiles against each other. Absolute times drift with the machine's load, ratios much less.",
    "The time includes the whole Python call and a fresh result. Rivals run in inference mode with "
    "modules, windows and inputs built before; librosa's functions build theirs in each call.",
    "A bare FFT does less than an STFT: its frames are cut and windowed before the clock starts, "
    "and ducc0 and FFTW write into memory that is kept. lapped beside it computes the whole STFT.",
    "Griffin-Lim is lapped's method 'fast' from zero phase, the update of torchaudio and librosa. "
    "Mel inversions solve the same problem by different methods: compare their residuals too.",
    "kaldi-native-fbank's time is mostly its Python binding's, which takes and gives lists. "
    "audioFlux's bands are spaced on HTK's mel scale. torch uses MKL, which may choose slower code "
    "on processors that are not Intel's.",
    "Shares of the peak count 2.5 N log2 N operations for a real FFT of N points, two FFTs for an "
    "iteration of Griffin-Lim, and nothing else; bytes are the input and the result, moved once.",
)
_WIDEST = 7  # sizes side by side; more go below each other


@dataclass(frozen=True)
class Table:
    """A title, a header and lines, all as text."""

    title: str
    lines: list[list[str]]
    words: int = 1  # columns of words, which begin at the left; then come numbers


def as_text(report: Report) -> str:
    """For a terminal."""
    blocks = [headline(report), *map(_aligned, tables(report))]
    return "\n\n".join(blocks + _notes(report, bullet="  "))


def as_markdown(report: Report) -> str:
    """For a page."""
    parts = [headline(report)]
    for table in tables(report):
        parts.append(f"### {table.title}\n\n{markdown_table(table.lines, table.words)}")
    return "\n\n".join(parts + _notes(report, bullet="* ")) + "\n"


def tables(report: Report) -> Iterator[Table]:
    """The summary, each operation at each group of sizes, then what was measured once."""
    yield Table("Summary", summary_lines(report), words=2)
    for group in TITLES:
        rows = [row for row in report.rows if row.group == group]
        for op in OPS:
            of_op = [row for row in rows if row.op == op]
            if of_op:
                lines = ratio_lines(of_op, _meaning(report))
                yield Table(_title(op, group), _turned_if_wide(lines))
    if report.floors:
        yield Table("Floors of this machine", floor_lines(report.floors))


def markdown_table(lines: list[list[str]], words: int = 1) -> str:
    """The first line is the header."""
    header, *body = [[_escaped(cell) for cell in line] for line in lines]
    rule = ["---"] * words + ["--:"] * (len(header) - words)
    return "\n".join("| " + " | ".join(line) + " |" for line in (header, rule, *body))


def headline(report: Report) -> str:
    """The machine and the conditions, in two lines."""
    where, settings = report.machine, report.settings
    versions = ", ".join(f"{name} {version}" for name, version in report.versions.items())
    malloc = "malloc keeps freed memory" if report.malloc_tuned else "malloc as it is"
    load = "/".join(str((x or [None])[0]) for x in (where["load"], report.load_after))
    held = " ".join(f"{name}={value}" for name, value in held_by(report).items())
    return (
        f"{where['processor']}, {report.instruction_set}, {held and f'torch with {held}, '}"
        f"{settings.threads} thread(s), {settings.clock}, {malloc}, "
        f"load before/after {load}\n{versions}"
    )


def _escaped(cell: str) -> str:
    return cell.replace("|", r"\|")


def _aligned(table: Table) -> str:
    widths = [max(map(len, column)) for column in zip(*table.lines, strict=True)]
    put = [str.ljust] * table.words + [str.rjust] * (len(widths) - table.words)
    text = [
        "  ".join(place(cell, width) for place, cell, width in zip(put, line, widths, strict=True))
        for line in table.lines
    ]
    return "\n".join([table.title, *map(str.rstrip, text)])


def _notes(report: Report, bullet: str) -> list[str]:
    skipped = [f"{bullet}{library}: {reason}" for library, reason in report.skipped.items()]
    refused = [f"{bullet}{line}" for line in refusals(report.rows)]
    care = [bullet + caveat for caveat in (*_busy(report), *_disturbed(report), *CAVEATS)]
    sections = {"Not here": skipped, "Not timed": refused, "Read with care": care}
    return [f"{title}:\n" + "\n".join(lines) for title, lines in sections.items() if lines]


def refusals(rows: Iterable[Row]) -> Iterator[str]:
    """One line for each library, operation and reason, with all sizes it stands for."""
    sizes: dict[tuple[str, str, str], list[str]] = {}
    for row in rows:
        if row.refused:
            sizes.setdefault((row.label, row.op, row.refused), []).append(row.case.name)
    for (label, op, reason), names in sizes.items():
        yield f"{label}, {op} {', '.join(dict.fromkeys(names))}: {reason}"


def _busy(report: Report) -> list[str]:
    """A caveat where more programs ran than there are cores."""
    load, cores = report.load_after, report.machine.get("cores_usable")
    if not load or not cores or load[0] <= cores:
        return []
    return [f"The machine was busy: load {load[0]} on {cores} core(s). Trust ratios, not times."]


def _disturbed(report: Report) -> list[str]:
    """A caveat where calls did not have their core to themselves."""
    timings = [row.timing for row in report.rows if row.timing]
    left_out = sum(timing.disturbed for timing in timings)
    if not left_out:
        return []
    taken = left_out + sum(timing.rounds for timing in timings)
    return [
        f"{left_out} of {taken} calls do not count, of whatever library: a probe before or after "
        "them showed that something else was using the core's arithmetic."
    ]


def _title(op: str, group: str) -> str:
    where = f", {TITLES[group]}" if TITLES[group] else ""
    return f"{OPS[op]}{where} (lapped: time per frame; others: how many times as long)"


def _turned_if_wide(lines: list[list[str]]) -> list[list[str]]:
    return (
        lines
        if len(lines[0]) <= _WIDEST + 1
        else [list(column) for column in zip(*lines, strict=True)]
    )


def ratio_lines(
    rows: list[Row], meaning: Callable[[list[Row]], Iterable[list[str]]]
) -> list[list[str]]:
    """A header, then a line for each library: its sizes, its least ratio, its largest error.

    lapped comes first, followed by what its time means; then the others, the fastest first.
    """
    cases = list(dict.fromkeys(row.case for row in rows))
    header = ["", *(case.name for case in cases), "least", f"error ({CHECKS[rows[0].op].unit})"]
    by_label: dict[str, list[Row]] = {}
    for row in rows:
        by_label.setdefault(row.label, []).append(row)
    mine = by_label.pop(OURS, [])
    lines = [_line(OURS, mine), *meaning(mine)] if mine else []
    others = sorted(by_label.items(), key=lambda item: _least(item[1]) or float("inf"))
    return [header, *lines, *(_line(label, rows) for label, rows in others)]


def _line(label: str, rows: list[Row]) -> list[str]:
    least, errors = _least(rows), [row.error for row in rows if row.error is not None]
    cells = [label, *map(_cell, rows), f"{least:.1f}x" if least else ""]
    return [*cells, f"{max(errors):.1e}" if errors else "-"]


def _meaning(report: Report) -> Callable[[list[Row]], Iterator[list[str]]]:
    """Of lapped's times: share of the machine's peak, and traffic."""

    def lines(mine: list[Row]) -> Iterator[list[str]]:
        shares = [share_of_peak(report, row) for row in mine]
        if any(shares):
            yield meaning_line("of the multiply-add peak", shares, ".2f")
        if report.floors:
            speeds = [bytes_moved(r.op, r.case) / r.timing.median if r.timing else 0 for r in mine]
            yield meaning_line("GB/s in and out", speeds, ".2g")

    return lines


def meaning_line(what: str, figures: Iterable[float | None], form: str) -> list[str]:
    """A line of `ratio_lines` that says something of lapped's times."""
    return [f"- {what}", *(f"{x:{form}}" if x else "-" for x in figures), "", ""]


def _least(rows: Iterable[Row]) -> float | None:
    return min((row.ratio.value for row in rows if row.ratio), default=None)


def _cell(row: Row) -> str:
    if row.timing is None:
        return "-"
    if row.ratio is None:
        taken = ns_per_frame(row)
        return f"{taken:.0f} ns" if taken >= 10 else f"{taken:.2f} ns"
    return f"{row.ratio.value:.1f}x ({row.ratio.low:.1f}-{row.ratio.high:.1f})"

# SPDX-License-Identifier: Apache-2.0
"""What is said of a run at its end, and when somebody asks."""

from __future__ import annotations

from functools import singledispatch

from lapped.batch.inspect import Status
from lapped.batch.progress import hours
from lapped.batch.record.finish import Summary
from lapped.batch.record.plan import Totals


@singledispatch
def told(what: object) -> str:
    """`what` in lines for people."""
    raise TypeError(f"nothing is known to say of {type(what).__name__}")


@told.register
def _(totals: Totals) -> str:
    lines = [
        f"{totals.items:,} items in {totals.parts:,} parts, {hours(totals.audio_s)} of audio "
        f"as headers and sizes tell, {totals.bytes / 1e9:.2f} GB"
    ]
    if totals.duplicates:
        lines.append(f"{totals.duplicates:,} inputs were given twice and count once")
    if totals.problems:
        lines.append(f"{totals.problems:,} cannot be read, as is known already")
    return "\n".join(lines)


@told.register
def _(summary: Summary) -> str:
    lines = [
        f"{summary.ok:,} of {summary.items:,} items, {hours(summary.audio_s)} of audio, "
        f"in {summary.folder}"
    ]
    if not summary.complete:
        lines.append(f"{summary.parts_done:,} of {summary.parts:,} parts are done")
    if summary.errors:
        codes = ", ".join(f"{code} {count:,}" for code, count in summary.codes.items())
        lines.append(f"{summary.errors:,} failed ({codes}): lapped errors {summary.folder}")
    return "\n".join(lines)


@told.register
def _(status: Status) -> str:
    summary = status.summary
    done = f"{summary.items:,} of {status.items_planned:,} items"
    seconds = f"{hours(summary.audio_s)} of {hours(status.audio_s_planned)}"
    parts = f"{summary.parts_done:,} of {summary.parts:,} parts"
    state = "at work" if status.running else "done" if summary.complete else "stopped"
    lines = [f"{state}: {done}, {seconds}, {parts}, {summary.errors:,} errors"]
    lines += [f"  {code:<16}{count:>10,}" for code, count in summary.codes.items()]
    return "\n".join(lines)

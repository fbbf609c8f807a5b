# SPDX-License-Identifier: Apache-2.0
"""The demo's table, for people and as a file of scores."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

import numpy as np

from lapped.demo.settings import Setting

HEADER = ("setting", "model", "audio", "speed", "SI-SDR (dB)", "STOI")


@dataclass(frozen=True)
class Score:
    """One setting on one recording; None where there is nothing to compare with."""

    recording: str
    audio_seconds: float
    compute_seconds: float
    si_sdr: tuple[float, float] | None  # before, after
    stoi: tuple[float, float] | None


def row(setting: Setting, scores: Sequence[Score]) -> tuple[str, ...]:
    """One line of the table: totals of time, means of quality."""
    audio = sum(score.audio_seconds for score in scores)
    compute = sum(score.compute_seconds for score in scores)
    return (
        setting.setting,
        setting.model,
        f"{audio:.1f} s",
        f"{_speed(audio / max(compute, 1e-9))} x real time",
        _change((score.si_sdr for score in scores), ".1f"),
        _change((score.stoi for score in scores), ".3f"),
    )


def failed_row(setting: Setting, reason: str) -> tuple[str, ...]:
    """The line of a setting that could not run."""
    return setting.setting, setting.model, f"did not run: {reason}"


def text(rows: Sequence[Sequence[str]]) -> str:
    """Rows under the header, in columns."""
    columns = zip_longest(HEADER, *(cells[:2] if len(cells) == 3 else cells for cells in rows))
    widths = [max(len(cell or "") for cell in column) for column in columns]
    lines = [_line(HEADER, widths), "  ".join("-" * width for width in widths)]
    return "\n".join(lines + [_line(cells, widths) for cells in rows])


def caption(score: Score, after: bool) -> str:
    """The quality before or after, as the picture shows it."""
    parts = [
        f"SI-SDR {score.si_sdr[after]:.1f} dB" if score.si_sdr else "",
        f"STOI {score.stoi[after]:.2f}" if score.stoi else "",
    ]
    return ", ".join(part for part in parts if part)


def write_scores(path: Path, scores: Sequence[tuple[Setting, Score]]) -> None:
    """Every setting on every recording, as a CSV file."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        names = [
            f"{measure}_{when}" for measure in ("si_sdr", "stoi") for when in ("before", "after")
        ]
        writer.writerow(["setting", "model", "recording", "audio_s", "compute_s", *names])
        for setting, score in scores:
            times = [f"{score.audio_seconds:.3f}", f"{score.compute_seconds:.4f}"]
            quality = [*(score.si_sdr or ("", "")), *(score.stoi or ("", ""))]
            cells = [f"{value:.4f}" if value != "" else "" for value in quality]
            writer.writerow([setting.setting, setting.model, score.recording, *times, *cells])


def _speed(ratio: float) -> str:
    return f"{ratio:.1f}" if ratio < 10 else f"{ratio:.0f}"


def _change(pairs: Iterable[tuple[float, float] | None], form: str) -> str:
    known = [pair for pair in pairs if pair is not None]
    if not known:
        return "-"
    before, after = np.mean(known, axis=0)
    return f"{before:{form}} -> {after:{form}}"


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = [cell.ljust(width) for cell, width in zip(cells, widths, strict=False)]
    return "  ".join(padded).rstrip()

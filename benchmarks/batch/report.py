# SPDX-License-Identifier: Apache-2.0
"""The figures as tables."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from statistics import median

from .run import PRESET, Pace, Report

_STAGES = ("decode", "kernel", "write")
_NAMES = {"wav": "WAV, 16 bits", "flac": "FLAC", "mp3": "MP3", "ogg": "Ogg Vorbis"}


def as_json(report: Report) -> str:
    """Everything that was measured."""
    return json.dumps(asdict(report), indent=1) + "\n"


def as_markdown(report: Report) -> str:
    """What was measured and how, then a table for each question."""
    tables = (_efficiency, _rivals, _ray, _memory)
    return "\n\n".join([_head(report), *filter(None, (table(report) for table in tables))]) + "\n"


def _head(report: Report) -> str:
    about = report.machine
    flags = " ".join(about["vector_flags"])
    versions = ", ".join(f"{name} {number}" for name, number in report.versions.items())
    return (
        f"# `lapped run features --preset {PRESET}`\n\n"
        f"{about['processor']} ({flags}), {about['cores_usable']} cores, load {about['load']} "
        f"before, commit {about['commit']}, {about['time']}.\n{versions}.\n\n"
        "Speech-like audio, 16 kHz, one channel, 1 to 60 s a file, 13 s on average; one thread, one core. "
        f"{report.rounds} rounds in turns:\nmedians, and least to most of the ratios. CPU seconds "
        "of all processes, start-up apart: each program ran on a small and on a large\nfolder, "
        "and the difference counts."
    )


def _efficiency(report: Report) -> str:
    rows = []
    for kind, rounds in report.stages.items():
        paces = report.paces[kind]["lapped run"]
        least = [sum(found[stage] for stage in _STAGES) / found["audio_s"] for found in rounds]
        around = zip(least[::2], least[1::2], paces, strict=True)  # each run is between two
        share = [(before + after) / 2 / pace.cpu for before, after, pace in around]
        stages = (_speed(found[stage] / found["audio_s"] for found in rounds) for stage in _STAGES)
        run = _speed(pace.cpu for pace in paces)
        rows.append([_NAMES[kind], *stages, _speed(least), run, _spread(share, 2), _start(paces)])
    return rows and _table(
        "## Beside the cost of its stages\n\nTimes real time. The bound is what decoding "
        "(soundfile), the kernel and writing (safetensors, fsync) allow together, each\nmeasured "
        "alone in a loop with nothing around it; efficiency is the run's share of it.",
        ["", "decode", "kernel", "write", "bound", "lapped run", "efficiency", "start, CPU s"],
        rows,
    )  # fmt: skip


def _rivals(report: Report) -> str:
    rows = []
    for kind, programs in report.paces.items():
        for name, paces in programs.items():
            if name in ("lapped run", "local engine", "Ray") or "lapped run" not in programs:
                continue
            times = [
                theirs.cpu / ours.cpu
                for theirs, ours in zip(paces, programs["lapped run"], strict=True)
            ]
            speed = _speed(pace.cpu for pace in paces)
            rows.append([_NAMES[kind], name, speed, _spread(times, 1), _start(paces)])
    return rows and _table(
        f"## Beside what people run instead\n\nThe DataLoader loop: `{report.loader}`, "
        "`torchaudio.transforms.MelSpectrogram`, log, `np.save`, one worker.\nlhotse: "
        "`compute_and_store_features_batch` with `Fbank` and `NumpyFilesWriter`, one worker.",
        ["", "", "times real time", "CPU seconds of lapped's", "start, CPU s"],
        rows,
    )  # fmt: skip


def _ray(report: Report) -> str:
    programs = report.paces.get("flac", {})
    if "Ray" not in programs:
        return ""
    local, ray = programs["local engine"], programs["Ray"]
    share = [ours.wall / theirs.wall for ours, theirs in zip(local, ray, strict=True)]
    rows = [
        [name, _speed(pace.wall for pace in paces), f"{median(p.start_wall for p in paces):.1f}"]
        for name, paces in (("local engine", local), ("Ray", ray))
    ]
    return _table(
        "## Ray beside the local engine\n\nOne worker each, FLAC, wall time; start-up apart, Ray "
        f"is {_spread(share, 2)} times as fast.",
        ["", "times real time", "start, s"],
        rows,
    )  # fmt: skip


def _memory(report: Report) -> str:
    if not report.memory:
        return ""
    few, many = sorted(report.memory)
    ratio = report.memory[many] / report.memory[few]
    rows = [[f"{items:,}", f"{size / 2**20:.0f} MiB"] for items, size in report.memory.items()]
    return _table(
        "## Memory\n\nMost resident memory of all processes together, items of 50 ms: "
        f"{ratio:.2f} times as much for {many // few} times the items.",
        ["items", "memory"],
        rows,
    )  # fmt: skip


def _speed(costs: Iterable[float]) -> str:
    return f"{1 / median(costs):,.0f}"


def _spread(ratios: Sequence[float], digits: int) -> str:
    low, high = min(ratios), max(ratios)
    return f"{median(ratios):.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def _start(paces: Sequence[Pace]) -> str:
    return f"{median(pace.start_cpu for pace in paces):.1f}"


def _table(text: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---", *["--:"] * (len(head) - 1)], *rows]
    return text + "\n\n" + "\n".join(f"| {' | '.join(line)} |" for line in lines)

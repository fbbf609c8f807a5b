# SPDX-License-Identifier: Apache-2.0
"""The figures as tables."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from statistics import median

from ..report import markdown_table
from .rivals import RIVALS
from .run import CPUS, GPU, LOCAL, OURS, PRESET, RAY, Program, Report

_STAGES = ("decode", "kernel", "write")
_NAMES = {"wav": "WAV, 16 bits", "flac": "FLAC", "mp3": "MP3", "ogg": "Ogg Vorbis"}


def as_json(report: Report) -> str:
    """Everything that was measured."""
    return json.dumps(asdict(report), indent=1) + "\n"


def as_markdown(report: Report) -> str:
    """What was measured and how, then a table for each question."""
    tables = (_efficiency, _rivals, _ray, _gpu, _memory)
    return "\n\n".join([_head(report), *filter(None, (table(report) for table in tables))]) + "\n"


def _head(report: Report) -> str:
    about = report.machine
    flags = " ".join(about["vector_flags"])
    versions = ", ".join(f"{name} {number}" for name, number in report.versions.items())
    return (
        f"# `lapped run features --preset {PRESET}`\n\n"
        f"{about['processor']} ({flags}), {about['cores_usable']} cores, load {about['load']} "
        f"before, commit {about['commit']}, {about['time']}.\n{versions}.\n\n"
        "Speech-like audio, 16 kHz, one channel, 1 to 60 s a file, 13 s on average; one thread, "
        f"one core. {report.rounds} rounds in turns:\nmedians, and least to most of the ratios. "
        "CPU seconds of all processes, start-up apart: each program ran on a small and on a\n"
        "large folder, and the difference counts."
    )


def _efficiency(report: Report) -> str:
    rows = []
    for kind, rounds in report.stages.items():
        program = report.programs[kind][OURS]
        stages = [[found[stage] / found["audio_s"] for found in rounds] for stage in _STAGES]
        bounds = [sum(costs) for costs in zip(*stages, strict=True)]
        around = zip(bounds[::2], bounds[1::2], program.paces(), strict=True)  # between two
        share = _spread([(before + after) / 2 / pace for before, after, pace in around], 2)
        speeds = map(_speed, (*stages, bounds, program.paces()))
        rows.append([_NAMES[kind], *speeds, share, f"{program.start():.1f}"])
    decoders = "soundfile"
    if "miniaudio" in report.versions:
        decoders += "; FLAC: miniaudio.flac_read_file_s16, with two copies that a run does without"
    return rows and _table(
        "## Beside the cost of its stages\n\nTimes real time. The bound is what decoding "
        f"({decoders}), the kernel and writing (safetensors, fsync) allow together, each\nmeasured "
        "alone in a loop with nothing around it; efficiency is the run's share of it.",
        ["", "decode", "kernel", "write", "bound", "lapped run", "efficiency", "start, CPU s"],
        rows,
    )


def _rivals(report: Report) -> str:
    rows = []
    for kind, programs in report.programs.items():
        for name in RIVALS:
            if name in programs and OURS in programs:
                theirs, ours = programs[name], programs[OURS]
                times = [a / b for a, b in zip(theirs.paces(), ours.paces(), strict=True)]
                row = [name, _speed(theirs.paces()), _spread(times, 1), f"{theirs.start():.1f}"]
                rows.append([_NAMES[kind], *row])
    return rows and _table(
        f"## Beside what people run instead\n\nThe DataLoader loop: `{report.loader}`, "
        "`torchaudio.transforms.MelSpectrogram`, log, `np.save`, one worker.\nlhotse: "
        "`compute_and_store_features_batch` with `Fbank` and `NumpyFilesWriter`, one worker.",
        ["", "", "times real time", "CPU seconds, times lapped's", "start, CPU s"],
        rows,
        words=2,
    )


def _ray(report: Report) -> str:
    programs = report.programs.get("flac", {})
    if RAY not in programs:
        return ""
    local, ray = programs[LOCAL].paces("wall"), programs[RAY].paces("wall")
    share = _spread([a / b for a, b in zip(local, ray, strict=True)], 2)
    rows = [_by_the_clock(name, programs[name]) for name in (LOCAL, RAY)]
    return _table(
        "## Ray beside the local engine\n\nOne worker each, FLAC, wall time; start-up apart, Ray "
        f"is {share} times as fast.",
        ["", "times real time", "start, s"],
        rows,
    )


def _gpu(report: Report) -> str:
    programs = report.programs.get("wav", {})
    if GPU not in programs:
        return ""
    return _table(
        "## On a GPU\n\nWAV, as many threads as there are processors, wall time.",
        ["", "times real time", "start, s"],
        [_by_the_clock(name, programs[name]) for name in (GPU, CPUS)],
    )


def _by_the_clock(name: str, program: Program) -> list[str]:
    return [name, _speed(program.paces("wall")), f"{program.start('wall'):.1f}"]


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


def _speed(costs: Sequence[float]) -> str:
    return f"{1 / median(costs):,.0f}"


def _spread(ratios: Sequence[float], digits: int) -> str:
    low, high = min(ratios), max(ratios)
    return f"{median(ratios):.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def _table(text: str, head: list[str], rows: list[list[str]], words: int = 1) -> str:
    return f"{text}\n\n{markdown_table([head, *rows], words)}"

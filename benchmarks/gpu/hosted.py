# SPDX-License-Identifier: Apache-2.0
"""Features of audio in the host's memory, back in the host's memory, as `lapped run` makes them.

Beside the whole: how long the device alone was at its kernels and at copies each way, and for what
share of the call it was at any of them.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from types import ModuleType
from typing import Any

import numpy as np

from lapped._malloc import keep_freed_memory
from lapped.batch.config import Config
from lapped.batch.work import work_of

from .. import machine
from ..report import markdown_table
from ..results import as_lines
from . import device

PRESET, RATE = "whisper-80", 16_000
_SECONDS = 3600  # of audio in one call
_SETS = 3  # of inputs in turn, so that none is in a cache of the processor's
_ROUNDS = 15
_COPIES = {"HtoD": "up", "DtoH": "down"}  # by a word of their names

Interval = tuple[float, float]


@dataclass(frozen=True)
class Row:
    """One kind of clips; times in seconds."""

    clips: str
    dtype: str
    audio_s: float
    wall: list[float]
    kernels: float
    up: float
    down: float
    busy: float  # share of a call
    within_loads: float  # share of the time from a load's first kernel to its last


def rows(torch: ModuleType) -> Iterator[Row]:
    """Speech-like lengths and the half minutes that a speech model hears, in both precisions."""
    keep_freed_memory()  # as workers of a run do
    for clips in ("13 s on average", "30 s"):
        sets = [audio(clips, seed) for seed in range(_SETS)]
        for dtype in ("float32", "float16"):
            yield _row(torch, clips, dtype, sets)


def _row(torch: ModuleType, clips: str, dtype: str, sets: list[list[np.ndarray]]) -> Row:
    work = work_of(Config(preset=PRESET, dtype=dtype), "cuda")
    wall = []
    for turn in range(_SETS + _ROUNDS):
        inputs = sets[turn % _SETS]
        begin = time.perf_counter()
        results = work(inputs, [])
        wall.append(time.perf_counter() - begin)
        del results
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CUDA]) as profile:
        begin = time.perf_counter()
        work(sets[0], [])
        whole = time.perf_counter() - begin
    found = by_kind(profile.events())
    together = union(each for intervals in found.values() for each in intervals)
    return Row(
        clips,
        dtype,
        sum(map(len, sets[0])) / RATE,
        wall[_SETS:],
        **{kind: total(intervals) for kind, intervals in found.items()},
        busy=total(together) / whole,
        within_loads=within_loads(found["kernels"], found["up"]),
    )


def by_kind(events: Iterable[Any]) -> dict[str, list[Interval]]:
    """When the device was at what, in seconds, from a profiler's events."""
    found: dict[str, list[Interval]] = {"kernels": [], "up": [], "down": []}
    for event in events:
        if "cuda" in str(event.device_type).lower() and not event.name.startswith("Memset"):
            kind = next((_COPIES[word] for word in _COPIES if word in event.name), "kernels")
            span = event.time_range
            found[kind].append((span.start / 1e6, span.end / 1e6))
    return {kind: sorted(intervals) for kind, intervals in found.items()}


def union(intervals: Iterable[Interval]) -> list[Interval]:
    """The same time, none of it twice."""
    found: list[Interval] = []
    for begin, end in sorted(intervals):
        if found and begin <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((begin, end))
    return found


def total(intervals: Iterable[Interval]) -> float:
    return sum(end - begin for begin, end in intervals)


def within_loads(kernels: Sequence[Interval], ups: Sequence[Interval]) -> float:
    """How much of the time between a load's first and last kernel is a kernel's.

    The kernels of a load begin after its copy, and end before those of the next do.
    """
    loads: dict[int, list[Interval]] = {}
    for begin, end in kernels:
        loads.setdefault(sum(arrived <= begin for _, arrived in ups), []).append((begin, end))
    spans = sum(max(end for _, end in load) - load[0][0] for load in loads.values())
    return total(union(kernels)) / spans if spans else 0.0


def audio(clips: str, seed: int) -> list[np.ndarray]:
    random = np.random.default_rng(seed)
    found, left = [], _SECONDS * RATE
    while left > 0:
        drawn = 30.0 if clips == "30 s" else np.clip(random.lognormal(np.log(11), 0.55), 1, 60)
        samples = min(int(drawn * RATE), max(left, RATE))
        found.append(random.integers(-9000, 9000, samples).astype(np.int16))
        left -= samples
    return found


def as_json(torch: ModuleType, found: Sequence[Row]) -> str:
    about = {"machine": machine.facts(), "gpu": device.facts(torch)}
    return as_lines({**about, "rows": [asdict(row) for row in found]})


def as_markdown(torch: ModuleType, found: Sequence[Row]) -> str:
    """Times real time, and what the device did meanwhile."""
    head = ["clips", "results", "whole", "kernels", "copies up", "copies down"]
    lines = [[*head, "device busy", "kernels within a load"]]
    for row in found:
        alone = [f"{row.audio_s / took:,.0f}" for took in (row.kernels, row.up, row.down)]
        shares = [f"{row.busy:.0%}", f"{row.within_loads:.0%}"]
        lines.append([row.clips, row.dtype, speed(row), *alone, *shares])
    gpu, about = device.facts(torch), machine.facts()
    return (
        f"# Features from host memory: {PRESET}, int16\n\n{gpu['name']}, driver "
        f"{gpu.get('driver_version')}; {about['processor']}, {about['cores_usable']} cores; commit "
        f"{about['commit'] or 'source tree'}, {about['time']}.\n\nTimes real time, "
        f"{_SECONDS} s of audio in a call, from arrays in ordinary memory to arrays in ordinary "
        f"memory:\nmedian, least and most of {_ROUNDS} calls. Kernels and copies: what the device "
        "alone would allow, from a profile of one\ncall, with the share of that call in which it "
        f"was at any of them.\n\n{markdown_table(lines, 2)}\n"
    )


def speed(row: Row) -> str:
    each = [row.audio_s / took for took in row.wall]
    return f"{row.audio_s / median(row.wall):,.0f} ({min(each):,.0f} to {max(each):,.0f})"

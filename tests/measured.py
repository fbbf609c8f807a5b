# SPDX-License-Identifier: Apache-2.0
"""Reports of the benchmark made up for tests: what a run would return, without running."""

from __future__ import annotations

from benchmarks.cases import CALL, MAIN, Case
from benchmarks.floors import Copy, Floors, Transform
from benchmarks.measure import Ratio, Timing
from benchmarks.memory import Weight
from benchmarks.run import Report, Row, Settings
from benchmarks.suites import Block
from benchmarks.threads import Speedup


def timing(milliseconds: float, spread: float = 0.1) -> Timing:
    median = 1e6 * milliseconds
    return Timing(median, (median * (1 - spread), median * (1 + spread)), spread * median, 9)


def rows(op: str, case: Case, group: str = "sizes", **others: float) -> list[Row]:
    """lapped at 1 ms, and other libraries at as many milliseconds as are given."""
    ours = timing(1)
    found = [Row(group, op, case, "lapped", "lapped", 1e-7, ours)]
    for library, milliseconds in others.items():
        theirs = timing(milliseconds)
        ratio = Ratio.of(theirs, ours)
        found.append(Row(group, op, case, library, f"{library}.{op}", 2e-7, theirs, ratio))
    return found


FLOORS = Floors(
    {"float32": 100e9, "float64": 50e9},
    (Copy("L1", 2**14, 200e9), Copy("DRAM", 2**28, 10e9)),
    (Transform(1024, "float32", 320.0, 400.0, 0.8, 0.64),),
)


def report(**changes: object) -> Report:
    """A processor's times at the main sizes; torch.mel takes 8, 9, 10 and 11 times as long."""
    measured = []
    for extra, case in enumerate(MAIN):
        measured += rows("mel", case, torch=8 + extra, librosa=20)
        measured += rows("mel_inverse", case, torch=3)
        measured.append(Row("sizes", "mel", case, "scipy", "scipy.mel", refused="has no filters"))
    measured += rows("stft", CALL, "call", torch=2)
    for seconds in (1, 10):
        measured += rows("mel", Case(1024, 256, 22050, seconds=seconds), "length", torch=9)
    values = {
        "settings": Settings((Block("sizes"),)),
        "machine": {
            "processor": "a processor",
            "family_model_stepping": ["1", "2", "3"],
            "load": [0.5, 0.5, 0.5],
        },
        "versions": {"lapped": "1", "torch": "2", "librosa": "3", "scipy": "4"},
        "instruction_set": "avx2",
        "malloc_tuned": True,
        "load_after": None,
        "rows": tuple(measured),
        "skipped": {"nnaudio": "not here"},
        "floors": FLOORS,
        "speedups": (
            Speedup("mel", MAIN[0], 2, timing(2), timing(1), *[Ratio.of(timing(2), timing(1))] * 2),
        ),
        "weights": (Weight("mel", MAIN[0], "lapped", "lapped", 3 * 2**20, 2**19),),
    }
    return Report(**values | changes)

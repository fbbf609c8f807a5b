# SPDX-License-Identifier: Apache-2.0
"""Takes the figures, in turns, so that all of them see the same machine.

A program is run on a small folder and on a large one: the difference is what each further second
of audio costs, the rest its start.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from lapped.batch.needs import needed
from lapped.cli.versions import installed_version

from .. import machine
from . import corpus, rivals
from .cost import Cost, cost_of

PRESET = "whisper-80"
OURS, LOCAL, RAY = "lapped run", "local engine", "Ray"
GPU, CPUS = "one GPU", "all processors"
_COPIES = {"wav": (1, 21), "flac": (1, 7), "mp3": (1, 5), "ogg": (1, 5)}
_RIVAL_COPIES = (1, 3)
_RAY_COPIES = (4, 16)
_GPU_COPIES = (8, 64)
_FEW, _MANY = 10_000, 1_000_000
_PACKAGES = (
    *("numpy", "soundfile", "miniaudio", "safetensors", "pyarrow", "torch"),
    *("torchaudio", "torchcodec", "lhotse", "ray"),
)

_ON_DEVICES = {GPU: ("--device", "cuda"), CPUS: ()}

Say = Callable[[str], None]


@dataclass(frozen=True)
class Took:
    """CPU and wall seconds of one run."""

    cpu: float
    wall: float


@dataclass
class Program:
    """Every run of one program on the folders of one format."""

    small_s: float  # audio of the small folder
    large_s: float
    small: list[Took] = field(default_factory=list)
    large: list[Took] = field(default_factory=list)

    def paces(self, clock: str = "cpu") -> list[float]:
        """Seconds for each further second of audio, by round; the start is the median one's."""
        start = median(getattr(took, clock) for took in self.small)
        more = self.large_s - self.small_s
        return [(getattr(took, clock) - start) / more for took in self.large]

    def start(self, clock: str = "cpu") -> float:
        """Seconds before the first second of audio."""
        small = median(getattr(took, clock) for took in self.small)
        return small - median(self.paces(clock)) * self.small_s


@dataclass
class Report:
    """Every figure of every round."""

    machine: dict[str, Any]
    versions: dict[str, str]
    loader: str
    rounds: int
    stages: dict[str, list[dict[str, float]]] = field(default_factory=dict)  # two a round
    programs: dict[str, dict[str, Program]] = field(default_factory=dict)  # by format and name
    memory: dict[int, int] = field(default_factory=dict)  # items, bytes


@dataclass(frozen=True)
class Plan:
    """What is measured."""

    root: Path
    formats: tuple[str, ...] = tuple(_COPIES)
    parts: tuple[str, ...] = ("stages", "rivals", "ray", "memory")
    rounds: int = 5


def run(plan: Plan, say: Say) -> Report:
    """Everything, round by round."""
    report = Report(machine.facts(), _versions(), rivals.loader()[0], plan.rounds)
    bench = _Bench(plan.root, report, say)
    for turn in range(plan.rounds):
        say(f"round {turn + 1} of {plan.rounds}")
        for kind in plan.formats:
            if "stages" in plan.parts:
                bench.stages(kind)
                bench.program(kind, OURS, _COPIES[kind], bench.lapped)
                bench.stages(kind)
            if "rivals" in plan.parts and kind in ("wav", "flac"):
                for name in rivals.RIVALS:
                    bench.program(kind, name, _RIVAL_COPIES, bench.rival(name))
        if "ray" in plan.parts:
            bench.program("flac", LOCAL, _RAY_COPIES, bench.lapped, one_core=False)
            bench.program("flac", RAY, _RAY_COPIES, bench.ray, one_core=False)
        if "gpu" in plan.parts:
            for name, options in _ON_DEVICES.items():
                command = partial(bench.lapped, options=options)
                bench.program("wav", name, _GPU_COPIES, command, one_core=False)
    if "memory" in plan.parts:
        for items in (_FEW, _MANY):
            report.memory[items] = bench.memory(items)
    return report


class _Bench:
    """Runs programs and keeps what they took."""

    def __init__(self, root: Path, report: Report, say: Say) -> None:
        self._root, self._report, self._say = root, report, say

    def stages(self, kind: str) -> None:
        folder = corpus.make(self._root, kind, 1)
        with self._output() as output:
            arguments = ["benchmarks.batch.stages", str(folder.path), PRESET, str(output)]
            found = json.loads(self._cost(arguments).output)
        self._report.stages.setdefault(kind, []).append(found)

    def program(
        self,
        kind: str,
        name: str,
        copies: tuple[int, int],
        command: Callable[[Path, Path], list[str]],
        one_core: bool = True,
    ) -> None:
        small, large = (corpus.make(self._root, kind, count) for count in copies)
        programs = self._report.programs.setdefault(kind, {})
        found = programs.setdefault(name, Program(small.audio_s, large.audio_s))
        for folder, kept in ((small, found.small), (large, found.large)):
            with self._output() as output:
                cost = self._cost(command(folder.path, output), one_core)
            kept.append(Took(cost.cpu, cost.wall))
        pace = found.paces("cpu" if one_core else "wall")[-1]
        self._say(f"{kind}: {name} {1 / pace:,.0f}x")

    def lapped(
        self, folder: Path, output: Path, options: tuple[str, ...] = ("--threads", "1")
    ) -> list[str]:
        return [
            *("lapped", "run", "features", str(folder), "-o", str(output / "run")),
            *("--preset", PRESET, "--progress", "none", *options),
        ]

    def ray(self, folder: Path, output: Path) -> list[str]:
        cluster = ("--engine", "ray", "--ray-address", "local", "--workers", "1")
        return [*self.lapped(folder, output), *cluster]

    def rival(self, name: str) -> Callable[[Path, Path], list[str]]:
        return lambda folder, output: ["benchmarks.batch.rivals", name, str(folder), str(output)]

    def memory(self, items: int) -> int:
        """Most memory of a run over so many stretches of the same files."""
        folder = corpus.make(self._root, "wav", 1)
        with self._output() as output:
            manifest = _stretches(folder.paths(), items, output / "items.parquet")
            arguments = [*self.lapped(manifest, output), "--dtype", "float16"]
            cost = cost_of(arguments, self._root / "log", look_at_memory=True)
        self._say(f"{items:,} items: {cost.memory >> 20} MiB, {cost.wall:.0f} s")
        return cost.memory

    def _cost(self, arguments: list[str], one_core: bool = True) -> Cost:
        return cost_of(arguments, self._root / "log", one_core)

    @contextmanager
    def _output(self) -> Iterator[Path]:
        folder = Path(tempfile.mkdtemp(dir=self._root))
        try:
            yield folder
        finally:
            shutil.rmtree(folder)


def _stretches(paths: list[str], items: int, manifest: Path) -> Path:
    """A manifest of 50 ms each, no two of which begin at the same time of the same file."""
    pa = needed("pyarrow")
    numbers = range(items)
    starts = [i // len(paths) * 0.9 / -(-items // len(paths)) for i in numbers]
    columns = {
        "path": [paths[i % len(paths)] for i in numbers],
        "start": starts,
        "end": [start + 0.05 for start in starts],
    }
    needed("pyarrow.parquet").write_table(pa.table(columns), manifest)
    return manifest


def _versions() -> dict[str, str]:
    found = {package: installed_version(package) for package in _PACKAGES}
    return {package: number for package, number in found.items() if number}

# SPDX-License-Identifier: Apache-2.0
"""Runs of `lapped run` for the tests: as a process of its own, and what it left behind."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np

from lapped.batch.record import index
from lapped.batch.record.layout import Layout
from lapped.batch.sinks import read_back

COMMAND = [sys.executable, "-m", "lapped"]
PRESET = "whisper-80"


def arguments(inputs, output: Path, *more: str, work: str = "features") -> list[str]:
    inputs = inputs if isinstance(inputs, list) else [inputs]
    preset = ["--preset", PRESET] if "--preset" not in more and work == "features" else []
    plain = ["--progress", "none"] if "--progress" not in more else []
    return [
        *COMMAND, "run", work, *map(str, inputs), "-o", str(output), *preset, *plain, *more
    ]  # fmt: skip


def run(inputs, output: Path, *more: str, work: str = "features", env=None, **about):
    """The finished process of `lapped run`."""
    return call(*arguments(inputs, output, *more, work=work)[len(COMMAND) :], env=env, **about)


def call(*words: str, env=None, timeout: float = 120, **about):
    """The finished process of any command."""
    environment = {**os.environ, **(env or {})}
    return subprocess.run(
        [*COMMAND, *map(str, words)],
        capture_output=True,
        text=True,
        errors="surrogateescape",
        timeout=timeout,
        env=environment,
        **about,
    )


def rows(output: Path) -> list[dict]:
    """Rows of all indexes, in order."""
    layout = Layout(output)
    return [row for part in layout.indexed() for row in index.rows_of(layout, part)]


def results(output: Path) -> dict[str, np.ndarray]:
    """Results by the name of their input."""
    done = (row for row in rows(output) if row["status"] == "ok")
    return {row["name"]: read_back(Path(output), row["place"]) for row in done}


def codes(output: Path) -> dict[str, str]:
    """Errors by the name of their input."""
    return {row["name"]: row["code"] for row in rows(output) if row["status"] == "error"}


def contents(output: Path) -> dict[str, bytes]:
    """Every file of finished parts, but for what names the folder itself."""
    parts = Path(output) / "parts"
    return {
        str(path.relative_to(parts)): path.read_bytes().replace(os.fsencode(output), b"OUT")
        for path in sorted(parts.rglob("*"))
        if path.is_file()
    }


def leftovers(output: Path) -> list[str]:
    """Files under temporary names."""
    return [str(path) for path in Path(output).rglob("*.tmp")]


def summary(output: Path) -> dict:
    return json.loads((Path(output) / "summary.json").read_text())

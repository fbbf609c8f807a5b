# SPDX-License-Identifier: Apache-2.0
"""The demo: the three pipelines with pretrained models over recorded speech."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path

DONE, LEFT_OUT, CANNOT_RUN = 0, 1, 5
NEEDED = ("torch", "scipy", "soundfile", "matplotlib", "tqdm", "onnx")


def run(
    output_dir: str | Path,
    files: Sequence[str | Path] = (),
    echo: Callable[[str], None] = print,
) -> int:
    """Run every setting over `files`, or over the demo's own recordings, and return an exit code.

    Results go to `output_dir`; `echo` gets the table and every line of report. 0: done; 1: done,
    but files were left out; 5: something that the demo needs is missing.
    """
    if missing := [name for name in NEEDED if find_spec(name) is None]:
        echo(f"the demo needs {', '.join(missing)}: pip install torch 'lapped[demo]'")
        return CANNOT_RUN
    from lapped.demo.recordings import built_in, from_files
    from lapped.demo.session import perform
    from lapped.demo.settings import SETTINGS

    output = Path(output_dir)
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        echo(f"the folder for the results cannot be made: {error}")
        return CANNOT_RUN
    recordings = from_files([Path(file) for file in files], echo) if files else built_in(echo)
    if not recordings:
        echo("no recording is left to work on")
        return LEFT_OUT
    if not perform(SETTINGS, recordings, output, echo):
        return CANNOT_RUN
    return LEFT_OUT if len(recordings) < len(files) else DONE

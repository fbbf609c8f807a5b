# SPDX-License-Identifier: Apache-2.0
"""The command `lapped demo`."""

from __future__ import annotations

from pathlib import Path

import click

from lapped import demo


@click.command("demo")
@click.argument("files", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("demo-output"),
    show_default=True,
    help="Folder for the sound, the scores and the picture.",
)
def command(files: tuple[Path, ...], output: Path) -> int:
    """Run the three pipelines with pretrained models over recorded speech.

    FILES are your own recordings, of which the first minute is used; without them the demo takes
    speech in noise out of the packages that requirements/demo-models.txt lists. It prints a table
    of speed and quality, and writes every result as WAV and one picture of all spectrograms.

    Exit codes: 0 done, 1 done without the files that could not be decoded, 5 something is missing.
    """
    return demo.run(output, files, click.echo)

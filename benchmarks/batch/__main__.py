# SPDX-License-Identifier: Apache-2.0
"""The command `python -m benchmarks.batch`."""

from __future__ import annotations

import tempfile
from pathlib import Path

import click

from ..command import failure, make_folder, output_option
from .corpus import FORMATS
from .report import as_json, as_markdown
from .run import Plan, run

_PARTS = (*Plan.parts, "gpu")


@click.command("benchmarks.batch")
@click.option(
    "--format", "formats", multiple=True, type=click.Choice(list(FORMATS)), help="Only this one."
)
@click.option("--part", "parts", multiple=True, type=click.Choice(_PARTS), help="Only this one.")
@click.option("--rounds", type=click.IntRange(1), default=Plan.rounds, show_default=True)
@click.option(
    "--scratch",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for audio and results, some 4 GB; audio that is there is used again.",
)
@output_option("Folder for batch.json and batch.md.")
def command(
    formats: tuple[str, ...],
    parts: tuple[str, ...],
    rounds: int,
    scratch: Path | None,
    output: Path | None,
) -> None:
    """Time `lapped run features` beside its stages, other programs and itself.

    All of it takes some half an hour; --format and --part may be given several times. The part
    gpu, which needs a CUDA device, is done only where it is named.
    """
    if output:
        make_folder(output, "batch.json")
    with tempfile.TemporaryDirectory() as temporary:
        root = scratch or Path(temporary)
        root.mkdir(parents=True, exist_ok=True)
        plan = Plan(root, formats or Plan.formats, parts or Plan.parts, rounds)
        try:
            report = run(plan, lambda line: click.echo(line, err=True))
        except (ImportError, RuntimeError) as error:
            raise failure(str(error)) from error
    click.echo(as_markdown(report))
    if output:
        (output / "batch.json").write_text(as_json(report), encoding="utf-8")
        (output / "batch.md").write_text(as_markdown(report), encoding="utf-8")


command(prog_name="benchmarks.batch")

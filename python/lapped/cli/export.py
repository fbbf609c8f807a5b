# SPDX-License-Identifier: Apache-2.0
"""The command `lapped export`."""

from __future__ import annotations

import click

from lapped.batch.exporting import export
from lapped.batch.exports import TARGETS
from lapped.cli.batch_errors import refusing


@click.command("export")
@click.argument("folder", metavar="OUT", type=click.Path(file_okay=False))
@click.option("--to", type=click.Choice(TARGETS), required=True, help="Who shall read it.")
@click.option(
    "-o",
    "--output",
    metavar="FOLDER",
    required=True,
    type=click.Path(),
    help="Folder that does not exist yet; it appears when all is written.",
)
@click.option(
    "--progress",
    type=click.Choice(["auto", "plain", "json", "none"]),
    default="auto",
    show_default=True,
    help="How it is shown.",
)
def command(folder: str, to: str, output: str, progress: str) -> None:
    """Write the results in OUT as another library reads them."""
    with refusing():
        count = export(folder, output, to, progress=progress)
    click.echo(f"{count:,} results in {output}")

# SPDX-License-Identifier: Apache-2.0
"""The command `python -m benchmarks.gpu`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import click

from ..command import failure, make_folder, output_option, progress_bar
from . import smoke
from .device import NoDeviceError, torch_with_cuda
from .report import as_json, as_markdown
from .run import Report, run
from .sizes import QUICK, Plan


@click.command("benchmarks.gpu")
@output_option("Folder for result.json, result.md and roofline.png.")
@click.option("--quick", is_flag=True, help="Two sizes, few rounds, nothing compiled.")
@click.option("--hosted", "only_hosted", is_flag=True, help="Only features from host memory.")
@click.option("--smoke", "only_smoke", is_flag=True, help="One small call of each, not timed.")
@click.option(
    "--seconds",
    type=click.IntRange(1),
    default=480,
    show_default=True,
    help="Begin nothing new after this long; what is left out is named.",
)
def command(
    output: Path | None, quick: bool, only_hosted: bool, only_smoke: bool, seconds: int
) -> None:
    """Time lapped beside other libraries on the current CUDA device.

    What does not agree with float64 is not timed, libraries that are missing are named, and the
    folder holds what is known so far at any time. Exit code 5: there is no device.
    """
    with _told():
        torch = torch_with_cuda()
        if only_smoke:
            _smoke(torch)
            return
        if output:
            make_folder(output)
        if only_hosted:
            _hosted(torch, output)
            return
        keep = _keeper(output)
        with progress_bar() as progress:
            report = run(torch, QUICK if quick else Plan(), seconds, progress, keep)
        click.echo(as_markdown(report))
        if output:
            _draw(report, output)


def _smoke(torch: ModuleType) -> None:
    """A line for each; exit code 1 when one is wrong."""
    wrong = 0
    for row in smoke.rows(torch):
        wrong += row.refused is not None
        said = row.refused or f"ok, error {row.error:.1e}"
        click.echo(f"{row.op:12} {row.case.name:24} {said}")
    if wrong:
        raise click.ClickException(f"{wrong} calls are wrong")


def _hosted(torch: ModuleType, output: Path | None) -> None:
    from . import hosted  # needs what the extra `batch` brings

    found = list(hosted.rows(torch))
    click.echo(hosted.as_markdown(torch, found))
    if output:
        (output / "hosted.json").write_text(hosted.as_json(torch, found), encoding="utf-8")
        (output / "hosted.md").write_text(hosted.as_markdown(torch, found), encoding="utf-8")


def _keeper(output: Path | None) -> Callable[[Report], Any]:
    def keep(report: Report) -> None:
        if output:
            (output / "result.json").write_text(as_json(report), encoding="utf-8")
            (output / "result.md").write_text(as_markdown(report), encoding="utf-8")

    return keep


def _draw(report: Report, output: Path) -> None:
    try:
        from .picture import draw
    except ImportError as error:
        click.echo(f"No picture without matplotlib: {error}", err=True)
    else:
        draw(report, output / "roofline.png")


@contextmanager
def _told() -> Iterator[None]:
    """What the environment lacks, in one line."""
    try:
        yield
    except (NoDeviceError, ImportError) as error:
        raise failure(str(error)) from error


if __name__ == "__main__":
    command(prog_name="benchmarks.gpu")

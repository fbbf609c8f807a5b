# SPDX-License-Identifier: Apache-2.0
"""The command `lapped bench`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TextIO

import click

from .cases import CASES, MAIN, OPS
from .measure import QUICK, Effort
from .report import as_json, as_markdown, as_text
from .rivals import LIBRARIES
from .run import OURS, Progress, Report, Settings, run

_EVERY = tuple(CASES)
_QUICK_LIBRARIES = ("torch", "torchaudio")
_OUTPUT = click.File("w", encoding="utf-8", lazy=False)  # an unwritable path is told before timing
_ENVIRONMENT = 5  # exit code


@click.command("bench")
@click.option(
    "--op", "ops", multiple=True, type=click.Choice(list(OPS)), help="Only this operation."
)
@click.option(
    "--case",
    "cases",
    multiple=True,
    type=click.Choice([*_EVERY, "all"]),
    help="Only this size, n_fft/hop[@seconds][xbatch]; 'all' adds short, long and batched audio.",
)
@click.option(
    "--rival",
    "libraries",
    multiple=True,
    type=click.Choice([name for name in LIBRARIES if name != OURS]),
    help="Compare with this library only.",
)
@click.option("--rounds", type=click.IntRange(1), help="Time every call this often.")
@click.option("--quick", is_flag=True, help="Fewer rounds, and torch and torchaudio alone.")
@click.option("--threads", type=click.IntRange(1), default=1, show_default=True)
@click.option("--stock-malloc", is_flag=True, help="Leave the C library's malloc as it is.")
@click.option("--json", "json_file", type=_OUTPUT, help="Write everything measured to this file.")
@click.option("--markdown", "markdown_file", type=_OUTPUT, help="Write the tables to this file.")
def command(
    ops: tuple[str, ...],
    cases: tuple[str, ...],
    libraries: tuple[str, ...],
    rounds: int | None,
    quick: bool,
    threads: int,
    stock_malloc: bool,
    json_file: TextIO | None,
    markdown_file: TextIO | None,
) -> None:
    """Time lapped beside torch, torchaudio, librosa and SciPy on this machine.

    Libraries that are not installed are left out by name, and whatever does not agree with a
    float64 reference is not timed. --op, --case and --rival may be given several times.
    """
    settings = Settings(
        ops=ops or tuple(OPS),
        cases=_EVERY if "all" in cases else cases or tuple(case.name for case in MAIN),
        libraries=libraries or (_QUICK_LIBRARIES if quick else LIBRARIES),
        effort=replace(QUICK if quick else Effort(), rounds=rounds),
        threads=threads,
        tune_malloc=not stock_malloc,
    )
    with _progress_bar() as progress:
        report = _run(settings, progress)
    click.echo(as_text(report))
    if json_file:
        json_file.write(as_json(report))
    if markdown_file:
        markdown_file.write(as_markdown(report))


def _run(settings: Settings, progress: Progress) -> Report:
    try:
        return run(settings, progress)
    except ImportError as error:
        problem = click.ClickException(str(error))
        problem.exit_code = _ENVIRONMENT
        raise problem from error


@contextmanager
def _progress_bar() -> Iterator[Progress]:
    """On stderr, so that the table can be piped; nothing where tqdm is not installed."""
    try:
        from tqdm import tqdm
    except ImportError:
        yield lambda what, done, total: None
        return
    with tqdm(unit="step", leave=False, dynamic_ncols=True) as bar:

        def progress(what: str, done: int, total: int) -> None:
            bar.total, bar.n = total, done
            bar.set_description(what)

        yield progress

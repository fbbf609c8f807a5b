# SPDX-License-Identifier: Apache-2.0
"""The command `lapped bench`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from .cases import CASES, MAIN, OPS
from .measure import QUICK
from .report import as_markdown, as_text
from .results import as_json, from_json
from .rivals import LIBRARIES, OURS
from .run import Progress, Report, Settings, run
from .suites import EVERYDAY, NEAREST, SUITES, Block

_ENVIRONMENT = 5  # exit code
_EXTRAS = {"standard": ("floors",), "full": ("floors", "threads", "memory")}


def output_option(help: str) -> Callable[[Any], Any]:
    """The folder that a benchmark writes what it found to."""
    kind = click.Path(path_type=Path, file_okay=False)
    return click.option("-o", "--output", type=kind, help=help)


@click.command("bench")
@click.option(
    "--suite",
    type=click.Choice(list(SUITES)),
    default="standard",
    show_default=True,
    help="'full' adds float64, short, long and batched audio, the cost of a call, two threads "
    "and memory.",
)
@click.option(
    "--op", "ops", multiple=True, type=click.Choice(list(OPS)), help="Only this operation."
)
@click.option(
    "--case",
    "cases",
    multiple=True,
    type=click.Choice([*CASES, "all"]),
    help="Only this size, n_fft/hop[@seconds][xbatch][:dtype].",
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
@output_option("Folder for result.json, result.md and the pictures.")
@click.option(
    "--read",
    "source",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Measure nothing: show what this result.json holds.",
)
def command(
    suite: str,
    ops: tuple[str, ...],
    cases: tuple[str, ...],
    libraries: tuple[str, ...],
    rounds: int | None,
    quick: bool,
    threads: int,
    stock_malloc: bool,
    output: Path | None,
    source: Path | None,
) -> None:
    """Time lapped beside other libraries on this machine.

    Libraries that are not installed are left out by name, and whatever does not agree with a
    float64 reference is not timed. --op, --case and --rival may be given several times.
    """
    if output:
        make_folder(output)
    if source:
        report = from_json(source.read_text(encoding="utf-8"))
    else:
        blocks = _narrowed(SUITES[suite], ops, cases, libraries or (NEAREST if quick else ()))
        extras = ("floors",) if ops or cases else _EXTRAS[suite]
        blocks = tuple(_with_rounds(block, rounds, quick) for block in blocks)
        report = _run(Settings(blocks, extras, threads, not stock_malloc))
    click.echo(as_text(report))
    if output:
        _write(report, output)


def _narrowed(
    blocks: tuple[Block, ...],
    ops: tuple[str, ...],
    cases: tuple[str, ...],
    libraries: tuple[str, ...],
) -> tuple[Block, ...]:
    """The blocks of a suite, or a single one of what was asked for."""
    if ops or cases:
        names = CASES if "all" in cases else cases or [case.name for case in MAIN]
        chosen = tuple(CASES[name] for name in names)
        blocks = (Block("sizes", ops or tuple(OPS), chosen, EVERYDAY),)
    return tuple(replace(block, libraries=libraries or block.libraries) for block in blocks)


def _with_rounds(block: Block, rounds: int | None, quick: bool) -> Block:
    return replace(block, effort=replace(QUICK if quick else block.effort, rounds=rounds))


def make_folder(folder: Path, result: str = "result.json") -> None:
    """An unwritable path is told before timing."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / result).open("a").close()
    except OSError as error:
        raise failure(f"cannot write to {folder}: {error.strerror}") from error


def _write(report: Report, folder: Path) -> None:
    (folder / "result.json").write_text(as_json(report), encoding="utf-8")
    (folder / "result.md").write_text(as_markdown(report), encoding="utf-8")
    try:
        from .pictures import draw
    except ImportError as error:
        click.echo(f"\nNo pictures without matplotlib: {error}", err=True)
    else:
        draw(report, folder)
    click.echo(f"\nWritten to {folder}: {', '.join(sorted(p.name for p in folder.iterdir()))}")


def _run(settings: Settings) -> Report:
    try:
        with progress_bar() as progress:
            return run(settings, progress)
    except ImportError as error:
        raise failure(str(error)) from error


def failure(message: str) -> click.ClickException:
    """Of the environment: exit code 5."""
    problem = click.ClickException(message)
    problem.exit_code = _ENVIRONMENT
    return problem


@contextmanager
def progress_bar() -> Iterator[Progress]:
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

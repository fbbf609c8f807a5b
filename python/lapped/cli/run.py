# SPDX-License-Identifier: Apache-2.0
"""The command `lapped run`: every option is a field of `lapped.batch.Config`."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from lapped.batch import config, running, start
from lapped.cli.batch_errors import refusing
from lapped.cli.grouped import GroupedCommand, GroupedOption
from lapped.cli.report import told

_WORKS = {
    "features": """Mel spectrograms of a preset, from audio.

        INPUT is a file, a folder, a quoted glob, a manifest (.csv, .tsv, .jsonl, .parquet; lhotse
        and NeMo ones, too), a WebDataset tar, Parquet with audio in it, a URL, or "-" for a list of
        paths on standard input.
        """,
    "reconstruct": """Audio from mel or magnitude spectrograms, by Griffin-Lim or a vocoder.

        INPUT is a .npy or .safetensors file, a folder of them, a glob, a manifest, "-" for a list
        on standard input, or the OUT of lapped run features.
        """,
    "pipeline": """Audio from audio, through a model in one of the three settings.

        INPUT is whatever lapped run features takes.
        """,
}


@click.group("run")
def command() -> None:
    r"""Do one thing to every input, each result exactly once.

    The same command on the same OUT goes on where it was stopped, by whatever it was. What could
    not be read is listed by lapped errors.

    \b
    Exit codes: 0 all done; 1 finished, some inputs failed; 2 wrong call; 3 refused, OUT holds
    another plan or is locked; 4 stopped, too many errors; 5 disk, package, model or device is
    missing; 130 and 143 interrupted: the same command goes on.
    """


def _option(each: dataclasses.Field) -> GroupedOption:
    name = "--" + each.name.replace("_", "-")
    about: dict[str, Any] = {"help": each.metadata["help"], "group": each.metadata["group"]}
    if isinstance(each.default, bool):
        return GroupedOption([f"{name}/--no-{name[2:]}"], default=each.default, **about)
    if choices := [choice for choice in each.metadata.get("choices", ()) if choice]:
        about["type"] = click.Choice(choices)
    elif least := _number(each):
        about["type"] = least
    if shown := _shown(each):  # click would put parentheses around a default that is not its own
        about["help"] += f"  [default: {shown}]"
    return GroupedOption([name], default=None, **about)


def _number(each: dataclasses.Field) -> Any:
    if "least" not in each.metadata:
        return None
    return float if "float" in str(each.type) else int


def _shown(each: dataclasses.Field) -> str:
    default = each.default
    if default in (None, ""):
        return ""
    if each.metadata.get("unit") == "bytes":
        return f"{default >> 30}G"
    return f"{default:g}s" if each.metadata.get("unit") == "seconds" else str(default)


def _options_of(work: str) -> list[click.Parameter]:
    fields = [
        each
        for each in dataclasses.fields(config.Config)
        if not each.metadata.get("hidden") and work in each.metadata.get("works", config.WORKS)
    ]
    own: list[click.Parameter] = [
        click.Argument(["inputs"], nargs=-1, metavar="INPUT..."),
        GroupedOption(["-o", "--output"], metavar="OUT", help="Folder of the run.", group="Run"),
        GroupedOption(
            ["--config", "file"],
            type=click.Path(exists=True, dir_okay=False, path_type=Path),
            help="TOML file with any of these options by name; those given here win.",
            group="Run",
        ),
        GroupedOption(["--plan-only"], is_flag=True, help="Plan, print totals.", group="Run"),
        GroupedOption(["--fresh"], is_flag=True, help="Delete what OUT holds first.", group="Run"),
        GroupedOption(["--yes"], is_flag=True, help="Do not ask.", group="Run"),
    ]
    return [*own, *map(_option, fields)]


def _runner(work: str) -> Callable[..., int]:
    def run(file: Path | None, plan_only: bool, fresh: bool, yes: bool, **given: Any) -> int:
        with refusing():
            wanted = _config(work, file, given)
            stdin = sys.stdin.buffer if "-" in wanted.inputs else None
            if plan_only:
                click.echo(told(start.plan_for(wanted, stdin)))
                return 0
            if fresh and not yes:
                _ask(wanted.output)
            done = start.start(wanted, stdin, fresh)
            click.echo(told(done))
            return int(done.exit_code)

    return run


def _ask(output: str) -> None:
    if not sys.stdin.isatty():
        raise ValueError("--fresh needs --yes where nobody can be asked")
    click.confirm(f"Delete the run in {output}?", abort=True)


def _config(work: str, file: Path | None, given: dict[str, Any]) -> config.Config:
    """Options of the file, then those that were given."""
    context = click.get_current_context()
    values = _of_file(file) if file else {}
    for name, value in given.items():
        if context.get_parameter_source(name) is not click.core.ParameterSource.DEFAULT:
            values[name] = value
    values["work"] = work
    for name in ("inputs", "output"):
        if not values.get(name):
            raise ValueError(f"{'INPUT' if name == 'inputs' else '-o OUT'} is missing")
    return config.from_dict(values)


def _of_file(file: Path) -> dict[str, Any]:
    content = running.read_toml(file)
    found = content.get("run", content)
    return {name.replace("-", "_"): value for name, value in found.items()}


for _work, _help in _WORKS.items():
    command.add_command(
        GroupedCommand(_work, params=_options_of(_work), callback=_runner(_work), help=_help)
    )

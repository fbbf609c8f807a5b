# SPDX-License-Identifier: Apache-2.0
"""The commands by name. Each file is imported when its command is called, not before."""

from __future__ import annotations

from importlib import import_module

import click

from lapped.cli import ENVIRONMENT
from lapped.cli.versions import LAPPED

COMMANDS = {  # name: (module:function, what --help says of it)
    "run": ("lapped.cli.run:command", "Do one thing to every file of a folder, or of many."),
    "status": ("lapped.cli.runs:status", "How far a run is."),
    "errors": ("lapped.cli.runs:errors", "What could not be read, and why."),
    "retry": ("lapped.cli.runs:retry", "Do again what failed."),
    "verify": ("lapped.cli.runs:verify", "Are the results as they were written?"),
    "export": ("lapped.cli.export:command", "Results in the form other libraries read."),
    "bench": (
        "lapped.benchmarks.command:command",
        "Time lapped beside other libraries on this machine.",
    ),
    "demo": ("lapped.cli.demo:command", "Run the three pipelines over real speech."),
    "info": ("lapped.cli.info:command", "Show versions, instruction sets and threads."),
    "presets": ("lapped.cli.presets:command", "List the mel front ends that are known by name."),
}


class LazyGroup(click.Group):
    """Knows its commands by name and loads only the one that is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        return _load(name) if name in COMMANDS else None


class Refused(click.ClickException):
    """Ends the command with a message and an exit code of the documented list."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


def _load(name: str) -> click.Command:
    try:
        module, _, function = COMMANDS[name][0].partition(":")
        command: click.Command = getattr(import_module(module), function)
        return command
    except ImportError as error:
        raise Refused(f"lapped {name} cannot start: {_reason(error)}", ENVIRONMENT) from error


def _reason(error: ImportError) -> str:
    if error.name in ("lapped.benchmarks", "lapped.benchmarks.command"):
        return (
            "the benchmarks are not part of this copy of lapped; they come with an installed one, "
            "and in a source tree they are called as python -m benchmarks"
        )
    return str(error)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(LAPPED, message="lapped %(version)s")
def group() -> None:
    """STFT, mel and phase reconstruction: what is installed, how fast it is, how it sounds.

    Exit codes: 0 done, 2 wrong call, 5 something the command needs is missing, 130 interrupted.
    """

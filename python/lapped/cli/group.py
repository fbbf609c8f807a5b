# SPDX-License-Identifier: Apache-2.0
"""The commands by name. Each file is imported when its command is called, not before."""

from __future__ import annotations

from importlib import import_module

import click

from lapped.cli import ENVIRONMENT, WRONG_CALL
from lapped.cli.versions import LAPPED

COMMANDS = {  # name: (module with its `command`, what --help says of it)
    "bench": ("lapped.benchmarks.command", "Time lapped beside other libraries on this machine."),
    "demo": ("lapped.cli.demo", "Run the three pipelines over real speech."),
    "info": ("lapped.cli.info", "Show versions, instruction sets and threads."),
    "presets": ("lapped.cli.presets", "List the mel front ends that are known by name."),
}
PLANNED = ("run", "status", "errors", "retry", "verify", "export")


class LazyGroup(click.Group):
    """Knows its commands by name and loads only the one that is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name in PLANNED:
            raise Refused(f"lapped {name} does not exist yet", WRONG_CALL)
        return _load(name) if name in COMMANDS else None


class Refused(click.ClickException):
    """Ends the command with a message and an exit code of the documented list."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


def _load(name: str) -> click.Command:
    try:
        return import_module(COMMANDS[name][0]).command
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

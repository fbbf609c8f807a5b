# SPDX-License-Identifier: Apache-2.0
"""The commands on a run's folder: `lapped status`, `errors`, `retry`, `verify`."""

from __future__ import annotations

import csv
import json
import sys
import time

import click

from lapped.batch import again, inspect
from lapped.batch.codes import CODES, Exit
from lapped.batch.items import printable
from lapped.cli.batch_errors import refusing
from lapped.cli.report import told

_LOOK_EVERY = 2.0  # seconds
_COLUMNS = ("id", "uri", "member", "start", "end", "channel", "code", "message")

_folder = click.argument("folder", metavar="OUT", type=click.Path(file_okay=False))
_code = click.option("--code", type=click.Choice(list(CODES)), help="Only errors with this code.")


@click.command("status")
@_folder
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.option("--watch", is_flag=True, help="Look again every two seconds, until it is done.")
def status(folder: str, as_json: bool, watch: bool) -> None:
    """How far the run in OUT is. It may be at work meanwhile."""
    with refusing():
        while True:
            found = inspect.status(folder)
            click.echo(json.dumps(found.as_dict()) if as_json else told(found))
            if not (watch and found.running):
                return
            time.sleep(_LOOK_EVERY)


@click.command("errors")
@_folder
@_code
@click.option("--csv", "as_csv", is_flag=True, help="As CSV, with a header.")
def errors(folder: str, code: str | None, as_csv: bool) -> None:
    """List the inputs of OUT that failed, each with its code and what was found."""
    with refusing():
        rows = inspect.errors(folder, code)
        if as_csv:
            writer = csv.DictWriter(sys.stdout, _COLUMNS, extrasaction="ignore")
            writer.writeheader()
            writer.writerows({k: _printable(v) for k, v in row.items()} for row in rows)
            return
        for row in rows:
            member = f"[{row['member']}]" if "member" in row else ""
            click.echo(_printable(f"{row['code']}\t{row['uri']}{member}\t{row['message']}"))


@click.command("retry")
@_folder
@_code
def retry(folder: str, code: str | None) -> int:
    """Do the inputs of OUT again that failed, as they are now.

    Exit codes are those of lapped run.
    """
    with refusing():
        done = again.retry(folder, code)
        click.echo(told(done))
        return int(done.exit_code)


@click.command("verify")
@_folder
@click.option("--deep", is_flag=True, help="Decode every result besides.")
def verify(folder: str, deep: bool) -> int:
    """Read the results in OUT again and compare their checksums.

    A part with a fault is named, and done again by the next lapped run.

    Exit codes: 0 all is as it was written, 1 it is not, 3 OUT is locked or holds no run.
    """
    with refusing():
        faults = inspect.verify(folder, deep)
    for fault in faults:
        click.echo(_printable(f"part {fault.part}: {fault.file}: {fault.what}"))
    if not faults:
        click.echo("all results are as they were written")
    return int(Exit.WITH_ERRORS if faults else Exit.DONE)


def _printable(value: object) -> object:
    """Names need not be UTF-8."""
    return printable(value) if isinstance(value, str) else value

# SPDX-License-Identifier: Apache-2.0
"""The command `lapped`. It needs click, which `import lapped` never does."""

from __future__ import annotations

import sys
from typing import NoReturn

WRONG_CALL = 2
ENVIRONMENT = 5
INTERRUPTED = 130


def main() -> NoReturn:
    """Run the command line and leave with its exit code."""
    try:
        import click
    except ImportError:
        print("lapped: the command line needs click: pip install 'lapped[cli]'", file=sys.stderr)
        sys.exit(ENVIRONMENT)
    from lapped.cli.group import group

    try:
        code = group.main(prog_name="lapped", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("lapped: interrupted", err=True)
        code = INTERRUPTED
    sys.exit(code if isinstance(code, int) else 0)

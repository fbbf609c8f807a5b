# SPDX-License-Identifier: Apache-2.0
"""The command `lapped info`."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator
from importlib import import_module

import click

import lapped
from lapped import _cpu
from lapped.cli.versions import LAPPED, installed_version


@click.command("info")
def command() -> None:
    """Show versions, instruction sets, threads and CUDA devices.

    This is what a report of a problem should quote.
    """
    lines = list(_facts())
    width = max(len(name) for name, _ in lines)
    for name, value in lines:
        click.echo(f"{name.ljust(width)}  {value}")


def _facts() -> Iterator[tuple[str, str]]:
    forced = os.environ.get("LAPPED_ISA")
    yield "lapped", LAPPED
    yield "instruction sets", ", ".join(_cpu.available_isas())
    yield "in use", _cpu.isa() + (f" (LAPPED_ISA={forced})" if forced else "")
    yield "threads", str(lapped.get_num_threads())
    yield "CUDA", _cuda()
    yield "machine", f"{platform.machine()}, {platform.system()}, {os.cpu_count()} cores"
    yield "Python", platform.python_version()
    for package in ("numpy", "torch"):
        yield package, installed_version(package) or "not installed"


def _cuda() -> str:
    """Whether there are kernels for CUDA, and devices to run them."""
    try:
        module = import_module("lapped._cuda")
    except ModuleNotFoundError:
        return "not built"
    devices = module.device_count()
    return f"built; {module.unavailable() or f'devices: {devices}'}"

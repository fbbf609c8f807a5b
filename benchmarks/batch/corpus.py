# SPDX-License-Identifier: Apache-2.0
"""Folders of speech-like audio. A large one holds the same files under many names.

So decoders meet as many files as they would, and the disk and its cache hold few.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

RATE = 16_000
FORMATS = {"wav": "WAV", "flac": "FLAC", "mp3": "MP3", "ogg": "OGG"}
_FILES = 200
_SECONDS = (1.0, 60.0)  # shortest and longest


@dataclass(frozen=True)
class Folder:
    """Files of one format below `path`."""

    path: Path
    files: int
    audio_s: float

    def paths(self) -> list[str]:
        return sorted(str(path) for path in self.path.rglob("*.*"))


def make(root: Path, kind: str, copies: int) -> Folder:
    """`copies` links to each of the format's files, which are written if they are not there."""
    own = root / "files" / kind
    if not own.exists():
        _write(own, kind)
    folder = root / f"{kind}-{copies}"
    for copy in range(copies):
        below = folder / f"{copy:04d}"
        below.mkdir(parents=True, exist_ok=True)
        for path in own.iterdir():
            if not (below / path.name).exists():
                os.link(path, below / path.name)
    return Folder(folder, _FILES * copies, copies * sum(_lengths()))


def _lengths() -> list[float]:
    """Seconds, spread as the sentences of a corpus are: 13 on average."""
    drawn = np.random.default_rng(0).lognormal(np.log(11), 0.55, _FILES).clip(*_SECONDS)
    return [int(seconds * RATE) / RATE for seconds in drawn]


def _write(folder: Path, kind: str) -> None:
    import soundfile

    temporary = folder.with_name(f"{kind}.tmp")
    temporary.mkdir(parents=True, exist_ok=True)
    subtype = "PCM_16" if kind in ("wav", "flac") else None
    for i, seconds in enumerate(_lengths()):
        voice = _voice(round(seconds * RATE), np.random.default_rng(i))
        with soundfile.SoundFile(
            temporary / f"{i:04d}.{kind}", "w", RATE, 1, subtype, format=FORMATS[kind]
        ) as file:
            for start in range(0, len(voice), RATE):  # libsndfile crashes on long Vorbis in one
                file.write(voice[start : start + RATE])
    temporary.rename(folder)


def _voice(samples: int, random: np.random.Generator) -> np.ndarray:
    """Harmonics of a gliding pitch under two formants, in syllables with pauses, over noise."""
    time = np.arange(samples) / RATE
    pitch = random.uniform(90, 200) * (1 + 0.1 * np.sin(4 * time + random.uniform(0, 6)))
    phase = 2 * np.pi * np.cumsum(pitch) / RATE
    formants = random.uniform((400, 1200), (800, 2400))
    found = np.zeros(samples)
    for harmonic in range(1, 25):
        distance = (harmonic * pitch.mean() - formants[:, None]) / ((150,), (300,))
        found += np.exp(-0.5 * distance**2).sum() * np.sin(harmonic * phase)
    found += random.standard_normal(samples) * 0.2  # breath
    syllables = np.clip(np.sin(2 * np.pi * 2 * time + random.uniform(0, 6)) + 0.3, 0, None)
    sentences = np.sin(2 * np.pi * 0.2 * time + random.uniform(0, 6)) > -0.6
    found *= syllables * sentences
    room = random.standard_normal(samples) * 3e-4
    return (0.4 * found / np.abs(found).max() + room).astype(np.float32)

# SPDX-License-Identifier: Apache-2.0
"""What the demo works on: speech and noise out of installed packages, or the user's own files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import gcd
from pathlib import Path

import numpy as np

from lapped.demo.generated import pink, speechlike
from lapped.demo.models.weights import NotInstalledError, package_file

SAMPLE_RATE = 16000  # of all the demo's models
SNR = 5.0  # dB, of the speech over the noise
MAX_SECONDS = 60.0

Report = Callable[[str], None]


@dataclass(frozen=True)
class Source:
    """A piece of a file inside an installed package."""

    name: str
    package: str
    ending: str
    start: float = 0.0  # seconds
    seconds: float = 10.0


SPEECH = (
    Source("beckett", "useful-moonshine-onnx", "beckett.wav", seconds=6.0),
    Source("aishell-121", "s3tokenizer", "BAC009S0764W0121.wav"),
    Source("aishell-122", "s3tokenizer", "BAC009S0764W0122.wav"),
    Source("telephone", "pyannote.audio", "sample/sample.wav", start=8.0, seconds=6.0),
)
NOISE = (
    Source("crowded room", "livekit-agents", "crowded-room.ogg"),
    Source("city", "livekit-agents", "city-ambience.ogg"),
    Source("office", "livekit-agents", "office-ambience.ogg"),
    Source("keyboard", "livekit-agents", "keyboard-typing.ogg"),
)


@dataclass(frozen=True)
class Recording:
    """What the pipelines get, and what they should ideally give back where that is known."""

    name: str
    noise: str
    noisy: np.ndarray  # (samples,) float32 at SAMPLE_RATE
    clean: np.ndarray | None = None

    @property
    def seconds(self) -> float:
        return len(self.noisy) / SAMPLE_RATE


def built_in(report: Report) -> list[Recording]:
    """Recorded speech in recorded noise; what is not installed is reported and replaced."""
    speech = _available(SPEECH, report)
    noises = _available(NOISE, report)
    if not speech:
        report("no recorded speech is installed: generated, speech-like sound takes its place")
        speech = {"generated": speechlike(6 * SAMPLE_RATE)}
    if not noises:
        report("no recorded noise is installed: generated pink noise takes its place")
        noises = {"pink": pink(10 * SAMPLE_RATE)}
    kinds = list(noises.items())
    return [
        mixed(name, clean, *kinds[i % len(kinds)]) for i, (name, clean) in enumerate(speech.items())
    ]


def from_files(paths: Sequence[Path], report: Report) -> list[Recording]:
    """The user's own recordings as they are; a file that cannot be decoded is reported."""
    found: dict[str, Recording] = {}
    for path in paths:
        try:
            signal = read(path, seconds=MAX_SECONDS + 1)
        except Exception as error:  # decoders raise errors of their own
            report(f"{path} cannot be decoded and is left out: {_why(error)}")
            continue
        longest = int(MAX_SECONDS * SAMPLE_RATE)
        if len(signal) > longest:
            report(f"{path} is long: its first {MAX_SECONDS:.0f} s are used")
        name = path.stem if path.stem not in found else f"{path.stem}-{len(found) + 1}"
        found[name] = Recording(name, "", signal[:longest])
    return list(found.values())


def read(path: Path, start: float = 0.0, *, seconds: float) -> np.ndarray:
    """Samples of an audio file, channels averaged, at SAMPLE_RATE."""
    import soundfile
    from scipy.signal import resample_poly

    with path.open("rb") as handle, soundfile.SoundFile(handle) as file:
        rate = file.samplerate
        file.seek(min(int(start * rate), max(0, file.frames)))
        signal = file.read(int(seconds * rate), dtype="float32", always_2d=True).mean(axis=1)
    if not len(signal):
        raise ValueError("it holds no samples")
    if rate != SAMPLE_RATE:
        common = gcd(rate, SAMPLE_RATE)
        signal = resample_poly(signal, SAMPLE_RATE // common, rate // common)
    return np.ascontiguousarray(signal, np.float32)


def mixed(name: str, clean: np.ndarray, noise: str, sound: np.ndarray) -> Recording:
    """`clean` plus `sound`, repeated to its length, SNR dB below it."""
    sound = np.resize(sound, len(clean))
    ratio = np.mean(np.square(clean)) / max(np.mean(np.square(sound)), 1e-20)
    noisy = clean + sound * np.sqrt(ratio) * 10 ** (-SNR / 20)
    return Recording(name, noise, noisy.astype(np.float32), clean)


def _available(sources: Sequence[Source], report: Report) -> dict[str, np.ndarray]:
    """The sources that are installed and can be decoded, by name."""
    found = {}
    for source in sources:
        try:
            path = package_file(source.package, source.ending)
            found[source.name] = read(path, source.start, seconds=source.seconds)
        except NotInstalledError as error:
            report(f"{source.name}: {error}")
        except Exception as error:  # decoders raise errors of their own
            report(
                f"{source.name} ({source.ending}) cannot be decoded and is left out: {_why(error)}"
            )
    return found


def _why(error: Exception) -> str:
    """What libsndfile or the system says, without the path."""
    return getattr(error, "error_string", "") or getattr(error, "strerror", "") or str(error)

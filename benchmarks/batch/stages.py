# SPDX-License-Identifier: Apache-2.0
"""CPU seconds of decoding, of the kernel and of writing, each by itself and with nothing around.

`python -m benchmarks.batch.stages FOLDER PRESET OUTPUT` prints them as JSON. Their sum is the
least a run on one thread can take.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

_ROUNDS = 3
_PART_S = 1800.0  # audio of one file of results


def main(folder: str, preset: str, output: str) -> dict[str, float]:
    """Seconds by stage."""
    import lapped
    from lapped._malloc import keep_freed_memory

    keep_freed_memory()
    lapped.set_num_threads(1)
    mel = lapped.preset(preset)
    paths = sorted(str(path) for path in Path(folder).rglob("*.*"))
    decode = _decoder(paths[0])
    sound = [decode(path) for path in paths]
    features = [mel(samples) for samples in sound]
    parts = list(_parts(features, sound, mel.sample_rate))
    found = {
        "decode": _seconds(lambda: [_drop(decode(path)) for path in paths]),
        "kernel": _seconds(lambda: [_drop(mel(samples)) for samples in sound]),
        "write": _seconds(lambda: [_save(part, Path(output)) for part in parts]),
    }
    return {**found, "audio_s": sum(map(len, sound)) / mel.sample_rate}


def _decoder(path: str) -> Callable[[str], np.ndarray]:
    """As `lapped run` does: what is 16-bit stays so, what is not becomes float32."""
    import soundfile

    about = soundfile.info(path)
    if (about.format, about.subtype) == ("FLAC", "PCM_16"):
        import miniaudio

        return lambda path: np.frombuffer(miniaudio.flac_read_file_s16(path).samples, np.int16)
    kind = "int16" if about.subtype == "PCM_16" else "float32"
    return lambda path: soundfile.read(path, dtype=kind)[0]


def _drop(_: Any) -> None:
    """Results are not kept: the next one finds their memory."""


def _seconds(work: Callable[[], Any]) -> float:
    times = []
    for _ in range(_ROUNDS):
        began = time.process_time()
        work()
        times.append(time.process_time() - began)
    return median(times)


def _parts(features: list[np.ndarray], sound: list[np.ndarray], rate: float) -> Any:
    part: dict[str, np.ndarray] = {}
    seconds = 0.0
    for i, (values, samples) in enumerate(zip(features, sound, strict=True)):
        part[f"{i:024x}"] = values
        seconds += len(samples) / rate
        if seconds > _PART_S or i + 1 == len(features):
            yield part
            part, seconds = {}, 0.0


def _save(part: dict[str, np.ndarray], output: Path) -> None:
    import safetensors.numpy

    path = output / "part.safetensors"
    safetensors.numpy.save_file(part, path)
    descriptor = os.open(path, os.O_RDONLY)
    os.fsync(descriptor)
    os.close(descriptor)
    path.unlink()


if __name__ == "__main__":
    print(json.dumps(main(*sys.argv[1:])))

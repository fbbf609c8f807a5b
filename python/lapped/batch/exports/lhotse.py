# SPDX-License-Identifier: Apache-2.0
"""Manifests as lhotse reads them: cuts.jsonl.gz, with features or recordings beside it."""

from __future__ import annotations

import gzip
import json
from typing import Any

import numpy as np

from lapped.batch.exports.sound import write_wav
from lapped.batch.exports.target import Result, Target
from lapped.batch.items import printable


class Lhotse(Target):
    def __init__(self, *about: Any) -> None:
        super().__init__(*about)
        self._cuts = gzip.open(self.folder / "cuts.jsonl.gz", "wt", encoding="utf-8")  # noqa: SIM115

    def add(self, result: Result) -> None:
        more = self._recorded(result) if self.is_audio else self._featured(result)
        seconds = self._seconds(result)
        cut = {"id": result.id, "start": 0.0, "duration": seconds, "channel": 0}
        cut |= {"supervisions": [], "custom": {"uri": printable(result.row["uri"])}, **more}
        self._cuts.write(json.dumps(cut | {"type": "MonoCut"}) + "\n")

    def close(self) -> None:
        self._cuts.close()

    def _seconds(self, result: Result) -> float:
        if self.is_audio:
            return len(result.value) / float(self.output.sample_rate or 1)
        return result.audio_s

    def _featured(self, result: Result) -> dict[str, Any]:
        path = self.place(result, ".npy")
        frames = self.matrix(result.value)
        np.save(self.folder / path, frames)
        about = {
            "type": "lapped",
            "num_frames": len(frames),
            "num_features": frames.shape[1],
            "frame_shift": self.frame_shift,
            "sampling_rate": self.output.sample_rate,
            "start": 0.0,
            "duration": self._seconds(result),
            "storage_type": "numpy_files",
            "storage_path": str(self.final),
            "storage_key": path,
            "recording_id": result.id,
            "channels": 0,
        }
        return {"features": about}

    def _recorded(self, result: Result) -> dict[str, Any]:
        path = self.place(result, ".wav")
        write_wav(self.folder / path, result.value, self.output.sample_rate)
        source = {"type": "file", "channels": [0], "source": str(self.final / path)}
        about = {
            "id": result.id,
            "sources": [source],
            "sampling_rate": self.output.sample_rate,
            "num_samples": len(result.value),
            "duration": self._seconds(result),
            "channel_ids": [0],
        }
        return {"recording": about}

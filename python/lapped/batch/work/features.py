# SPDX-License-Identifier: Apache-2.0
"""Mel spectrograms of a preset."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

import lapped
from lapped.batch.codes import ItemError
from lapped.batch.config import Config
from lapped.batch.output import output_of
from lapped.batch.spool import Spooled
from lapped.batch.work.blockwise import Blockwise
from lapped.batch.work.conveyor import Conveyor
from lapped.batch.work.kinds import NewSpool

_FRAMES_MORE = 4  # than hops, where the audio is padded


class Features:
    """What ``lapped.preset(name)`` returns for each input, in the layout and dtype of the run."""

    takes = "audio"
    can_stream = True
    keeps_inputs = False

    def __init__(self, config: Config, device: str = "cpu") -> None:
        mel = lapped.preset(config.preset)
        self.sample_rate = int(mel.sample_rate)
        self.output = output_of(config)
        self.batched = device != "cpu"
        self._conveyor = Conveyor(device) if self.batched else None
        self._mel = replace(mel, stft=replace(mel.stft, layout=self.output.layout))

    def __call__(
        self, inputs: list[np.ndarray], sample_rates: list[int]
    ) -> list[np.ndarray | ItemError]:
        if self._conveyor is None:
            return [self._one(samples) for samples in inputs]
        return self._on_device(inputs, self._conveyor)

    def stream(self, blocks: Iterator[np.ndarray], spool: NewSpool, sample_rate: int) -> Spooled:
        return Blockwise(self._mel, self.output).run(blocks, spool)

    def bytes_for(self, seconds: float) -> int:
        count = int(seconds * self.sample_rate)
        samples = count * 4 * 2  # as decoded, and in one channel
        frames = count // self._mel.stft.hop_length + _FRAMES_MORE
        return samples + frames * self._mel.n_mels * 4 * 2

    def _one(self, samples: np.ndarray) -> np.ndarray | ItemError:
        if error := self._too_short(samples):
            return error
        features: np.ndarray = self._mel(samples)
        return features.astype(self.output.dtype, copy=False)

    def _on_device(
        self, inputs: list[np.ndarray], conveyor: Conveyor
    ) -> list[np.ndarray | ItemError]:
        errors = [self._too_short(samples) for samples in inputs]
        sound = [x for x, error in zip(inputs, errors, strict=True) if error is None]
        results = iter(conveyor.run(sound, self._rows, self._own_frames))
        return [next(results) if error is None else error for error in errors]

    def _rows(self, batch: Any, lengths: list[int]) -> Any:
        """On the device, and in the run's dtype there."""
        features = self._mel(batch, lengths=lengths)
        return features.half() if self.output.dtype == "float16" else features

    def _own_frames(self, row: np.ndarray, samples: int) -> np.ndarray:
        count = self._mel.stft.n_frames(samples)
        return row[:, :count] if self.output.layout == "ft" else row[:count]

    def _too_short(self, samples: np.ndarray) -> ItemError | None:
        if self._mel.stft.n_frames(len(samples)):
            return None
        return ItemError("too_short", f"{len(samples)} samples are less than one frame")

# SPDX-License-Identifier: Apache-2.0
"""Audio out of mel or magnitude spectrograms: Griffin-Lim, or a vocoder."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

import lapped
from lapped.batch.codes import ItemError
from lapped.batch.config import Config
from lapped.batch.needs import needed
from lapped.batch.output import output_of
from lapped.batch.spool import Spooled
from lapped.batch.work import models
from lapped.batch.work.kinds import NewSpool

_COPIES = 12  # of the audio, that an input and the buffers of Griffin-Lim take


class Reconstruct:
    """The audio of each spectrogram, as long as its frames say."""

    takes = "array"
    can_stream = False
    keeps_inputs = True

    def __init__(self, config: Config, device: str = "cpu") -> None:
        mel = lapped.preset(config.preset)
        stft = replace(mel.stft, layout=config.layout or mel.stft.layout)
        self._mel, self._config, self._device = replace(mel, stft=stft), config, device
        self.sample_rate = int(mel.sample_rate)
        self.output = output_of(config)
        self.batched = device != "cpu"
        self._rows = stft.n_fft // 2 + 1 if config.magnitude else mel.n_mels
        self._voice = self._chosen()

    def __call__(
        self, inputs: list[np.ndarray], sample_rates: list[int]
    ) -> list[np.ndarray | ItemError]:
        return [self._one(array) for array in inputs]

    def stream(self, blocks: Iterator[np.ndarray], spool: NewSpool, sample_rate: int) -> Spooled:
        raise NotImplementedError("a spectrogram is taken whole")

    def bytes_for(self, seconds: float) -> int:
        return int(seconds * self.sample_rate) * 4 * _COPIES

    def _one(self, array: np.ndarray) -> np.ndarray | ItemError:
        axis = 0 if self._mel.stft.layout == "ft" else 1
        if array.shape[axis] != self._rows:
            what = "bins" if self._config.magnitude else "bands"
            shape = f"is {array.shape}: {array.shape[axis]} {what}, and must have {self._rows}"
            return ItemError("unsupported", f'{shape} in layout "{self._mel.stft.layout}"')
        if not np.isfinite(array).all():
            return ItemError("nonfinite", "holds NaN or Inf")
        return self._voice(array.astype(np.float32, copy=False))

    def _chosen(self) -> Callable[[np.ndarray], Any]:
        if self._config.vocoder:
            return self._vocoder()
        if self._device == "cpu":
            return self._griffin_lim()
        torch, device, voice = needed("torch"), self._device, self._griffin_lim()
        return lambda array: models.attempted(
            lambda: voice(torch.from_numpy(array).to(device)).cpu().numpy()
        )

    def _griffin_lim(self) -> Callable[[Any], Any]:
        config = self._config
        if config.magnitude:
            return lapped.GriffinLim(self._mel.stft, config.n_iter)
        return lambda array: lapped.mel_to_audio(
            array, self._mel, n_iter=config.n_iter, mode=config.mode
        )

    def _vocoder(self) -> Callable[[np.ndarray], Any]:
        torch, device = needed("torch"), self._device
        models.alone_on_its_thread()
        vocoder = models.loaded("vocoder", self._config.vocoder, device)

        def voiced(array: np.ndarray) -> np.ndarray:
            with torch.inference_mode():
                found = models.called("vocoder", vocoder, torch.from_numpy(array)[None].to(device))
                if found.ndim not in (2, 3) or found.shape[:-1].numel() != 1:
                    shape = tuple(found.shape)
                    raise ValueError(f"vocoder returned shape {shape} and must return (1, samples)")
                audio: np.ndarray = found.reshape(-1).float().cpu().numpy()
                return audio

        return lambda array: models.attempted(lambda: voiced(array))

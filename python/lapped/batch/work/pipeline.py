# SPDX-License-Identifier: Apache-2.0
"""Audio out of audio: a model in one of the three settings of `lapped.pipelines`."""

from __future__ import annotations

from collections.abc import Iterator
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

_COPIES = 16  # of the audio, that spectra and a model's layers take at least


class Pipeline:
    """What a pipeline makes of each input, of the same length.

    On the CPU it is called from several threads at once, each with an input of its own and one
    thread of torch's: a model must not keep state from call to call.
    """

    takes = "audio"
    can_stream = False
    keeps_inputs = True  # a model may return what it was given

    def __init__(self, config: Config, device: str = "cpu") -> None:
        models.alone_on_its_thread()
        self._config, self._device = config, device
        self.output = output_of(config)
        self.sample_rate = int(self.output.sample_rate or 0)
        self.batched = device != "cpu"
        self._pipeline = self._made()

    def __call__(
        self, inputs: list[np.ndarray], sample_rates: list[int]
    ) -> list[np.ndarray | ItemError]:
        return [models.attempted(lambda x=samples: self._one(x)) for samples in inputs]

    def stream(self, blocks: Iterator[np.ndarray], spool: NewSpool, sample_rate: int) -> Spooled:
        raise NotImplementedError("a model takes its input whole, or in chunks of its own")

    def bytes_for(self, seconds: float) -> int:
        return int(seconds * self.sample_rate) * 4 * _COPIES

    def _one(self, samples: np.ndarray) -> np.ndarray:
        torch = needed("torch")
        with torch.inference_mode():
            found = self._pipeline(torch.from_numpy(samples).to(self._device))
            result: np.ndarray = found.float().cpu().numpy()
            return result

    def _made(self) -> Any:
        from lapped import pipelines

        config = self._config
        model = models.loaded("model", config.model, self._device)
        if config.setting == "waveform":
            made: Any = pipelines.Waveform(
                model, sample_rate=self.sample_rate, chunk=config.chunk, overlap=config.overlap
            )
        elif config.setting == "phase-reuse":
            made = pipelines.PhaseReuse(model, _transform(config), combine=config.combine)
        else:
            vocoder = (
                models.loaded("vocoder", config.vocoder, self._device) if config.vocoder else None
            )
            made = pipelines.PhaseReconstruction(
                model, _transform(config), vocoder, n_iter=config.n_iter
            )
        return made.to(self._device).eval()


def _transform(config: Config) -> Any:
    mel = lapped.preset(config.preset)
    return mel.stft if config.magnitude else mel

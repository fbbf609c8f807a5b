# SPDX-License-Identifier: Apache-2.0
"""The works by name, and what each of them can be asked."""

from __future__ import annotations

import hashlib
import importlib
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

import lapped
from lapped.batch import audio
from lapped.batch.codes import ItemError
from lapped.batch.config import Config
from lapped.batch.items import Item
from lapped.batch.output import Output
from lapped.batch.spool import Spooled

_WHERE = {
    "features": "lapped.batch.work.features:Features",
    "reconstruct": "lapped.batch.work.reconstruct:Reconstruct",
    "pipeline": "lapped.batch.work.pipeline:Pipeline",
}

NewSpool = Callable[[tuple[int, ...], object], Spooled]


class Work(Protocol):
    """Turns inputs into results.

    Attributes
    ----------
    sample_rate : int or None
        In which audio must come; None: as it is.
    takes : str
        "audio" or "array".
    output : Output
        What results are.
    can_stream : bool
        Whether `stream` may be called.
    batched : bool
        Whether several inputs in one call cost less than one by one. If not, it may be called
        from several threads at once.
    keeps_inputs : bool
        Whether a result may hold on to its input's memory.
    """

    sample_rate: int | None
    takes: str
    output: Output
    can_stream: bool
    batched: bool
    keeps_inputs: bool

    def __call__(
        self, inputs: list[np.ndarray], sample_rates: list[int]
    ) -> Sequence[np.ndarray | ItemError]:
        """A result or an error for each; one's error is nothing to the others."""

    def stream(self, blocks: Iterator[np.ndarray], spool: NewSpool, sample_rate: int) -> Spooled:
        """The result of one long input, the same bits as of the whole."""

    def bytes_for(self, seconds: float) -> int:
        """Memory that a call on so much audio takes, with its input and its result."""


def work_of(config: Config, device: str = "cpu") -> Work:
    """The work a config asks for, ready to be called."""
    module, _, name = _WHERE[config.work].partition(":")
    work: Work = getattr(importlib.import_module(module), name)(config, device)
    return work


def seconds_by_header(config: Config, item: Item) -> float | None:
    """Of the audio that an item holds, or whose spectrogram it holds; None where its header does
    not say.
    """
    if config.takes == "audio":
        return audio.seconds_by_header(item)
    shape = audio.shape_of(item)
    mel = lapped.preset(config.preset)
    layout = config.layout or mel.stft.layout
    if shape is None or len(shape) != 2:
        return None
    return shape[layout == "ft"] * mel.stft.hop_length / float(mel.sample_rate)


def identity_of(config: Config) -> dict[str, str]:
    """What results depend on that the config only names: the content of model files."""
    return {
        option: _digest(Path(spec))
        for option in ("model", "vocoder")
        if (spec := getattr(config, option)) and os.path.isfile(spec)
    }


def _digest(path: Path) -> str:
    found = hashlib.blake2b(digest_size=16)
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            found.update(block)
    return found.hexdigest()

# SPDX-License-Identifier: Apache-2.0
"""What a work's results are."""

from __future__ import annotations

from dataclasses import dataclass

import lapped
from lapped.batch.config import Config


@dataclass(frozen=True)
class Output:
    """Of every result of a run.

    Attributes
    ----------
    kind : str
        "features" or "audio".
    sample_rate : int or None
        Of the audio, or of the audio that the features are of.
    layout : str
        Of features: "ft" is bands by frames, "tf" frames by bands.
    dtype : str
        "float32" or "float16".
    """

    kind: str
    sample_rate: int | None
    layout: str = "ft"
    dtype: str = "float32"


def output_of(config: Config) -> Output:
    """Of the results of a run."""
    mel = lapped.preset(config.preset) if config.preset else None
    own = config.sample_rate if config.work == "pipeline" else None
    rate = own or (int(mel.sample_rate) if mel else None)
    if config.work != "features" or mel is None:
        return Output("audio", rate)
    return Output("features", rate, config.layout or mel.stft.layout, config.dtype)

# SPDX-License-Identifier: Apache-2.0
"""How audio is read."""

from __future__ import annotations

from dataclasses import dataclass

from lapped.batch.config import Config


@dataclass(frozen=True)
class AudioSettings:
    """What a decoder has to know.

    Attributes
    ----------
    sample_rate : int or None
        In Hz; None leaves it as it is.
    channel : str
        "mix", "first", or a number from 0.
    resample : str
        Quality of soxr.
    on_truncated : str
        "error" or "keep".
    duration_tolerance : float
        Share by which a manifest's duration may exceed what is read.
    max_item : float
        Seconds, above which an item is too long.
    """

    sample_rate: int | None = None
    channel: str = "mix"
    resample: str = "hq"
    on_truncated: str = "error"
    duration_tolerance: float = 0.05
    max_item: float = float("inf")


def settings_of(config: Config, sample_rate: int | None) -> AudioSettings:
    """Of a run whose work wants `sample_rate`."""
    return AudioSettings(
        sample_rate,
        config.channel,
        config.resample,
        config.on_truncated,
        config.duration_tolerance,
        config.max_item,
    )

# SPDX-License-Identifier: Apache-2.0
"""Samples out of items: whole, or block by block, with every damage noticed."""

from lapped.batch.audio.arrays import load_array, shape_of
from lapped.batch.audio.decoding import Audio, blocks, decode, rate_of, resampled, seconds_of
from lapped.batch.audio.headers import seconds_by_header
from lapped.batch.audio.room import Room
from lapped.batch.audio.settings import AudioSettings, settings_of

__all__ = [
    "Audio",
    "AudioSettings",
    "Room",
    "blocks",
    "decode",
    "load_array",
    "rate_of",
    "resampled",
    "seconds_by_header",
    "seconds_of",
    "settings_of",
    "shape_of",
]

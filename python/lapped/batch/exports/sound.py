# SPDX-License-Identifier: Apache-2.0
"""Audio results as WAV: with float samples, which nothing clips, but where PCM alone is read."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np

from lapped.batch.needs import needed


def write_wav(
    path: Path, samples: np.ndarray, sample_rate: int | None, subtype: str = "FLOAT"
) -> None:
    path.write_bytes(wav_bytes(samples, sample_rate, subtype))


def wav_bytes(samples: np.ndarray, sample_rate: int | None, subtype: str = "FLOAT") -> bytes:
    memory = io.BytesIO()
    needed("soundfile").write(memory, samples, sample_rate, format="WAV", subtype=subtype)
    return memory.getvalue()

# SPDX-License-Identifier: Apache-2.0
"""The random phases of csrc/core/random.h: the same numbers, for the differentiable iteration."""

from __future__ import annotations

import numpy as np

_ROUNDS = 10
_MULTIPLY = (0xD2511F53, 0xCD9E8D57)
_WEYL = (0x9E3779B9, 0xBB67AE85)
_WORD = 0xFFFFFFFF


def random_turns(n_freq: int, n_frames: int, seed: int) -> np.ndarray:
    """Phases in turns, float64 (n_freq, n_frames): Philox4x32-10 of (seed, bin // 4, frame)."""
    blocks, frames = np.meshgrid(
        np.arange((n_freq + 3) // 4, dtype=np.uint64),
        np.arange(n_frames, dtype=np.uint64),
        indexing="ij",
    )
    zero = np.zeros_like(blocks)
    words = [blocks & _WORD, frames & _WORD, frames >> 32, zero]
    keys = [seed & _WORD, (seed >> 32) & _WORD]
    for _ in range(_ROUNDS):
        first = words[0] * np.uint64(_MULTIPLY[0])
        second = words[2] * np.uint64(_MULTIPLY[1])
        words = [
            (second >> 32) ^ words[1] ^ np.uint64(keys[0]),
            second & _WORD,
            (first >> 32) ^ words[3] ^ np.uint64(keys[1]),
            first & _WORD,
        ]
        keys = [(key + weyl) & _WORD for key, weyl in zip(keys, _WEYL, strict=True)]
    bins = np.stack(words, axis=1).reshape(-1, n_frames)[:n_freq]
    return (bins >> 8) * 2.0**-24

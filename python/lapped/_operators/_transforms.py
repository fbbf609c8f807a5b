# SPDX-License-Identifier: Apache-2.0
"""Transforms as operators take them: a text that says all, so that an exported program needs no
object of ours, and from there to the transform.
"""

from __future__ import annotations

import ast
from functools import lru_cache
from typing import Any

import numpy as np

from lapped._compression import Compression
from lapped._griffin_lim import GriffinLim
from lapped._mel import Mel
from lapped._spectral_loss import SpectralLoss
from lapped._stft import STFT

_KINDS = {kind.__name__: kind for kind in (STFT, Mel, Compression, GriffinLim, SpectralLoss)}


@lru_cache(maxsize=256)
def transform_of(text: str) -> Any:
    """The value whose `_text` this is."""
    try:
        return _value(ast.literal_eval(text))
    except (ValueError, SyntaxError, TypeError, KeyError):
        raise ValueError(f"transform={text[:80]!r} is not the text of a transform") from None


def _value(data: Any) -> Any:
    if isinstance(data, dict):
        fields = {name: _value(value) for name, value in data.items()}
        kind = fields.pop("kind")
        if kind == "array":
            return np.frombuffer(bytes.fromhex(fields["float64"])).copy()
        return _KINDS[kind](**fields)
    return data

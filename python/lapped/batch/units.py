# SPDX-License-Identifier: Apache-2.0
"""Durations and sizes as people write them: 90, "30m", "1h30m", "4G"."""

from __future__ import annotations

import math
import re
from typing import Any

_SECONDS = {"": 1.0, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_BYTES = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}


def seconds(name: str, value: Any) -> float:
    """Seconds out of a number or a text of numbers with units.

    Examples
    --------
    >>> seconds("part_audio", "1h30m")
    5400.0
    """
    found = _seconds_of(value)
    if found is None or not math.isfinite(found) or found < 0:
        raise ValueError(f'{name}={value!r} must be a duration like 90, "30m" or "1h30m"')
    return found


def size(name: str, value: Any) -> int:
    """Bytes out of a number or a text.

    Examples
    --------
    >>> size("mem", "1.5G")
    1610612736
    """
    match = re.fullmatch(r"([\d.]+)\s*([KMGT]?)(i?B)?", str(value).strip(), re.IGNORECASE)
    try:
        found = int(float(match[1]) * _BYTES[match[2].upper()]) if match else 0
    except ValueError:
        found = 0
    if found < 1:
        raise ValueError(f'{name}={value!r} must be a size like "500M" or "4G"')
    return found


def _seconds_of(value: Any) -> float | None:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    text = str(value).strip()
    pieces = re.findall(r"([\d.]+)\s*(ms|[smhd]|)", text)
    if not pieces or re.sub(r"([\d.]+)\s*(ms|[smhd]|)\s*", "", text):
        return None
    try:
        return sum(float(number) * _SECONDS[unit] for number, unit in pieces)
    except ValueError:
        return None


PARSERS = {"seconds": seconds, "bytes": size}

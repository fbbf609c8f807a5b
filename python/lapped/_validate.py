# SPDX-License-Identifier: Apache-2.0
"""Argument checks: every message about a wrong option is made here."""

import math
import operator
import reprlib
from typing import Any

import numpy as np

MAX_FFT = 2**24  # samples in a frame, a hop or a side of padding
MAX_SAMPLES = 2**40  # samples in a waveform
MAX_FRAMES = 2**36


def shown(value: Any) -> str:
    """`value` as an error message shows it: never longer than a line."""
    if isinstance(value, np.ndarray):
        return f"<array {value.dtype}{list(value.shape)}>"
    return " ".join(reprlib.repr(value).split())


def integer(name: str, value: Any, low: int, high: int = MAX_SAMPLES) -> int:
    """`value` as an int within low..high; bool and float are not integers here."""
    if isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name}={value} must be an integer, not a bool")
    try:
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"{name}={shown(value)} must be an integer") from None
    if number < low:
        raise ValueError(f"{name}={shown(number)} must be at least {low}")
    if number > high:
        raise ValueError(f"{name}={shown(number)} must be at most {high}")
    return number


def real(name: str, value: Any, low: float = -math.inf, high: float = math.inf) -> float:
    """`value` as a finite float within low..high."""
    if isinstance(value, (bool, np.bool_, str, bytes)) or not hasattr(value, "__float__"):
        raise TypeError(f"{name}={shown(value)} must be a real number")
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        raise TypeError(f"{name}={shown(value)} must be a real number") from None
    if not math.isfinite(number):
        raise ValueError(f"{name}={number} must be finite")
    if number < low:
        raise ValueError(f"{name}={number:g} must be at least {low:g}")
    if number > high:
        raise ValueError(f"{name}={number:g} must be at most {high:g}")
    return number


def positive(name: str, value: Any, high: float = math.inf) -> float:
    """`value` as a finite float above 0."""
    number = real(name, value, high=high)
    if number <= 0:
        raise ValueError(f"{name}={number:g} must be greater than 0")
    return number


def flag(name: str, value: Any) -> bool:
    """`value` as a bool; 0 and 1 are not bools here."""
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name}={shown(value)} must be True or False")
    return bool(value)


def choice(name: str, value: Any, options: tuple[str, ...], planned: tuple[str, ...] = ()) -> str:
    """`value` when it is one of `options`; those of `planned` are refused by name."""
    allowed = ", ".join(map(repr, options))
    if not isinstance(value, str):
        raise TypeError(f"{name}={shown(value)} must be one of {allowed}")
    if value in planned:
        raise NotImplementedError(f"{name}={value!r} does not exist yet; {name} can be {allowed}")
    if value not in options:
        raise ValueError(f"{name}={value!r} must be one of {allowed}")
    return value


def instance(name: str, value: Any, kind: type, article: str = "a") -> Any:
    """`value` when it is one of lapped's own values of type `kind`."""
    if not isinstance(value, kind):
        what = f"{type(value).__name__} {shown(value)}"
        raise TypeError(f"{name} must be {article} lapped.{kind.__name__}, got {what}")
    return value


def row_lengths(values: Any, batch: tuple[int, ...], limit: int, what: str) -> np.ndarray | None:
    """`values`, one int within 0..limit for each row of `batch`, as a flat int64 array."""
    if values is None:
        return None
    array = _integers("lengths", values)
    if array.shape not in (batch, (math.prod(batch),)):
        raise ValueError(f"lengths has shape {array.shape} and must have {batch or '() or (1,)'}")
    flat = array.reshape(-1)
    if (wrong := (flat < 0) | (flat > limit)).any():
        i = int(wrong.argmax())
        raise ValueError(f"lengths[{i}]={flat[i]} must be within 0..{limit} ({what})")
    return np.ascontiguousarray(flat, np.int64)


def _integers(name: str, values: Any) -> np.ndarray:
    device = getattr(values, "device", "cpu")
    if str(getattr(device, "type", device)) != "cpu":
        raise TypeError(
            f"{name} is on {device}, but must be integers on the CPU: a list, a NumPy array or "
            f"{name}.cpu() (to read them back here would stall the device)"
        )
    try:
        array = np.asarray(values)
    except (TypeError, ValueError, RuntimeError, OverflowError):
        array = np.asarray(None)
    if array.dtype.kind not in "iu" and array.size:
        raise TypeError(f"{name}={shown(values)} must be integers: a list, NumPy array or tensor")
    return array

# SPDX-License-Identifier: Apache-2.0
"""Window functions in float64, by name, name and parameters, or as an array.

Most are functions of ``x = n / N`` in [0, 1], where N is the length of a periodic window, and the
length minus one of a symmetric one.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from lapped._validate import positive, real, shown

Array = np.ndarray
WindowSpec = str | tuple[Any, ...] | Array

_COSINE_SUMS = {
    "hann": (0.5, 0.5),
    "hamming": (0.54, 0.46),
    "blackman": (0.42, 0.5, 0.08),
    "nuttall": (0.3635819, 0.4891775, 0.1365995, 0.0106411),
    "blackmanharris": (0.35875, 0.48829, 0.14128, 0.01168),
    "flattop": (0.21557895, 0.41663158, 0.277263158, 0.083578947, 0.006947368),
}
_ALIASES = {
    "hanning": "hann",
    "rectangular": "boxcar",
    "rect": "boxcar",
    "ones": "boxcar",
    "sine": "cosine",
}


def _cosine_sum(coefficients: tuple[float, ...], x: Array) -> Array:
    # sum_k (-1)^k a_k cos(2 pi k x)
    terms = ((-1) ** k * a * np.cos(2 * np.pi * k * x) for k, a in enumerate(coefficients))
    return sum(terms, np.zeros_like(x))


def _hann(x: Array) -> Array:
    return np.sin(np.pi * x) ** 2


# Functions of x alone. cosine and vorbis take the middle of each sample, so they never reach 0.
_PLAIN: dict[str, Callable[[Array], Array]] = {
    "bartlett": lambda x: 1 - np.abs(2 * x - 1),
    "boxcar": np.ones_like,
    "povey": lambda x: _hann(x) ** 0.85,
    "sqrt_hann": lambda x: np.sin(np.pi * x),
}
# Functions of the sample number, the length they are symmetric over, and one parameter.
_WITH_PARAMETER: dict[str, tuple[str, Callable[[Array, int, float], Array]]] = {
    "kaiser": (
        "beta",
        lambda n, length, beta: (
            np.i0(beta * np.sqrt(np.maximum(0, 1 - (2 * n / (length - 1) - 1) ** 2))) / np.i0(beta)
        ),
    ),
    "gaussian": (
        "std",
        lambda n, length, std: np.exp(-0.5 * ((n - (length - 1) / 2) / std) ** 2),
    ),
    "general_hamming": (
        "alpha",
        lambda n, length, alpha: _cosine_sum((alpha, 1 - alpha), n / (length - 1)),
    ),
}
WINDOW_NAMES = tuple(
    sorted([*_COSINE_SUMS, *_PLAIN, *_WITH_PARAMETER, *_ALIASES, "cosine", "vorbis"])
)


def window(spec: WindowSpec, length: int, periodic: bool = True) -> Array:
    """Window of `length` samples, float64, as SciPy's get_window with fftbins=`periodic`.

    Not SciPy's: "povey" (Hann to the power 0.85), "sqrt_hann" (square root of Hann) and "vorbis"
    (sin(pi/2 sin^2(pi (n + 1/2) / length)), the same whether periodic or not).
    """
    name, parameters = _parsed(spec)
    if length == 1:
        return np.ones(1)
    span = length + 1 if periodic else length  # a periodic window is a longer symmetric one, cut
    n = np.arange(length, dtype=np.float64)
    if name in _COSINE_SUMS:
        return _cosine_sum(_COSINE_SUMS[name], n / (span - 1))
    if name in _PLAIN:
        return _PLAIN[name](n / (span - 1))
    if name == "cosine":
        return np.sin(np.pi * (n + 0.5) / span)
    if name == "vorbis":
        return np.sin(np.pi / 2 * np.sin(np.pi * (n + 0.5) / length) ** 2)
    return _WITH_PARAMETER[name][1](n, span, *parameters)


def checked(spec: Any, win_length: int, n_fft: int, periodic: bool) -> WindowSpec:
    """`spec` when it names a window or is an array of `win_length` or `n_fft` samples."""
    if isinstance(spec, str) or (isinstance(spec, tuple) and spec and isinstance(spec[0], str)):
        name, parameters = _parsed(spec)
        if win_length == 2 and window(spec, 2, periodic).max() < 1e-12:
            raise ValueError(f"window={shown(spec)} symmetric over win_length=2 is 0 everywhere")
        return (name, *parameters) if parameters else name
    return _array(spec, (win_length, n_fft))


def _parsed(spec: WindowSpec) -> tuple[str, tuple[float, ...]]:
    """Name (aliases resolved) and parameters of a window given by name."""
    given, *parameters = (spec,) if isinstance(spec, str) else spec
    name = _ALIASES.get(given, given)
    if name not in WINDOW_NAMES:
        raise ValueError(f"window={given!r} must be one of {', '.join(WINDOW_NAMES)}, or an array")
    wanted = [_WITH_PARAMETER[name][0]] if name in _WITH_PARAMETER else []
    if len(parameters) != len(wanted):
        form = ", ".join([repr(given), *wanted])
        raise ValueError(f"window={shown(spec)} must be given as {f'({form})' if wanted else form}")
    return name, tuple(_parameter(wanted[0], value) for value in parameters)


def _parameter(name: str, value: Any) -> float:
    if name == "std":
        return positive("window's std", value)
    limit = 700.0 if name == "beta" else 1.0  # i0 overflows beyond 700
    return real(f"window's {name}", value, low=0.0, high=limit)


def _array(values: Any, lengths: tuple[int, int]) -> Array:
    """Read-only float64 copy of a window given as samples."""
    try:
        array = np.array(values)
    except (TypeError, ValueError, RuntimeError) as error:
        raise TypeError(f"window must be a name, (name, parameter) or an array: {error}") from None
    if array.dtype.kind not in "fiu":
        raise TypeError(
            f"window must be a name, (name, parameter) or a real array, got {shown(values)}"
        )
    if array.ndim != 1 or array.size not in lengths:
        allowed = " or ".join(str((n,)) for n in dict.fromkeys(lengths))
        raise ValueError(f"window has shape {array.shape}; an array must have shape {allowed}")
    array = array.astype(np.float64)
    if not np.isfinite(array).all():
        raise ValueError("window must be finite everywhere")
    if not array.any():
        raise ValueError("window is 0 everywhere")
    array.flags.writeable = False
    return array


def framed(samples: Array, n_fft: int, align: str, normalized: bool | str) -> Array:
    """`samples` in a frame of `n_fft` zeros, times their normalisation; an odd zero goes right."""
    left = (n_fft - samples.size) // 2 if align == "center" else 0
    frame = np.zeros(n_fft)
    frame[left : left + samples.size] = samples
    energy = {"frame_length": n_fft, "window": float(np.sum(samples**2)), False: 1}[normalized]
    return frame / math.sqrt(energy)


def normalization(value: Any) -> bool | str:
    """`value` when it names a normalisation of the window."""
    if value is False or (isinstance(value, str) and value in ("frame_length", "window")):
        return value
    reason = "; True is 'frame_length' in torch and 'window' in torchaudio"
    raise (ValueError if isinstance(value, str) else TypeError)(
        f"normalized={shown(value)} must be False, 'frame_length' or 'window'"
        f"{reason if value is True else ''}"
    )

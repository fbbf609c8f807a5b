# SPDX-License-Identifier: Apache-2.0
"""Loudness weights: gain of the ear, or of a sound level meter, at each frequency."""

from typing import Any

import numpy as np

from lapped._validate import real, shown

CURVES = ("A", "B", "C", "D")
FLOOR_DB = -80.0  # in filters, of curves A to D, which fall to -inf at 0 Hz
MAX_FREQUENCY = 1e12  # Hz: their eighth powers are finite


def weighting(curve: str, frequencies: Any) -> Any:
    """Level in dB that a loudness curve adds to a tone of each frequency.

    All are 0 dB at 1 kHz, A to D within the 0.01 dB that the constants of the standards leave. The
    gain of amplitudes is ``10 ** (weighting / 20)``, that of powers ``10 ** (weighting / 10)``.
    `lapped.Mel` takes the same curves by name and keeps A to D above -80 dB.

    Parameters
    ----------
    curve : str
        "A" and "C": the sound level meters of IEC 61672-1. "B": IEC 60651, "D": IEC 60537, for
        aircraft; both are withdrawn. "iso226:<phon>": minus ISO 226:2003's contour of that
        loudness, 0 to 90 phon, plus its level at 1 kHz; see `equal_loudness`.
    frequencies : float or array of any shape
        In Hz, 0 to 1e12. At 0 Hz curves A to D are -inf, and a contour is what it is at 20 Hz.

    Returns
    -------
    float64 or NumPy array, the shape of `frequencies`

    Raises
    ------
    ValueError, TypeError
        For another curve, and for a frequency that is negative, not finite or not a real number.

    See Also
    --------
    equal_loudness : The contours themselves, as sound pressure levels.

    Examples
    --------
    >>> import lapped, numpy as np
    >>> lapped.weighting("A", [31.5, 100, 1000, 10000]).round(1) + 0
    array([-39.5, -19.1,   0. ,  -2.5])
    >>> lapped.weighting("A", lapped.STFT(512).frequencies(16000)).shape
    (257,)
    >>> float(lapped.weighting("iso226:40", 100).round(1))
    -24.4
    """
    if not isinstance(curve, str):
        raise TypeError(f"curve={shown(curve)} must be one of {_NAMES}")
    if curve in CURVES:
        return _curve_db(curve, _hertz(frequencies))[()]
    phon = _phon("curve", curve, _NAMES)
    return _iso226_db(phon, _hertz(frequencies))[()]


def equal_loudness(phon: float, frequencies: Any = None) -> Any:
    """Sound pressure level in dB at which a tone of each frequency is as loud as `phon`.

    The contours of ISO 226:2003 for pure tones heard by both ears in a free field: `phon` is the
    level of the tone of 1 kHz that is as loud. Between the standard's frequencies the level is
    linear in the logarithm of frequency; below 20 Hz and above 12.5 kHz it stays what it is there.

    Parameters
    ----------
    phon : float
        0 to 90. The standard vouches for 20 to 90 phon, from 5 kHz on for 20 to 80; what lies
        outside follows from its formula, and is of an informative nature.
    frequencies : float or array of any shape, optional
        In Hz, 0 to 1e12. By default the 29 of the standard, the nominal third octaves: 20, 25,
        31.5, 40, 50, 63, 80, 100, 125, 160, 200, 250, 315, 400, 500, 630, 800, 1000, 1250, 1600,
        2000, 2500, 3150, 4000, 5000, 6300, 8000, 10000 and 12500.

    Returns
    -------
    float64 or NumPy array, the shape of `frequencies`; (29,) by default

    Raises
    ------
    ValueError, TypeError
        For `phon` out of range, and for a frequency that is negative, not finite or not a number.

    See Also
    --------
    weighting : The same contours as a gain, 0 dB at 1 kHz.

    Examples
    --------
    >>> import lapped
    >>> lapped.equal_loudness(40, [20, 100, 1000, 4000]).round(1)
    array([99.9, 64.4, 40. , 36.6])
    >>> lapped.equal_loudness(60).shape
    (29,)
    """
    contour = _contour(real("phon", phon, 0.0, MAX_PHON))
    return contour if frequencies is None else _interpolated(contour, _hertz(frequencies))[()]


def checked(weighting: Any, n_freq: int) -> Any:
    """`weighting` when it is None, a curve's name, or an array of `n_freq` gains."""
    if weighting is None or (isinstance(weighting, str) and weighting in CURVES):
        return weighting
    if isinstance(weighting, str):
        return f"iso226:{_phon('weighting', weighting, _ALLOWED):g}"
    return _gains(weighting, n_freq)


def gains(weighting: Any, frequencies: np.ndarray) -> np.ndarray:
    """Amplitude gain at each of `frequencies`, float64."""
    if isinstance(weighting, np.ndarray):
        return weighting
    if weighting in CURVES:
        level = np.maximum(_curve_db(weighting, frequencies), FLOOR_DB)
    else:
        level = _iso226_db(_phon("weighting", weighting, _ALLOWED), frequencies)
    return 10 ** (level / 20)


def _gains(weighting: Any, n_freq: int) -> np.ndarray:
    try:
        array = np.array(weighting)
    except (TypeError, ValueError, RuntimeError):
        array = np.array(None)
    if array.dtype.kind not in "fiu":
        raise TypeError(
            f"weighting={shown(weighting)} must be {_ALLOWED} or real gains ({n_freq},)"
        )
    if array.shape != (n_freq,):
        raise ValueError(f"weighting has shape {array.shape}; an array must have ({n_freq},)")
    array = array.astype(np.float64)
    if not (np.isfinite(array) & (array >= 0)).all():
        raise ValueError("weighting's gains must be finite and at least 0")
    array.flags.writeable = False
    return array


def _hertz(frequencies: Any) -> np.ndarray:
    """`frequencies` as float64; whole arrays are checked, one wrong value is shown."""
    try:
        array = np.asarray(frequencies)
    except (TypeError, ValueError, RuntimeError):
        array = np.asarray(None)
    if array.dtype.kind not in "fiu" and array.size:
        raise TypeError(f"frequencies={shown(frequencies)} must be real numbers, in Hz")
    hertz = array.astype(np.float64)
    valid = (hertz >= 0) & (hertz <= MAX_FREQUENCY)
    if not valid.all():
        wrong = hertz[~valid][0]
        raise ValueError(f"frequencies={wrong:g} Hz must be within 0..{MAX_FREQUENCY:g}")
    return hertz


MAX_PHON = 90.0
_NAMES = "'A', 'B', 'C', 'D', 'iso226:<phon>'"
_ALLOWED = f"None, {_NAMES}"


def _phon(name: str, curve: str, allowed: str) -> float:
    """The loudness that a contour's name says."""
    kind, _, phon = curve.partition(":")
    try:
        level = float(phon) if kind == "iso226" else None
    except ValueError:
        level = None
    if level is None:
        others = " or an array of gains" if name == "weighting" else ""
        raise ValueError(f"{name}={curve!r} must be {allowed}{others}")
    return real(f"{name}'s phon", level, 0.0, MAX_PHON)


# Poles in Hz of IEC 61672's filters A and C, and of the older B; each curve is 0 dB at 1 kHz.
_LOW, _HIGH = 20.598997, 12194.217
_A_POLES, _B_POLE = (107.65265, 737.86223), 158.48932


def _curve_db(curve: str, frequencies: np.ndarray) -> np.ndarray:
    f2 = frequencies**2
    with np.errstate(divide="ignore"):
        if curve == "D":
            return 20 * np.log10(_d_response(f2))
        response = _HIGH**2 * f2 / ((f2 + _LOW**2) * (f2 + _HIGH**2))  # C
        if curve == "A":
            response *= f2 / np.sqrt((f2 + _A_POLES[0] ** 2) * (f2 + _A_POLES[1] ** 2))
        if curve == "B":
            response *= np.sqrt(f2 / (f2 + _B_POLE**2))
        return 20 * np.log10(response) + {"A": 2.0, "B": 0.17, "C": 0.062}[curve]


def _d_response(f2: np.ndarray) -> np.ndarray:
    # Curve D of the withdrawn IEC 537.
    zeros = (1018.7**2 - f2) ** 2 + 1039.6**2 * f2
    poles = (3136.5**2 - f2) ** 2 + 3424.0**2 * f2
    ratio = zeros / (poles * (f2 + 282.7**2) * (f2 + 1160.0**2))
    return np.sqrt(f2 * ratio) / 8.3046305e-3**2


# ISO 226:2003, table 1: frequency, exponent of loudness, transfer at 1 kHz's level, threshold.
_ISO226 = np.array([
    (20, 0.532, -31.6, 78.5), (25, 0.506, -27.2, 68.7), (31.5, 0.480, -23.0, 59.5),
    (40, 0.455, -19.1, 51.1), (50, 0.432, -15.9, 44.0), (63, 0.409, -13.0, 37.5),
    (80, 0.387, -10.3, 31.5), (100, 0.367, -8.1, 26.5), (125, 0.349, -6.2, 22.1),
    (160, 0.330, -4.5, 17.9), (200, 0.315, -3.1, 14.4), (250, 0.301, -2.0, 11.4),
    (315, 0.288, -1.1, 8.6), (400, 0.276, -0.4, 6.2), (500, 0.267, 0.0, 4.4),
    (630, 0.259, 0.3, 3.0), (800, 0.253, 0.5, 2.2), (1000, 0.250, 0.0, 2.4),
    (1250, 0.246, -2.7, 3.5), (1600, 0.244, -4.1, 1.7), (2000, 0.243, -1.0, -1.3),
    (2500, 0.243, 1.7, -4.2), (3150, 0.243, 2.5, -6.0), (4000, 0.242, 1.2, -5.4),
    (5000, 0.242, -2.1, -1.5), (6300, 0.245, -7.1, 6.0), (8000, 0.254, -11.2, 12.6),
    (10000, 0.271, -10.7, 13.9), (12500, 0.301, -3.1, 12.3),
])  # fmt: skip


def _contour(phon: float) -> np.ndarray:
    """Sound pressure level in dB that is as loud as `phon`, at the standard's 29 frequencies."""
    _, exponent, transfer, threshold = _ISO226.T
    at_threshold = (0.4 * 10 ** ((threshold + transfer) / 10 - 9)) ** exponent
    loudness = 4.47e-3 * (10 ** (0.025 * phon) - 1.15) + at_threshold
    return 10 / exponent * np.log10(loudness) - transfer + 94


def _interpolated(contour: np.ndarray, frequencies: np.ndarray) -> np.ndarray:
    """`contour` at `frequencies`: linear in log frequency, constant outside."""
    octaves = np.log2(np.maximum(frequencies, _ISO226[0, 0]))
    return np.interp(octaves, np.log2(_ISO226[:, 0]), contour)


def _iso226_db(phon: float, frequencies: np.ndarray) -> np.ndarray:
    """Minus the contour of `phon`, 0 dB at 1 kHz."""
    contour = _contour(phon)
    at_1k = contour[_ISO226[:, 0] == 1000].item()
    return at_1k - _interpolated(contour, frequencies)

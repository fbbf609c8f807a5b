# SPDX-License-Identifier: Apache-2.0
"""Equal-loudness contours of ISO 226:2003: sound pressure levels that are as loud as each other."""

from typing import Any

import numpy as np

from lapped._validate import real, reals

PHON = (0.0, 90.0)

# ISO 226:2003, table 1: frequency, exponent of loudness, transfer at 1 kHz's level, threshold.
_TABLE = np.array([
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
_FREQUENCIES = _TABLE[:, 0]
_SONE, _OFFSET = 4.47e-3, 1.15  # of formula (1)


def equal_loudness(phon: float, frequencies: Any = None) -> np.ndarray:
    """Sound pressure level of pure tones that are as loud as one of `phon` dB at 1 kHz.

    The equal-loudness contour of ISO 226:2003, its formula (1): one source in front in a free
    field, both ears, young people of normal hearing, whose threshold is at 2.4 phon. Between the
    standard's 29 frequencies, 20 Hz to 12.5 kHz, the formula's parameters are linear in log
    frequency; outside, where the standard says nothing, they are those of the nearer end.

    Parameters
    ----------
    phon : float
        Loudness level, 0 to 90. The standard vouches for 20 to 90 up to 4 kHz, and for 20 to 80
        from 5 kHz on; below 20, it calls the contours informative.
    frequencies : float or array, any shape, optional
        In Hz; by default the standard's own 29.

    Returns
    -------
    float64, shape of `frequencies`
        dB re 20 uPa. At 1 kHz that is `phon`, but for 0.02 dB that the standard's constants leave.

    Raises
    ------
    ValueError, TypeError
        For a `phon` or frequency that is out of range, not finite or no real number.

    See Also
    --------
    loudness_level : The way back.
    weighting : ``weighting("iso226:<phon>", f)``, a contour turned into gains.

    Examples
    --------
    >>> import lapped
    >>> lapped.equal_loudness(40, [20, 100, 1000, 4000]).round(1)
    array([99.9, 64.4, 40. , 36.6])
    >>> lapped.equal_loudness(60).shape
    (29,)
    """
    phon = real("phon", phon, *PHON)
    hz = _FREQUENCIES if frequencies is None else reals("frequencies", frequencies, 0.0)
    exponent, transfer, threshold = _parameters(hz)
    loudness = _SONE * (10 ** (0.025 * phon) - _OFFSET) + _perceived(threshold, transfer, exponent)
    return 10 / exponent * np.log10(loudness) - transfer + 94


def loudness_level(level: Any, frequencies: Any) -> np.ndarray:
    """Loudness in phon of pure tones of a sound pressure level: `equal_loudness` solved for phon.

    That is the level in dB of a tone at 1 kHz that is as loud. The threshold of hearing is at 2.4
    phon; a tone below it is not heard: -inf.

    Parameters
    ----------
    level : float or array
        dB re 20 uPa.
    frequencies : float or array that broadcasts with `level`
        In Hz; between and outside the standard's frequencies as in `equal_loudness`.

    Returns
    -------
    float64, the common shape
        Phon. Above 90, the formula goes on where the standard ends.

    Raises
    ------
    ValueError, TypeError
        For a level or frequency that is out of range, not finite or no real number.

    Examples
    --------
    >>> import lapped
    >>> lapped.loudness_level([64.4, 36.6], [100, 4000]).round(1)
    array([40., 40.])
    >>> float(lapped.loudness_level(20, 50))  # below the threshold, 44 dB
    -inf
    """
    level = reals("level", level)
    exponent, transfer, threshold = _parameters(reals("frequencies", frequencies, 0.0))
    try:
        heard = level >= threshold
    except ValueError:
        raise ValueError(
            f"level has shape {level.shape} and must broadcast with that of frequencies, "
            f"{threshold.shape}"
        ) from None
    audible = np.maximum(level, threshold)
    loudness = _perceived(audible, transfer, exponent) - _perceived(threshold, transfer, exponent)
    return np.where(heard, 40 * np.log10(loudness / _SONE + _OFFSET), -np.inf)[()]


def _parameters(hz: np.ndarray) -> np.ndarray:
    """Exponent, transfer and threshold (3, ...) at frequencies in Hz."""
    octaves = np.log2(_FREQUENCIES)
    where = np.log2(np.maximum(hz, _FREQUENCIES[0]))
    return np.stack([np.interp(where, octaves, column) for column in _TABLE[:, 1:].T])


def _perceived(level: np.ndarray, transfer: np.ndarray, exponent: np.ndarray) -> np.ndarray:
    """Loudness of a tone, up to the threshold's share, in the formula's own unit."""
    return (0.4 * 10 ** ((level + transfer) / 10 - 9)) ** exponent

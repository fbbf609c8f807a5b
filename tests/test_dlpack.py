# SPDX-License-Identifier: Apache-2.0
"""Arrays of libraries that lapped has no adapter for, which hand their memory over by DLPack."""

from __future__ import annotations

import types

import numpy as np
import pytest

import lapped
from tests import signals

STFT = lapped.STFT(64, 16)
MEL = lapped.Mel(STFT, 16000, 8, compression=lapped.Compression())
GL = lapped.GriffinLim(STFT, 2)
X = signals.noise(2 * 3 * 200).reshape(2, 3, 200)


class Foreign:
    """An array of a library that lapped does not know, over NumPy's memory."""

    def __init__(self, a: np.ndarray) -> None:
        self.a, self.dtype, self.shape = a, a.dtype, a.shape

    def __dlpack__(self, **options: object) -> object:
        return self.a.__dlpack__(**options)

    def __dlpack_device__(self) -> tuple[int, int]:
        return self.a.__dlpack_device__()

    def __array_namespace__(self) -> object:
        return FOREIGN


FOREIGN = types.ModuleType("foreign")
FOREIGN.from_dlpack = lambda a: Foreign(np.from_dlpack(a))


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "int16"])
def test_any_array_with_dlpack_works(dtype: str) -> None:
    host = (X * 100).astype(dtype)
    for call in (STFT, STFT.power, MEL):
        found, expected = call(Foreign(host)), call(host)
        assert type(found) is Foreign
        np.testing.assert_array_equal(found.a, expected)
    S = STFT.magnitude(host)
    found, expected = (GL(s, return_convergence=True) for s in (Foreign(S), S))
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one.a, other)
    y = GL(S)
    decibels = lapped.spectral_convergence(STFT, Foreign(S), Foreign(y))
    np.testing.assert_array_equal(decibels.a, lapped.spectral_convergence(STFT, S, y))


def test_what_dlpack_cannot_do_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    x = Foreign(X)
    with pytest.raises(TypeError, match="out is a foreign array, which lapped cannot write"):
        STFT(x, out=STFT(x))
    with pytest.raises(TypeError, match="y is a NumPy array and S is a foreign array"):
        lapped.spectral_convergence(STFT, Foreign(STFT.magnitude(X)), X)
    monkeypatch.setattr(Foreign, "__dlpack_device__", lambda self: (7, 0))
    with pytest.raises(TypeError, match=r"x is on a device of DLPack's kind 7: pass an array on"):
        STFT(x)
    monkeypatch.setattr(Foreign, "__array_namespace__", lambda self: types)
    with pytest.raises(TypeError, match="x is an array of tests, which has no from_dlpack"):
        STFT(x)

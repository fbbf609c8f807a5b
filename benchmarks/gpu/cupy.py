# SPDX-License-Identifier: Apache-2.0
"""CuPy: cupy.fft.rfft over windowed frames that are views of the padded signal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from types import ModuleType
from typing import Any

from .. import reference
from ..cases import FLOOR
from ..inputs import Inputs
from ..rivals import Rival
from .inputs import Moved


def rivals_of(xp: ModuleType, put: Callable[[Any], Any]) -> tuple[Rival, ...]:
    """With CuPy's module, or one with the same names, and what makes an array of it."""
    return (
        Rival("cupy", "CuPy rfft of strided frames", "stft", partial(_complex, xp, put)),
        Rival("cupy", "CuPy |rfft| ** 2", "power", partial(_power, xp, put)),
        Rival("cupy", "CuPy filters @ |rfft| ** 2, log", "mel", partial(_log_mel, xp, put)),
    )


def on_arrays(rivals: tuple[Rival, ...], put: Callable[[Any], Any]) -> tuple[Rival, ...]:
    """lapped's own calls, given CuPy arrays."""

    def built(rival: Rival, inputs: Inputs) -> Callable[[], Any]:
        return rival.build(Moved(inputs, put))

    return tuple(
        replace(
            rival,
            library="lapped_cupy",
            label="lapped, CuPy arrays",
            build=partial(built, rival),
        )
        for rival in rivals
    )


def _transform(xp: ModuleType, put: Callable[[Any], Any], inputs: Inputs) -> Callable[[], Any]:
    """Batch x frames x bins."""
    case, x = inputs.case, put(inputs.x)
    half, window = case.n_fft // 2, xp.asarray(reference.window(case), x.dtype)

    def transform() -> Any:
        padded = xp.pad(x, ((0, 0), (half, half)), mode="reflect")
        row, sample = padded.strides
        frames = xp.lib.stride_tricks.as_strided(
            padded,
            (len(x), case.frames, case.n_fft),
            (row, case.hop_length * sample, sample),
        )
        return xp.fft.rfft(frames * window)

    return transform


def _complex(xp: ModuleType, put: Callable[[Any], Any], inputs: Inputs) -> Callable[[], Any]:
    transform = _transform(xp, put, inputs)
    return lambda: transform().swapaxes(-1, -2)


def _squares(xp: ModuleType, transform: Callable[[], Any]) -> Any:
    spectrum = transform()
    return xp.square(spectrum.real) + xp.square(spectrum.imag)


def _power(xp: ModuleType, put: Callable[[Any], Any], inputs: Inputs) -> Callable[[], Any]:
    transform = _transform(xp, put, inputs)
    return lambda: _squares(xp, transform).swapaxes(-1, -2)


def _log_mel(xp: ModuleType, put: Callable[[Any], Any], inputs: Inputs) -> Callable[[], Any]:
    transform = _transform(xp, put, inputs)
    filters = xp.asarray(reference.mel_filters(inputs.case).T, inputs.case.dtype)
    return lambda: xp.log(xp.maximum(_squares(xp, transform) @ filters, FLOOR)).swapaxes(-1, -2)

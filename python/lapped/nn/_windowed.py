# SPDX-License-Identifier: Apache-2.0
"""What the modules with a window share: framing, the buffer `window`, and the STFT of both."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lapped._mel import Mel
from lapped._stft import STFT
from lapped._validate import MAX_FFT, flag, integer, shown
from lapped.nn._following import Following, on_default_device


class Windowed(Following):
    """Base of a module with the buffer `window` (win_length,); `_stft` is what it means."""

    _followed = "window"
    _options = ("n_fft", "win_length", "hop_length", "normalized", "center", "pad_mode")
    _stft: STFT

    def __init__(
        self,
        n_fft: int,
        win_length: int | None,
        hop_length: int | None,
        window_fn: Callable[..., Tensor],
        wkwargs: dict | None,
        *,
        normalized: bool | str = False,
        center: bool = True,
        pad_mode: str = "reflect",
    ) -> None:
        super().__init__()
        self.n_fft = integer("n_fft", n_fft, 1, MAX_FFT)
        win = self.n_fft if win_length is None else win_length
        self.win_length = integer("win_length", win, 1, self.n_fft)
        hop = max(1, self.win_length // 2) if hop_length is None else hop_length
        self.hop_length = integer("hop_length", hop, 1, MAX_FFT)
        self.normalized, self.pad_mode = normalized, pad_mode
        self.center = flag("center", center)
        if not callable(window_fn):
            raise TypeError(
                f"window_fn={shown(window_fn)} must be a function, as torch.hann_window"
            )
        with torch.device("cpu"):
            window = window_fn(self.win_length, **(wkwargs or {}))
        self._stft = self._transform(window)
        self._keep(on_default_device(window))

    def _follow(self) -> None:
        self._stft = self._transform(self.window)

    def _look(self) -> None:
        if self.window.requires_grad:
            raise TypeError("window requires grad and must not: it has no gradient here")
        super()._look()

    def _transform(self, window: Any) -> STFT:
        if not isinstance(window, Tensor):
            raise TypeError(f"window={shown(window)} must be a tensor ({self.win_length},)")
        if tuple(window.shape) != (self.win_length,):
            shape = tuple(window.shape)
            raise ValueError(f"window has shape {shape} and must have ({self.win_length},)")
        return ready(
            STFT(
                self.n_fft,
                self.hop_length,
                self.win_length,
                samples_of(window),
                padding="center" if self.center else "none",
                pad_mode=self.pad_mode,
                normalized=normalization(self.normalized),
            )
        )


def samples_of(tensor: Tensor) -> np.ndarray:
    """The tensor's numbers in float64."""
    return tensor.detach().cpu().double().numpy()


def normalization(value: bool | str) -> bool | str:
    """What lapped.STFT calls torchaudio's `normalized`, whose True means "window"."""
    if isinstance(value, bool) or value in ("window", "frame_length"):
        return "window" if value is True else value
    kind = ValueError if isinstance(value, str) else TypeError
    raise kind(f"normalized={shown(value)} must be False, True, 'window' or 'frame_length'")


def ready(value: Any) -> Any:
    """`value` with all its cached properties made, which torch's tracer cannot make."""
    stft = value.stft if isinstance(value, Mel) else value
    _ = stft.n_freq, stft.pad, stft._frames, stft._plans, stft._swap
    if isinstance(value, Mel):
        _ = value.filters, value._banks, value._compress
    return value


def raised(magnitudes: Tensor, exponent: float) -> Tensor:
    """``magnitudes ** exponent``, whose gradient at 0 is 0 where the true one is infinite."""
    if exponent == 1:
        return magnitudes
    if not 0 < exponent < 1:
        return magnitudes.pow(exponent)
    silent = magnitudes == 0
    return magnitudes.masked_fill(silent, 1).pow(exponent).masked_fill(silent, 0)

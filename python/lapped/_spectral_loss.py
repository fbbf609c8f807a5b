# SPDX-License-Identifier: Apache-2.0
"""Spectral losses on arrays of any library: values, sums over their differences, gradients."""

from dataclasses import KW_ONLY, dataclass
from functools import cached_property, lru_cache
from types import ModuleType
from typing import Any, ClassVar

import numpy as np

from lapped import _arrays
from lapped._arrays import Array
from lapped._mel import Mel
from lapped._stft import STFT
from lapped._validate import flag, positive, row_lengths
from lapped._value import Made, Value

BLOCK = 16  # kValueFrames of csrc/core/spectral_loss.h
SUMS = 4  # kLossSums


@dataclass(frozen=True, eq=False, repr=False)
class SpectralLoss(Value):
    """What is compared: ``sqrt(max(|gain X|**2, floor))``, or mel bands of that.

    Parameters
    ----------
    transform : STFT or Mel
        Bins or bands. Of `Mel`, the filters alone count.
    gains : array (n_freq,), optional
        Of the bins, before everything else.
    floor : float
        Of the squared magnitudes, above 0.
    squared_logs : bool
        Whether differences of logarithms are squared or absolute.
    """

    transform: STFT | Mel
    _: KW_ONLY
    gains: Any = None
    floor: float = 1e-8
    squared_logs: bool = False

    stft: ClassVar[STFT]
    n_values: ClassVar[int]  # of a frame

    def __post_init__(self) -> None:
        self._set(floor=positive("floor", self.floor))
        self._set(squared_logs=flag("squared_logs", self.squared_logs))
        bins = isinstance(self.transform, STFT)
        stft = self.transform if bins else self.transform.stft
        self._set(stft=stft, n_values=stft.n_freq if bins else self.transform.n_mels)
        self._describe()

    def shape(self, n_frames: Any) -> tuple[Any, int, int]:
        """Shape of a row's values: blocks of frames, values, frames of a block."""
        return (n_frames + BLOCK - 1) // BLOCK, self.n_values, BLOCK

    @cached_property
    def _tables(self) -> Made:
        """What each module's kernels read: plan, bank, gains and floor."""
        return Made(_tables_of, self)

    def values(self, y: Array, lengths: Any = None) -> Array:
        """Values of `y` (..., samples) in blocks of frames: (..., *shape(n_frames))."""
        signal, batch, like = _arrays.operand(y, "target", "signal", 1)
        samples = signal.shape[1]
        shape = self.shape(self.stft._frames.n_frames(samples))
        memory, view = like.library.empty(like, (*batch, *shape), like.real)
        rows = row_lengths(lengths, batch, samples, "the samples of the signals")
        blocks = like.library.reshaped(view, (signal.shape[0], *shape))
        like.kernels.spectral_values(*self._tables[like.module], signal, rows, blocks)
        return like.library.returned(memory)

    def sums(self, x: Array, target: Array, lengths: Any = None) -> Array:
        """Over the values v of `x` and t of `target`: those of csrc/core/spectral_loss.h.

        float64 (..., 4): sums of (v - t)**2, t**2, abs(v - t) and of the logarithms' differences.
        """
        signal, batch, like = _arrays.operand(x, "input", "signal", 1)
        blocks, _, _ = _arrays.operand(target, "target", "real", 3)
        rows = row_lengths(lengths, batch, signal.shape[1], "the samples of the signals")
        memory, view = like.library.empty(like, (*batch, SUMS), np.dtype(np.float64))
        like.kernels.spectral_loss(
            *self._tables[like.module], signal, rows, blocks,
            like.library.reshaped(view, (signal.shape[0], SUMS)), self.squared_logs,
        )  # fmt: skip
        return like.library.returned(memory)

    def gradient(self, factors: Array, x: Array, target: Array, lengths: Any = None) -> Array:
        """Gradient of ``sum(factors * sums(x))`` with respect to x; factors float64 (..., 4)."""
        signal, batch, like = _arrays.operand(x, "input", "signal", 1)
        blocks, _, _ = _arrays.operand(target, "target", "real", 3)
        weights, _, _ = _arrays.operand(factors, "factors", "real", 1)
        rows = row_lengths(lengths, batch, signal.shape[1], "the samples of the signals")
        memory, view = _arrays.result(like, batch, (signal.shape[1],))
        like.kernels.spectral_loss_gradient(
            *self._tables[like.module], signal, rows, blocks, weights, view, self.squared_logs
        )
        return _arrays.finished(like, memory)


@lru_cache(maxsize=64)
def _tables_of(loss: SpectralLoss, module: ModuleType) -> tuple[Any, ...]:
    bank = None if loss.transform is loss.stft else loss.transform._banks[module]
    gains = None if loss.gains is None else module.BinGains(loss.gains)
    return loss.stft._plans[module], bank, gains, loss.floor

# SPDX-License-Identifier: Apache-2.0
"""What the two pipelines with a model on spectrograms share."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from lapped._mel import Mel
from lapped._stft import STFT
from lapped._validate import shown
from lapped.pipelines._pipeline import Model, Pipeline, called, expect_shape, rows_by_length


class SpectralPipeline(Pipeline):
    """A pipeline whose model sees the result of `transform`, in the transform's layout."""

    def __init__(self, model: Model, transform: STFT | Mel) -> None:
        super().__init__(model)
        if not isinstance(transform, STFT | Mel):
            raise TypeError(f"transform={shown(transform)} must be a lapped.STFT or a lapped.Mel")
        self.transform = transform

    @property
    def stft(self) -> STFT:
        """The STFT that `transform` is or is built on."""
        return self.transform.stft if isinstance(self.transform, Mel) else self.transform

    def extra_repr(self) -> str:
        return f"transform={self.transform}"

    def _modelled(self, features: Tensor, x: Tensor, lengths: np.ndarray | None) -> Tensor:
        """The model's answer to the spectrograms of `x`, in their shape; 0 past a row's end."""
        if lengths is None:
            return self._answer(features)
        result = torch.zeros_like(features)
        for rows, samples in rows_by_length(x, lengths):
            answer = self._answer(self._valid(features, rows, samples))
            result.movedim(self._frame_axis, 1)[rows, : self.stft.n_frames(samples)] = (
                answer.movedim(self._frame_axis, 1)
            )
        return result

    def _answer(self, features: Tensor) -> Tensor:
        """The model's answer to `features`, in their shape; not asked where there are none."""
        if not features.numel():
            return features
        answer = called("model", self.model, features)
        expect_shape("model", answer, tuple(features.shape))
        return answer.contiguous()  # else torch.export asks for guards on a model's strides

    def _valid(self, features: Tensor, rows: Tensor, samples: int) -> Tensor:
        """The frames that rows of so many samples have, of those rows."""
        return features[rows].narrow(self._frame_axis, 0, self.stft.n_frames(samples))

    @property
    def _frame_axis(self) -> int:
        return -2 if self.stft.layout == "tf" else -1


def bands_to_bins(filters: np.ndarray) -> np.ndarray:
    """Weights (n_freq, n_mels) that carry a quantity of bands over to bins; each row's sum is 1.

    A bin takes the mean of the bands that cover it, weighted by their `filters` (n_mels, n_freq); a
    bin that none covers takes what the nearest covered one takes.
    """
    coverage = filters.sum(axis=0)
    covered = np.flatnonzero(coverage)
    distance = np.abs(np.arange(filters.shape[1])[:, None] - covered)
    nearest = covered[distance.argmin(axis=1)]
    return (filters[:, nearest] / coverage[nearest]).T

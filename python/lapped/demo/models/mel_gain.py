# SPDX-License-Identifier: Apache-2.0
"""A network made for linear spectrograms, at work on log-mel spectrograms."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

import lapped
from lapped.pipelines._spectral import bands_to_bins


class MelGain(nn.Module):
    """Gains for the bands of a log-mel spectrogram, both (batch, n_mels, n_frames), by `network`.

    `network` finds gains for magnitudes of `linear`, an STFT of the same hop whose bins are some of
    those of `mel`. Each bin gets the mean amplitude of the bands that cover it, at the level that
    the network's own window would have measured; each band the mean gain of the bins it covers.
    """

    def __init__(self, network: nn.Module, linear: lapped.STFT, mel: lapped.Mel) -> None:
        super().__init__()
        self.network = network
        every = mel.stft.n_fft // linear.n_fft
        means = mel.filters / mel.filters.sum(axis=1, keepdims=True)  # (n_mels, n_freq of mel)
        height = mel.filters.sum(axis=1)  # a band's value where every bin is 1
        level = _gain(linear) / _gain(mel.stft)
        to_bins = level * bands_to_bins(mel.filters)[::every] / height
        self.register_buffer("to_bins", torch.tensor(to_bins, dtype=torch.float32))
        to_bands = means @ _interpolation(means.shape[1], every)
        self.register_buffer("to_bands", torch.tensor(to_bands, dtype=torch.float32))

    def forward(self, log_mel: Tensor) -> Tensor:
        return self.to_bands @ self.network(self.to_bins @ log_mel.exp())


class DenoisedMel(nn.Module):
    """A log-mel spectrogram times the gains that `gain` finds for it, not below `floor`."""

    def __init__(self, gain: nn.Module, floor: float) -> None:
        super().__init__()
        self.gain = gain
        self.floor = floor

    def forward(self, log_mel: Tensor) -> Tensor:
        return (log_mel.exp() * self.gain(log_mel)).clamp_min(self.floor).log()


def _gain(stft: lapped.STFT) -> float:
    """What `stft`'s window makes of a constant 1: its sum."""
    return float(stft.magnitude(np.ones(4 * stft.n_fft)).max())


def _interpolation(n_freq: int, every: int) -> np.ndarray:
    """Weights (n_freq, n_coarse) that interpolate between every so many of n_freq bins."""
    n_coarse = (n_freq - 1) // every + 1
    position = np.arange(n_freq)[:, None] / every
    return np.maximum(0, 1 - np.abs(position - np.arange(n_coarse)))

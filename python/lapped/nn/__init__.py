# SPDX-License-Identifier: Apache-2.0
"""Transforms as torch modules, with the constructors and results of torchaudio.transforms.

``import lapped.nn as T`` takes the place of ``import torchaudio.transforms as T``. Each deliberate
difference has a keyword of its own, and its value "torchaudio" brings torchaudio's behaviour back;
docs/migrating-from-torchaudio.md lists them. The losses have auraloss's constructors and values.
"""

from lapped.nn.cepstra import LFCC, MFCC
from lapped.nn.decibels import AmplitudeToDB
from lapped.nn.griffin_lim import GriffinLim
from lapped.nn.inverse_mel import InverseMelScale
from lapped.nn.losses import MelLoss, MultiResolutionSTFTLoss, STFTLoss
from lapped.nn.mel import MelScale, MelSpectrogram
from lapped.nn.spectrogram import InverseSpectrogram, Spectrogram
from lapped.nn.time_stretch import TimeStretch

__all__ = [
    "LFCC",
    "MFCC",
    "AmplitudeToDB",
    "GriffinLim",
    "InverseMelScale",
    "InverseSpectrogram",
    "MelLoss",
    "MelScale",
    "MelSpectrogram",
    "MultiResolutionSTFTLoss",
    "STFTLoss",
    "Spectrogram",
    "TimeStretch",
]

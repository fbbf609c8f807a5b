# SPDX-License-Identifier: Apache-2.0
"""NSNet2, the baseline of the DNS challenge: a gain for every bin of a noisy spectrogram."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from lapped.demo.models.weights import onnx_graph

POWER_FLOOR = 1e-12
GAIN_FLOOR = 1e-4  # -80 dB


class NSNet2(nn.Module):
    """Gains in [1e-4, 1] out of magnitudes, both (batch, n_freq, n_frames).

    The published network: log10 power, a dense layer, two GRUs, three dense layers, a sigmoid.
    """

    def __init__(self, n_freq: int = 161, hidden: int = 400, dense: int = 600) -> None:
        super().__init__()
        self.dense_in = nn.Linear(n_freq, hidden)
        self.gru = nn.GRU(hidden, hidden, num_layers=2, batch_first=True)
        self.dense_out = nn.Sequential(
            nn.Linear(hidden, dense),
            nn.ReLU(),
            nn.Linear(dense, dense),
            nn.ReLU(),
            nn.Linear(dense, n_freq),
            nn.Sigmoid(),
        )

    def forward(self, magnitude: Tensor) -> Tensor:
        log_power = torch.log10(magnitude.square().clamp_min(POWER_FLOOR)).mT
        hidden, _ = self.gru(torch.relu(self.dense_in(log_power)))
        return self.dense_out(hidden).mT.clamp_min(GAIN_FLOOR)


def load_nsnet2(path: Path) -> NSNet2:
    """Read the weights out of the published ONNX file."""
    graph, constants = onnx_graph(path)
    dense = [constants[n.input[1]] for n in graph.node if n.op_type == "MatMul"]  # (in, out) each
    recurrent = [n.input[1:4] for n in graph.node if n.op_type == "GRU"]
    model = NSNet2(n_freq=dense[0].shape[0], hidden=dense[0].shape[1], dense=dense[1].shape[1])
    state = {}
    names = ["dense_in", "dense_out.0", "dense_out.2", "dense_out.4"]
    biases = ["fc_in.0.bias", "fc_out.0.bias", "fc_out.2.bias", "fc_out.4.bias"]
    for name, weight, bias in zip(names, dense, biases, strict=True):
        state |= {f"{name}.weight": weight.T, f"{name}.bias": constants[bias]}
    for layer, inputs in enumerate(recurrent):
        state |= gru_state(layer, *(constants[name][0] for name in inputs))
    model.load_state_dict(state)
    return model.eval()


def gru_state(layer: int, w: Tensor, r: Tensor, b: Tensor) -> dict[str, Tensor]:
    """ONNX's update, reset, new gates (z, r, h) in torch's order (r, z, n); b holds both biases."""
    hidden = r.shape[-1]

    def reordered(gates: Tensor) -> Tensor:
        update, reset, new = gates.split(hidden)
        return torch.cat([reset, update, new])

    return {
        f"gru.weight_ih_l{layer}": reordered(w),
        f"gru.weight_hh_l{layer}": reordered(r),
        f"gru.bias_ih_l{layer}": reordered(b[: 3 * hidden]),
        f"gru.bias_hh_l{layer}": reordered(b[3 * hidden :]),
    }

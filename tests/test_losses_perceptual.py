# SPDX-License-Identifier: Apache-2.0
"""The A-weighting filter in front of a spectral loss hears each row's own samples only."""

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("scipy")
import lapped.nn  # noqa: E402

LENGTHS = [3000, 1800]


def test_padding_is_not_filtered_into_a_row():
    torch.manual_seed(0)
    x, y = torch.randn(2, 2, 1, 3000, dtype=torch.float64)
    loss = lapped.nn.STFTLoss(256, 64, 256, sample_rate=16000, perceptual_weighting=True)
    alone = [loss(x[i : i + 1, :, :n], y[i : i + 1, :, :n]) for i, n in enumerate(LENGTHS)]
    padded = loss(x, y, lengths=LENGTHS)
    torch.testing.assert_close(padded, sum(alone) / 2, rtol=1e-10, atol=0)


def test_nothing_past_a_row_has_a_gradient():
    torch.manual_seed(0)
    x, y = torch.randn(2, 2, 1, 3000)
    x[1, :, LENGTHS[1] :] = float("nan")
    x.requires_grad_()
    loss = lapped.nn.STFTLoss(256, 64, 256, sample_rate=16000, perceptual_weighting=True)
    loss(x, y, lengths=LENGTHS).backward()
    assert torch.isfinite(x.grad).all()
    assert (x.grad[1, :, LENGTHS[1] :] == 0).all()

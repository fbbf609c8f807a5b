# SPDX-License-Identifier: Apache-2.0
"""Models by name for the tests of `lapped run pipeline`."""

import torch


class Half(torch.nn.Module):
    def forward(self, x):
        return 0.5 * x


def build():
    return Half()


def quiet(x):
    return 0.25 * x


def picky(x):
    if x.shape[-1] % 2:
        raise RuntimeError("odd lengths are beyond me")
    return x


def vocoder(mel):
    return mel.mean(-2).repeat_interleave(256, -1)


NOT_CALLABLE = 3

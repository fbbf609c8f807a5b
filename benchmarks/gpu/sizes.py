# SPDX-License-Identifier: Apache-2.0
"""What is timed on a device: enough clips to fill it, and one short clip for what a call costs."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ..cases import MAIN, SHORT, Case
from ..measure import Effort

OPS = ("mel", "power", "stft", "istft", "griffin_lim", "mel_inverse")

# An input of one of these is several times the last cache of a Hopper GPU.
BATCHES = tuple(replace(case, batch=256) for case in MAIN)
LONG = (replace(MAIN[1], seconds=30, batch=64),)  # what a speech model hears at once

TITLES = {
    "sizes": "256 clips of 10 s",
    "long": "64 clips of 30 s",
    "call": "one call on a clip of 1 s, from Python until it is done",
    "graph": "one call on a clip of 1 s, replayed from a CUDA graph",
}

# Small, but with tiles that are cut short, padding, rows of a batch and a frame length for which
# no kernel was made.
SMOKE = (
    Case(1024, 256, 22050, seconds=0.3, batch=2),
    Case(400, 160, 16000, seconds=0.2, batch=2),
    Case(300, 75, 16000, seconds=0.1, batch=2),
    Case(400, 160, 16000, seconds=0.1, dtype="float64"),
)

_EFFORT = Effort(seconds=0.4)


@dataclass(frozen=True)
class Plan:
    """The sizes of each group, how often each call is timed, and which libraries take part."""

    batches: tuple[Case, ...] = BATCHES
    long: tuple[Case, ...] = LONG
    short: tuple[Case, ...] = SHORT
    effort: Effort = _EFFORT
    compiled: bool = True  # torch.compile takes a while for each size and operation


QUICK = Plan(BATCHES[:2], (), SHORT[:1], Effort(seconds=0.1, fewest=3, most=31), compiled=False)

# SPDX-License-Identifier: Apache-2.0
"""Which operations are timed at which sizes beside which libraries."""

from __future__ import annotations

from dataclasses import dataclass, field

from .cases import BATCHED, CALL, CURVES, DOUBLE, LONG, MAIN, OPS, SHORT, Case
from .measure import QUICK, Effort
from .rivals import LIBRARIES

EVERYDAY = tuple(name for name in LIBRARIES if name != "torch_compile")  # which compiles for long
NEAREST = ("torch", "torchaudio")


@dataclass(frozen=True)
class Block:
    """Every one of `ops` at every one of `cases` by every one of `libraries`."""

    name: str
    ops: tuple[str, ...] = tuple(OPS)
    cases: tuple[Case, ...] = MAIN
    libraries: tuple[str, ...] = EVERYDAY
    effort: Effort = field(default_factory=Effort)


TITLES = {
    "sizes": "",
    "lengths": "short, long and batched audio",
    "float64": "float64",
    "call": "next to no audio: what a call costs",
    "batch": "as the batch grows",
    "length": "as the signal grows",
    "n_fft": "as the frame grows",
}
_GROWING = tuple(Block(name, ("mel", "stft"), CURVES[name], NEAREST, QUICK) for name in CURVES)
_TIMED_AGAIN = ("mel", "power", "stft", "istft", "griffin_lim")
SUITES = {
    "standard": (Block("sizes"), *_GROWING),
    "full": (
        Block("sizes", libraries=LIBRARIES),
        Block("lengths", _TIMED_AGAIN, (*SHORT, *LONG, *BATCHED), (*NEAREST, "librosa")),
        Block("float64", (*_TIMED_AGAIN, "mel_inverse"), DOUBLE, NEAREST),
        Block("call", ("power", "stft", "istft"), (CALL,), NEAREST),
        *_GROWING,
    ),
}

# Two threads beside one: eight rows, and one row of about a thousand frames.
THREADED = tuple(
    (op, case) for op in (*_TIMED_AGAIN, "mel_inverse") for case in (BATCHED[0], MAIN[1])
)

_TEN_MINUTES = Case(400, 160, 16000, seconds=600)
WEIGHED = (
    ("mel", Case(400, 160, 16000, seconds=3600)),
    *((op, _TEN_MINUTES) for op in ("power", "stft", "istft", "griffin_lim", "mel_inverse")),
)

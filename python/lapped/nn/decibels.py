# SPDX-License-Identifier: Apache-2.0
"""Decibels."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from lapped._validate import choice, real
from lapped.nn._following import Shown

PEAKS = ("example", "torchaudio")


class AmplitudeToDB(Shown):
    """Decibels: ``out`` is ``10 log10(x)`` of powers, ``20 log10(x)`` of magnitudes.

    `x` counts as 1e-10 where it is less. The constructor is torchaudio.transforms.AmplitudeToDB's,
    but for the keyword at its end.

    Parameters
    ----------
    stype : str
        What `x` holds: "power", or "magnitude" (also spelled "amplitude").
    top_db : float, optional
        Decibels below the peak that the result does not fall under.
    peak : str
        Where the peak is looked for. "example": over the last two axes, so that no example depends
        on the others. "torchaudio": over the last three, so that the examples of a batch
        (batch, n_freq, n_frames) share one peak.

    Raises
    ------
    ValueError, TypeError
        For an option out of range or of the wrong type; the message says what is allowed.

    Examples
    --------
    >>> import lapped.nn as T, torch
    >>> T.AmplitudeToDB(top_db=80.0)(torch.tensor([[1.0, 0.1, 0.0]]))
    tensor([[  0., -10., -80.]])
    """

    _shown = ("stype", "top_db", "peak")

    def __init__(
        self, stype: str = "power", top_db: float | None = None, *, peak: str = "example"
    ) -> None:
        super().__init__()
        self.stype = choice("stype", stype, ("power", "magnitude", "amplitude"))
        self.top_db = None if top_db is None else real("top_db", top_db, 0.0)
        self.peak = choice("peak", peak, PEAKS)
        self.multiplier = 10.0 if stype == "power" else 20.0
        self.amin = 1e-10
        self.ref_value = 1.0
        self.db_multiplier = math.log10(max(self.amin, self.ref_value))

    def forward(self, x: Tensor) -> Tensor:
        """Decibels of `x` (..., n_freq, n_frames), in its shape."""
        level = self.multiplier * (torch.log10(x.clamp(min=self.amin)) - self.db_multiplier)
        if self.top_db is None:
            return level
        axes = tuple(range(-min(x.ndim, 2 if self.peak == "example" else 3), 0))
        if x.numel() == 0:
            return level
        return torch.maximum(level, level.amax(axes, keepdim=True) - self.top_db)

# SPDX-License-Identifier: Apache-2.0
"""Compression of mel spectrograms: logarithm, floor, dynamic range and an affine step."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

from lapped._validate import choice, positive, real
from lapped._value import Value

BASES = ("10", "e", "db", "log1p")


@dataclass(frozen=True, eq=False, repr=False)
class Compression(Value):
    """How energies become features: ``scale * (max(log(v), peak - dynamic_range) + shift)``.

    ``v`` is the energy of a mel band in a frame, ``peak`` the largest logarithm of the example.

    Parameters
    ----------
    base : str
        "10" ``log10(v)``, "e" ``ln(v)``, "db" the level in dB (``10 log10(v)`` of a power,
        ``20 log10(v)`` of a magnitude: ``20 / power * log10(v)`` with `Mel`'s `power`), "log1p"
        ``ln(1 + v)``.
    floor : float
        Keeps the logarithm finite; above 0. "log1p" has no use for it.
    floor_mode : str
        "clamp" ``log(max(v, floor))`` or "add" ``log(v + floor)``.
    dynamic_range : float, optional
        Smallest value below the peak, in the logarithm's unit (8 for Whisper, 80 for 80 dB).
    scope : str
        Whose peak: "example", each row its own, or "batch", one for all rows: the only setting in
        which a result depends on what else is in the batch.
    scale, shift : float
        The affine step; `scale` is not 0.

    Raises
    ------
    ValueError, TypeError
        For an option out of range or of the wrong type; the message says what is allowed.

    Examples
    --------
    >>> import lapped
    >>> lapped.Compression("e", floor=1e-5)
    Compression(base='e', floor=1e-05)
    >>> whisper = lapped.Compression("10", dynamic_range=8, scale=0.25, shift=4)
    """

    base: str = "10"
    floor: float = 1e-10
    floor_mode: str = "clamp"
    dynamic_range: float | None = None
    scope: str = "example"
    scale: float = 1.0
    shift: float = 0.0

    _always_shown: ClassVar[tuple[str, ...]] = ("base",)

    def __post_init__(self) -> None:
        choice("base", self.base, BASES)
        choice("floor_mode", self.floor_mode, ("clamp", "add"))
        choice("scope", self.scope, ("example", "batch"))
        self._set(floor=positive("floor", self.floor))
        if self.dynamic_range is not None:
            self._set(dynamic_range=real("dynamic_range", self.dynamic_range, 0.0))
        self._set(scale=real("scale", self.scale), shift=real("shift", self.shift))
        if self.scale == 0:
            raise ValueError("scale=0 must not be 0")
        self._describe()

    @property
    def _couples_rows(self) -> bool:
        """Whether a row's result depends on other rows."""
        return self.dynamic_range is not None and self.scope == "batch"

    @cached_property
    def _arguments(self) -> tuple[Any, ...]:
        """The kernels' form."""
        return tuple(self._fields().values())

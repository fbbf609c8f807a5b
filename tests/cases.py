# SPDX-License-Identifier: Apache-2.0
"""Which transforms the operations are tested with: every size with every dtype, the rest sampled.

Each factor walks through its values in a shuffled order, so a few dozen draws meet all of them.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

import numpy as np

import lapped
from tests import reference, signals
from tests.libraries import DEVICE, HOST

SIZES = (1, 2, 3, 16, 20, 127, 400, 401, 512, 882, 1009, 1024, 1200, 1920, 2048, 4096, 8192)
FACTORS = {
    "hop": ("quarter", "half", "whole", "third", "beyond", "one"),
    "window": ("hann", "hann", "hamming", "blackman", "array"),
    "win_length": ("full", "full", "shorter"),
    "align": ("center", "left"),
    "periodic": (True, True, False),
    "padding": ("center", "same", "causal", "none", "uneven"),
    "pad_mode": ("reflect", "constant", "replicate", "symmetric", "circular"),
    "normalized": (False, False, "frame_length", "window"),
    "layout": ("ft", "tf"),
    "batch": ((), (3,), (2, 3), (0,), (1,)),
    "samples": ("long", "long", "long", "prime", 0, 1, 2, "n_fft-1", "n_fft", "n_fft+1"),
    "signal": ("noise", "noise", "tone", "chirp", "impulse"),
    "memory": ("plain", "fortran", "reversed", "strided", "broadcast", "offset"),
    "library": HOST,
}


@dataclass(frozen=True)
class Case:
    """One transform and one input."""

    n_fft: int
    hop: int
    win_length: int
    window: str | np.ndarray
    padding: str | tuple[int, int]
    pad_mode: str
    align: str
    periodic: bool
    normalized: bool | str
    layout: str
    batch: tuple[int, ...]
    n_samples: int
    signal: str
    memory: str
    library: str
    dtype: str

    def __str__(self) -> str:
        window = self.window if isinstance(self.window, str) else "array"
        padding = str(self.padding).replace(" ", "")
        batch = "x".join(map(str, self.batch)) or "single"
        return (
            f"{self.n_fft}-{self.hop}-{self.win_length}{self.align[0]}-{window}-{padding}-{self.pad_mode}"
            f"-{batch}-{self.n_samples}-{self.signal}-{self.memory}-{self.layout}-{self.library}-{self.dtype}"
        )

    def stft(self) -> lapped.STFT:
        """The value under test."""
        return lapped.STFT(
            self.n_fft,
            self.hop,
            self.win_length,
            self.window,
            padding=self.padding,
            pad_mode=self.pad_mode,
            window_align=self.align,
            periodic=self.periodic,
            normalized=self.normalized,
            layout=self.layout,
        )

    def framing(self) -> reference.Framing:
        """The same transform, as the reference knows it."""
        window = self.window
        if isinstance(window, str):
            window = reference.cosine_window(window, self.win_length, self.periodic)
        placed = reference.placed_window(window, self.n_fft, self.align, self.normalized)
        left, right = reference.pad_amounts(self.n_fft, self.hop, self.padding)
        return reference.Framing(placed, self.hop, left, right, self.pad_mode)

    @property
    def rows(self) -> int:
        """Examples in the batch."""
        return math.prod(self.batch)

    def input(self) -> np.ndarray:
        """(*batch, samples) in the case's precision and memory order."""
        x = np.zeros((self.rows, self.n_samples))
        for row in range(self.rows):
            x[row] = (1 + row) * getattr(signals, self.signal)(self.n_samples)
        return arranged(x.reshape(*self.batch, self.n_samples).astype(self.dtype), self.memory)

    def bins_first(self, result: np.ndarray) -> np.ndarray:
        """A result in either layout as (*batch, bins, frames)."""
        return result if self.layout == "ft" else result.swapaxes(-1, -2)


def arranged(x: np.ndarray, memory: str) -> np.ndarray:
    """The same values behind other strides ("broadcast": the first example for all)."""
    if memory == "fortran":
        return np.asfortranarray(x)
    if memory == "reversed":
        return x[..., ::-1].copy()[..., ::-1]
    if memory == "strided":
        return np.repeat(x, 2, axis=-1)[..., ::2]
    if memory == "broadcast" and x.ndim > 1 and x.size:
        return np.broadcast_to(x[(0,) * (x.ndim - 1)], x.shape)
    if memory == "offset":  # one item into its allocation: no SIMD alignment
        room = np.zeros(x.size + 1, x.dtype)
        room[1:] = x.ravel()
        return room[1:].reshape(x.shape)
    return x.copy()


def draw(operation: str, dtype: str, per_size: int, **fixed: tuple) -> list[Case]:
    """`per_size` cases of every size; `fixed` narrows a factor to some of its values."""
    return deal(f"{operation} {dtype}", dtype, per_size, FACTORS | fixed)


def on_devices(operation: str, per_size: int = 2, **fixed: tuple) -> list[Case]:
    """The same in both precisions, of arrays on devices."""
    factors = FACTORS | fixed | {"library": DEVICE}
    return [
        case
        for dtype in ("float32", "float64")
        for case in deal(f"{operation} {dtype} device", dtype, per_size, factors)
    ]


def deal(seed: str, dtype: str, per_size: int, factors: dict[str, tuple]) -> list[Case]:
    """Cases whose factors come from shuffled decks."""
    rng = random.Random(seed)
    decks: dict[str, list] = {name: [] for name in factors}

    def next_of(name: str) -> object:
        if not decks[name]:
            decks[name] = rng.sample(list(factors[name]), len(factors[name]))
        return decks[name].pop()

    return [
        build(n_fft, dtype, {name: next_of(name) for name in factors})
        for n_fft in SIZES
        for _ in range(per_size)
    ]


def build(n_fft: int, dtype: str, chosen: dict) -> Case:
    """Sizes out of names: "quarter" of this n_fft, "prime" samples."""
    hop = hop_of(n_fft, chosen.pop("hop"))
    win_length = n_fft if chosen.pop("win_length") == "full" else max(1, n_fft * 5 // 7)
    if chosen["window"] == "array":
        chosen["window"] = 0.2 + np.random.default_rng(n_fft).random(win_length)
    if win_length < 4 and not isinstance(chosen["window"], np.ndarray):
        chosen["periodic"] = True  # symmetric windows of 2 are all zero
    if (
        chosen["padding"] == "uneven" or n_fft > 64 * hop
    ):  # hop 1 of a large size: not too many frames
        chosen["padding"] = (n_fft // 3, n_fft // 2 + 3) if n_fft <= 64 * hop else (3, 20)
    n_samples = samples_of(n_fft, hop, chosen.pop("samples"))
    return Case(
        n_fft=n_fft, hop=hop, win_length=win_length, n_samples=n_samples, dtype=dtype, **chosen
    )


def hop_of(n_fft: int, name: str) -> int:
    """Hops that divide n_fft, that do not, and that leave gaps between frames."""
    hops = {"quarter": n_fft // 4, "half": n_fft // 2, "whole": n_fft, "third": n_fft // 3 + 1}
    return max(1, {**hops, "beyond": n_fft + n_fft // 2 + 1, "one": 1}[name])


def samples_of(n_fft: int, hop: int, name: str | int) -> int:
    """Up to 150 frames, but short enough for the reference; "prime": a length nothing divides."""
    if isinstance(name, int):
        return min(name, 2) if n_fft < 2048 or name == 0 else 2 * n_fft // 3
    if name in ("n_fft-1", "n_fft", "n_fft+1"):
        return n_fft + {"n_fft-1": -1, "n_fft": 0, "n_fft+1": 1}[name]
    frames = max(3, min(150, 150_000 // n_fft, 60_000 // hop))
    return 1009 if name == "prime" and n_fft < 512 and hop > 4 else n_fft + frames * hop - 3

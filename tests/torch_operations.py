# SPDX-License-Identifier: Apache-2.0
"""Every operation as torch sees it: a function of one tensor and an input for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

import lapped

TRANSFORMS = {
    "center": lapped.STFT(16, 4),
    "odd": lapped.STFT(15, 4, padding="same", pad_mode="symmetric"),
    "causal": lapped.STFT(
        12, 5, 9, "hamming", padding="causal", pad_mode="replicate", window_align="left"
    ),
    "uneven": lapped.STFT(10, 3, padding=(3, 14), pad_mode="circular", normalized="window"),
    "gaps": lapped.STFT(8, 11, window=np.arange(1.0, 9.0), padding="none"),
    "tf": lapped.STFT(16, 8, pad_mode="constant", layout="tf"),
}
DECIBELS = lapped.Compression("db", 1e-4, dynamic_range=20.0, scale=0.1, shift=2.0)
COMPRESSIONS = {
    "plain": None,
    "log10": lapped.Compression("10", 1e-2),
    "ln_add": lapped.Compression("e", 1e-3, "add"),
    "log1p": lapped.Compression("log1p", scale=0.5, shift=0.1),
    "range": DECIBELS,
    "range_of_batch": lapped.Compression("e", 1e-4, dynamic_range=3.0, scope="batch"),
}


def mel_of(stft: lapped.STFT, **options: Any) -> lapped.Mel:
    return lapped.Mel(stft, 8000, 4, f_min=100.0, scale="htk", **options)


class Operation(NamedTuple):
    """`function` of a tensor that ``make(random generator, dtype)`` gives, as NumPy array."""

    function: Callable
    make: Callable[[np.random.Generator, str], np.ndarray]


def signals(rng: np.random.Generator, dtype: str) -> np.ndarray:
    return rng.standard_normal((2, 29)).astype(dtype)


def spectra(stft: lapped.STFT) -> Callable:
    def make(rng: np.random.Generator, dtype: str) -> np.ndarray:
        X = stft(signals(rng, dtype))
        return X + (0.3 * rng.standard_normal(X.shape)).astype(dtype)

    return make


def magnitudes(stft: lapped.STFT) -> Callable:
    return lambda rng, dtype: stft.magnitude(signals(rng, dtype)) + np.asarray(0.1, dtype)


def bands(mel: lapped.Mel) -> Callable:
    return lambda rng, dtype: mel(signals(rng, dtype))


def linear(stft: lapped.STFT) -> dict[str, Operation]:
    """Those that are linear."""
    return {
        "stft": Operation(stft, signals),
        "inverse": Operation(stft.inverse, spectra(stft)),
        "inverse_cut": Operation(lambda X: stft.inverse(X, length=25), spectra(stft)),
    }


def others(stft: lapped.STFT) -> dict[str, Operation]:
    mel = mel_of(stft, compression=lapped.Compression("10", 1e-4))
    plain = mel_of(stft, power=1.5, magnitude_eps=1e-3)
    fast, slow = lapped.GriffinLim(stft, 2, method="fast"), lapped.GriffinLim(stft, 2)
    return {
        "magnitude": Operation(lambda x: stft.magnitude(x, eps=1e-3), signals),
        "power": Operation(stft.power, signals),
        "mel": Operation(mel, signals),
        "mel_plain": Operation(plain, signals),
        "project": Operation(plain.project, magnitudes(stft)),
        "mel_inverse": Operation(lambda M: plain.inverse(M, n_iter=3), bands(plain)),
        "griffin_lim": Operation(lambda S: slow(S, differentiable=True), magnitudes(stft)),
        "griffin_lim_fast": Operation(lambda S: fast(S, differentiable=True), magnitudes(stft)),
        "spectral_convergence": Operation(
            lambda S: lapped.spectral_convergence(
                stft, S + 0.2, stft.inverse(S * (1 + 0j), length=29)
            ),
            magnitudes(stft),
        ),
    }


CENTER = TRANSFORMS["center"]
CONSTANT = {  # without a gradient
    "griffin_lim_plain": Operation(lapped.GriffinLim(CENTER, 2), magnitudes(CENTER)),
    "mel_to_audio": Operation(
        lambda M: lapped.mel_to_audio(M, mel_of(CENTER), n_iter=2), bands(mel_of(CENTER))
    ),
}
ALL = {**linear(CENTER), **others(CENTER), **CONSTANT}
WITH_GRADIENT = {**linear(CENTER), **others(CENTER)}


def tensor(operation: Operation, dtype: str = "float64", seed: int = 0) -> Any:
    """An input, without a gradient yet."""
    import torch

    return torch.from_numpy(operation.make(np.random.default_rng(seed), dtype))

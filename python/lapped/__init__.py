# SPDX-License-Identifier: Apache-2.0
"""Fast, exact STFT, mel and phase-reconstruction kernels for NumPy, torch and CuPy arrays."""

import importlib
from typing import Any

from lapped._compression import Compression
from lapped._griffin_lim import GriffinLim, spectral_convergence
from lapped._mel import Mel
from lapped._mel_to_audio import mel_to_audio
from lapped._presets import PresetInfo, preset, presets
from lapped._stft import STFT
from lapped._threads import get_num_threads, set_num_threads
from lapped._weighting import equal_loudness, weighting

__all__ = [
    "STFT",
    "Compression",
    "GriffinLim",
    "Mel",
    "PresetInfo",
    "equal_loudness",
    "get_num_threads",
    "mel_to_audio",
    "preset",
    "presets",
    "set_num_threads",
    "spectral_convergence",
    "weighting",
]

_LAZY = ("batch", "nn", "pipelines", "ray")  # imported when asked for
_PLANNED = ("compat",)


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return importlib.import_module(f"lapped.{name}")
    if name == "__version__":
        return _version()
    planned = " yet" if name in _PLANNED else ""
    raise AttributeError(f"lapped.{name} does not exist{planned}", name=name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_LAZY, "__version__"])


def _version() -> str:
    metadata = importlib.import_module("importlib.metadata")
    try:
        return metadata.version("lapped")
    except metadata.PackageNotFoundError:
        reason = "lapped runs from its source tree and is not installed"
        raise AttributeError(f"lapped.__version__ does not exist: {reason}") from None

# SPDX-License-Identifier: Apache-2.0
"""The libraries that take part: what each can compute, its version, and its memory."""

from __future__ import annotations

import importlib
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

from ..rivals import OURS, Rival, load
from .cupy import on_arrays, rivals_of

_ON_DEVICE = (OURS, "torch", "torchaudio", "nnaudio")
_ON_HOST = ("librosa",)


@dataclass
class Libraries:
    """What was found, lapped first, and why the rest is missing."""

    torch: ModuleType
    rivals: tuple[Rival, ...]
    further: tuple[Rival, ...]  # timed only where one call is
    host_modules: dict[str, ModuleType]
    versions: dict[str, str]
    skipped: dict[str, str]
    cupy: Any = field(default=None, repr=False)

    @staticmethod
    def load(torch: ModuleType, compiled: bool) -> Libraries:
        """Import what there is. Without lapped there is nothing to do: ImportError."""
        modules, skipped = load((*_ON_DEVICE, *_ON_HOST, *(["torch_compile"] if compiled else [])))
        if OURS not in modules:
            raise ImportError(f"lapped could not be imported: {skipped[OURS]}")
        versions = {name: module.VERSION for name, module in modules.items()}
        rivals = [r for name in modules if name not in _ON_HOST for r in modules[name].RIVALS]
        if compiled:
            rivals += importlib.import_module(f"{__package__}.compiled").RIVALS
        cupy, further = _cupy(skipped), ()
        if cupy:
            versions["cupy"] = cupy.__version__
            rivals += rivals_of(cupy, cupy.from_dlpack)
            further = on_arrays(modules[OURS].RIVALS, cupy.from_dlpack)
        host = {name: modules[name] for name in _ON_HOST if name in modules}
        return Libraries(torch, tuple(rivals), further, host, versions, skipped, cupy)

    def rivals_of(self, op: str) -> list[Rival]:
        return [rival for rival in self.rivals if rival.op == op]

    def further_calls_of(self, op: str) -> list[Rival]:
        return [rival for rival in self.further if rival.op == op]

    def free(self) -> None:
        """Give back device memory that nobody uses: each library would keep it from the others.

        Compiled code goes too, or the next size would be compiled for sizes that change.
        """
        self.torch.compiler.reset()
        self.torch.cuda.empty_cache()
        if self.cupy:
            self.cupy.get_default_memory_pool().free_all_blocks()


def _cupy(skipped: dict[str, str]) -> Any:
    """CuPy where it is and sees a device."""
    try:
        cupy = importlib.import_module("cupy")
        cupy.zeros(1)
    except Exception as error:  # whatever keeps it from its device
        skipped["cupy"] = f"{type(error).__name__}: {error}".splitlines()[0]
        return None
    return cupy

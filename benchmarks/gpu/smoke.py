# SPDX-License-Identifier: Apache-2.0
"""One small call of each operation, checked: what compute-sanitizer watches."""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType

from ..check import error_of_result
from ..inputs import Inputs
from ..rivals import OURS, Rival, load
from ..run import Row, checked
from .device import on_host
from .inputs import Moved
from .sizes import OPS, SMOKE


def rows(torch: ModuleType, device: str = "cuda") -> Iterator[Row]:
    """lapped's errors; torch only moves the inputs, so that few kernels of others run."""
    modules, skipped = load([OURS])
    if OURS not in modules:
        raise ImportError(f"lapped could not be imported: {skipped[OURS]}")
    for inputs in map(Inputs, SMOKE):
        moved = Moved(inputs, lambda array: torch.from_numpy(array).to(device))
        for rival in modules[OURS].RIVALS:
            if rival.op in OPS:
                yield _row(rival, inputs, moved)


def _row(rival: Rival, inputs: Inputs, moved: Moved) -> Row:
    def error() -> float:
        return error_of_result(rival, on_host(rival.build(moved)()), inputs)

    return checked(Row("smoke", rival.op, inputs.case, rival.library, rival.label), error)

# SPDX-License-Identifier: Apache-2.0
"""Is somebody else on this core? Process CPU time leaves out programs that take turns with this
one, but not those that share the core's arithmetic at the same moment: a hyperthread's sibling,
another guest of a virtual machine's host. They slow down what keeps the core busy, and little else.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

_REPEATS = 4000  # of the multiply-add probe: some 15 microseconds
_TOLERANCE = 1.1


def arithmetic() -> Callable[[], None]:
    """A short call that keeps the core's arithmetic busy, and is as fast as the core is its own."""
    from .floors import probes

    like, multiply_add = np.empty(0, np.float32), probes().multiply_add
    return lambda: multiply_add(like, _REPEATS)


def alone(probes: Sequence[float]) -> list[bool]:
    """Which of the probes took about as long as the fastest of them."""
    fastest = min(probes)
    return [probe <= _TOLERANCE * fastest for probe in probes]

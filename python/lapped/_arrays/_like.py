# SPDX-License-Identifier: Apache-2.0
"""What the results of an operand are like."""

from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np


@dataclass(frozen=True, slots=True)
class Like:
    """The library, the device and the dtypes of an operand's results."""

    library: ModuleType  # the adapter
    module: ModuleType  # the extension module of the device: plans and filter banks are its own
    kernels: Any  # its context: what calls are made on
    real: np.dtype  # what real results are computed in
    complex: np.dtype
    half: Any = None  # half type that real results return to
    device: Any = None  # in the library's own terms; None on the CPU

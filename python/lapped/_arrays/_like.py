# SPDX-License-Identifier: Apache-2.0
"""What the results of an operand are like."""

from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np


@dataclass(frozen=True, slots=True)
class Like:
    """The library and the dtypes of an operand's results; an adapter has one for each dtype."""

    library: ModuleType  # the adapter
    real: np.dtype  # what real results are computed in
    complex: np.dtype
    half: Any = None  # half type that real results return to

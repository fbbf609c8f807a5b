# SPDX-License-Identifier: Apache-2.0
"""How the C library hands out large blocks: fresh pages each time, or kept ones."""

from __future__ import annotations

import ctypes
import sys
from typing import Any

_M_TRIM_THRESHOLD = -1
_M_TOP_PAD = -2
_M_MMAP_MAX = -4
_KEEP = 2**31 - 1  # the largest value mallopt takes
_GROW_BY = 64 * 2**20


def keep_freed_memory() -> bool:
    """Make malloc keep what is freed, for the rest of this process; False where it is not glibc's.

    As it is set by default, glibc maps every large temporary anew and the kernel clears its pages
    one fault at a time, which can cost a library with many temporaries more than its arithmetic.
    """
    mallopt = _of_the_c_library("mallopt")
    if mallopt is None:
        return False
    settings = ((_M_MMAP_MAX, 0), (_M_TRIM_THRESHOLD, _KEEP), (_M_TOP_PAD, _GROW_BY))
    return all(mallopt(parameter, value) == 1 for parameter, value in settings)


def give_back_freed_memory() -> None:
    """Return what is freed to the system now; nothing where malloc is not glibc's."""
    malloc_trim = _of_the_c_library("malloc_trim")
    if malloc_trim is not None:
        malloc_trim(0)


def _of_the_c_library(name: str) -> Any:
    return getattr(ctypes.CDLL(None), name, None) if sys.platform == "linux" else None

# SPDX-License-Identifier: Apache-2.0
"""How the C library hands out large blocks: fresh pages each time, or kept ones."""

from __future__ import annotations

import ctypes
import sys

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
    if sys.platform != "linux":
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    settings = ((_M_MMAP_MAX, 0), (_M_TRIM_THRESHOLD, _KEEP), (_M_TOP_PAD, _GROW_BY))
    return all(mallopt(parameter, value) == 1 for parameter, value in settings)

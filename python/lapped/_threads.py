# SPDX-License-Identifier: Apache-2.0
"""The number of threads the CPU kernels use."""

from lapped import _cpu
from lapped._validate import integer


def set_num_threads(n: int) -> None:
    """Sets how many threads lapped's CPU kernels use from now on, in the whole process.

    Results do not depend on it, bit for bit. ``LAPPED_NUM_THREADS`` in the environment is where it
    starts.

    Parameters
    ----------
    n : int
        At least 1.

    Examples
    --------
    >>> import lapped
    >>> before = lapped.get_num_threads()
    >>> lapped.set_num_threads(1)
    >>> lapped.get_num_threads()
    1
    >>> lapped.set_num_threads(before)
    """
    _cpu.set_num_threads(integer("n", n, 1, 4096))


def get_num_threads() -> int:
    """Number of threads lapped's CPU kernels use.

    Examples
    --------
    >>> import lapped
    >>> lapped.get_num_threads() >= 1
    True
    """
    return int(_cpu.get_num_threads())

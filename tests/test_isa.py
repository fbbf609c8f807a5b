# SPDX-License-Identifier: Apache-2.0
"""Every operation on every instruction set this machine has, each in a process of its own.

`LAPPED_ISA=<name> pytest` runs the whole suite on one; this is the sweep that every run does.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from lapped import _cpu

ROOT = Path(__file__).parent.parent
KNOWN = ("sse2", "avx2", "avx512", "baseline")


def forced(isa: str, *command: str) -> subprocess.CompletedProcess:
    """Python with that instruction set, from the root of the project."""
    environment = {**os.environ, "LAPPED_ISA": isa}
    return subprocess.run(
        [sys.executable, *command],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )


@pytest.mark.parametrize("isa", _cpu.available_isas())
def test_sweep(isa: str) -> None:
    done = forced(isa, "-m", "tests.test_isa")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.split()[0] == isa


@pytest.mark.parametrize("isa", ["vax", *sorted(set(KNOWN) - set(_cpu.available_isas()))])
def test_an_instruction_set_that_is_not_there_is_refused(isa: str) -> None:
    done = forced(isa, "-c", "import lapped._cpu")
    assert done.returncode == 1
    assert "ImportError" in done.stderr
    message = done.stderr.strip().splitlines()[-1]
    assert "LAPPED_ISA" in message
    assert isa in message
    assert all(name in message for name in _cpu.available_isas())


def test_the_one_in_use_is_available() -> None:
    assert _cpu.isa() in _cpu.available_isas()


def sweep() -> None:
    """Every operation once for every size and precision, against the reference."""
    from tests import test_griffin_lim, test_istft, test_mel, test_mel_inverse, test_stft
    from tests.cases import SIZES, draw
    from tests.libraries import NumPy

    numpy = {"library": ("numpy",)}
    for dtype in ("float32", "float64"):
        for case in draw("isa", dtype, 2, **numpy):
            test_stft.test_complex(case)
            test_stft.test_power(case)
        for i, case in enumerate(draw("isa", dtype, 1, **numpy)):
            test_mel.test_mel(case, test_mel.BANKS[i % 3], (2.0, 0.0), test_mel.COMPRESSIONS[i % 6])
        for case in draw("isa inverse", dtype, 1, **test_istft.INVERSE, **numpy):
            test_istft.test_inverse(case, "own")
        for i, case in enumerate(draw("isa gl", dtype, 1, **test_griffin_lim.INVERTIBLE, **numpy)):
            test_griffin_lim.test_few_iterations(case, list(test_griffin_lim.METHODS)[i % 3])
        for n_fft in SIZES[2::3]:
            test_mel_inverse.test_inverse(NumPy(), np.dtype(dtype), n_fft, 2.0, "ft")


if __name__ == "__main__":
    print(_cpu.isa())
    sweep()

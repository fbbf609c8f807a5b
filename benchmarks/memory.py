# SPDX-License-Identifier: Apache-2.0
"""How much memory a call needs at its peak beyond its result, each in a process of its own.

`python -m benchmarks.memory JOB` is that process. The peak is the kernel's count of resident pages
(VmHWM), so a library's own allocators are seen too. It needs Linux.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from lapped._malloc import give_back_freed_memory

from .cases import N_MELS, Case
from .inputs import Inputs
from .rivals import load

_PROC = Path("/proc/self")


@dataclass(frozen=True)
class Weight:
    """Bytes of a call's result, and what the process grew by on top of it."""

    op: str
    case: Case
    library: str
    label: str
    result: int
    extra: int


class Noise(Inputs):
    """Inputs that cost nothing to make: an hour of them takes a second."""

    def _noise(self, *shape: int) -> np.ndarray:
        rng = np.random.default_rng(0)
        return rng.random((self.case.batch, *shape), np.dtype(self.case.dtype))

    @cached_property
    def x(self) -> np.ndarray:
        return self._noise(self.case.samples)

    @cached_property
    def spectrum(self) -> np.ndarray:
        parts = self._noise(self.case.bins, self.case.frames, 2)
        return parts.view(np.result_type(parts, np.complex64))[..., 0]

    @cached_property
    def magnitude(self) -> np.ndarray:
        return self._noise(self.case.bins, self.case.frames)

    @cached_property
    def mel(self) -> np.ndarray:
        return self._noise(N_MELS, self.case.frames)


def can_weigh() -> bool:
    """Whether the system counts and lets the count be reset."""
    return os.access(_PROC / "clear_refs", os.W_OK)


def weigh(op: str, case: Case, library: str, label: str) -> Weight:
    """Start a process that does this and nothing else, on one thread."""
    job = json.dumps({"op": op, "case": asdict(case), "library": library, "label": label})
    done = subprocess.run(
        [sys.executable, "-m", f"{__package__}.memory", job],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        reason = done.stderr.strip().splitlines()[-1:] or [f"exit code {done.returncode}"]
        raise RuntimeError(reason[0])
    return Weight(op, case, library, label, **json.loads(done.stdout))


def main(job: dict[str, Any]) -> dict[str, int]:
    """What one call's result takes and what it needs beyond."""
    modules, skipped = load([job["library"]])
    if skipped:
        raise ImportError(skipped[job["library"]])
    module = modules[job["library"]]
    module.set_num_threads(1)
    build = next(r.build for r in module.RIVALS if (r.op, r.label) == (job["op"], job["label"]))
    case = Case(**job["case"])
    short = Noise(replace(case, seconds=0.1))
    with ThreadPoolExecutor(1) as other:  # loads code; the memory that a thread keeps goes with it
        other.submit(lambda: build(short)()).result()
    call = build(Noise(case))
    give_back_freed_memory()
    before = _kilobytes("VmRSS")
    (_PROC / "clear_refs").write_text("5")  # the peak is now what is resident
    result = np.asarray(call())
    peak = _kilobytes("VmHWM")
    return {"result": result.nbytes, "extra": 1024 * (peak - before) - result.nbytes}


def _kilobytes(name: str) -> int:
    return int(re.search(rf"{name}:\s*(\d+) kB", (_PROC / "status").read_text())[1])


if __name__ == "__main__":
    print(json.dumps(main(json.loads(sys.argv[1]))))

# SPDX-License-Identifier: Apache-2.0
"""Where and with what the times were taken."""

from __future__ import annotations

import os
import platform
import subprocess
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

_FLAGS = ("sse2", "avx", "avx2", "fma", "avx512f", "avx512vl", "neon", "asimd", "sve")

# What torch's kernels, MKL and oneDNN are held to.
_HELD_BY = ("ATEN_CPU_CAPABILITY", "MKL_ENABLE_INSTRUCTIONS", "ONEDNN_MAX_CPU_ISA")

_CACHE_FILES = ("type", "level", "size")


def facts() -> dict[str, Any]:
    """Processor, its vector flags and torch's limits, load, system, Python, commit and time."""
    cpu = _cpu_info()
    flags = set((cpu.get("flags") or cpu.get("Features") or "").split())
    return {
        "processor": cpu.get("model name") or platform.processor() or platform.machine(),
        "family_model_stepping": [cpu.get(key) for key in ("cpu family", "model", "stepping")],
        "architecture": platform.machine(),
        "vector_flags": [flag for flag in _FLAGS if flag in flags],
        "torch_held_by": {name: os.environ[name] for name in _HELD_BY if name in os.environ},
        "caches": caches(),
        "cores": os.cpu_count(),
        "cores_usable": _usable_cores(),
        "load": load(),
        "system": platform.platform(terse=True),
        "python": platform.python_version(),
        "commit": _commit(),
        "time": datetime.now(timezone.utc).isoformat(timespec="seconds"),
    }


def caches() -> dict[str, int]:
    """Bytes of the first core's data caches, "L1" first; nothing where the system does not say."""
    sizes = {}
    for index in sorted(Path("/sys/devices/system/cpu/cpu0/cache").glob("index*")):
        kind, level, size = ((index / name).read_text().strip() for name in _CACHE_FILES)
        if kind != "Instruction" and size.endswith("K"):
            sizes[f"L{level}"] = 1024 * int(size[:-1])
    return dict(sorted(sizes.items()))


def load() -> list[float] | None:
    """Average number of running processes over 1, 5 and 15 minutes."""
    return [round(x, 2) for x in os.getloadavg()] if hasattr(os, "getloadavg") else None


def _usable_cores() -> int | None:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def _cpu_info() -> dict[str, str]:
    """Of the first core."""
    path = Path("/proc/cpuinfo")
    if not path.exists():
        return {}
    first = path.read_text().split("\n\n")[0]
    pairs = (line.split(":", 1) for line in first.splitlines() if ":" in line)
    return {key.strip(): value.strip() for key, value in pairs}


def _commit() -> str | None:
    """Of the checkout this file is tracked in, then + if files differ from it; else None."""
    here = Path(__file__).resolve()
    try:
        _git(here.parent, "ls-files", "--error-unmatch", here.name)
        changed = _git(here.parent, "status", "--porcelain", "--untracked-files=no")
        return _git(here.parent, "rev-parse", "HEAD") + ("+" if changed else "")
    except (OSError, subprocess.CalledProcessError):
        return None


def _git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", *arguments], cwd=folder, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()

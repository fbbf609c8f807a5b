# SPDX-License-Identifier: Apache-2.0
"""The current CUDA device: whether there is one, what it is, and its clock."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np

from ..measure import Stopwatch

_LEAST = 2_000_000  # nanoseconds between two events: the first launch is no part worth counting
_QUERY = ("driver_version", "clocks.sm", "clocks.max.sm", "clocks.mem", "power.limit")


class NoDeviceError(Exception):
    """There is no CUDA device to measure, and why."""


def torch_with_cuda() -> ModuleType:
    """torch, set to compute float32 in float32; raises NoDeviceError where it sees no device."""
    try:
        import torch
    except ImportError as error:
        raise NoDeviceError(f"no CUDA device can be measured without torch: {error}") from error
    if not torch.cuda.is_available():
        built = f"CUDA {torch.version.cuda}" if torch.version.cuda else "no CUDA"
        raise NoDeviceError(
            f"torch {torch.__version__}, built with {built}, sees no CUDA device here"
        )
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    return torch


def facts(torch: ModuleType) -> dict[str, Any]:
    """Name, size, driver and clocks of the current device."""
    index = torch.cuda.current_device()
    device = torch.cuda.get_device_properties(index)
    return {
        "name": device.name,
        "capability": f"{device.major}.{device.minor}",
        "multiprocessors": device.multi_processor_count,
        "memory_bytes": device.total_memory,
        "l2_bytes": device.L2_cache_size,
        "cuda_of_torch": torch.version.cuda,
        **_queried(index),
    }


def _queried(index: int) -> dict[str, str | None]:
    """What nvidia-smi says; nothing where it is not installed."""
    command = ["nvidia-smi", f"--id={index}", f"--query-gpu={','.join(_QUERY)}"]
    try:
        done = subprocess.run(
            [*command, "--format=csv,noheader"], capture_output=True, text=True, timeout=30
        )
    except (OSError, subprocess.TimeoutExpired):
        return dict.fromkeys(_QUERY)
    said = [value.strip() for value in done.stdout.split(",")] if not done.returncode else []
    return dict(zip(_QUERY, said, strict=True)) if len(said) == len(_QUERY) else {}


@dataclass(frozen=True)
class EventStopwatch(Stopwatch):
    """Times calls by events of the device's current stream; `event()` makes one."""

    event: Callable[[], Any] | None = None

    def time(self, call: Callable[[], Any], in_a_row: int = 1) -> float:
        """Results are dropped at once, so that a call finds memory that the one before had."""
        assert self.event is not None
        begin, end = self.event(), self.event()
        begin.record()
        for _ in range(in_a_row):
            call()
        end.record()
        end.synchronize()
        return 1e6 * begin.elapsed_time(end) / in_a_row  # from milliseconds


def events(torch: ModuleType) -> EventStopwatch:
    """The stopwatch of the device's own time."""
    event = torch.cuda.Event
    return EventStopwatch(time.perf_counter_ns, _LEAST, lambda: event(enable_timing=True))


def waited_for(torch: ModuleType, call: Callable[[], Any]) -> Callable[[], Any]:
    """The call, until the device is done with it."""

    def whole() -> Any:
        result = call()
        torch.cuda.synchronize()
        return result

    return whole


def on_host(array: Any) -> np.ndarray:
    """A tensor or an array of CuPy, copied to the host."""
    if hasattr(array, "cpu"):
        array = array.cpu().numpy()
    return np.asarray(array.get() if hasattr(array, "get") else array)

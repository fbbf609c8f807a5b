# SPDX-License-Identifier: Apache-2.0
"""The engine for one machine: workers for each device.

One for each, or several where that is better. A worker's threads take turns at Python's lock and
wait for its one writer: past a few of them a second worker is worth more than further threads.
What has no model to load takes little besides.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator

from lapped.batch.codes import EnvironmentFailed
from lapped.batch.config import Config
from lapped.batch.engine.crew import Crew
from lapped.batch.engine.stopping import Stop
from lapped.batch.engine.watch import Watch
from lapped.batch.needs import needed
from lapped.batch.record.index import Head
from lapped.batch.running import Run

_THREADS = 4  # of a worker, at least, where a device has several
_MEMORY = 512 << 20  # of the run's, likewise


def finished(run: Run, parts: Iterable[int], watch: Watch, stop: Stop) -> Iterator[Head]:
    """Parts as they are finished."""
    parts = list(parts)
    devices = workers_of(run.config, devices_of(run.config), len(parts))
    with Crew(run, devices, threads_of(run.config), watch, stop) as crew:
        yield from crew.run(parts)


def workers_of(config: Config, devices: list[str], parts: int) -> list[str]:
    """The device of each worker: at most one a part."""
    several = min(threads_of(config) // _THREADS, config.mem // _MEMORY)
    if config.work == "features":
        devices = devices * max(1, several // len(devices))
    return devices[: max(1, parts)]


def threads_of(config: Config) -> int:
    """One for each core this process may use, if nobody says."""
    return config.threads or len(os.sched_getaffinity(0))


def devices_of(config: Config) -> list[str]:
    """Devices by name: "cpu", or "cuda:0" and so on."""
    wanted = config.device
    if wanted == "cpu":
        return ["cpu"]
    kind, _, numbers = wanted.partition(":")
    found = _cuda_devices(must=kind == "cuda")
    if kind == "auto" and not found:
        return ["cpu"]
    chosen = [int(n) for n in numbers.split(",")] if numbers else list(range(found))
    for number in chosen:
        if number >= found:
            raise EnvironmentFailed(f"device={wanted!r}: there are {found} CUDA devices")
    return [f"cuda:{number}" for number in chosen]


def _cuda_devices(must: bool) -> int:
    try:
        found = int(needed("torch").cuda.device_count())
    except EnvironmentFailed:
        if must:
            raise
        return 0
    if must and not found:
        raise EnvironmentFailed("device='cuda': torch finds no CUDA device")
    return found

# SPDX-License-Identifier: Apache-2.0
"""A training step of the multi-resolution STFT loss, forward and backward, beside auraloss.

`python -m benchmarks.bench_loss` prints process CPU times taken in turns, their ratio, and how much
memory a step needs at its peak; `python -m pytest benchmarks/bench_loss.py` times one thread.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from lapped._malloc import give_back_freed_memory, keep_freed_memory

from .measure import CLOCKS, Effort, Ratio, alike, interleaved

LIBRARIES = ("lapped", "auraloss")
EQUAL = 1e-6  # relative: what a loss may be off by to count as right
_PROC = Path("/proc/self")


class Batch(NamedTuple):
    """Clips of mono audio."""

    examples: int
    seconds: float
    sample_rate: int

    @property
    def name(self) -> str:
        return f"{self.examples} x {self.seconds:g} s at {self.sample_rate / 1000:g} kHz"


BATCHES = (Batch(4, 1, 16000), Batch(8, 1, 24000), Batch(16, 1, 16000), Batch(16, 2, 44100))


def loss_of(library: str) -> Any:
    """The loss with its default resolutions, norms over the whole batch as auraloss has them."""
    if library == "lapped":
        import lapped.nn

        return lapped.nn.MultiResolutionSTFTLoss(per_example=False)
    from auraloss.freq import MultiResolutionSTFTLoss

    return MultiResolutionSTFTLoss()


def noise(batch: Batch) -> list[Any]:
    """Input and target."""
    import torch

    shape = batch.examples, 1, int(batch.seconds * batch.sample_rate)
    generator = torch.Generator().manual_seed(0)
    return [0.1 * torch.randn(shape, generator=generator) for _ in range(2)]


def true_loss(batch: Batch) -> float:
    """auraloss in float64: in float32 its norms are off by up to 2e-4 at these sizes."""
    loss = loss_of("auraloss")
    for resolution in loss.stft_losses:
        resolution.window = resolution.window.double()
    return float(loss(*(x.double() for x in noise(batch))))


def step_of(library: str, batch: Batch) -> Callable[[], Any]:
    """One step: the loss of two batches of noise, and its gradient."""
    signal, target = noise(batch)
    loss = loss_of(library)

    def step() -> Any:
        x = signal.detach().requires_grad_()
        value = loss(x, target)
        value.backward()
        return value.detach(), x.grad

    return step


def set_num_threads(threads: int) -> None:
    import torch

    import lapped

    lapped.set_num_threads(threads)
    torch.set_num_threads(threads)


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("batch", BATCHES, ids=lambda b: b.name)
@pytest.mark.benchmark(timer=time.process_time, warmup=True, warmup_iterations=2)
def test_loss(benchmark: Any, batch: Batch, library: str) -> None:
    pytest.importorskip(library)
    keep_freed_memory()
    set_num_threads(1)
    benchmark.group = f"multi-resolution STFT loss, {batch.name}"
    benchmark(step_of(library, batch))


# ---- time, in turns


def timed(batch: Batch, threads: int, effort: Effort) -> str:
    """A row of the table."""
    set_num_threads(threads)
    steps = {library: step_of(library, batch) for library in LIBRARIES}
    truth = true_loss(batch)
    off = [abs(float(step()[0]) / truth - 1) for step in steps.values()]
    if off[0] > EQUAL:
        raise AssertionError(f"lapped's loss is off by {off[0]:.1e}")
    samples = interleaved(steps, effort, CLOCKS["process CPU time"])
    ours, theirs = alike(*samples.values())
    ratio = Ratio.of(theirs, ours)
    times = " | ".join(f"{t.median / 1e6:.1f} ms" for t in (ours, theirs))
    spread = f"{ratio.value:.1f} ({ratio.low:.1f} to {ratio.high:.1f})"
    return f"| {batch.name} | {threads} | {times} | {spread} | {off[0]:.0e}, {off[1]:.0e} |"


# ---- memory, each in a process of its own


def weighed(library: str, batch: Batch) -> int:
    """Bytes that a step needs at its peak, signals and gradient not counted."""
    job = json.dumps([library, *batch])
    done = subprocess.run(
        [sys.executable, "-m", f"{__package__}.bench_loss", "--weigh", job],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        capture_output=True,
        text=True,
        check=True,
    )
    return int(done.stdout)


def _weigh(library: str, *batch: Any) -> int:
    set_num_threads(1)
    step_of(library, Batch(1, 0.2, 16000))()  # loads code
    step = step_of(library, Batch(*batch))
    give_back_freed_memory()
    before = _resident("VmRSS")
    (_PROC / "clear_refs").write_text("5")  # the peak is now what is resident
    gradient = step()[1]
    return _resident("VmHWM") - before - gradient.numel() * gradient.element_size()


def _resident(name: str) -> int:
    lines = (_PROC / "status").read_text().splitlines()
    return 1024 * int(next(line for line in lines if line.startswith(name)).split()[1])


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bench_loss")
    parser.add_argument("--seconds", type=float, default=2.0, help="for each row and library")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--weigh", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.weigh:
        print(_weigh(*json.loads(options.weigh)))
        return
    keep_freed_memory()
    effort = Effort(seconds=options.seconds, fewest=5)
    print("| audio | threads | lapped | auraloss | times as fast | off by |")
    print("|---|--:|--:|--:|--:|--:|")
    for threads in options.threads:
        for batch in BATCHES:
            print(timed(batch, threads, effort), flush=True)
    print("\n| audio | lapped | auraloss | share |\n|---|--:|--:|--:|")
    for batch in BATCHES:
        ours, theirs = (weighed(library, batch) for library in LIBRARIES)
        sizes = " | ".join(f"{size / 2**20:.1f} MiB" for size in (ours, theirs))
        print(f"| {batch.name} | {sizes} | {ours / theirs:.3f} |", flush=True)


if __name__ == "__main__":
    main()

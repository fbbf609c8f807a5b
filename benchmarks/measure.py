# SPDX-License-Identifier: Apache-2.0
"""Times of several calls, taken in turns so that all of them see the same machine."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median, quantiles
from typing import Any

from .neighbours import alone

Clock = Callable[[], int]  # nanoseconds
CLOCKS: dict[str, Clock] = {
    "process CPU time": time.process_time_ns,
    "wall time": time.perf_counter_ns,
}


@dataclass(frozen=True)
class Effort:
    """How often each call is timed: `rounds` times, or as often as `seconds` for each allow."""

    seconds: float = 0.8
    fewest: int = 5
    most: int = 101
    rounds: int | None = None

    def rounds_for(self, nanoseconds: float) -> int:
        if self.rounds is not None:
            return self.rounds
        affordable = int(self.seconds * 1e9 / (2 * max(nanoseconds, 1)))  # each has its warm call
        fewest = self.fewest if nanoseconds < 1e9 else min(self.fewest, 3)
        return min(max(affordable, fewest), self.most)


QUICK = Effort(seconds=0.06, fewest=3, most=31)
# Nanoseconds. A longer call finds its own caches cold for a negligible part; a shorter one is
# called several times in a row, or reading the clock would be part of it.
_LONG = 50_000_000
_SHORT = 20_000


@dataclass(frozen=True)
class Timing:
    """Nanoseconds of one call over the rounds."""

    median: float
    quartiles: tuple[float, float]
    mad: float  # median absolute deviation from the median
    rounds: int
    disturbed: int = 0  # further rounds, which do not count

    @staticmethod
    def of(times: list[float], disturbed: int = 0) -> Timing:
        middle = median(times)
        low, _, high = quantiles(times, method="inclusive") if len(times) > 1 else times * 3
        mad = median(abs(t - middle) for t in times)
        return Timing(middle, (low, high), mad, len(times), disturbed)

    def scaled(self, factor: float) -> Timing:
        """Of a part, or of several times as much."""
        low, high = self.quartiles
        times = (factor * self.median, (factor * low, factor * high), factor * self.mad)
        return Timing(*times, self.rounds, self.disturbed)


@dataclass(frozen=True)
class Ratio:
    """How many times as long another call took; `low` and `high` set quartile against quartile."""

    value: float
    low: float
    high: float

    @staticmethod
    def of(other: Timing, ours: Timing) -> Ratio:
        low = other.quartiles[0] / ours.quartiles[1]
        high = other.quartiles[1] / ours.quartiles[0]
        return Ratio(other.median / ours.median, low, high)


@dataclass(frozen=True)
class Samples:
    """Times of one call, and which of them were taken while it had its core to itself."""

    times: list[float]
    undisturbed: list[bool]
    fewest: int  # times without which nothing is said

    @property
    def enough(self) -> bool:
        return sum(self.undisturbed) >= self.fewest

    def timing(self, undisturbed: bool) -> Timing:
        if not undisturbed:
            return Timing.of(self.times)
        chosen = [t for t, alone in zip(self.times, self.undisturbed, strict=True) if alone]
        return Timing.of(chosen, disturbed=len(self.times) - len(chosen))


def alike(*several: Samples) -> tuple[Timing, ...]:
    """Timings to compare: of undisturbed calls where all have enough of them, else of all calls."""
    undisturbed = all(samples.enough for samples in several)
    return tuple(samples.timing(undisturbed) for samples in several)


@dataclass(frozen=True)
class Stopwatch:
    """Times calls by a clock that is read before and after them."""

    clock: Clock
    short: float = _SHORT  # nanoseconds that are timed at least: so many calls in a row

    def time(self, call: Callable[[], Any], in_a_row: int = 1) -> float:
        """Nanoseconds of one call. Results are kept until the clock has stopped.

        So freeing them is not part of it.
        """
        begin = self.clock()
        results = [call() for _ in range(in_a_row)]
        end = self.clock()
        del results
        return (end - begin) / in_a_row


def interleaved(
    calls: Mapping[str, Callable[[], Any]],
    effort: Effort,
    clock: Clock | Stopwatch,
    probe: Callable[[], Any] | None = None,
) -> dict[str, Samples]:
    """Round after round, each call once to warm up and once timed; slow ones sit rounds out.

    With a probe of benchmarks.neighbours, timed before and after each call, a call is undisturbed
    when the core was its own at both times; without one, all are.
    """
    watch = clock if isinstance(clock, Stopwatch) else Stopwatch(clock)
    first = {name: _first(call, watch) for name, call in calls.items()}
    wanted = {name: effort.rounds_for(taken) for name, taken in first.items()}
    rounds = max(wanted.values())
    in_a_row = {name: max(1, int(watch.short / max(taken, 1))) for name, taken in first.items()}
    times: dict[str, list[float]] = {name: [] for name in calls}
    probes: dict[str, list[float]] = {name: [] for name in calls}
    for turn in range(rounds):
        for name, call in calls.items():
            if len(times[name]) * rounds > turn * wanted[name]:  # its share is spread evenly
                continue
            if first[name] < _LONG:
                call()
            before = watch.time(probe) if probe else 0.0
            times[name].append(watch.time(call, in_a_row[name]))
            probes[name].append(max(before, watch.time(probe)) if probe else 0.0)
    flags = iter(alone([probe for name in calls for probe in probes[name]]))
    return {
        name: Samples(taken, [next(flags) for _ in taken], effort.fewest)
        for name, taken in times.items()
    }


def _first(call: Callable[[], Any], watch: Stopwatch) -> float:
    """Of the second call where it is not long: the first one also makes tables."""
    taken = watch.time(call)
    return taken if taken >= _LONG else watch.time(call)

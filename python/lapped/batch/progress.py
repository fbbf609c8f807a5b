# SPDX-License-Identifier: Apache-2.0
"""How a run shows where it is: a bar in seconds of audio, lines of text, or lines of JSON.

All of it goes to standard error, and only when something is to be seen.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from lapped.batch.config import Config
from lapped.batch.engine.watch import Snapshot
from lapped.batch.needs import needed

_LINE_EVERY = 10.0  # seconds, of plain and JSON lines
_STAGES = ("decode", "kernel", "write")

Show = Callable[[Snapshot], None]


@contextmanager
def shown(config: Config) -> Iterator[Show]:
    """A function that shows a snapshot as the config wants it."""
    kind = kind_of(config)
    if kind == "bar":
        yield from _bar()
    elif kind == "none":
        yield lambda snapshot: None
    else:
        lines = Lines(as_json if kind == "json" else as_text)
        yield lines.show
        lines.end()


@contextmanager
def counting(
    config: Config, what: str, total: int | None = None
) -> Iterator[Callable[[Iterable[Any]], Iterable[Any]]]:
    """Counts what passes, where a bar is wanted."""
    if kind_of(config) != "bar":
        yield lambda found: found
        return
    with needed("tqdm").tqdm(unit=f" {what}", total=total, leave=False) as bar:

        def counted(found: Iterable[Any]) -> Iterator[Any]:
            for each in found:
                bar.update()
                yield each

        yield counted


def kind_of(config: Config) -> str:
    """What "auto" is here: a bar on a terminal, lines elsewhere."""
    if config.progress != "auto":
        return config.progress
    return "bar" if sys.stderr.isatty() else "plain"


class Lines:
    """Prints a line now and then, and the last one at the end."""

    def __init__(self, text_of: Callable[[Snapshot], str]) -> None:
        self._text_of, self._last = text_of, time.monotonic()
        self._latest: Snapshot | None = None

    def show(self, snapshot: Snapshot) -> None:
        self._latest = snapshot
        if time.monotonic() - self._last >= _LINE_EVERY:
            self._print(snapshot)

    def end(self) -> None:
        if self._latest is not None:
            self._print(self._latest)

    def _print(self, snapshot: Snapshot) -> None:
        self._last = time.monotonic()
        print(self._text_of(snapshot), file=sys.stderr, flush=True)


def as_json(snapshot: Snapshot) -> str:
    """One line for programs."""
    done, totals = snapshot.done, snapshot.totals
    return json.dumps(
        {
            "items": done.items,
            "items_total": totals.items,
            "audio_s": round(done.audio_s, 3),
            "audio_s_total": round(totals.audio_s, 3),
            "errors": done.errors,
            "elapsed_s": round(snapshot.elapsed, 3),
            "real_time": round(snapshot.speed, 1),
            "eta_s": None if snapshot.eta is None else round(snapshot.eta, 1),
            "share": {k: round(v, 3) for k, v in snapshot.shares.items()},
        }
    )


def as_text(snapshot: Snapshot) -> str:
    """One line for people."""
    done, totals = snapshot.done, snapshot.totals
    eta = "?" if snapshot.eta is None else clock(snapshot.eta)
    return (
        f"{done.items:,}/{totals.items:,} items  {hours(done.audio_s)}/{hours(totals.audio_s)}  "
        f"{snapshot.speed:,.0f}x  ETA {eta}  err {done.errors:,}{_shares(snapshot)}"
    )


def _shares(snapshot: Snapshot) -> str:
    shares = snapshot.shares
    known = [f"{stage} {shares[stage]:.0%}" for stage in _STAGES if stage in shares]
    return "  " + " ".join(known) if known else ""


def clock(seconds: float) -> str:
    """h:mm:ss

    Examples
    --------
    >>> clock(3725)
    '1:02:05'
    """
    whole = round(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}"


def hours(seconds: float) -> str:
    """Audio in the unit that suits it.

    Examples
    --------
    >>> hours(90), hours(7200)
    ('1.5 min', '2.0 h')
    """
    return f"{seconds / 3600:,.1f} h" if seconds >= 3600 else f"{seconds / 60:,.1f} min"


def _bar() -> Iterator[Show]:
    tqdm = needed("tqdm").tqdm
    layout = "{percentage:3.0f}%|{bar}| {postfix}"
    with tqdm(total=1, bar_format=layout, dynamic_ncols=True) as bar:

        def show(snapshot: Snapshot) -> None:
            bar.total = max(snapshot.totals.audio_s, snapshot.done.audio_s, 1e-9)
            bar.n = snapshot.done.audio_s
            bar.set_postfix_str(as_text(snapshot), refresh=True)

        yield show

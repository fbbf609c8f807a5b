# SPDX-License-Identifier: Apache-2.0
"""The workers of one machine and who looks after them.

A worker that ends before its time had at most one item a thread in hand. Each of them is tried
alone in a process that may end; who ends it, or takes too long, gets a verdict, and the parts are
done again without it.
"""

from __future__ import annotations

import signal
import tempfile
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any

from lapped.batch.codes import BatchError, EnvironmentFailed, Exit
from lapped.batch.config import Config
from lapped.batch.engine import crumbs, suspects, worker
from lapped.batch.engine.stopping import Stop
from lapped.batch.engine.watch import Watch
from lapped.batch.record.index import Head
from lapped.batch.running import Run

_AHEAD = 3  # parts a worker has before it
_LOOK_EVERY = 0.25  # seconds
_GRACE = 8.0  # seconds in which a stopped run may finish the parts in hand
_DEATHS = 3  # without a culprit, after which the run ends


@dataclass(frozen=True)
class Post:
    """Where a worker stands, whoever fills it."""

    name: str
    device: str
    threads: int
    mem: int

    def __str__(self) -> str:
        return f"the worker on {self.device}"


def posts_of(config: Config, devices: Sequence[str], threads: int) -> list[Post]:
    """One for each entry of `devices`, with its share of threads and memory."""
    count = len(devices)
    share = max(1, threads // count), config.mem // count
    return [Post(str(number), device, *share) for number, device in enumerate(devices)]


class Member:
    """One worker, as the one who looks after it sees it."""

    def __init__(self, run: Run, post: Post, folder: Path) -> None:
        self.crumbs = folder / f"{post.name}.crumbs"
        self.crumbs.unlink(missing_ok=True)  # of the one before, whose items are not this one's
        self.parts: deque[int] = deque()
        self.connection, theirs = worker.CONTEXT.Pipe()
        task = worker.Task(post.device, post.threads, post.mem, str(self.crumbs), run.config)
        self.process = worker.CONTEXT.Process(target=worker.main, args=(theirs, task), daemon=False)
        self.process.start()
        theirs.close()

    def give(self, part: int) -> None:
        self.parts.append(part)
        self._send(part)

    def stop(self) -> None:
        """Parts that are not begun are not to be begun."""
        self._send(worker.STOP)

    def kill(self) -> None:
        self.process.kill()
        self.process.join()
        self.connection.close()

    def messages(self) -> Iterator[tuple[str, Any]]:
        """What it has said by now; also after its death."""
        with suppress(EOFError, ConnectionResetError):
            while self.connection.poll():
                yield self.connection.recv()

    def _send(self, order: int | str) -> None:
        with suppress(BrokenPipeError):  # it has ended: the next look finds that
            self.connection.send(order)


class Crew:
    """Does parts on this machine, while it is entered, with a worker for each entry of `devices`.

    Workers are started when they are needed, and kept: their models stay loaded.
    """

    def __init__(
        self, run: Run, devices: Sequence[str], threads: int, watch: Watch, stop: Stop
    ) -> None:
        self._run, self._posts = run, posts_of(run.config, devices, threads)
        self._watch, self._stop = watch, stop
        self._todo: deque[int] = deque()
        self._members: dict[Post, Member] = {}
        self._deaths = 0

    def __enter__(self) -> Crew:
        self._temporary = tempfile.TemporaryDirectory(prefix="lapped-")
        self._folder = Path(self._temporary.name)
        return self

    def __exit__(self, *_: Any) -> None:
        pids = [member.process.pid for member in self._members.values()]
        for member in self._members.values():
            member.kill()
        self._members.clear()
        with suppress(OSError):  # of a folder that has gone there is nothing to say
            self._run.sweep(pids)
        self._temporary.cleanup()

    def run(self, parts: Iterable[int]) -> Iterator[Head]:
        """Finished parts as they come; their order may be another one."""
        self._todo.extend(parts)
        for post in self._posts[: len(self._todo)]:
            if post not in self._members:
                self._start(post)
        while self._is_busy() and self._stop.code is None:
            self._feed()
            yield from self._look()
        if self._stop.code is not None:
            yield from self._finish_in_hand()

    def _is_busy(self) -> bool:
        return bool(self._todo) or any(member.parts for member in self._members.values())

    # ---- handing out

    def _start(self, post: Post) -> None:
        self._members[post] = Member(self._run, post, self._folder)

    def _feed(self) -> None:
        """To who has least before it, so that all end together."""
        while self._todo:
            member = min(self._members.values(), key=lambda member: len(member.parts))
            if len(member.parts) >= _AHEAD:
                return
            member.give(self._todo.popleft())

    # ---- looking after them

    def _look(self) -> Iterator[Head]:
        members = dict(self._members)
        ears: list[Any] = [m.connection for m in members.values()]
        wait([*ears, *(m.process.sentinel for m in members.values())], _LOOK_EVERY)
        for post, member in members.items():
            alive = member.process.is_alive()
            yield from self._hear(post, member)
            if self._stop.code is not None:
                if not alive:
                    del self._members[post]
            elif not alive:
                self._bury(post, member)
            elif late := [crumb for crumb in crumbs.read(member.crumbs) if crumb.overdue]:
                self._run.condemn({crumb.seq: suspects.overdue(crumb) for crumb in late})
                self._replace(post, member)
        self._watch.look()

    def _hear(self, post: Post, member: Member) -> Iterator[Head]:
        for what, value in member.messages():
            if what == "tally":
                self._watch.count(post.name, value)
            elif what == "error":
                self._watch.error(*value)
            elif what == "part":
                member.parts.remove(value.part)
                self._deaths = 0
                self._watch.settle(post.name, value)
                yield value
            elif what == "failed":
                raise _failure(*value)

    def _bury(self, post: Post, member: Member) -> None:
        """Finds out who ended the worker, and starts another."""
        how = _ending(member.process.exitcode)
        self._watch.warn(f"{post} {how}")
        parts = list(member.parts)
        found = suspects.tried(self._run, post.device, parts, crumbs.read(member.crumbs))
        if found:
            self._run.condemn(found)
        else:
            self._deaths += 1
        if self._deaths >= _DEATHS:
            raise EnvironmentFailed(f"{post} {how}, {_DEATHS} times, and no input is to blame")
        self._replace(post, member)

    def _replace(self, post: Post, member: Member) -> None:
        member.kill()
        self._run.sweep([member.process.pid])
        self._watch.forget(post.name)
        self._todo.extendleft(reversed(member.parts))
        self._start(post)

    # ---- stopping

    def _finish_in_hand(self) -> Iterator[Head]:
        self._todo.clear()
        until = time.monotonic() + _GRACE
        for member in self._members.values():
            member.stop()
        while self._members and not self._stop.at_once and time.monotonic() < until:
            yield from self._look()
        self._stop.check()


def _failure(message: str, code: int) -> BatchError:
    error = EnvironmentFailed(message)
    error.exit_code = Exit(code)
    return error


def _ending(code: int | None) -> str:
    if code is not None and code < 0:
        return f"was ended by {signal.Signals(-code).name}"
    return f"ended with exit code {code}"

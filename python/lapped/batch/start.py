# SPDX-License-Identifier: Apache-2.0
"""A run from its options to its summary: plan or resume, do what is not done, publish."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, BinaryIO

from lapped.batch import config, progress, running, sources, work
from lapped.batch.codes import Refused
from lapped.batch.config import Config
from lapped.batch.engine import engine_of
from lapped.batch.engine.scanner import scanned
from lapped.batch.engine.stopping import Stop
from lapped.batch.engine.watch import Amount, Watch, amount_of
from lapped.batch.items import Item
from lapped.batch.logs import logging_to
from lapped.batch.record import commit, finish, index, lock
from lapped.batch.record.finish import Summary
from lapped.batch.record.plan import Totals
from lapped.batch.record.plan import write as write_plan
from lapped.batch.running import Run

_LOG = logging.getLogger("lapped.batch")


def run(
    work: str,
    inputs: Iterable[str | os.PathLike],
    output: str | os.PathLike,
    *,
    stdin: BinaryIO | None = None,
    **options: Any,
) -> Summary:
    """Do `work` on every input, each result exactly once, and say what could not be read.

    On an `output` that holds the same plan it goes on where the last call ended, whatever ended
    that: a part is done when its index file is there, and not before.

    Parameters
    ----------
    work : str
        "features" (mel spectrograms of a preset), "reconstruct" (audio from mel or magnitude
        spectrograms) or "pipeline" (a model in one of the three settings).
    inputs : iterable of str or path
        Files, folders, globs, manifests (.csv, .tsv, .jsonl, .parquet), tars, URLs; "-" for a
        list on `stdin`.
    output : str or path
        Folder of the run, made if need be.
    stdin : binary file, optional
        What "-" reads: paths, one a line or ended by NUL.
    **options
        Fields of `Config`: ``preset="whisper-80"``, ``format="npy"``, ``threads=4`` and so on.

    Returns
    -------
    Summary
        Counts, errors by code, seconds of audio. What failed is listed by `errors`.

    Raises
    ------
    ValueError, TypeError
        For a wrong option, and for an input that holds nothing.
    Refused
        If `output` holds another plan, or another run is at work in it.
    TooManyErrors, EnvironmentFailed, Interrupted
        As they say. The same call goes on from there.

    Examples
    --------
    >>> import tempfile, pathlib, numpy, soundfile
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> soundfile.write(folder / "a.wav", numpy.zeros(16000), 16000)
    >>> done = run("features", [folder], folder / "mel", preset="whisper-80", progress="none")
    >>> done.items, done.errors, done.audio_s
    (1, 0, 1.0)
    """
    paths = tuple(map(os.fspath, inputs))
    return start(Config(work=work, inputs=paths, output=os.fspath(output), **options), stdin)


def start(wanted: Config, stdin: BinaryIO | None = None, fresh: bool = False) -> Summary:
    """`run` with everything in one value."""
    with ExitStack() as stack:
        stop = stack.enter_context(Stop())
        this = _prepared(stack, wanted, stdin, stop, fresh)
        todo, before = _left(this)
        _LOG.info("%d of %d parts to do", len(todo), this.plan.totals.parts)
        if todo:
            _go(this, todo, before, stop)
        done = finish.summary_of(this)
        return finish.publish(this) if done.complete else done


def plan(
    work: str,
    inputs: Iterable[str | os.PathLike],
    output: str | os.PathLike,
    *,
    stdin: BinaryIO | None = None,
    **options: Any,
) -> Totals:
    """Plan what `run` with the same arguments would do, and do nothing else.

    Returns
    -------
    Totals
        Items, parts, seconds of audio, bytes; duplicates, and inputs that cannot be read. The
        items are in ``plan/items.parquet`` below `output`.

    Raises
    ------
    As `run` does.
    """
    paths = tuple(map(os.fspath, inputs))
    return plan_for(Config(work=work, inputs=paths, output=os.fspath(output), **options), stdin)


def plan_for(wanted: Config, stdin: BinaryIO | None = None) -> Totals:
    """`plan` with everything in one value."""
    with ExitStack() as stack:
        stop = stack.enter_context(Stop())
        return _prepared(stack, wanted, stdin, stop).plan.totals


def _prepared(
    stack: ExitStack, wanted: Config, stdin: BinaryIO | None, stop: Stop, fresh: bool = False
) -> Run:
    """A locked folder that holds the plan of `wanted`."""
    this = Run(_absolute(wanted))
    stack.enter_context(lock.held(this.layout.lock(this.config.of)))
    with commit.writing(this.layout.folder):
        this.layout.parts.mkdir(parents=True, exist_ok=True)
        stack.enter_context(logging_to(this.config))
        this.sweep()
    with lock.held(this.layout.folder / ".lock-plan", wait=True):
        _plan(this, stdin, stop, fresh)
    return this


def _plan(this: Run, stdin: BinaryIO | None, stop: Stop, fresh: bool) -> None:
    layout, fingerprint = this.layout, fingerprint_of(this.config)
    if fresh:
        this.clear()
    if layout.holds_plan():
        if this.plan.fingerprint != fingerprint:
            raise Refused(f"{layout.folder} holds another plan: {_difference(this)}")
        return
    selection = sources.Selection(
        id_col=this.config.id_col,
        path_col=this.config.path_col,
        kind=this.config.takes,
        stdin=stdin,
    )
    found = sources.expand(this.config.inputs, selection)
    with progress.counting(this.config, "inputs planned") as counted:
        running.save(this, {"fingerprint": fingerprint})
        if this.config.scan:
            found = scanned(this.config, found)
        write_plan(layout, this.config, fingerprint, counted(_checked(this, found, stop)))


def _checked(this: Run, found: Iterable[Any], stop: Stop) -> Iterator[Any]:
    """Refuses to mirror onto the inputs; listens."""
    for each in found:
        stop.check()
        uri = each.uri if isinstance(each, Item) else each.item.uri
        if this.config.mirror and Path(uri).is_relative_to(this.layout.folder):
            raise ValueError(
                f"output={this.config.output!r} holds the input {uri!r}, which a mirrored result "
                "could overwrite"
            )
        yield each


def fingerprint_of(wanted: Config) -> str:
    """Of all that results depend on: options, inputs by name, the model's content."""
    return wanted.fingerprint(inputs=list(wanted.inputs), model=work.identity_of(wanted))


def _difference(this: Run) -> str:
    """What differs, in words."""
    try:
        saved = config.from_dict(running.read_toml(this.layout.run)["run"])
    except (OSError, KeyError, ValueError, TypeError):
        return "its run.toml cannot be read"
    old, new = saved.deciding(), this.config.deciding()
    changes = [f"{k}={old[k]!r}, not {new[k]!r}" for k in new if old.get(k) != new[k]]
    if saved.inputs != this.config.inputs:
        changes.append(f"its inputs are {', '.join(saved.inputs)}")
    return "; ".join(changes) or "a model's file has changed"


def _absolute(wanted: Config) -> Config:
    """Inputs and output as they can be found from anywhere."""
    inputs = [_where(each) for each in wanted.inputs]
    return config.from_dict(
        wanted.as_dict() | {"inputs": inputs, "output": os.path.abspath(wanted.output)}
    )


def _where(text: str) -> str:
    return text if text == "-" or "://" in text else os.path.abspath(text)


def _left(this: Run) -> tuple[list[int], Amount]:
    """Parts of this share that are not done, and what those that are amount to."""
    i, n = this.config.share()
    before, done = Amount(), set()
    for part in this.layout.indexed():
        head = index.head_of(this.layout, part, this.plan.fingerprint)
        if head is not None:
            done.add(part)
            before.add(amount_of(head))
    mine = range(i, this.plan.totals.parts, n)
    return [part for part in mine if part not in done], before


def _go(this: Run, todo: list[int], before: Amount, stop: Stop) -> None:
    with progress.shown(this.config) as show:
        watch = Watch(this.config, this.plan.totals, before, show)
        engine = engine_of(this.config.engine)
        for _ in engine(this, todo, watch, stop):
            watch.look()
        watch.look()

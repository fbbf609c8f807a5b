# SPDX-License-Identifier: Apache-2.0
"""The engine for many machines: Ray Data moves numbers of parts, never audio.

Each of its actors looks after workers of its own, as the engine for one machine does: so what
ends a worker ends in the ledger, not in Ray. OUT and the inputs must be where every node sees
them.
"""

from __future__ import annotations

import logging
import math
import pickle
import queue
import threading
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np

from lapped.batch.codes import EnvironmentFailed
from lapped.batch.config import Config
from lapped.batch.engine.crew import Crew
from lapped.batch.engine.stopping import Stop
from lapped.batch.engine.watch import Amount, Tally, Watch
from lapped.batch.needs import needed
from lapped.batch.record.index import Head
from lapped.batch.running import Run

_MOST = 8  # parts an actor is given at a time
_ROUNDS = 4  # times it is given some, at least: so that all end together
_LOOK_EVERY = 0.25  # seconds


def finished(run: Run, parts: Iterable[int], watch: Watch, stop: Stop) -> Iterator[Head]:
    """Parts as they are finished."""
    with _cluster(run.config):
        _refuse_what_would_wait_for_ever(run.config)
        for found in _patiently(_results(run, list(parts)), watch, stop):
            if isinstance(found, Exception):
                raise found
            head, busy = found
            watch.count("ray", Tally(head.rows, head.errors, head.audio_s, busy))
            watch.settle("ray", head)
            yield head


class Actor:
    """Does parts in a worker of its own, on the node where Ray put it."""

    def __init__(self, config: Config, fingerprint: str) -> None:
        self._run = Run(config)
        if self._run.plan.fingerprint != fingerprint:
            raise EnvironmentFailed(f"{config.output} is another folder on this node")
        self._watch = Watch(config, self._run.plan.totals, Amount())
        device = "cuda:0" if config.gpus_per_worker else "cpu"
        threads = config.threads or max(1, int(config.cpus_per_worker))
        self._stack = ExitStack()
        crew = Crew(self._run, [device], threads, self._watch, Stop())
        self._crew = self._stack.enter_context(crew)

    def __call__(self, batch: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """Rows of what each part came to, or of the error that ended them."""
        try:
            for head in self._crew.run(map(int, batch["part"])):
                busy, self._watch.busy = self._watch.busy, {}
                yield _row((head, busy))
        except Exception as error:  # Ray would run it again, and wrap it beyond recognition
            yield _row(error)


def _row(found: Any) -> dict[str, Any]:
    return {"found": np.array([pickle.dumps(found)], object)}


def _results(run: Run, parts: list[int]) -> Iterator[Any]:
    data, config = needed("ray.data"), run.config
    some = max(1, min(_MOST, len(parts) // (config.workers * _ROUNDS)))
    rows = data.from_items(
        [{"part": part} for part in parts], override_num_blocks=math.ceil(len(parts) / some)
    ).map_batches(
        Actor,
        fn_constructor_args=(config, run.plan.fingerprint),
        batch_size=some,
        compute=data.ActorPoolStrategy(size=min(config.workers, len(parts))),
        num_cpus=config.cpus_per_worker,
        num_gpus=config.gpus_per_worker or None,
    )
    for row in rows.iter_rows():
        yield pickle.loads(row["found"])


def _patiently(results: Iterator[Any], watch: Watch, stop: Stop) -> Iterator[Any]:
    """`results`, with an eye on progress and signals while there are none."""
    found: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def take() -> None:
        try:
            for result in results:
                found.put(result)
            found.put(None)
        except Exception as error:  # Ray's own, of many kinds
            found.put(EnvironmentFailed(f"Ray: {error}"))

    threading.Thread(target=take, daemon=True).start()
    while True:
        watch.look()
        stop.check()
        try:
            result = found.get(timeout=_LOOK_EVERY)
        except queue.Empty:
            continue
        if result is None:
            return
        yield result


@contextmanager
def _cluster(config: Config) -> Iterator[None]:
    """Connected, and silent; a connection that was there before stays."""
    ray = needed("ray")
    if ray.is_initialized():
        yield
        return
    address = None if config.ray_address == "local" else config.ray_address
    try:
        ray.init(address, log_to_driver=False, logging_level=logging.ERROR)
    except Exception as error:  # Ray has several kinds, and a cluster that died another
        raise EnvironmentFailed(
            f"ray_address={config.ray_address!r}: no cluster answers ({error}); "
            'ray_address="local" starts one here'
        ) from error
    data = needed("ray.data").DataContext.get_current()
    data.enable_progress_bars = data.print_on_execution_start = False
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    try:
        yield
    finally:
        ray.shutdown()


def _refuse_what_would_wait_for_ever(config: Config) -> None:
    """Ray starts what it has room for, and waits without a word for the rest."""
    has = needed("ray").cluster_resources()
    for name, each in (("CPU", config.cpus_per_worker), ("GPU", config.gpus_per_worker)):
        wanted = each * config.workers
        if wanted > has.get(name, 0):
            raise EnvironmentFailed(
                f"workers={config.workers} with {each:g} {name}s each want {wanted:g}, "
                f"and the cluster has {has.get(name, 0):g}"
            )

# SPDX-License-Identifier: Apache-2.0
"""Arrays to a device and results back, while the device computes.

::

    host     pack 1 | pack 2 | pack 3 | unpack 1, pack 4 | ...
    up              copy 1   | copy 2   | copy 3
    compute                    load 1   | load 2   | load 3
    down                                  copy 1   | copy 2

A load is inputs of like length, in rows, which the device computes in one call; it reads them from
and writes results to memory of the host's that it may reach by itself. Threads copy to and from
that memory, so that the host waits for a load only when all slots are under way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np

from lapped.batch.needs import needed

_SLOTS = 3
_BYTES = 16 << 20  # of a load, but for an input that is larger: at 16 kHz and 16 bits 9 minutes
_LIKE = 0.8  # shortest over longest input of a load: what lies between is copied for nothing
_THREADS = 4  # that copy

Compute = Callable[[Any, list[int]], Any]
Own = Callable[[np.ndarray, int], np.ndarray]


@dataclass
class _Slot:
    """Memory for a load on its way, and where the load is."""

    to_device: Any = None
    from_device: Any = None
    load: Sequence[int] = ()
    made: Any = None  # a view of `from_device`
    done: Any = None  # the mark after which `made` may be read


class Conveyor:
    """Carries arrays to one device and back; on "cpu" the same steps follow one another.

    Not to be called by two threads at once.
    """

    def __init__(self, device: str) -> None:
        torch = needed("torch")
        self._torch, self._device = torch, torch.device(device)
        self._line: Any = _Cuda(torch, self._device) if self._device.type == "cuda" else _Host()
        self._slots = [_Slot() for _ in range(_SLOTS)]
        self._threads = ThreadPoolExecutor(_THREADS, "copy")

    def run(self, inputs: Sequence[np.ndarray], compute: Compute, own: Own) -> list[np.ndarray]:
        """A result for each input.

        `compute` takes rows on the device and how much of each is valid, and returns as many rows;
        `own` is the part of a row that belongs to an input of so many samples.
        """
        sizes = [len(array) for array in inputs]
        results: dict[int, np.ndarray] = {}
        try:
            for turn, load in enumerate(_loads(inputs)):
                slot = self._slots[turn % _SLOTS]
                results |= self._unpacked(slot, own, sizes)
                arrived = self._up(slot, [inputs[i] for i in load])
                with self._line.computing():
                    made = compute(arrived, [sizes[i] for i in load])
                self._down(slot, made)
                slot.load = load
            for slot in self._slots:
                results |= self._unpacked(slot, own, sizes)
        finally:  # where `compute` raised, what is under way is nobody's
            for slot in self._slots:
                self._line.until(slot.done)
                slot.load = ()
        return [results[i] for i in range(len(inputs))]

    def _unpacked(self, slot: _Slot, own: Own, sizes: Sequence[int]) -> dict[int, np.ndarray]:
        """Copies: the memory is wanted again before anybody is done with the results."""
        if not slot.load:
            return {}
        self._line.until(slot.done)
        rows = [own(row, sizes[i]) for i, row in zip(slot.load, slot.made.numpy(), strict=True)]
        copies = self._spread(np.copy, rows)
        load, slot.load = slot.load, ()
        return dict(zip(load, copies, strict=True))

    def _up(self, slot: _Slot, arrays: Sequence[np.ndarray]) -> Any:
        """The arrays as rows on the device; what is past their ends there means nothing."""
        shape, dtype = (len(arrays), len(arrays[0])), arrays[0].dtype
        slot.to_device = self._room(slot.to_device, shape[0] * shape[1] * dtype.itemsize)
        packed = _shaped(slot.to_device, shape, getattr(self._torch, str(dtype)))
        rows = packed.numpy()

        def put(row: int) -> None:
            rows[row, : len(arrays[row])] = arrays[row]

        self._spread(put, range(len(arrays)))
        return self._line.up(packed)

    def _down(self, slot: _Slot, made: Any) -> None:
        slot.from_device = self._room(slot.from_device, made.nbytes)
        slot.made = _shaped(slot.from_device, made.shape, made.dtype)
        slot.done = self._line.down(made, slot.made)

    def _room(self, buffer: Any, size: int) -> Any:
        if buffer is None or len(buffer) < size:
            return self._line.buffer(self._torch, max(size, _BYTES))
        return buffer

    def _spread(self, call: Callable[[Any], Any], arguments: Sequence[Any]) -> list[Any]:
        """Calls by several threads, each with its share of the arguments; results in order."""
        shares = [arguments[first::_THREADS] for first in range(_THREADS)]
        futures = [
            self._threads.submit(lambda share=share: [call(each) for each in share])
            for share in shares
            if share
        ]
        found = [future.result() for future in futures]
        return [found[i % _THREADS][i // _THREADS] for i in range(len(arguments))]


class _Cuda:
    """Two streams for copies beside the one that computes."""

    def __init__(self, torch: Any, device: Any) -> None:
        self._torch, self._device = torch, device
        with torch.cuda.device(device):
            self._ups, self._downs = torch.cuda.Stream(), torch.cuda.Stream()
            self._compute = torch.cuda.Stream()

    def buffer(self, torch: Any, size: int) -> Any:
        return torch.empty(size, dtype=torch.uint8, pin_memory=True)

    def until(self, mark: Any) -> None:
        if mark is not None:
            mark.synchronize()

    def up(self, packed: Any) -> Any:
        with self._torch.cuda.stream(self._ups):
            there = packed.to(self._device, non_blocking=True)
        there.record_stream(self._compute)
        self._compute.wait_stream(self._ups)
        return there

    def computing(self) -> Any:
        return self._torch.cuda.stream(self._compute)

    def down(self, made: Any, room: Any) -> Any:
        self._downs.wait_stream(self._compute)
        with self._torch.cuda.stream(self._downs):
            room.copy_(made, non_blocking=True)
        made.record_stream(self._downs)
        return self._downs.record_event()


class _Host:
    """The same steps on the CPU."""

    def buffer(self, torch: Any, size: int) -> Any:
        return torch.empty(size, dtype=torch.uint8)

    def until(self, mark: Any) -> None:
        """Every copy is done when it returns."""

    def up(self, packed: Any) -> Any:
        return packed.clone()

    def computing(self) -> Any:
        return nullcontext()

    def down(self, made: Any, room: Any) -> None:
        room.copy_(made)


def _shaped(buffer: Any, shape: Sequence[int], dtype: Any) -> Any:
    """The beginning of a buffer of bytes as a tensor."""
    size = int(np.prod(shape)) * dtype.itemsize
    return buffer[:size].view(dtype).view(tuple(shape))


def _loads(arrays: Sequence[np.ndarray]) -> Iterator[list[int]]:
    """Which go together, the longest first: of one dtype, of like length, as many as fit."""
    load: list[int] = []
    for i in sorted(range(len(arrays)), key=lambda i: (arrays[i].dtype.str, -len(arrays[i]))):
        if load:
            first = arrays[load[0]]
            like = len(arrays[i]) >= _LIKE * len(first) and arrays[i].dtype == first.dtype
            if not like or (len(load) + 1) * first.nbytes > _BYTES:
                yield load
                load = []
        load.append(i)
    if load:
        yield load

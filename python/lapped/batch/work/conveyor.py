# SPDX-License-Identifier: Apache-2.0
"""Arrays to a device and results back, while the device computes.

::

    host     pack 1 | pack 2 | pack 3 | ...
    up              copy 1   | copy 2   | copy 3
    compute                    work 1   | work 2   | work 3
    down                                  copy 1   | copy 2

Inputs are packed one after another, without padding, into memory the device reads by itself; a
buffer is packed again once its copy is done. So every input is computed alone, as it would be on
the CPU, and the host waits for nothing until all of them are under way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from typing import Any

import numpy as np

from lapped.batch.needs import needed

_BUFFERS = 3
_BYTES = 32 << 20  # of a buffer: at 16 kHz and 16 bits some 17 minutes
_ALIGN = 256


class Conveyor:
    """Carries arrays to one device and back; on "cpu" the same steps follow one another.

    Not to be called by two threads at once.
    """

    def __init__(self, device: str) -> None:
        torch = needed("torch")
        self._device = torch.device(device)
        self._line: Any = _Cuda(torch, self._device) if self._device.type == "cuda" else _Host()
        self._buffers: list[Any] = [None] * _BUFFERS
        self._free: list[Any] = [None] * _BUFFERS  # marks after which they may be packed again

    def run(self, inputs: Sequence[np.ndarray], compute: Callable[[Any], Any]) -> list[np.ndarray]:
        """``compute`` of each input as a tensor on the device; the results as arrays."""
        results: list[Any] = []
        for turn, some in enumerate(_loads(inputs)):
            arrived = self._up(turn % _BUFFERS, some)
            with self._line.computing():
                made = [compute(tensor) for tensor in arrived]
            results += self._line.down(made)
        self._line.wait()
        return [result.numpy() for result in results]

    def _up(self, slot: int, arrays: Sequence[np.ndarray]) -> list[Any]:
        torch = needed("torch")
        offsets, size = _offsets(arrays)
        self._line.until(self._free[slot])
        if self._buffers[slot] is None or len(self._buffers[slot]) < size:
            self._buffers[slot] = self._line.buffer(torch, max(size, _BYTES))
        packed = self._buffers[slot].numpy()
        for array, offset in zip(arrays, offsets, strict=True):
            content = np.ascontiguousarray(array).view(np.uint8).reshape(-1)
            packed[offset : offset + array.nbytes] = content
        there, self._free[slot] = self._line.up(self._buffers[slot][:size])
        return [
            there[offset : offset + array.nbytes]
            .view(getattr(torch, str(array.dtype)))
            .view(array.shape)
            for array, offset in zip(arrays, offsets, strict=True)
        ]


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

    def up(self, packed: Any) -> tuple[Any, Any]:
        with self._torch.cuda.stream(self._ups):
            there = packed.to(self._device, non_blocking=True)
        there.record_stream(self._compute)
        self._compute.wait_stream(self._ups)
        return there, self._ups.record_event()

    def computing(self) -> Any:
        return self._torch.cuda.stream(self._compute)

    def down(self, made: list[Any]) -> list[Any]:
        """Copies under way; what they hold may be read after `wait`."""
        self._downs.wait_stream(self._compute)
        found = []
        with self._torch.cuda.stream(self._downs):
            for tensor in made:
                host = self._torch.empty(tensor.shape, dtype=tensor.dtype, pin_memory=True)
                found.append(host.copy_(tensor, non_blocking=True))
                tensor.record_stream(self._downs)
        return found

    def wait(self) -> None:
        self._downs.synchronize()


class _Host:
    """The same steps on the CPU."""

    def buffer(self, torch: Any, size: int) -> Any:
        return torch.empty(size, dtype=torch.uint8)

    def until(self, mark: Any) -> None:
        """A copy is done when `up` returns."""

    def up(self, packed: Any) -> tuple[Any, Any]:
        return packed.clone(), None

    def computing(self) -> Any:
        return nullcontext()

    def down(self, made: list[Any]) -> list[Any]:
        return [tensor.clone() for tensor in made]

    def wait(self) -> None:
        """Nothing is under way."""


def _loads(arrays: Sequence[np.ndarray]) -> Iterator[Sequence[np.ndarray]]:
    """As many at a time as fit a buffer; what does not fit any comes alone."""
    some: list[np.ndarray] = []
    size = 0
    for array in arrays:
        if some and size + array.nbytes + _ALIGN > _BYTES:
            yield some
            some, size = [], 0
        some.append(array)
        size += array.nbytes + _ALIGN
    if some:
        yield some


def _offsets(arrays: Sequence[np.ndarray]) -> tuple[list[int], int]:
    """Where each begins in the buffer, and the bytes of all."""
    sizes = [-(-array.nbytes // _ALIGN) * _ALIGN for array in arrays]
    ends = np.cumsum(sizes)
    return [int(end - size) for end, size in zip(ends, sizes, strict=True)], int(ends[-1])

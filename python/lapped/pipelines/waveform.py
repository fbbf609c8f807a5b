# SPDX-License-Identifier: Apache-2.0
"""A model on the samples, long audio in cross-faded chunks."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from lapped._validate import flag, positive, real
from lapped.pipelines._pipeline import Model, Pipeline, called, expect_shape, rows_by_length


class Waveform(Pipeline):
    """Waveforms that `model` makes of waveforms, in one piece or in chunks of `chunk` seconds.

    Every chunk has the full length: the last one starts early enough to end with the signal. Over
    the last `overlap` seconds of a chunk the next one is faded in with a raised cosine, the two
    weights adding up to 1; so a model that works sample by sample gives the same result in chunks.
    Exported with a `chunk`, it is a program for one number of samples; without, for any.

    Gradients reach the input and the model as in any module: to infer, call ``.eval()`` and run
    under ``torch.inference_mode()``, which keeps nothing for a backward pass.
    Rows of different `lengths` are separate calls to the model, which so never sees padding.

    Parameters
    ----------
    model : nn.Module, callable or path
        (batch, samples) to (batch, samples) or (batch, 1, samples), the same number of samples; it
        is given, and runs on, its own device and precision. A path: of a file of TorchScript,
        torch.export, AOTInductor or ONNX.
    sample_rate : float
        Of the waveforms, in Hz: it turns `chunk` and `overlap` into samples.
    chunk : float, optional
        Seconds the model gets at a time; None: all at once.
    overlap : float
        Seconds that neighbouring chunks share, less than `chunk`.
    channel_axis : bool
        Whether the model is given (batch, 1, samples), as convolutions want it.

    Raises
    ------
    TypeError, ValueError
        For a wrong argument; in a call, for a model that returns another shape than it was given.

    Examples
    --------
    >>> import lapped.pipelines, torch
    >>> louder = lapped.pipelines.Waveform(
    ...     lambda x: 2 * x, sample_rate=16000, chunk=1.0, overlap=0.1
    ... )
    >>> x = torch.rand(2, 50000)
    >>> torch.equal(louder(x), 2 * x)
    True
    """

    def __init__(
        self,
        model: Model,
        *,
        sample_rate: float,
        chunk: float | None = None,
        overlap: float = 0.0,
        channel_axis: bool = False,
    ) -> None:
        super().__init__(model)
        self.sample_rate = positive("sample_rate", sample_rate)
        self.chunk = None if chunk is None else positive("chunk", chunk)
        self.overlap = real("overlap", overlap, 0)
        self.channel_axis = flag("channel_axis", channel_axis)
        self._chunk = None if self.chunk is None else round(self.chunk * self.sample_rate)
        self._overlap = round(self.overlap * self.sample_rate)
        if self._chunk == 0:
            raise ValueError(
                f"chunk={self.chunk:g} seconds is no sample at {self.sample_rate:g} Hz"
            )
        if self._chunk is None and self.overlap:
            raise ValueError(f"overlap={self.overlap:g} must be 0 without a chunk")
        if self._chunk is not None and self._overlap >= self._chunk:
            raise ValueError(f"overlap={self.overlap:g} must be less than chunk={self.chunk:g}")

    def extra_repr(self) -> str:
        return f"sample_rate={self.sample_rate:g}, chunk={self.chunk}, overlap={self.overlap:g}"

    def _changed(self, x: Tensor, lengths: np.ndarray | None) -> Tensor:
        if lengths is None:
            return self._in_chunks(x)
        result = torch.zeros_like(x)
        for rows, samples in rows_by_length(x, lengths):
            result[rows, :samples] = self._in_chunks(x[rows, :samples])
        return result

    def _in_chunks(self, x: Tensor) -> Tensor:
        """The model's answer to x (rows, samples), put together from those to its chunks."""
        if not x.numel():
            return x
        if self._chunk is None or x.shape[-1] <= self._chunk:
            return self._called(x)
        # Parts in a list: written into one tensor, each would copy the gradient of the whole.
        fade = self._fade_in(x)
        done, last, end = [], x[:, :0], 0  # last: the parts' successor, of which the end may change
        for start in _starts(x.shape[-1], self._chunk, self._overlap):
            piece = self._called(x[:, start : start + self._chunk])
            shared = self._overlap if start else 0
            own = last.shape[-1] - shared
            faded = last[:, own:].lerp(piece[:, end - shared - start : end - start], fade[:shared])
            done.append(last[:, :own])
            last = torch.cat([faded, piece[:, end - start :]], 1)
            end = start + self._chunk
        return torch.cat([*done, last], 1)

    def _fade_in(self, x: Tensor) -> Tensor:
        """Weights of the later of two chunks over their overlap; the earlier one has the rest."""
        position = (torch.arange(self._overlap, device=x.device) + 0.5) / max(1, self._overlap)
        return (0.5 - 0.5 * torch.cos(torch.pi * position)).to(x)

    def _called(self, x: Tensor) -> Tensor:
        """The model's answer to x (rows, samples), in that shape."""
        rows, samples = x.shape
        given = x.clone()  # a model may change in place what it is given
        y = called("model", self.model, given[:, None] if self.channel_axis else given)
        expect_shape("model", y, (rows, samples), (rows, 1, samples))
        return y.reshape(rows, samples)


def _starts(samples: int, chunk: int, overlap: int) -> list[int]:
    """First samples of the chunks; the last one ends with the signal."""
    last = samples - chunk
    return [*range(0, last, chunk - overlap), last]

# SPDX-License-Identifier: Apache-2.0
"""A model on the spectrogram, then a phase of its own: Griffin-Lim or a vocoder."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from lapped._griffin_lim import GriffinLim
from lapped._mel import Mel
from lapped._mel_to_audio import mel_to_audio
from lapped._stft import STFT
from lapped._validate import flag
from lapped.pipelines._pipeline import (
    Model,
    called,
    checked_model,
    expect_shape,
    rows_by_length,
)
from lapped.pipelines._spectral import SpectralPipeline


class PhaseReconstruction(SpectralPipeline):
    """Waveforms whose (mel) spectrograms are what `model` makes of those of the input.

    The original phase is not used. Without a `vocoder`, an STFT's magnitudes go through
    `lapped.GriffinLim`, a Mel's bands through `lapped.mel_to_audio`, magnitudes and phase jointly.
    A vocoder's waveform is cut or filled with zeros at its end to the input's length.

    A vocoder passes gradients on, to the input and the modules; Griffin-Lim's waveform is a
    constant, unless it is `differentiable`. To infer, call ``.eval()`` and run under
    ``torch.inference_mode()``, which keeps nothing for a backward pass.
    Rows of different `lengths` are separate calls to model and vocoder, which so never see padding.

    Parameters
    ----------
    model : nn.Module, callable or path
        (batch, n_freq or n_mels, n_frames) to the same shape, in the transform's layout: magnitudes
        with an STFT, with a Mel what that transform returns, compression included. It is given,
        and runs on, its own device and precision. A path: of a file of TorchScript,
        torch.export, AOTInductor or ONNX.
    transform : lapped.STFT or lapped.Mel
        Where the model's input comes from.
    vocoder : nn.Module, callable or path, optional
        What the model returns to (batch, samples) or (batch, 1, samples), any number of samples.
    n_iter : int
        Iterations of Griffin-Lim; a vocoder has no use for it.
    differentiable : bool
        Whether gradients flow through Griffin-Lim too, each iteration of which then keeps its
        spectra. A Mel without a vocoder, whose magnitudes and phase are found jointly, cannot.

    Raises
    ------
    TypeError, ValueError
        For a wrong argument; in a call, for a model or vocoder that returns another shape.

    Examples
    --------
    >>> import lapped, lapped.pipelines, torch
    >>> mel = lapped.Mel(lapped.STFT(512, 128), 16000, compression=lapped.Compression("e"))
    >>> again = lapped.pipelines.PhaseReconstruction(torch.nn.Identity(), mel, n_iter=8)
    >>> again(torch.sin(torch.arange(4000) / 20)[None]).shape
    torch.Size([1, 4000])
    """

    def __init__(
        self,
        model: Model,
        transform: STFT | Mel,
        vocoder: Model | None = None,
        *,
        n_iter: int = 32,
        differentiable: bool = False,
    ) -> None:
        super().__init__(model, transform)
        self.vocoder = None if vocoder is None else checked_model("vocoder", vocoder)
        self.differentiable = flag("differentiable", differentiable)
        if self.differentiable and vocoder is None and isinstance(transform, Mel):
            raise ValueError(
                "differentiable=True needs a vocoder or an STFT as transform: with a Mel, "
                "lapped.mel_to_audio finds magnitudes and phase jointly, without a gradient"
            )
        self._griffin_lim = GriffinLim(self.stft, n_iter)  # here: torch cannot trace its making

    @property
    def n_iter(self) -> int:
        """Iterations of Griffin-Lim."""
        return self._griffin_lim.n_iter

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, n_iter={self.n_iter}"

    def _changed(self, x: Tensor, lengths: np.ndarray | None) -> Tensor:
        analyse = self.transform if isinstance(self.transform, Mel) else self.transform.magnitude
        changed = self._modelled(analyse(x, lengths=lengths), x, lengths)
        if self.vocoder is not None:
            return self._vocoded(changed, x, lengths)
        target = {"length": x.shape[-1], "lengths": lengths}
        if isinstance(self.transform, Mel):
            return mel_to_audio(changed, self.transform, n_iter=self.n_iter, **target)
        return self._griffin_lim(changed, **target, differentiable=self.differentiable)

    def _vocoded(self, features: Tensor, x: Tensor, lengths: np.ndarray | None) -> Tensor:
        if lengths is None:
            return self._voice(features, x.shape[-1])
        result = torch.zeros_like(x)
        for rows, samples in rows_by_length(x, lengths):
            result[rows, :samples] = self._voice(self._valid(features, rows, samples), samples)
        return result

    def _voice(self, features: Tensor, samples: int) -> Tensor:
        """The vocoder's waveform (rows, samples), cut or filled with zeros to that."""
        rows = features.shape[0]
        if not features.numel():
            return features.new_zeros(rows, samples)
        y = called("vocoder", self.vocoder, features)
        last = y.shape[-1] if y.ndim else 0
        expect_shape("vocoder", y, (rows, last), (rows, 1, last))
        return nn.functional.pad(y.reshape(rows, last), (0, samples - last))

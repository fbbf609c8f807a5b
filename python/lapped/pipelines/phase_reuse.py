# SPDX-License-Identifier: Apache-2.0
"""A model on the spectrogram, the original phase, the inverse STFT."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from lapped._mel import Mel
from lapped._stft import STFT
from lapped._validate import choice
from lapped.pipelines._pipeline import Model
from lapped.pipelines._spectral import SpectralPipeline, bands_to_bins


class PhaseReuse(SpectralPipeline):
    """Waveforms whose spectra have the magnitudes `model` wants and the phases they had.

    With an STFT, `model` sees magnitudes; with a Mel, what that transform returns, compression
    included. With a Mel its answer is a gain for each band: itself if `combine` is "mask", else the
    ratio of new to old band amplitudes, so that an unchanged mel spectrogram gives the waveform
    back. A bin's gain is the mean of those of the bands that cover it, weighted by their filters;
    bins that no band covers take the gain of the nearest that one does.

    Gradients reach the input and the model as in any module: to infer, call ``.eval()`` and run
    under ``torch.inference_mode()``, which keeps nothing for a backward pass.
    Rows of different `lengths` are separate calls to the model, which so never sees padding.

    Parameters
    ----------
    model : nn.Module, callable or path
        (batch, n_freq or n_mels, n_frames) to the same shape, in the transform's layout; it is
        given, and runs on, its own device and precision. A path: of a file of TorchScript,
        torch.export, AOTInductor or ONNX.
    transform : lapped.STFT or lapped.Mel
        Where the model's input comes from; its STFT is also the way back.
    combine : str
        What `model` returns: "magnitude" (a spectrogram like its input) or "mask" (gains).

    Raises
    ------
    TypeError, ValueError
        For a wrong argument; in a call, for a model that returns another shape than it was given.

    Examples
    --------
    >>> import lapped, lapped.pipelines, torch
    >>> quieter = lapped.pipelines.PhaseReuse(
    ...     lambda magnitude: 0.5 * magnitude, lapped.STFT(512, 128)
    ... )
    >>> x = torch.sin(torch.arange(16000) / 20)[None]
    >>> y = quieter(x)
    >>> y.shape, torch.allclose(y, 0.5 * x, atol=1e-5)
    (torch.Size([1, 16000]), True)
    """

    def __init__(self, model: Model, transform: STFT | Mel, *, combine: str = "magnitude") -> None:
        super().__init__(model, transform)
        self.combine = choice("combine", combine, ("magnitude", "mask"))
        if isinstance(transform, Mel):
            lift = torch.from_numpy(bands_to_bins(transform.filters))  # (n_freq, n_mels)
            self.register_buffer("_lift", lift, persistent=False)

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, combine={self.combine!r}"

    def _changed(self, x: Tensor, lengths: np.ndarray | None) -> Tensor:
        spectrum = self.stft(x, lengths=lengths)
        if isinstance(self.transform, Mel):
            spectrum = spectrum * self._mel_gain(x, lengths)
        elif self.combine == "mask":
            spectrum = spectrum * self._modelled(spectrum.abs(), x, lengths)
        else:
            spectrum = torch.polar(self._modelled(spectrum.abs(), x, lengths), spectrum.angle())
        return self.stft.inverse(spectrum, length=x.shape[-1], lengths=lengths)

    def _mel_gain(self, x: Tensor, lengths: np.ndarray | None) -> Tensor:
        """The gain of every bin, in the shape of the spectrum."""
        bands = self.transform(x, lengths=lengths)
        old = self._amplitude(bands) if self.combine == "magnitude" else None
        gain = self._modelled(bands, x, lengths)
        if old is not None:
            sounding = old > 0
            ratio = self._amplitude(gain) / torch.where(sounding, old, 1)
            gain = torch.where(sounding, ratio, 1)
        lift = self._lift.to(gain)
        return gain @ lift.mT if self.stft.layout == "tf" else lift @ gain

    def _amplitude(self, bands: Tensor) -> Tensor:
        """Band amplitudes out of what the transform returns; a root has gradient 0 at energy 0."""
        energies, power = self.transform._decompressed(bands), self.transform.power
        if power <= 1:
            return energies ** (1 / power)
        silent = energies == 0
        return torch.where(silent, 0, torch.where(silent, 1, energies) ** (1 / power))

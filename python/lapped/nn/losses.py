# SPDX-License-Identifier: Apache-2.0
"""Spectral losses to train by, with the parameters and values of auraloss 0.4."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from lapped import _operators, _weighting
from lapped._mel import Mel
from lapped._spectral_loss import SpectralLoss
from lapped._stft import STFT
from lapped._validate import choice, flag, positive, real, shown
from lapped.nn._a_weighting import filtered, taps
from lapped.nn._loss_terms import Rows, Terms, elementwise, reduced

_WINDOWS = {
    "hann_window": "hann",
    "hamming_window": "hamming",
    "blackman_window": "blackman",
    "bartlett_window": "bartlett",
    "kaiser_window": ("kaiser", 12.0),
}


class STFTLoss(torch.nn.Module):
    """How far the spectra of two batches of audio are apart; auraloss.freq.STFTLoss's constructor.

    The loss is ``w_sc * sc + w_log_mag * log + w_lin_mag * lin + w_phs * phs + w_complex *
    complex`` of magnitudes ``v = sqrt(max(|X|**2, eps))`` of the input and ``t`` of the target:
    spectral convergence ``norm(v - t) / norm(t)``, the mean of ``|ln v - ln t|``, that of
    ``|v - t|``, the mean squared difference of the phases, the mean of ``|X - Y|``. Frames are
    centred, the ends reflected; there a spectrum may be real but for rounding, which then decides
    between phases of pi and -pi.

    Parameters
    ----------
    fft_size, hop_size, win_length : int
        Samples in a frame, from frame to frame, and under the window.
    window : str, (str, float) or array
        A name torch has ("hann_window"), or what `lapped.STFT` takes.
    w_sc, w_log_mag, w_lin_mag, w_phs : float
        Weights of the terms. What has weight 0 is not computed.
    sample_rate : float, optional
        In Hz; `scale`, `weighting` and `perceptual_weighting` need it.
    scale : str, optional
        "mel": `n_bins` mel bands (Slaney's scale and norm) of the magnitudes take their place.
    n_bins : int, optional
        Bands of that scale.
    perceptual_weighting : bool
        Whether both signals first go through auraloss's A-weighting filter, 101 taps (needs SciPy).
        `weighting` is exact and costs nothing.
    scale_invariance : bool
        Whether the target's magnitudes are scaled to come nearest to the input's, row by row.
    eps : float
        Floor of the squared magnitudes, above 0. At it nothing has a gradient.
    output : str
        "loss", or "full": (loss, sc, log, lin, phs), with ``complex`` last if `w_complex` is not 0.
    reduction : str
        "mean" or "sum" over all values; "none": one loss per row, or with ``per_example=False``
        one per value, as auraloss has it.
    mag_distance : str
        "L1", or "L2": squared instead of absolute differences in log and lin.
    device : optional
        Without effect: tables are where the audio is.
    per_example : bool
        Whether each row (example and channel) has its own terms, and the loss is their mean; False:
        norms and means are the whole batch's, as auraloss has them.
    weighting : str or array (n_freq,), optional
        Gains of the bins, as `lapped.Mel` takes them ("A" to "D", "iso226:<phon>").
    w_complex : float
        Weight of the complex term, which hears phases without their wraps.

    Raises
    ------
    ValueError, TypeError
        For an option out of range or of the wrong type; the message says what is allowed.

    Examples
    --------
    >>> import lapped.nn, torch
    >>> loss = lapped.nn.STFTLoss(512, 128, 512)
    >>> x = torch.randn(4, 1, 16000, requires_grad=True)
    >>> loss(x, torch.randn(4, 1, 16000)).backward()
    >>> x.grad.shape
    torch.Size([4, 1, 16000])
    >>> float(loss(x, x.detach()))
    0.0
    """

    def __init__(
        self,
        fft_size: int = 1024,
        hop_size: int = 256,
        win_length: int = 1024,
        window: Any = "hann_window",
        w_sc: float = 1.0,
        w_log_mag: float = 1.0,
        w_lin_mag: float = 0.0,
        w_phs: float = 0.0,
        sample_rate: float | None = None,
        scale: str | None = None,
        n_bins: int | None = None,
        perceptual_weighting: bool = False,
        scale_invariance: bool = False,
        eps: float = 1e-8,
        output: str = "loss",
        reduction: str = "mean",
        mag_distance: str = "L1",
        device: Any = None,
        *,
        per_example: bool = True,
        weighting: Any = None,
        w_complex: float = 0.0,
    ) -> None:
        super().__init__()
        named = window if not isinstance(window, str) else _WINDOWS.get(window, window)
        stft = STFT(fft_size, hop_size, win_length, named)
        self.w_sc, self.w_log_mag = real("w_sc", w_sc), real("w_log_mag", w_log_mag)
        self.w_lin_mag, self.w_phs = real("w_lin_mag", w_lin_mag), real("w_phs", w_phs)
        self.w_complex = real("w_complex", w_complex)
        self.scale_invariance = flag("scale_invariance", scale_invariance)
        self.per_example = flag("per_example", per_example)
        self.output = choice("output", output, ("loss", "full"))
        self.reduction = choice("reduction", reduction, ("mean", "sum", "none"))
        self.mag_distance = choice("mag_distance", mag_distance, ("L1", "L2"))
        self.compared = SpectralLoss(
            _transform(stft, scale, sample_rate, n_bins),
            gains=_gains(stft, weighting, sample_rate),
            floor=positive("eps", eps),
            squared_logs=mag_distance == "L2",
        )
        self.filter: Tensor | None
        filter_ = None
        if flag("perceptual_weighting", perceptual_weighting):
            filter_ = taps(_rate("perceptual_weighting=True", sample_rate))
        self.register_buffer("filter", filter_, persistent=False)

    def forward(self, input: Tensor, target: Tensor, lengths: Any = None) -> Any:
        """The loss of `input` against `target`.

        Parameters
        ----------
        input, target : Tensor (batch, channels, samples) or (batch, samples)
        lengths : ints (batch,) or (batch, channels), optional
            Valid samples of each example; what lies past them does not count.

        Returns
        -------
        Tensor, or a tuple of them, as `output` and `reduction` say
        """
        _check(input, target)
        rows = _rows(lengths, input)
        if self.filter is not None:
            input, target = (filtered(x, self.filter, rows) for x in (input, target))
        if self.reduction == "none" and not self.per_example:
            terms = elementwise(self, input, target, rows)
        else:
            terms = reduced(self, input, target, rows)
        return _result(self, terms)

    def extra_repr(self) -> str:
        stft = self.compared.stft
        sizes = f"fft_size={stft.n_fft}, hop_size={stft.hop_length}, win_length={stft.win_length}"
        weights = (f"{name}={getattr(self, name):g}" for name in _WEIGHTS if getattr(self, name))
        return ", ".join([sizes, *weights, f"per_example={self.per_example}"])


_WEIGHTS = ("w_sc", "w_log_mag", "w_lin_mag", "w_phs", "w_complex")


class MelLoss(STFTLoss):
    """`STFTLoss` of mel bands; auraloss.freq.MelSTFTLoss's constructor.

    Parameters
    ----------
    sample_rate : float
        In Hz.
    n_mels : int
        Bands.
    **options
        The other parameters are those of `STFTLoss`.

    Examples
    --------
    >>> import lapped.nn, torch
    >>> x, y = torch.randn(2, 4, 1, 16000)
    >>> lapped.nn.MelLoss(16000, n_mels=64)(x, y).shape
    torch.Size([])
    """

    def __init__(
        self,
        sample_rate: float,
        fft_size: int = 1024,
        hop_size: int = 256,
        win_length: int = 1024,
        window: Any = "hann_window",
        w_sc: float = 1.0,
        w_log_mag: float = 1.0,
        w_lin_mag: float = 0.0,
        w_phs: float = 0.0,
        n_mels: int = 128,
        **options: Any,
    ) -> None:
        sizes = fft_size, hop_size, win_length, window
        weights = w_sc, w_log_mag, w_lin_mag, w_phs
        super().__init__(*sizes, *weights, sample_rate, "mel", n_mels, **options)


class MultiResolutionSTFTLoss(torch.nn.Module):
    """Mean of the `STFTLoss` of several frame lengths; auraloss's class of that name.

    With ``output="full"``: (loss, sc, log, lin, phs), of which all but the first are lists, one
    entry per resolution.

    Parameters
    ----------
    fft_sizes, hop_sizes, win_lengths : sequence of int
        Of each resolution.
    **options
        The other parameters are those of `STFTLoss`, and hold for all of them.

    Examples
    --------
    >>> import lapped.nn, torch
    >>> loss = lapped.nn.MultiResolutionSTFTLoss()
    >>> x, y = torch.randn(2, 4, 1, 16000)
    >>> loss(x, y, lengths=[16000, 12000, 9000, 16000]).shape
    torch.Size([])
    """

    def __init__(
        self,
        fft_sizes: Sequence[int] = (1024, 2048, 512),
        hop_sizes: Sequence[int] = (120, 240, 50),
        win_lengths: Sequence[int] = (600, 1200, 240),
        window: Any = "hann_window",
        w_sc: float = 1.0,
        w_log_mag: float = 1.0,
        w_lin_mag: float = 0.0,
        w_phs: float = 0.0,
        sample_rate: float | None = None,
        scale: str | None = None,
        n_bins: int | None = None,
        perceptual_weighting: bool = False,
        scale_invariance: bool = False,
        **options: Any,
    ) -> None:
        super().__init__()
        counts = len(fft_sizes), len(hop_sizes), len(win_lengths)
        if len(set(counts)) != 1 or not counts[0]:
            names = "fft_sizes, hop_sizes and win_lengths"
            raise ValueError(f"{names} have {counts} entries and must have as many, at least 1")
        rest = (window, w_sc, w_log_mag, w_lin_mag, w_phs, sample_rate, scale, n_bins)
        rest = (*rest, perceptual_weighting, scale_invariance)
        sizes = zip(fft_sizes, hop_sizes, win_lengths, strict=True)
        self.stft_losses = torch.nn.ModuleList(STFTLoss(*s, *rest, **options) for s in sizes)

    def forward(self, input: Tensor, target: Tensor, lengths: Any = None) -> Any:
        """The mean loss of `input` against `target`; arguments as for `STFTLoss`."""
        results = [loss(input, target, lengths) for loss in self.stft_losses]
        full = isinstance(results[0], tuple)
        mean = sum(r[0] if full else r for r in results) / len(results)
        return (mean, *map(list, zip(*(r[1:] for r in results), strict=True))) if full else mean


# ---- what arguments become


def _transform(stft: STFT, scale: Any, sample_rate: Any, n_bins: Any) -> STFT | Mel:
    if scale is None:
        return stft
    choice("scale", scale, ("mel",), planned=("chroma",))
    if n_bins is None:
        raise ValueError("n_bins=None must be the number of bands where scale='mel'")
    return Mel(stft, _rate("scale='mel'", sample_rate), n_bins, power=1.0)


def _gains(stft: STFT, weighting: Any, sample_rate: Any) -> Any:
    checked = _weighting.checked(weighting, stft.n_freq)
    if not isinstance(checked, str):
        return checked
    gains = _weighting.gains(checked, stft.frequencies(_rate("weighting", sample_rate)))
    gains.flags.writeable = False
    return gains


def _rate(asker: str, sample_rate: Any) -> float:
    if sample_rate is None:
        raise ValueError(f"sample_rate=None must be a number in Hz where {asker} is given")
    return positive("sample_rate", sample_rate)


def _check(input: Tensor, target: Tensor) -> None:
    for name, x in (("input", input), ("target", target)):
        if not isinstance(x, Tensor):
            raise TypeError(f"{name}={shown(x)} must be a torch tensor")
        if x.ndim not in (2, 3):
            form = "(batch, channels, samples) or (batch, samples)"
            raise ValueError(f"{name} has shape {tuple(x.shape)} and must be {form}")
    if input.shape != target.shape:
        shapes = tuple(target.shape), tuple(input.shape)
        raise ValueError(f"target has shape {shapes[0]} and must have the input's, {shapes[1]}")


def _rows(lengths: Any, x: Tensor) -> Rows:
    """`lengths` for every row: examples' lengths are those of all their channels."""
    if lengths is None:
        return None
    counts = torch.as_tensor(lengths)
    if x.ndim == 3 and counts.ndim == 1 and counts.shape[0] == x.shape[0]:
        counts = counts[:, None].expand(x.shape[:-1])
    return _operators._counts(counts, x)


def _result(loss: STFTLoss, terms: Terms) -> Any:
    total = sum(getattr(loss, w) * t for w, t in zip(_WEIGHTS, terms, strict=True))
    if loss.output == "loss":
        return total
    return (total, *(terms if loss.w_complex else terms[:-1]))

# SPDX-License-Identifier: Apache-2.0
"""torch operators: what lapped's values call where torch records or traces what happens.

``lapped::stft`` and the others have rules for tensors without memory, gradients of any order,
forward-mode gradients and vmap. A value and its operator give the same bits. Half types are widened
here, so that gradients are computed in float32 like the results.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from lapped._griffin_lim import GriffinLim
from lapped._mel import Mel
from lapped._operators import _bands, _compression, _losses, _phases, _shapes, _spectra
from lapped._operators._define import differentiated
from lapped._spectral_loss import SpectralLoss
from lapped._stft import STFT


def stft(t: STFT, x: Tensor, lengths: Any, out: Tensor | None) -> Tensor:
    _refuse_out(out)
    return _spectra.stft(_wide(x), _counts(lengths, x), t._text)


def magnitude(t: STFT, x: Tensor, lengths: Any, eps: float) -> Tensor:
    return _back(_spectra.magnitude(_wide(x), _counts(lengths, x), eps, t._text), x)


def power(t: STFT, x: Tensor, lengths: Any) -> Tensor:
    return _back(_spectra.power(_wide(x), _counts(lengths, x), t._text), x)


def istft(t: STFT, X: Tensor, length: int | None, lengths: Any) -> Tensor:
    frames, counts = _frames(t, X, "X"), _counts(lengths, X, core=2)
    return _spectra.istft(X, _width(t, frames, length, counts), counts, t._text)


def mel(t: Mel, x: Tensor, lengths: Any, out: Tensor | None) -> Tensor:
    _refuse_out(out)
    return _back(_bands.mel(_wide(x), _counts(lengths, x), t._text), x)


def project(t: Mel, S: Tensor, lengths: Any) -> Tensor:
    return _back(_bands.project(_wide(S), _counts(lengths, S, core=2), t._text), S)


def mel_inverse(t: Mel, M: Tensor, n_iter: int, lengths: Any) -> Tensor:
    counts, wide = _counts(lengths, M, core=2), _wide(M)
    if (M.requires_grad and torch.is_grad_enabled()) or differentiated():
        return _back(_bands.unrolled_mel_inverse(t, wide, n_iter, counts), M)
    return _back(_bands.mel_inverse(wide, n_iter, counts, t._text), M)


def decompress(t: Mel, M: Tensor) -> Tensor:
    return _back(_compression.energies(t, _wide(M)), M)


def griffin_lim(
    t: GriffinLim, S: Tensor, phase: Any, length: int | None, lengths: Any, watched: bool
) -> Any:
    """Without a gradient: the waveform is a constant."""
    frames, counts = _frames(t.stft, S, "S"), _counts(lengths, S, core=2)
    width = _width(t.stft, frames, length, counts)
    operator = _phases.griffin_lim_watched if watched else _phases.griffin_lim
    return operator(S.detach(), _phase(phase, S), width, counts, t._text)


def mel_to_audio(
    t: Mel, M: Tensor, n_iter: int, mode: str, length: int | None, lengths: Any
) -> Tensor:
    """Without a gradient: the waveform is a constant."""
    frames, counts = _frames(t.stft, M, "M"), _counts(lengths, M, core=2)
    width = _width(t.stft, frames, length, counts)
    return _phases.mel_to_audio(M.detach(), n_iter, mode, width, counts, t._text)


def unrolled_griffin_lim(
    t: GriffinLim, S: Tensor, phase: Any, length: int | None, lengths: Any
) -> Tensor:
    """Griffin-Lim whose iterations are operators, each with its gradient."""
    frames, counts = _frames(t.stft, S, "S"), _counts(lengths, S, core=2)
    width = _width(t.stft, frames, length, counts)
    if counts is None:
        works, work = None, _shapes.samples_within(t.stft, frames, width)
    else:
        works = _works(t.stft, counts, frames)
        work = _shapes.samples_of(t.stft, frames) + t.stft.hop_length - 1
    y = _phases.unrolled(t, _wide(S), _phase(phase, S), works, work)
    return _back(_cut(y, width, counts), S)


def spectral_convergence(t: STFT, S: Tensor, y: Tensor, lengths: Any) -> Tensor:
    _tensor(S, "S", "y")
    _tensor(y, "y", "S")
    return _phases.spectral_convergence(t, _wide(S), _wide(y), _counts(lengths, y))


def spectral_sums(t: SpectralLoss, x: Tensor, target: Tensor, lengths: Any) -> Tensor:
    """`SpectralLoss.sums` over the values of `x` and those of `target`, which is a constant."""
    counts = _counts(lengths, x)
    values = _losses.spectral_values(_wide(target).detach(), counts, t._text)
    return _losses.spectral_loss(_wide(x), values, counts, t._text)


# ---- what arguments become


def _wide(x: Tensor) -> Tensor:
    return x.float() if x.dtype in _shapes.HALF else x


def _back(result: Tensor, x: Tensor) -> Tensor:
    return result.to(x.dtype) if x.dtype in _shapes.HALF else result


def _refuse_out(out: Tensor | None) -> None:
    if out is not None:
        raise TypeError(
            "out must be None where gradients are recorded or a function is traced: call under "
            "torch.no_grad(), or without out"
        )


def _counts(lengths: Any, x: Tensor, core: int = 1) -> Tensor | None:
    """`lengths` as int64 in the shape of the leading axes; their range is checked by kernels."""
    if lengths is None:
        return None
    counts = lengths if isinstance(lengths, Tensor) else torch.as_tensor(lengths)
    if counts.device.type != "cpu":
        raise TypeError(
            f"lengths is on {counts.device}, but must be integers on the CPU: lengths.cpu()"
        )
    if counts.dtype not in _INTEGERS and counts.numel():
        raise TypeError("lengths must be integers: a list, NumPy array or tensor")
    batch = x.shape[:-core]
    if counts.numel() != math.prod(batch) or counts.ndim not in (1, len(batch)):
        shape = tuple(counts.shape)
        raise ValueError(f"lengths has shape {shape} and must have {tuple(batch) or '() or (1,)'}")
    return counts.to(torch.int64).reshape(batch)


_INTEGERS = (torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8)


def _frames(t: STFT, S: Tensor, name: str) -> Any:
    _tensor(S, name, "the operation")
    if S.ndim < 2:
        raise ValueError(
            f"{name} has shape {tuple(S.shape)} and must have axes of frequency and frames"
        )
    return S.shape[_shapes.frames_axis(t)]


def _width(t: STFT, frames: Any, length: int | None, counts: Tensor | None) -> Any:
    """Samples of a waveform of so many frames, as `_framing.extent` has it."""
    if length is not None:
        return length
    samples = _shapes.samples_of(t, frames)
    if counts is None or counts.numel() == 0:
        return samples
    if torch.compiler.is_compiling():
        raise ValueError("length=None must be a number where lengths are given and torch traces")
    return max(samples, int(counts.max()))


def _works(t: STFT, counts: Tensor, frames: Any) -> Tensor:
    """For each row, the samples nearest to its own that have exactly its frames."""
    own = [min(t._frames.n_frames(int(n)), frames) for n in counts.reshape(-1)]
    pairs = zip(counts.reshape(-1).tolist(), own, strict=True)
    return torch.tensor([t._frames.within(*pair) for pair in pairs]).reshape(counts.shape)


def _cut(y: Tensor, width: Any, counts: Tensor | None) -> Tensor:
    """`y` cut or filled with zeros to `width`, 0 past each row's own samples."""
    y = torch.nn.functional.pad(y, (0, width - y.shape[-1]))
    if counts is None:
        return y
    return y * (torch.arange(width) < counts[..., None]).to(y)


def _phase(phase: Any, S: Tensor) -> Tensor | None:
    if phase is None:
        return None
    _tensor(phase, "phase", "S")
    if phase.shape != S.shape:
        raise ValueError(f"phase has shape {tuple(phase.shape)} and must have that of S")
    return phase.detach()


def _tensor(x: Any, name: str, other: str) -> None:
    if not isinstance(x, Tensor):
        raise TypeError(f"{name} is a {type(x).__name__} and must be a torch tensor as {other} is")

# SPDX-License-Identifier: Apache-2.0
"""Phase reconstruction: waveforms from magnitude spectrograms."""

from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass
from typing import Any, ClassVar

import numpy as np

from lapped import _arrays, _framing
from lapped._arrays import Array
from lapped._stft import STFT
from lapped._validate import choice, flag, instance, integer, real, row_lengths
from lapped._value import Value

MAX_ITERATIONS = 2**20
METHODS = ("classic", "fast", "accelerated")
INITS = ("random", "zeros")

# Momentum by default, and step. Over-relaxation is stable while step < (2 + 2 m) / (1 + 2 m), which
# is above 4/3 for all momentum m < 1.
_DEFAULTS = {"classic": (0.0, 1.0), "fast": (0.99, 1.0), "accelerated": (0.95, 1.25)}


@dataclass(frozen=True, eq=False, repr=False)
class GriffinLim(Value):
    """Waveform whose magnitude spectrogram comes close to a given one, by iterated projection.

    Each iteration takes the transform of the waveform, gives it the wanted magnitudes, and inverts
    it. Frozen, hashable and picklable.

    Parameters
    ----------
    stft : STFT
        The transform that the magnitudes came from.
    n_iter : int
        Iterations; 0 inverts the magnitudes with their initial phase.
    method : str
        "classic": Griffin and Lim (1984). "fast": with momentum, Perraudin, Balazs and Søndergaard
        (2013), the update of librosa and torchaudio. "accelerated": over-relaxed by 1.25 too, after
        Nenov, Nguyen, Balazs and Boţ (2023): about 2 dB better at the same cost.
    momentum : float, optional
        0 to 1, below 1 for "accelerated", and 0 for "classic". By default 0.99 for "fast" and 0.95
        for "accelerated".
    init : str
        Initial phase: "random", which depends on `seed`, bin and frame alone, or "zeros".
    seed : int
        Counts modulo 2**64.
    tolerance : float, optional
        A row is done once an iteration changes its error ratio by no more than this share of it.

    Raises
    ------
    ValueError, TypeError
        For an option out of range or of the wrong type; the message says what is allowed.
    NotImplementedError
        For method "admm" and the initial phases "spsi" and "pghi", which do not exist yet.

    Examples
    --------
    >>> import lapped, numpy as np
    >>> stft = lapped.STFT(512, 128)
    >>> x = np.sin(np.arange(4096) ** 1.3)
    >>> gl = lapped.GriffinLim(stft)
    >>> S = stft.magnitude(x)
    >>> y = gl(S)
    >>> y.shape, bool(lapped.spectral_convergence(stft, S, y) < -15)
    ((4096,), True)
    """

    stft: STFT
    n_iter: int = 32
    _: KW_ONLY
    method: str = "accelerated"
    momentum: float | None = None
    init: str = "random"
    seed: int = 0
    tolerance: float | None = None

    _always_shown: ClassVar[tuple[str, ...]] = ("n_iter", "method")

    def __post_init__(self) -> None:
        instance("stft", self.stft, STFT, "an")
        self._set(n_iter=integer("n_iter", self.n_iter, 0, MAX_ITERATIONS))
        choice("method", self.method, METHODS, planned=("admm",))
        self._set(momentum=_momentum(self.momentum, self.method))
        choice("init", self.init, INITS, planned=("spsi", "pghi"))
        self._set(seed=integer("seed", self.seed, -(2**64), 2**64))
        if self.tolerance is not None:
            self._set(tolerance=real("tolerance", self.tolerance, 0.0))
        self._describe()

    def __call__(
        self,
        S: Array,
        *,
        length: int | None = None,
        lengths: Any = None,
        phase: Array | None = None,
        return_convergence: bool = False,
        differentiable: bool = False,
    ) -> Any:
        """Waveform of the magnitude spectrogram `S`.

        Parameters
        ----------
        S : array (..., n_freq, n_frames), real
            Magnitudes >= 0; (..., n_frames, n_freq) in layout "tf".
        length : int, optional
            Samples of the result, which is cut or filled with zeros to it. By default
            ``stft.n_samples(n_frames)``, or the largest of `lengths` where that is more.
        lengths : ints, shape of the leading axes, optional
            Samples of each row's waveform: it is made of the row's first
            ``stft.n_frames(lengths[i])`` frames, and 0 past ``lengths[i]``.
        phase : array like `S`, optional
            Phase to begin with, in place of `init`: radians, or complex numbers whose angle counts.
        return_convergence : bool
            Whether to return the spectral convergence too.
        differentiable : bool
            torch only: whether gradients flow through the iterations, each of which then keeps its
            spectra. Without it the waveform has no gradient, even where `S` requires one.

        Returns
        -------
        array (..., length), in the precision of `S`
            With `return_convergence`, a pair: the waveform, and float64 (..., n_iter), the spectral
            convergence in dB after each iteration, NaN after an early stop.
        """
        watched = flag("return_convergence", return_convergence)
        if flag("differentiable", differentiable):
            self._check_differentiable(S, watched)
            return _arrays.operators().unrolled_griffin_lim(self, S, phase, length, lengths)
        if (operators := _arrays.recorder(S, phase)) is not None:
            return operators.griffin_lim(self, S, phase, length, lengths, watched)
        return self._reconstructed(S, phase, length, lengths, watched)

    def _check_differentiable(self, S: Array, watched: bool) -> None:
        if not _arrays.is_torch(S):
            kind = type(S).__name__
            raise TypeError(f"differentiable=True needs a torch tensor, but S is a {kind}")
        if watched or self.tolerance is not None:
            other = "return_convergence=True" if watched else f"tolerance={self.tolerance:g}"
            raise ValueError(f"differentiable=True excludes {other}")

    def _reconstructed(
        self, S: Array, phase: Any, length: int | None, lengths: Any, watched: bool
    ) -> Any:
        magnitudes, batch, like = self.stft._spectrum(S, "S", "real")
        angles = None if phase is None else self._angles(phase, magnitudes, batch, like)
        convergence = None
        if watched:
            shape = (*batch, self.n_iter)
            history, convergence = like.library.empty(like, shape, np.dtype(np.float64))
            shape = (magnitudes.shape[0], self.n_iter)
            convergence = like.library.reshaped(convergence, shape)

        def run(frames: Any, samples: Any, out: Array) -> None:
            self._run(like, magnitudes, frames, samples, angles, out, convergence)

        n_frames = magnitudes.shape[2]
        waveform = synthesised(self.stft, like, batch, n_frames, length, lengths, run)
        return waveform if convergence is None else (waveform, like.library.item(history))

    def _run(
        self,
        like: _arrays.Like,
        S: Array,
        frames: Any,
        samples: Any,
        phase: Any,
        out: Array,
        history: Any,
    ) -> None:
        """Fills `out` (batch, samples) from `S` (batch, n_freq, n_frames)."""
        like.kernels.griffin_lim(
            self.stft._plans[like.module], S, frames, samples, phase, out, *self._settings,
            float(self.tolerance or 0.0), history,
        )  # fmt: skip

    @property
    def _settings(self) -> tuple[Any, ...]:
        """Iterations, momentum, step, init and seed as the kernels take them."""
        step = _DEFAULTS[self.method][1]
        return self.n_iter, self.momentum, step, self.init, self.seed % 2**64

    def _angles(self, phase: Array, S: Array, batch: _arrays.Batch, like: _arrays.Like) -> Array:
        """`phase` as complex numbers in the precision of `S`."""
        angles, own_batch, own = self.stft._spectrum(phase, "phase", "angles")
        _arrays.same_library(like, own, "phase", "S")
        if own_batch != batch or angles.shape != S.shape:
            raise ValueError(f"phase has shape {tuple(phase.shape)} and must have that of S")
        return like.library.phasors(angles, like.complex)


def synthesised(
    stft: STFT,
    like: _arrays.Like,
    batch: _arrays.Batch,
    n_frames: int,
    length: int | None,
    lengths: Any,
    run: Callable[[Any, Any, Array], None],
) -> Array:
    """Waveform that ``run(frames, samples, out)`` makes of `n_frames` frames of each row.

    A row is iterated on at the number of samples nearest to its own that has exactly its frames,
    then cut or filled with zeros.
    """
    framing = stft._frames
    width, frames, samples = _framing.extent(framing, n_frames, length, lengths, batch)
    memory, view = _arrays.result(like, batch, (width,))
    if samples is None:
        work = framing.within(width, n_frames)
        works = None if work == width else np.full(view.shape[0], work, np.int64)
    else:
        pairs = zip(samples.tolist(), frames.tolist(), strict=True)
        works = np.array([framing.within(*pair) for pair in pairs], np.int64)
        work = int(works.max(initial=0))
    if work <= width:
        run(frames, works, view)
    else:
        _, longer = like.library.empty(like, (view.shape[0], work), like.real)
        run(frames, works, longer)
        like.library.write(view, longer[:, :width])
    return _arrays.finished(like, memory)


def spectral_convergence(stft: STFT, S: Array, y: Array, *, lengths: Any = None) -> Any:
    """Distance in dB of the magnitude spectrogram of `y` from `S`, relative to `S`.

    It is ``20 log10(norm(abs(stft(y)) - S) / norm(S))`` with norms over bins and frames, so each
    example has its own value. -inf means equal, +inf that `S` is 0 and `y` is not.

    Parameters
    ----------
    stft : STFT
        The transform.
    S : array (..., n_freq, n_frames), real
        Magnitudes >= 0.
    y : array (..., samples), real
        Waveforms with ``stft.n_frames(samples) == n_frames``.
    lengths : ints, shape of the leading axes, optional
        Valid samples of each row of `y`; frames past its own count are left out.

    Returns
    -------
    array (...), float64, in the library of `S`
        For a single example a float64 scalar (in torch a tensor without axes).

    Examples
    --------
    >>> import lapped, numpy as np
    >>> stft = lapped.STFT(512)
    >>> y = np.cos(np.arange(2048.0))
    >>> round(float(lapped.spectral_convergence(stft, stft.magnitude(y), 0.9 * y)), 3)
    -20.0
    """
    instance("stft", stft, STFT, "an")
    if (operators := _arrays.recorder(S, y)) is not None:
        return operators.spectral_convergence(stft, S, y, lengths)
    return _convergence(stft, S, y, lengths)


def _convergence(stft: STFT, S: Array, y: Array, lengths: Any) -> Any:
    magnitudes, batch, like = stft._spectrum(S, "S", "real")
    signal, own_batch, own = _arrays.operand(y, "y", "signal", 1)
    _arrays.same_library(like, own, "y", "S")
    n_frames, samples = magnitudes.shape[2], signal.shape[1]
    if own_batch != batch or stft._frames.n_frames(samples) != n_frames:
        needs = f"leading axes {batch} and samples for n_frames={n_frames}"
        raise ValueError(f"y has shape {tuple(y.shape)} and must have {needs}, as S")
    rows = row_lengths(lengths, batch, samples, "the samples of y")
    target = like.library.cast(magnitudes, own.real)
    memory, view = like.library.empty(like, batch, np.dtype(np.float64))
    decibels = like.library.reshaped(view, (magnitudes.shape[0],))
    own.kernels.spectral_convergence(stft._plans[own.module], target, signal, rows, decibels)
    return like.library.item(memory)


def _momentum(momentum: Any, method: str) -> float:
    default = _DEFAULTS[method][0]
    if momentum is None:
        return default
    value = real("momentum", momentum, 0.0)
    if method == "classic" and value != 0:
        raise ValueError(f"momentum={value:g} must be 0 or None for method='classic'")
    if value > 1 or (value == 1 and method == "accelerated"):
        limit = "below 1" if method == "accelerated" else "at most 1"
        raise ValueError(f"momentum={value:g} must be {limit} for method={method!r}")
    return value

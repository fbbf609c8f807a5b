# SPDX-License-Identifier: Apache-2.0
"""Short-time Fourier transform and its inverse."""

from dataclasses import KW_ONLY, dataclass
from functools import cached_property, lru_cache
from types import ModuleType
from typing import Any, ClassVar

import numpy as np

from lapped import _arrays, _framing, _windows
from lapped._arrays import Array
from lapped._validate import (
    MAX_FFT,
    MAX_FRAMES,
    choice,
    flag,
    integer,
    positive,
    real,
    row_lengths,
)
from lapped._value import Made, Value


@dataclass(frozen=True, eq=False, repr=False)
class STFT(Value):
    """Short-time Fourier transform: ``stft(x)[..., f, t]`` is frame ``t`` of ``x`` at bin ``f``.

    Frame ``t`` is the window times the ``n_fft`` samples from ``t * hop_length - pad[0]`` on; bin
    ``f`` is its component at ``f * sample_rate / n_fft`` Hz. Frozen, hashable and picklable.

    Parameters
    ----------
    n_fft : int
        Samples in a frame, 1 to 2**24; there are ``n_freq = n_fft // 2 + 1`` bins.
    hop_length : int, optional
        Samples from frame to frame; by default ``n_fft // 4``, at least 1.
    win_length : int, optional
        Samples the window covers, at most `n_fft`, which is the default.
    window : str, (str, float) or array
        A name SciPy has ("hann", ("kaiser", 8.6), ...), "povey" (Kaldi's), "sqrt_hann", "vorbis",
        or an array of `win_length` or `n_fft` samples.
    padding : str or (int, int)
        Samples added left and right: "center" ``n_fft // 2`` each, "same"
        ``(n_fft - hop_length) // 2`` each, "causal" ``n_fft - hop_length`` on the left, "none",
        or a pair. Where the difference is negative, 0.
    pad_mode : str
        What they hold: "reflect" (as often as a short signal needs), "constant" (zeros),
        "replicate", "symmetric" or "circular". An empty signal is padded with zeros.
    window_align : str
        Where a window shorter than `n_fft` sits: "center" (librosa, torch) or "left" (Kaldi).
    periodic : bool
        Whether a window given by name is periodic or symmetric.
    normalized : bool or str
        Factor of the window: False 1; "frame_length" ``1 / sqrt(n_fft)``, torch's True; "window"
        ``1 / sqrt(sum(window**2))``, torchaudio's True.
    layout : str
        "ft": spectra are (..., n_freq, n_frames); "tf": (..., n_frames, n_freq).

    Raises
    ------
    ValueError, TypeError
        For an option out of range or of the wrong type; the message says what is allowed.

    Examples
    --------
    >>> import lapped, numpy as np
    >>> stft = lapped.STFT(n_fft=512, hop_length=128)
    >>> x = np.sin(np.arange(4000, dtype=np.float32))
    >>> X = stft(x)
    >>> X.shape, X.dtype
    ((257, 32), dtype('complex64'))
    >>> bool(np.allclose(stft.inverse(X, length=4000), x, atol=1e-5))
    True
    """

    n_fft: int = 1024
    hop_length: int | None = None
    win_length: int | None = None
    window: _windows.WindowSpec = "hann"
    _: KW_ONLY
    padding: str | tuple[int, int] = "center"
    pad_mode: str = "reflect"
    window_align: str = "center"
    periodic: bool = True
    normalized: bool | str = False
    layout: str = "ft"

    _always_shown: ClassVar[tuple[str, ...]] = ("n_fft",)

    def __post_init__(self) -> None:
        n_fft = integer("n_fft", self.n_fft, 1, MAX_FFT)
        hop, win = self.hop_length, self.win_length
        hop = max(1, n_fft // 4) if hop is None else integer("hop_length", hop, 1, MAX_FFT)
        win = n_fft if win is None else integer("win_length", win, 1, n_fft)
        self._set(n_fft=n_fft, hop_length=hop, win_length=win)
        self._set(periodic=flag("periodic", self.periodic))
        self._set(window=_windows.checked(self.window, win, n_fft, self.periodic))
        self._set(padding=_framing.padding(self.padding))
        self._set(_frames=_framing.framing(n_fft, hop, self.padding))
        self._set(normalized=_windows.normalization(self.normalized))
        choice("pad_mode", self.pad_mode, _framing.PAD_MODES)
        choice("window_align", self.window_align, ("center", "left"))
        choice("layout", self.layout, ("ft", "tf"))
        self._describe()

    def __call__(self, x: Array, *, lengths: Any = None, out: Array | None = None) -> Array:
        """Complex spectrum of `x`.

        Parameters
        ----------
        x : array (..., samples)
            Real signals: float64, float32, half types (computed in float32), or PCM int16 / int32
            (scaled to [-1, 1)). NumPy array, torch tensor or CuPy array; leading axes are a batch.
        lengths : ints, shape of the leading axes, optional
            Valid samples of each row. A row is padded at its own end, and its frames past
            ``n_frames(length)`` are 0.
        out : array, optional
            Written and returned; must match the result in library, dtype and shape.

        Returns
        -------
        array (..., n_freq, n_frames), complex128 for float64 and complex64 otherwise
            (..., n_frames, n_freq) in layout "tf".

        Examples
        --------
        >>> import lapped, numpy as np
        >>> lapped.STFT(400, 160)(np.zeros((2, 16000))).shape
        (2, 201, 101)
        """
        if (operators := _arrays.recorder(x)) is not None:
            return operators.stft(self, x, lengths, out)
        return self._transformed("stft", x, lengths, spectrum=True, out=out)

    def magnitude(self, x: Array, *, lengths: Any = None, eps: float = 0.0) -> Array:
        """Magnitude spectrum ``sqrt(re**2 + im**2 + eps)``, without writing the complex one.

        `x` and `lengths` are those of the call; `eps` is at least 0.

        Returns
        -------
        array (..., n_freq, n_frames), real, in the precision of `x`
            (..., n_frames, n_freq) in layout "tf".

        Examples
        --------
        >>> import lapped, numpy as np
        >>> lapped.STFT(400, 160).magnitude(np.zeros(1600, np.int16)).dtype
        dtype('float32')
        """
        if (operators := _arrays.recorder(x)) is not None:
            return operators.magnitude(self, x, lengths, eps)
        return self._transformed("magnitude", x, lengths, real("eps", eps, 0.0))

    def power(self, x: Array, *, lengths: Any = None) -> Array:
        """Power spectrum ``re**2 + im**2``; arguments and result as for `magnitude`.

        Examples
        --------
        >>> import lapped, numpy as np
        >>> lapped.STFT(400, 160, layout="tf").power(np.zeros(1600)).shape
        (11, 201)
        """
        if (operators := _arrays.recorder(x)) is not None:
            return operators.power(self, x, lengths)
        return self._transformed("power", x, lengths)

    def inverse(self, X: Array, *, length: int | None = None, lengths: Any = None) -> Array:
        """Least-squares inverse: the waveform whose spectrum is nearest to `X`.

        Samples that no window covers are 0. The imaginary parts at 0 Hz and at half the sample rate
        do not count.

        Parameters
        ----------
        X : array (..., n_freq, n_frames), complex128 or complex64
            (..., n_frames, n_freq) in layout "tf".
        length : int, optional
            Samples of the result, which is cut or filled with zeros to it. By default
            ``n_samples(n_frames)``, or the largest of `lengths` where that is more.
        lengths : ints, shape of the leading axes, optional
            Samples of each row's waveform: it is made of the row's first ``n_frames(lengths[i])``
            frames, and 0 past ``lengths[i]``.

        Returns
        -------
        array (..., length), float64 or float32

        Examples
        --------
        >>> import lapped, numpy as np
        >>> stft = lapped.STFT(512)
        >>> y = stft.inverse(stft(np.ones((2, 1280))), lengths=[1280, 700])
        >>> y.shape, y[1, 698:702].round(6).tolist()
        ((2, 1280), [1.0, 1.0, 0.0, 0.0])
        """
        if (operators := _arrays.recorder(X)) is not None:
            return operators.istft(self, X, length, lengths)
        return self._inverted(X, length, lengths)

    def n_frames(self, n_samples: int) -> int:
        """Frames that a signal of `n_samples` samples has.

        Examples
        --------
        >>> import lapped
        >>> lapped.STFT(400, 160).n_frames(16000)
        101
        """
        return self._frames.n_frames(integer("n_samples", n_samples, 0))

    def n_samples(self, n_frames: int) -> int:
        """Samples that `n_frames` frames stand for: the shortest signal that has so many.

        Examples
        --------
        >>> import lapped
        >>> lapped.STFT(400, 160).n_samples(101)
        16000
        """
        return self._frames.n_samples(integer("n_frames", n_frames, 0, MAX_FRAMES))

    def frequencies(self, sample_rate: float) -> np.ndarray:
        """Frequency of each bin in Hz, ``f * sample_rate / n_fft``: float64 (n_freq,).

        Examples
        --------
        >>> import lapped
        >>> lapped.STFT(4).frequencies(8000).tolist()
        [0.0, 2000.0, 4000.0]
        """
        return np.arange(self.n_freq) * (positive("sample_rate", sample_rate) / self.n_fft)

    def times(self, n_frames: int, sample_rate: float) -> np.ndarray:
        """Time of the middle of each frame's window, in seconds: float64 (n_frames,).

        The middle is ``n_fft // 2`` samples into the frame, or half the window's length when it is
        aligned left; with padding "center" it is sample ``t * hop_length``.

        Examples
        --------
        >>> import lapped
        >>> lapped.STFT(400, 160).times(3, 16000).tolist()
        [0.0, 0.01, 0.02]
        """
        starts = (
            np.arange(integer("n_frames", n_frames, 0, MAX_FRAMES)) * self.hop_length - self.pad[0]
        )
        middle = (self.win_length if self.window_align == "left" else self.n_fft) // 2
        return (starts + middle) / positive("sample_rate", sample_rate)

    @cached_property
    def n_freq(self) -> int:
        """Number of bins, ``n_fft // 2 + 1``."""
        return self.n_fft // 2 + 1

    @cached_property
    def pad(self) -> tuple[int, int]:
        """Samples of padding on the left and on the right."""
        return self._frames.left, self._frames.right

    @cached_property
    def _plans(self) -> Made:
        """The tables of each module's kernels."""
        return Made(_plan_of, self)

    @cached_property
    def _swap(self) -> bool:
        return self.layout == "tf"

    def _transformed(
        self,
        kernel: str,
        x: Array,
        lengths: Any,
        *options: Any,
        spectrum: bool = False,
        out: Array | None = None,
    ) -> Array:
        """What `kernel` makes of the signals `x`, complex if `spectrum`."""
        if lengths is None and out is None and (module := _arrays.direct(x)) is not None:
            call = getattr(module.direct, kernel)
            done = call(self._plans[module], x, self._swap, *options)
            if done is not None:
                return done
        signal, batch, like = _arrays.operand(x, "x", "signal", 1)
        samples = signal.shape[1]
        core = (self.n_freq, self._frames.n_frames(samples))
        memory, view = _arrays.result(like, batch, core, spectrum, self._swap, out, signal)
        rows = row_lengths(lengths, batch, samples, "the samples of x")
        getattr(like.kernels, kernel)(self._plans[like.module], signal, rows, view, *options)
        return _arrays.finished(like, memory, out)

    def _inverted(self, X: Array, length: int | None, lengths: Any) -> Array:
        if lengths is None and (module := _arrays.direct(X)) is not None:
            samples = None if length is None else integer("length", length, 0)
            done = module.direct.istft(self._plans[module], X, self._swap, samples)
            if done is not None:
                return done
        spectrum, batch, like = self._spectrum(X, "X", "complex")
        width, frames, samples = _framing.extent(
            self._frames, spectrum.shape[2], length, lengths, batch
        )
        memory, view = _arrays.result(like, batch, (width,))
        like.kernels.istft(self._plans[like.module], spectrum, frames, samples, view)
        return _arrays.finished(like, memory)

    def _spectrum(
        self, S: Array, name: str, kind: str
    ) -> tuple[Array, _arrays.Batch, _arrays.Like]:
        """A spectrum argument, its number of bins checked."""
        return _arrays.operand(S, name, kind, 2, self._swap, ("n_freq", self.n_freq))


@lru_cache(maxsize=256)
def _plan_of(stft: STFT, module: ModuleType) -> Any:
    """The tables of a module's kernels; equal values share one while they are in use."""
    window = stft.window
    if not isinstance(window, np.ndarray):
        window = _windows.window(window, stft.win_length, stft.periodic)
    frame = _windows.framed(window, stft.n_fft, stft.window_align, stft.normalized)
    return module.StftPlan(stft.n_fft, stft.hop_length, *stft.pad, stft.pad_mode, frame)

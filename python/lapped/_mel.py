# SPDX-License-Identifier: Apache-2.0
"""Mel spectrograms: straight from audio, from magnitudes, and back to magnitudes."""

from dataclasses import KW_ONLY, dataclass
from functools import cached_property, lru_cache
from types import ModuleType
from typing import Any, ClassVar

import numpy as np

from lapped import _arrays, _framing, _mel_filters, _weighting
from lapped._arrays import Array
from lapped._compression import Compression
from lapped._stft import STFT
from lapped._validate import choice, instance, integer, positive, real, row_lengths, shown
from lapped._value import Made, Value

MAX_BANDS = 2**14
MAX_FILTERS = 2**27  # float64 numbers in a filter bank: 1 GiB
MAX_ITERATIONS = 2**20
STEPS = 3  # of an inversion by default


@dataclass(frozen=True, eq=False, repr=False)
class Mel(Value):
    """Mel spectrogram: ``mel(x)[..., m, t]`` is the energy of frame ``t`` of ``x`` in band ``m``.

    It is ``filters @ |stft(x)| ** power``, then compressed, in one pass over the audio. Frozen,
    hashable and picklable.

    Parameters
    ----------
    stft : STFT
        Framing, window and layout.
    sample_rate : float
        In Hz.
    n_mels : int
        Bands, 1 to 16384. A band so narrow that no bin lies in it stays 0.
    f_min, f_max : float
        Lower edge of the first band and upper edge of the last, in Hz; ``0 <= f_min < f_max <=
        sample_rate / 2``, which is also `f_max`'s default.
    scale : str
        "slaney" and "htk": triangles linear in Hz; "kaldi": HTK's scale, triangles linear in mel,
        without the bin at half the sample rate.
    norm : str or None
        "slaney": each triangle has area 1 in Hz; None: height 1.
    power : float
        Exponent of the magnitude, above 0.
    magnitude_eps : float
        Added under the root: the magnitude is ``sqrt(re**2 + im**2 + magnitude_eps)``.
    compression : Compression, optional
        Logarithm and scaling of the energies.
    weighting : str or array (n_freq,), optional
        Loudness weights: gains of the magnitude, so `filters` are multiplied by ``gain ** power``.
        "A", "B", "C", "D": the weighting curves, not below -80 dB. "iso226:<phon>": ISO 226:2003's
        contour of 0 to 90 phon, upside down, 0 dB at 1 kHz; between its 29 frequencies linear in
        log frequency, constant outside 20 Hz to 12.5 kHz.

    Raises
    ------
    ValueError, TypeError
        For an option out of range or of the wrong type; the message says what is allowed.

    Examples
    --------
    >>> import lapped, numpy as np
    >>> log10 = lapped.Compression("10", floor=1e-10)
    >>> mel = lapped.Mel(lapped.STFT(400, 160), 16000, 80, compression=log10)
    >>> mel(np.zeros((2, 16000), np.float32)).shape
    (2, 80, 101)
    >>> mel.filters.shape
    (80, 201)
    """

    stft: STFT
    sample_rate: float
    n_mels: int = 80
    f_min: float = 0.0
    f_max: float | None = None
    _: KW_ONLY
    scale: str = "slaney"
    norm: str | None = "slaney"
    power: float = 2.0
    magnitude_eps: float = 0.0
    compression: Compression | None = None
    weighting: Any = None

    _always_shown: ClassVar[tuple[str, ...]] = ("n_mels",)

    def __post_init__(self) -> None:
        instance("stft", self.stft, STFT, "an")
        rate = _whole(positive("sample_rate", self.sample_rate, 1e12))
        self._set(sample_rate=rate, n_mels=integer("n_mels", self.n_mels, 1, MAX_BANDS))
        f_min = real("f_min", self.f_min, 0.0)
        f_max = rate / 2 if self.f_max is None else positive("f_max", self.f_max)
        if not f_min < f_max <= rate / 2:
            raise ValueError(
                f"f_min={f_min:g} and f_max={f_max:g} must fulfil "
                f"0 <= f_min < f_max <= sample_rate / 2 = {rate / 2:g}"
            )
        self._set(f_min=f_min, f_max=f_max, power=positive("power", self.power))
        choice("scale", self.scale, _mel_filters.SCALES)
        if self.norm is not None and not (isinstance(self.norm, str) and self.norm == "slaney"):
            raise ValueError(f"norm={shown(self.norm)} must be 'slaney' or None")
        self._set(magnitude_eps=real("magnitude_eps", self.magnitude_eps, 0.0))
        if self.compression is not None:
            instance("compression", self.compression, Compression)
        self._set(weighting=_weighting.checked(self.weighting, self.stft.n_freq))
        if self.n_mels * self.stft.n_freq > MAX_FILTERS:
            size = f"n_mels={self.n_mels} times n_freq={self.stft.n_freq}"
            raise ValueError(f"{size} must be at most {MAX_FILTERS}")
        self._describe()

    def __call__(self, x: Array, *, lengths: Any = None, out: Array | None = None) -> Array:
        """Mel spectrogram of `x`.

        Parameters
        ----------
        x : array (..., samples)
            Real signals, as for `STFT`.
        lengths : ints, shape of the leading axes, optional
            Valid samples of each row; frames past its own count are 0.
        out : array, optional
            Written and returned; must match the result in library, dtype and shape.

        Returns
        -------
        array (..., n_mels, n_frames), real, in the precision of `x`
            (..., n_frames, n_mels) in layout "tf".
        """
        if (operators := _arrays.recorder(x)) is not None:
            return operators.mel(self, x, lengths, out)
        return self._spectrogram(x, lengths, out)

    def project(self, S: Array, *, lengths: Any = None) -> Array:
        """Mel spectrogram of a magnitude spectrogram, compressed.

        Parameters
        ----------
        S : array (..., n_freq, n_frames), real
            Magnitudes, not powers: they are raised to `power` here.
        lengths : ints, shape of the leading axes, optional
            Samples of each row's waveform; frames past ``stft.n_frames(lengths[i])`` are 0.

        Returns
        -------
        array (..., n_mels, n_frames), in the precision of `S`

        Examples
        --------
        >>> import lapped, numpy as np
        >>> mel = lapped.Mel(lapped.STFT(400, 160), 16000)
        >>> x = np.sin(np.arange(1600.0))
        >>> bool(np.allclose(mel.project(mel.stft.magnitude(x)), mel(x)))
        True
        """
        if (operators := _arrays.recorder(S)) is not None:
            return operators.project(self, S, lengths)
        return self._projected(S, lengths)

    def inverse(self, M: Array, *, n_iter: int = STEPS, lengths: Any = None) -> Array:
        """Magnitude spectrogram whose mel spectrogram is `M`, as near as `n_iter` steps come.

        The compression is undone (not what its floor and dynamic range cut off), then Newton's
        steps, which multiply every bin by a factor above 0, bring an interpolation of the bands to
        magnitudes that have them. Many magnitudes do; these stay near the interpolation. Bins that
        no filter covers are 0. Bands that no magnitude has, as a model's may be, are met in the
        middle. Affine scaling (Dikin 1967).

        Parameters
        ----------
        M : array (..., n_mels, n_frames), real
            (..., n_frames, n_mels) in layout "tf".
        n_iter : int
            Steps. Three leave between 1e-5 and 2e-3 of the norm of bands that some magnitude has,
            more where bands are wide and on power.
        lengths : ints, shape of the leading axes, optional
            Samples of each row's waveform; frames past ``stft.n_frames(lengths[i])`` are 0.

        Returns
        -------
        array (..., n_freq, n_frames), in the precision of `M`

        Examples
        --------
        >>> import lapped, numpy as np
        >>> mel = lapped.Mel(lapped.STFT(400, 160), 16000, 40, power=1.0)
        >>> M = mel(np.sin(np.arange(1600.0)))
        >>> S = mel.inverse(M)
        >>> S.shape, bool(np.linalg.norm(mel.project(S) - M) < 0.05 * np.linalg.norm(M))
        ((201, 11), True)
        """
        n_iter = integer("n_iter", n_iter, 0, MAX_ITERATIONS)
        if (operators := _arrays.recorder(M)) is not None:
            return operators.mel_inverse(self, M, n_iter, lengths)
        return self._inverted(M, n_iter, lengths)

    @cached_property
    def filters(self) -> np.ndarray:
        """The weighted filter bank, read-only float64 (n_mels, n_freq).

        Bin ``f`` is at ``f * sample_rate / n_fft`` Hz.
        """
        return _filters_of(self)

    @cached_property
    def _banks(self) -> Made:
        """The sparse filters of each module's kernels."""
        return Made(_bank_of, self)

    @property
    def _couples_rows(self) -> bool:
        return self.compression is not None and self.compression._couples_rows

    @cached_property
    def _compress(self) -> tuple[Any, ...] | None:
        return None if self.compression is None else self.compression._arguments

    def _spectrogram(self, x: Array, lengths: Any, out: Array | None = None) -> Array:
        stft = self.stft
        if lengths is None and out is None and (module := _arrays.direct(x)) is not None:
            done = module.direct.mel(
                stft._plans[module], self._banks[module], x, stft._swap,
                self.power, self.magnitude_eps, self._compress,
            )  # fmt: skip
            if done is not None:
                return done
        signal, batch, like = _arrays.operand(x, "x", "signal", 1)
        samples = signal.shape[1]
        core = (self.n_mels, stft._frames.n_frames(samples))
        memory, view = _arrays.result(like, batch, core, False, stft._swap, out, signal)
        rows = row_lengths(lengths, batch, samples, "the samples of x")
        like.kernels.mel(
            stft._plans[like.module], self._banks[like.module], signal, rows, view,
            self.power, self.magnitude_eps, self._compress,
        )  # fmt: skip
        return _arrays.finished(like, memory, out)

    def _projected(self, S: Array, lengths: Any) -> Array:
        magnitudes, batch, like = self.stft._spectrum(S, "S", "real")
        n_frames = magnitudes.shape[2]
        core = (self.n_mels, n_frames)
        memory, view = _arrays.result(like, batch, core, swap=self.stft._swap)
        frames = self._rows(lengths, batch, n_frames)
        like.kernels.project(
            self._banks[like.module], magnitudes, frames, view, self.power, self._compress
        )
        return _arrays.finished(like, memory)

    def _inverted(self, M: Array, n_iter: int, lengths: Any) -> Array:
        features, batch, like = self._features(M)
        n_frames = features.shape[2]
        core = (self.stft.n_freq, n_frames)
        memory, view = _arrays.result(like, batch, core, swap=self.stft._swap)
        frames = self._rows(lengths, batch, n_frames)
        energies = self._energies(features, like)
        like.kernels.mel_inverse(
            self._banks[like.module], energies, frames, view, self.power, n_iter
        )
        return _arrays.finished(like, memory)

    def _features(self, M: Array) -> tuple[Array, _arrays.Batch, _arrays.Like]:
        """A mel argument, its number of bands checked."""
        return _arrays.operand(M, "M", "real", 2, self.stft._swap, ("n_mels", self.n_mels))

    def _energies(self, features: Array, like: _arrays.Like) -> Array:
        """Mel energies of `features`, their compression undone."""
        if self._compress is None:
            return features
        _, energies = like.library.empty(like, tuple(features.shape), like.real)
        like.kernels.decompress(features, energies, self.power, self._compress)
        return energies

    def _decompressed(self, M: Array) -> Array:
        """Mel energies >= 0 that compress to `M`; what floor and range cut off is lost."""
        if (operators := _arrays.recorder(M)) is not None:
            return operators.decompress(self, M)
        features, batch, like = self._features(M)
        if self._compress is None:
            return M
        core = (self.n_mels, features.shape[2])
        memory, view = _arrays.result(like, batch, core, swap=self.stft._swap)
        like.kernels.decompress(features, view, self.power, self._compress)
        return _arrays.finished(like, memory)

    def _rows(self, lengths: Any, batch: tuple[int, ...], n_frames: int) -> np.ndarray | None:
        """Frames of each row."""
        return _framing.extent(self.stft._frames, n_frames, None, lengths, batch)[1]


@lru_cache(maxsize=64)
def _bank_of(mel: Mel, module: ModuleType) -> Any:
    """The sparse filters of a module's kernels; equal values share them while they are in use."""
    return module.MelBank(mel.filters)


@lru_cache(maxsize=64)
def _filters_of(mel: Mel) -> np.ndarray:
    frequencies = mel.stft.frequencies(mel.sample_rate)
    filters = _mel_filters.triangles(
        frequencies, mel.n_mels, mel.f_min, mel.f_max, mel.scale, mel.norm
    )
    if mel.scale == "kaldi" and mel.stft.n_fft % 2 == 0:
        filters[:, -1] = 0
    if mel.weighting is not None:
        with np.errstate(over="ignore", invalid="ignore"):
            filters *= _weighting.gains(mel.weighting, frequencies) ** mel.power
        if not np.isfinite(filters).all():
            raise ValueError(f"weighting raised to power={mel.power} must stay finite")
    filters.flags.writeable = False
    return filters


def _whole(number: float) -> float:
    """`number` as an int where it is one, so that a rate prints as it was given."""
    return int(number) if number == int(number) else number

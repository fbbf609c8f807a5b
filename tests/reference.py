# SPDX-License-Identifier: Apache-2.0
"""What every operation means: float64, slow, short. lapped is compared to this.

Signals are (samples,), spectra (bins, frames), bands (n_mels, frames): one example, no batch.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

COVERED = 1e-28  # of the peak: where the squared windows over a sample sum to more, it is covered


# ---------------------------------------------------------------------------------------- windows
def cosine_window(name: str, length: int, periodic: bool = True) -> np.ndarray:
    """Hann, Hamming or Blackman as its sum of cosines; one sample alone is 1."""
    terms = {"hann": (0.5, 0.5), "hamming": (0.54, 0.46), "blackman": (0.42, 0.5, 0.08)}[name]
    if length == 1:
        return np.ones(1)
    angle = 2 * np.pi * np.arange(length) / (length if periodic else length - 1)
    return sum((-1) ** k * a * np.cos(k * angle) for k, a in enumerate(terms))


def placed_window(
    window: np.ndarray, n_fft: int, align: str = "center", normalized: bool | str = False
) -> np.ndarray:
    """The window inside its n_fft samples, times the normalisation factor."""
    start = (n_fft - len(window)) // 2 if align == "center" else 0
    placed = np.zeros(n_fft)
    placed[start : start + len(window)] = window
    if normalized == "frame_length":
        placed /= np.sqrt(n_fft)
    if normalized == "window":
        placed /= np.sqrt(np.sum(window**2))
    return placed


# ---------------------------------------------------------------------------------------- framing
def pad_amounts(n_fft: int, hop: int, padding: str | tuple[int, int]) -> tuple[int, int]:
    """Samples added on the left and on the right."""
    if not isinstance(padding, str):
        return padding
    return {
        "center": (n_fft // 2, n_fft // 2),
        "same": (max(0, n_fft - hop) // 2, max(0, n_fft - hop) // 2),
        "causal": (max(0, n_fft - hop), 0),
        "none": (0, 0),
    }[padding]


def shown_sample(i: int, n: int, mode: str) -> int | None:
    """The sample at position i of the padded signal (padding: i < 0 or i >= n); None is zero."""
    if n == 0:
        return None
    while not 0 <= i < n:
        if mode == "constant":
            return None
        if mode == "replicate" or (mode == "reflect" and n == 1):
            i = 0 if i < 0 else n - 1
        elif mode == "circular":
            i = i + n if i < 0 else i - n
        elif mode == "reflect":  # the mirror stands on the edge sample
            i = -i if i < 0 else 2 * (n - 1) - i
        elif mode == "symmetric":  # the mirror stands behind the edge sample
            i = -1 - i if i < 0 else 2 * n - 1 - i
    return i


@dataclass(frozen=True, eq=False)
class Framing:
    """One STFT: `window` is (n_fft,), already placed and scaled."""

    window: np.ndarray
    hop: int
    left: int = 0
    right: int = 0
    mode: str = "reflect"

    @property
    def n_fft(self) -> int:
        return len(self.window)

    def n_frames(self, n_samples: int) -> int:
        """Frames that fit, counted one by one."""
        count = 0
        while count * self.hop + self.n_fft <= self.left + n_samples + self.right:
            count += 1
        return count

    def n_samples(self, n_frames: int) -> int:
        """Samples that so many frames give back."""
        if n_frames == 0:
            return 0
        return max(0, (n_frames - 1) * self.hop + self.n_fft - self.left - self.right)

    def frames(self, x: np.ndarray) -> np.ndarray:
        """(frames, n_fft), not yet windowed."""
        n = len(x)
        before = [shown_sample(i, n, self.mode) for i in range(-self.left, 0)]
        after = [shown_sample(i, n, self.mode) for i in range(n, n + self.right)]
        sides = [[0.0 if i is None else x[i] for i in side] for side in (before, after)]
        padded = np.concatenate([sides[0], x, sides[1]])
        starts = [t * self.hop for t in range(self.n_frames(len(x)))]
        rows = [padded[s : s + self.n_fft] for s in starts]
        return np.array(rows, np.float64).reshape(len(starts), self.n_fft)


# ------------------------------------------------------------------------------------------- STFT
def stft(framing: Framing, x: np.ndarray) -> np.ndarray:
    """(bins, frames): X[k, t] = sum_i x_t[i] w[i] exp(-2 pi j k i / n_fft)."""
    return np.fft.rfft(framing.frames(x) * framing.window, axis=1).T


def magnitude(framing: Framing, x: np.ndarray, eps: float = 0.0) -> np.ndarray:
    """Square root of re^2 + im^2 + eps."""
    X = stft(framing, x)
    return np.sqrt(X.real**2 + X.imag**2 + eps)


def coverage(framing: Framing, n_frames: int) -> np.ndarray:
    """Sum of the squared windows over each sample of the padded signal."""
    total = np.zeros((n_frames - 1) * framing.hop + framing.n_fft if n_frames else 0)
    for t in range(n_frames):
        total[t * framing.hop : t * framing.hop + framing.n_fft] += framing.window**2
    return total


def trimmed(framing: Framing, padded: np.ndarray, length: int) -> np.ndarray:
    """`length` samples after the left padding, zero beyond the end."""
    kept = padded[framing.left : framing.left + length]
    return np.concatenate([kept, np.zeros(length - len(kept))])


def istft(framing: Framing, X: np.ndarray, length: int | None = None) -> np.ndarray:
    """The signal whose STFT is nearest to X; samples no window covers are 0."""
    n_frames = X.shape[1]
    length = framing.n_samples(n_frames) if length is None else length
    weight = coverage(framing, n_frames)
    total = np.zeros_like(weight)
    for t in range(n_frames):
        frame = np.fft.irfft(X[:, t], framing.n_fft) * framing.window
        total[t * framing.hop : t * framing.hop + framing.n_fft] += frame
    covered = weight > COVERED * weight.max(initial=0)
    total = np.where(covered, total / np.where(covered, weight, 1), 0.0)
    return trimmed(framing, total, length)


# -------------------------------------------------------------------------------------------- mel
def hz_to_mel(f: np.ndarray, scale: str) -> np.ndarray:
    """Slaney: 200/3 Hz a mel up to 1000 Hz, then 27 mels for a factor of 6.4. Others: 1127 ln."""
    f = np.asarray(f, np.float64)
    if scale == "slaney":
        log = 15 + 27 * np.log(np.maximum(f, 1000) / 1000) / np.log(6.4)
        return np.where(f < 1000, f * 3 / 200, log)
    return 2595 * np.log10(1 + f / 700) if scale == "htk" else 1127 * np.log(1 + f / 700)


def mel_to_hz(m: np.ndarray, scale: str) -> np.ndarray:
    """Inverse of hz_to_mel."""
    if scale == "slaney":
        return np.where(m < 15, m * 200 / 3, 1000 * 6.4 ** ((np.maximum(m, 15) - 15) / 27))
    return 700 * (10 ** (m / 2595) - 1) if scale == "htk" else 700 * (np.exp(m / 1127) - 1)


def mel_filters(
    n_fft: int,
    sample_rate: float,
    n_mels: int,
    f_min: float,
    f_max: float,
    scale: str,
    norm: str | None,
) -> np.ndarray:
    """(n_mels, bins): triangles between neighbouring centres, in Hz or (kaldi) in mel."""
    hz = np.arange(n_fft // 2 + 1) * sample_rate / n_fft
    mel_edges = np.linspace(hz_to_mel(f_min, scale), hz_to_mel(f_max, scale), n_mels + 2)
    hz_edges = mel_to_hz(mel_edges, scale)
    axis, edges = (hz_to_mel(hz, scale), mel_edges) if scale == "kaldi" else (hz, hz_edges)
    filters = np.zeros((n_mels, len(hz)))
    for m in range(n_mels):
        low, centre, high = edges[m : m + 3]
        rise, fall = (axis - low) / (centre - low), (high - axis) / (high - centre)
        filters[m] = np.maximum(0, np.minimum(rise, fall))
        if norm == "slaney":
            filters[m] *= 2 / (hz_edges[m + 2] - hz_edges[m])
    return filters


def compress(bands: np.ndarray, power: float = 2.0, **c: object) -> np.ndarray:
    """y = scale * (max(log, peak - dynamic_range) + shift); keywords as in lapped.Compression."""
    base, floor = c.get("base", "10"), c.get("floor", 1e-10)
    lifted = bands + floor if c.get("floor_mode", "clamp") == "add" else np.maximum(bands, floor)
    y = {
        "10": lambda: np.log10(lifted),
        "e": lambda: np.log(lifted),
        "db": lambda: 20 / power * np.log10(lifted),
        "log1p": lambda: np.log1p(bands),
    }[base]()
    if c.get("dynamic_range") is not None and y.size:
        y = np.maximum(y, y.max() - c["dynamic_range"])
    return c.get("scale", 1.0) * (y + c.get("shift", 0.0))


def mel_inverse(filters: np.ndarray, bands: np.ndarray, power: float, n_iter: int) -> np.ndarray:
    """Magnitude (bins, frames): Newton's steps from an interpolated start, kept positive."""
    band_area = filters.sum(axis=1, keepdims=True)  # sum_f a_mf
    bin_area = filters.sum(axis=0)[:, None]  # sum_m a_mf
    shares = divided(filters, bin_area.T)
    u = shares.T @ divided(bands, band_area) * bin_area
    for _ in range(n_iter):
        heard = shares @ u
        own = shares**2 @ u + np.where(heard > 0, 0.01 * heard, 1)
        above = (shares[:-1] * shares[1:]) @ u  # no bin is in more than two neighbouring bands
        matrix = np.stack(
            [
                np.diag(d) + np.diag(a, 1) + np.diag(a, -1)
                for d, a in zip(own.T, above.T, strict=True)
            ]
        )
        missing = np.where(heard > 0, bands - heard, 0)
        step = np.linalg.solve(matrix, missing.T[..., None])[..., 0].T
        u = u * np.maximum(1 + shares.T @ step, 0.1)
    return divided(u, bin_area) ** (1 / power)


def divided(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """a / b, and 0 where b is 0."""
    a, b = np.broadcast_arrays(a, b)
    return np.divide(a, b, out=np.zeros(a.shape), where=b > 0)


# ------------------------------------------------------------------------------------ Griffin-Lim
def unit(z: np.ndarray) -> np.ndarray:
    """z / |z|, and 0 where z is 0."""
    return np.divide(z, np.abs(z), out=np.zeros_like(z), where=np.abs(z) > 0)


def griffin_lim(
    framing: Framing,
    S: np.ndarray,
    phase: np.ndarray,
    n_iter: int,
    momentum: float = 0.0,
    step: float = 1.0,
    length: int | None = None,
) -> tuple[np.ndarray, list[float]]:
    """The signal, and its spectral convergence after each iteration. In the time-frequency domain:

    t_n = (1 - step) c_{n-1} + step P_C(S c_{n-1} / |c_{n-1}|)
    c_n = t_n + momentum (t_n - t_{n-1})

    Momentum 0: Griffin and Lim. Step 1: Perraudin, Balazs and Soendergaard. Else: Nenov et al.
    """

    def consistent(Z: np.ndarray) -> np.ndarray:
        return stft(framing, istft(framing, Z, length))

    t = c = consistent(S * unit(phase))
    errors = []
    for _ in range(n_iter):
        t_new = (1 - step) * c + step * consistent(S * unit(c))
        c = t_new + momentum * (t_new - t)
        t = t_new
        errors.append(convergence_of(t, S))
    return istft(framing, t, length), errors


def convergence_of(X: np.ndarray, S: np.ndarray) -> float:
    """20 log10 of ||(|X| - S)|| / ||S||."""
    return float(10 * np.log10(np.sum((np.abs(X) - S) ** 2) / np.sum(S**2)))


def spectral_convergence(framing: Framing, S: np.ndarray, y: np.ndarray) -> float:
    """How far the signal's magnitudes are from S, in dB."""
    return convergence_of(stft(framing, y), S)

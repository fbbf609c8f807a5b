# SPDX-License-Identifier: Apache-2.0
"""Random arguments and arrays for the fuzz test: mostly good, some wrong, a few absurd."""

from __future__ import annotations

import random
import warnings

import numpy as np

import lapped

WRONG = [
    *(None, "", "x", "hann", b"hann", "\0", "ü" * 1000, True, 1j, [], [1, 2], {}, set(), len),
    *(-1, 0, 1, 1.5, -0.0, float("nan"), float("inf"), 2**31, 2**63, -(2**63), 2**80, object()),
    *((1, 2), (1,), (-1, 0), ("kaiser", "x"), ("kaiser", 8.0, 1), range(3), slice(1), Ellipsis),
    *(np.float32(3), np.int8(3), np.uint64(2**63), np.array(4), np.array([1.0, 2.0])),
    *(np.array(["a"]), np.array([None]), np.zeros((2, 2)), np.zeros(0)),
]
WRONG_DTYPES = [
    "i1",
    "u1",
    "u2",
    "i8",
    "u8",
    "?",
    "g",
    "G",
    "O",
    "U3",
    "S2",
    "M8[s]",
    "m8[s]",
    ">f4",
    ">c8",
    "V4",
]
SIGNALS = ["f4"] * 5 + ["f8"] * 4 + ["f2", "i2", "i4"]
SPECTRA = ["f4"] * 5 + ["f8"] * 4 + ["f2"]
COMPLEX = ["c8"] * 5 + ["c16"] * 4
SIZES = [1, 2, 3, 4, 7, 16, 20, 31, 64, 100, 127, 400, 512, 1009]
MEMORY = ["plain"] * 6 + ["fortran", "reverse", "gaps", "repeat", "odd", "locked", "subclass"]


def anything(rng: random.Random, value: object, chance: float = 0.02) -> object:
    """`value`, or (rarely) something that it should not be."""
    return rng.choice(WRONG) if rng.random() < chance else value


def some(rng: random.Random, good: dict[str, list], odd: dict[str, list] | None = None) -> dict:
    """Keyword arguments, each left out, good, odd (allowed in some company only) or wrong."""
    chosen = {}
    for name, values in good.items():
        if odd and name in odd and rng.random() < 0.05:
            chosen[name] = rng.choice(odd[name])
        elif rng.random() < 0.4:
            chosen[name] = anything(rng, rng.choice(values))
    return chosen


def stft_of(rng: random.Random) -> lapped.STFT:
    """Small transforms; hops and padding may be huge."""
    n_fft = rng.choice(SIZES)
    good = {
        "hop_length": [1, 2, 3, 7, 64, 200, 2000, 2**24],
        "window": ["hann", "hamming", "boxcar", "povey", ("kaiser", 8.0), np.ones(n_fft)],
        "padding": ["center", "same", "causal", "none", (0, 0), (3, 0), (0, 700)],
        "pad_mode": ["reflect", "constant", "replicate", "symmetric", "circular"],
        "window_align": ["center", "left"],
        "periodic": [True, False],
        "normalized": [False, "frame_length", "window"],
        "layout": ["ft", "tf"],
        "win_length": [n_fft],
    }
    odd = {
        "win_length": [1, max(1, n_fft // 2), n_fft + 1],
        "window": [
            np.zeros(n_fft),
            np.full(n_fft, np.nan),
            np.ones(n_fft + 1),
            np.ones((2, n_fft)),
        ],
        "padding": [(2**24, 2**24), (2**24 + 1, 0), [1, 2], (-1, 0)],
    }
    return lapped.STFT(anything(rng, n_fft), **some(rng, good, odd))


def compression_of(rng: random.Random) -> lapped.Compression:
    """Every base, floor and range."""
    good = {
        "base": ["10", "e", "db", "log1p"],
        "floor": [1e-10, 1e-5, 1.0, 1e-300, 1e300],
        "floor_mode": ["clamp", "add"],
        "dynamic_range": [None, 8.0, 0.0, 80],
        "scope": ["example", "batch"],
        "scale": [1.0, 0.25, -1.0],
        "shift": [0.0, 4.0, -100.0],
    }
    return lapped.Compression(**some(rng, good))


def mel_of(rng: random.Random) -> lapped.Mel:
    """Small banks over small transforms."""
    stft = stft_of(rng)
    good = {
        "n_mels": [1, 2, 3, 23, 80, 128],
        "f_min": [0.0, 20, 100.0],
        "f_max": [None, 4000, 8000.0],
        "scale": ["slaney", "htk", "kaldi"],
        "norm": ["slaney", None],
        "power": [1.0, 2, 0.5, 3.0],
        "magnitude_eps": [0.0, 1e-9],
        "weighting": [None, "A", "D", "iso226:60", np.ones(stft.n_freq)],
    }
    odd = {
        "n_mels": [2**14, 2**14 + 1],
        "f_max": [1e9, 1.0],
        "f_min": [9000.0],
        "power": [1e-9, 1e9, -1.0],
        "weighting": [
            "Z",
            "iso226:900",
            -np.ones(stft.n_freq),
            np.full(stft.n_freq, np.nan),
            np.full(stft.n_freq, 1e300),
        ],
    }
    options = some(rng, good, odd)
    if rng.random() < 0.4:
        options["compression"] = compression_of(rng)
    return lapped.Mel(anything(rng, stft), anything(rng, rng.choice([16000, 22050.5])), **options)


def griffin_lim_of(rng: random.Random) -> lapped.GriffinLim:
    """At most three iterations."""
    good = {
        "n_iter": [0, 1, 2, 3],
        "method": ["classic", "fast", "accelerated"],
        "momentum": [None, 0.0],
        "init": ["random", "zeros"],
        "seed": [0, 1, 2**64 - 1, -1],
        "tolerance": [None, 1e-3, 0.0],
    }
    odd = {
        "method": ["admm"],
        "momentum": [0.5, 0.99, 1.0, 2.0],
        "init": ["spsi", "pghi"],
        "seed": [2**70],
    }
    options = {"n_iter": 2, **some(rng, good, odd)}
    gl = lapped.GriffinLim(anything(rng, stft_of(rng)), **options)
    return gl if gl.n_iter <= 3 else lapped.GriffinLim(gl.stft, 2)


# ---------------------------------------------------------------------------------------- arrays
def array_of(rng: random.Random, core: list[int], dtypes: list[str], batch: list | None = None):
    """Usually (*batch, *core) of one of the dtypes, behind any strides; rarely no array at all."""
    if batch is None:
        batch = [rng.choice([0, 1, 2, 3]) for _ in range(rng.choice([0, 0, 1, 1, 2]))]
    shape = [*batch, *(n if rng.random() < 0.98 else rng.choice([0, 1, 2, 5]) for n in core)]
    if rng.random() < 0.02:
        shape = shape[rng.choice([1, 2]) :]
    dtype = rng.choice(WRONG_DTYPES if rng.random() < 0.03 else dtypes)
    return anything(rng, strided(rng, filled(rng, shape, np.dtype(dtype))))


def filled(rng: random.Random, shape: list[int], dtype: np.dtype) -> np.ndarray:
    """Noise, zeros, tiny or huge values, now and then with a NaN or infinity."""
    if dtype.kind not in "fciu":
        return np.zeros(shape, dtype)
    values = np.random.default_rng(rng.getrandbits(32)).standard_normal(shape)
    values = values * rng.choice([1, 1, 1, 0, 1e-42, 1e30])
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        a = np.asarray(values).astype(dtype)
    if a.size and dtype.kind in "fc" and rng.random() < 0.1:
        a.flat[rng.randrange(a.size)] = rng.choice([np.nan, np.inf, -np.inf])
    return a


def strided(rng: random.Random, a: np.ndarray) -> np.ndarray:
    """The same shape behind reversed, gapped, repeated, transposed, odd or unwritable memory."""
    kind = rng.choice(MEMORY)
    if kind == "fortran":
        return np.asfortranarray(a)
    if kind == "reverse":
        return a[(slice(None, None, -1),) * a.ndim]
    if kind == "gaps" and a.ndim:
        return np.repeat(a, 3, axis=-1)[..., ::3]
    if kind == "repeat" and a.ndim and a.size:
        return np.broadcast_to(a[(slice(0, 1),) * a.ndim], a.shape)
    if kind == "odd" and not a.dtype.hasobject:  # one byte off: no item is aligned
        odd = np.ndarray(a.shape, a.dtype, np.zeros(a.nbytes + 1, np.uint8)[1:])
        odd[...] = a
        return odd
    if kind == "locked":
        a.flags.writeable = False
    return a.view(np.matrix) if kind == "subclass" and a.ndim == 2 else a


def lengths_of(rng: random.Random, rows: int, limit: int) -> object:
    """One length for each row, in one form or another; sometimes too many, too long, no ints."""
    wrong = rng.random() < 0.15
    lengths = [rng.randint(-1 if wrong else 0, limit + wrong) for _ in range(rows + wrong)]
    forms = [lengths, np.array(lengths, np.int32), np.array(lengths, np.int64)[::1]]
    return rng.choice([*forms, np.array(lengths, float), "x", {}] if wrong else forms)

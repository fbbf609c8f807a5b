# SPDX-License-Identifier: Apache-2.0
"""Bad input: random arguments and arrays at the public interface.

A call either gives a result of the right shape, or raises ValueError, TypeError or
NotImplementedError with a message that names something of the call. It never does anything else.
Needs NumPy and pytest only, so that it also runs under a sanitizer. Environment: LAPPED_FUZZ_SEED;
LAPPED_FUZZ_CASES and LAPPED_FUZZ_SECONDS for each operation; LAPPED_FUZZ_LOG, a file that gets the
seed of each call before it is made.
"""

from __future__ import annotations

import inspect
import math
import operator
import os
import random
import re
import time
from collections.abc import Callable

import numpy as np
import pytest

import lapped
from tests.fuzzing import (
    COMPLEX,
    SIGNALS,
    SPECTRA,
    WRONG,
    anything,
    array_of,
    griffin_lim_of,
    lengths_of,
    mel_of,
    stft_of,
)

SEED = os.environ.get("LAPPED_FUZZ_SEED", "0")
CASES = int(os.environ.get("LAPPED_FUZZ_CASES", "1200"))
SECONDS = float(os.environ.get("LAPPED_FUZZ_SECONDS", "8"))
LOG = os.environ.get("LAPPED_FUZZ_LOG")
REFUSED = (ValueError, TypeError, NotImplementedError)
CALLS = (
    *(lapped.STFT, lapped.STFT.__call__, lapped.STFT.magnitude, lapped.STFT.inverse),
    *(lapped.STFT.n_frames, lapped.STFT.n_samples, lapped.STFT.times, lapped.Compression),
    *(lapped.Mel, lapped.Mel.project, lapped.Mel.inverse, lapped.GriffinLim),
    *(lapped.GriffinLim.__call__, lapped.spectral_convergence, lapped.mel_to_audio, lapped.preset),
)
NAMES = {name for call in CALLS for name in inspect.signature(call).parameters} - {"self"}
ROOM = 2**19  # values a call may take: larger ones are left out


class TooLargeError(Exception):
    """A call that may be right but takes more than a test should."""


Made = tuple[Callable, tuple[int, ...] | None]  # the call, and the shape of its result if it works


def laid_out(stft: lapped.STFT, rows: int, frames: int) -> tuple[int, int]:
    return (rows, frames) if stft.layout == "ft" else (frames, rows)


def frames_of(stft: lapped.STFT, a: np.ndarray) -> int:
    return a.shape[-1] if stft.layout == "ft" else a.shape[-2]


def samples_for(rng: random.Random, stft: lapped.STFT) -> int:
    n = stft.n_fft
    return rng.choice([0, 1, 2, n - 1, n, n + 1, 3 * n + 5, 1000 if n < 500 else 2 * n])


def frames_for(rng: random.Random, stft: lapped.STFT) -> int:
    return rng.choice([0, 1, 2, 3, 17, 65]) if stft.n_fft < 600 else rng.choice([0, 1, 4])


def needs_room(stft: lapped.STFT, rows: int, samples: int, frames: int) -> None:
    values = stft.n_fft + sum(stft.pad) + rows * (samples + frames * stft.n_fft)
    if values > ROOM:
        raise TooLargeError


# ----------------------------------------------------------------------------- calls on waveforms
def analysed(rng: random.Random, stft: lapped.STFT, rows: int, call: Callable, **names) -> Made:
    """`call` on a waveform; the result has `rows` rows of frames."""
    x = array_of(rng, [samples_for(rng, stft)], SIGNALS)
    shape, options = None, {}
    if isinstance(x, np.ndarray) and x.ndim:
        batch, samples = x.shape[:-1], x.shape[-1]
        frames = stft.n_frames(samples)
        needs_room(stft, math.prod(batch), samples, frames)
        shape = (*batch, *laid_out(stft, rows, frames))
        if rng.random() < 0.25:
            options["lengths"] = lengths_of(rng, math.prod(batch), samples)
        if "out" in names and rng.random() < 0.2:
            options["out"] = array_of(rng, shape[-2:], names["out"], batch)
    if "eps" in names and rng.random() < 0.3:
        options["eps"] = anything(rng, rng.choice(names["eps"]), 0.1)
    return (lambda: call(x, **options)), shape


def make_stft(rng: random.Random) -> Made:
    stft = stft_of(rng)
    return analysed(rng, stft, stft.n_freq, stft, out=COMPLEX)


def make_magnitude(rng: random.Random) -> Made:
    stft = stft_of(rng)
    if rng.random() < 0.5:
        return analysed(rng, stft, stft.n_freq, stft.power)
    return analysed(rng, stft, stft.n_freq, stft.magnitude, eps=[0.0, 1e-9, 1, -1.0])


def make_mel(rng: random.Random) -> Made:
    mel = mel_of(rng)
    return analysed(rng, mel.stft, mel.n_mels, mel, out=SPECTRA)


# ------------------------------------------------------------------------------- calls on spectra
def synthesised(rng: random.Random, stft: lapped.STFT, rows: int, dtypes: list, call: Callable):
    """`call` on a spectrum of `rows` rows; the result is a waveform."""
    a = array_of(rng, laid_out(stft, rows, frames_for(rng, stft)), dtypes)
    shape, options = None, {}
    if rng.random() < 0.3:
        options["length"] = anything(rng, rng.choice([0, 1, 5, 1000, 3000]), 0.1)
    if isinstance(a, np.ndarray) and a.ndim > 1:
        batch, frames = a.shape[:-2], frames_of(stft, a)
        width = asked(options, stft.n_samples(frames))
        needs_room(stft, math.prod(batch), width + frames * min(stft.hop_length, 2**20), frames)
        shape = (*batch, width)
        if rng.random() < 0.25:
            options["lengths"] = lengths_of(rng, math.prod(batch), width)
        if rng.random() < 0.2 and "griffin" in type(call).__name__.lower():
            options["phase"] = array_of(rng, a.shape[-2:], COMPLEX + SPECTRA, batch)
    return (lambda: call(a, **options)), shape


def asked(options: dict, default: int) -> int:
    """The length asked for, where it is one."""
    try:
        return max(0, min(operator.index(options["length"]), 2**40))
    except (KeyError, TypeError):
        return default


def make_inverse(rng: random.Random) -> Made:
    stft = stft_of(rng)
    return synthesised(rng, stft, stft.n_freq, COMPLEX, stft.inverse)


def make_griffin_lim(rng: random.Random) -> Made:
    gl = griffin_lim_of(rng)
    return synthesised(rng, gl.stft, gl.stft.n_freq, SPECTRA, gl)


def make_mel_to_audio(rng: random.Random) -> Made:
    mel = mel_of(rng)
    options = {"n_iter": rng.choice([0, 1, 2]), "mode": anything(rng, rng.choice(["cascade"]))}
    return synthesised(
        rng,
        mel.stft,
        mel.n_mels,
        SPECTRA,
        lambda M, **more: lapped.mel_to_audio(M, anything(rng, mel), **options, **more),
    )


def turned(rng: random.Random, mel: lapped.Mel, rows: int, made: int, call: Callable) -> Made:
    """`call` on a spectrum of `rows` rows; the result has `made` rows of as many frames."""
    a = array_of(rng, laid_out(mel.stft, rows, frames_for(rng, mel.stft)), SPECTRA)
    if not isinstance(a, np.ndarray) or a.ndim < 2:
        return (lambda: call(a)), None
    frames = frames_of(mel.stft, a)
    needs_room(mel.stft, math.prod(a.shape[:-2]), 0, frames)
    return (lambda: call(a)), (*a.shape[:-2], *laid_out(mel.stft, made, frames))


def make_project(rng: random.Random) -> Made:
    mel = mel_of(rng)
    return turned(rng, mel, mel.stft.n_freq, mel.n_mels, mel.project)


def make_mel_inverse(rng: random.Random) -> Made:
    mel = mel_of(rng)
    n_iter = rng.choice([0, 1, 2, 3, None, -1, "x", 2**70])
    call = lambda M: mel.inverse(M, n_iter=n_iter)  # noqa: E731
    return turned(rng, mel, mel.n_mels, mel.stft.n_freq, call)


# -------------------------------------------------------------------------------------- the rest
def make_counts(rng: random.Random) -> Made:
    stft = stft_of(rng)
    which = rng.choice(["n_frames", "n_samples", "frequencies", "times"])
    n = anything(rng, rng.choice([0, 1, 77, 10**6, -1]), 0.2)
    if which == "times":
        frames = rng.choice([0, 5, -1, 2**80, "x"])
        return (lambda: stft.times(frames, n)), (frames,)
    return (lambda: getattr(stft, which)(n)), (stft.n_freq,) if which == "frequencies" else ()


def make_convergence(rng: random.Random) -> Made:
    stft = stft_of(rng)
    y = array_of(rng, [samples_for(rng, stft)], ["f4", "f8"])
    batch, frames = [], 3
    if isinstance(y, np.ndarray) and y.ndim:
        batch, frames = y.shape[:-1], stft.n_frames(y.shape[-1])
        needs_room(stft, math.prod(batch), y.shape[-1], frames)
    S = array_of(rng, laid_out(stft, stft.n_freq, frames), ["f4", "f8"], batch)
    given = anything(rng, stft)
    return (lambda: lapped.spectral_convergence(given, S, y)), tuple(batch)


def make_preset(rng: random.Random) -> Made:
    name = rng.choice([*WRONG, *2 * list(lapped.presets()), "whisper", "whisper-81"])
    return (lambda: len(lapped.preset(name).filters.shape)), ()


MAKERS = [
    make_stft,
    make_magnitude,
    make_mel,
    make_inverse,
    make_griffin_lim,
    make_mel_to_audio,
    make_project,
    make_mel_inverse,
    make_counts,
    make_convergence,
    make_preset,
]


def outcome(make: Callable, seed: str) -> str:
    """What became of one random call: "worked", "refused" or "too large"."""
    rng = random.Random(seed)
    if LOG:
        with open(LOG, "a") as log:
            log.write(f"{make.__name__} {seed}\n")
    try:
        call, shape = make(rng)
        result = call()
    except TooLargeError:
        return "too large"
    except REFUSED as error:
        message = str(error)
    except Exception as error:
        raise AssertionError(f"seed {seed!r}: {type(error).__name__}: {error}") from error
    else:
        fits = shape is None or np.shape(result) == shape
        assert fits, f"seed {seed!r}: shape {np.shape(result)}, expected {shape}"
        return "worked"
    named = NAMES & set(re.findall(r"\w+", message))
    assert named, f"seed {seed!r}: the message names no argument: {message}"
    return "refused"


@pytest.mark.parametrize("make", MAKERS, ids=lambda make: make.__name__.removeprefix("make_"))
@pytest.mark.filterwarnings("ignore")
def test_any_call_works_or_is_refused_by_name(make: Callable) -> None:
    end = time.monotonic() + SECONDS
    became = {"worked": 0, "refused": 0, "too large": 0}
    for i in range(CASES):
        became[outcome(make, f"{SEED}/{make.__name__}/{i}")] += 1
        if time.monotonic() > end:
            break
    assert became["refused"] > 0
    assert became["worked"] >= sum(became.values()) // 4, f"the fuzz hardly gets through: {became}"

# SPDX-License-Identifier: Apache-2.0
"""What holds for every operation: the same bits in any batch, from any strides, on any number of
threads; lengths equal alone; a NaN stays in its example; short and empty input is no special case.
"""

from __future__ import annotations

import numpy as np
import pytest

import lapped
from tests import signals
from tests.operations import (
    MEL,
    OF_SIGNALS,
    OF_SPECTRA,
    STFT,
    SYNTHESIS,
    batch_of_signals,
    batch_of_spectra,
    bits,
)


# -------------------------------------------------------------------------- batch, threads, order
@pytest.mark.parametrize("name", OF_SIGNALS)
def test_signals_in_a_batch_equal_alone(library, dtype: np.dtype, name: str) -> None:
    call, x = OF_SIGNALS[name], batch_of_signals(dtype)
    together = library.numpy(call(library.array(x)))
    for row in range(len(x)):
        assert bits(together[row]) == bits(library.numpy(call(library.array(x[row]))))
    stacked = library.numpy(call(library.array(np.stack([x[::-1], x]))))
    assert bits(stacked) == bits(np.stack([together[::-1], together]))


@pytest.mark.parametrize("name", OF_SPECTRA)
def test_spectra_in_a_batch_equal_alone(library, dtype: np.dtype, name: str) -> None:
    call, S = OF_SPECTRA[name], batch_of_spectra(dtype)
    together = library.numpy(call(library.array(S)))
    for row in range(len(S)):
        assert bits(together[row]) == bits(library.numpy(call(library.array(S[row]))))


@pytest.mark.parametrize("name", [*OF_SIGNALS, *OF_SPECTRA])
def test_the_number_of_threads_changes_no_bits(thread_counts, dtype: np.dtype, name: str) -> None:
    call = OF_SIGNALS.get(name) or OF_SPECTRA[name]
    given = (
        batch_of_signals(dtype, 3, 60000) if name in OF_SIGNALS else batch_of_spectra(dtype, 3, 400)
    )
    results = []
    for n in (1, 2, 3, 8):
        thread_counts(n)
        assert lapped.get_num_threads() == n
        results += [bits(call(given)), bits(call(given[1:2]))]
    assert results[0::2] == results[:1] * 4
    assert results[1::2] == results[1:2] * 4


@pytest.mark.parametrize("name", [*OF_SIGNALS, *OF_SPECTRA])
def test_strides_change_no_bits(dtype: np.dtype, name: str) -> None:
    of_signals = name in OF_SIGNALS
    call = OF_SIGNALS.get(name) or OF_SPECTRA[name]
    given = batch_of_signals(dtype) if of_signals else batch_of_spectra(dtype)
    plain = bits(call(given))
    assert plain == bits(call(np.asfortranarray(given)))
    assert plain == bits(call(np.repeat(given, 2, axis=-1)[..., ::2]))
    assert plain == bits(call(given[::-1, ..., ::-1].copy()[::-1, ..., ::-1]))


@pytest.mark.parametrize("name", [*OF_SIGNALS, *OF_SPECTRA])
def test_numpy_and_torch_give_the_same_bits(dtype: np.dtype, name: str) -> None:
    torch = pytest.importorskip("torch")
    call = OF_SIGNALS.get(name) or OF_SPECTRA[name]
    given = batch_of_signals(dtype, 2) if name in OF_SIGNALS else batch_of_spectra(dtype, 2)
    assert bits(call(given)) == bits(call(torch.from_numpy(given)).numpy())


def test_the_input_is_left_alone(dtype: np.dtype) -> None:
    for calls, given in [
        (OF_SIGNALS, batch_of_signals(dtype, 2)),
        (OF_SPECTRA, batch_of_spectra(dtype, 2)),
    ]:
        before = given.copy()
        given.flags.writeable = False
        for call in calls.values():
            call(given)
        assert np.array_equal(given, before)


# ------------------------------------------------------------------------------------- lengths
LENGTHS = [4001, 9001, 0, 1, 159, 200, 201, 6400]


def frames_axis(name: str) -> int:
    return -2 if name.endswith("tf") else -1


@pytest.mark.parametrize("name", OF_SIGNALS)
def test_lengths_equal_alone(library, dtype: np.dtype, name: str) -> None:
    call = OF_SIGNALS[name]
    x = signals.padded_batch(LENGTHS, 9001).astype(dtype)
    padded = library.numpy(call(library.array(x), lengths=library.counts(np.array(LENGTHS))))
    assert padded.shape == library.numpy(call(library.array(x))).shape
    axis = frames_axis(name)
    for row, n in enumerate(LENGTHS):
        alone = library.numpy(call(library.array(x[row, :n].copy())))
        own, rest = np.split(padded[row], [alone.shape[axis]], axis=axis)
        assert bits(own) == bits(alone)
        assert not np.any(rest), "frames past a row's own count must be 0"


@pytest.mark.parametrize("name", SYNTHESIS)
def test_lengths_of_the_inverse_equal_alone(library, dtype: np.dtype, name: str) -> None:
    call = OF_SPECTRA[name]
    lengths = [n for n in LENGTHS if n > 1]
    frames = [SYNTHESIS[name].n_frames(n) for n in lengths]
    S = batch_of_spectra(dtype, len(lengths), max(frames))
    padded = library.numpy(call(library.array(S), lengths=library.counts(np.array(lengths))))
    for row, (n, count) in enumerate(zip(lengths, frames, strict=True)):
        alone = library.numpy(call(library.array(S[row, :, :count].copy()), length=n))
        assert bits(padded[row, :n]) == bits(alone)
        assert not np.any(padded[row, n:])


def test_lengths_limit_the_peak_to_valid_frames(dtype: np.dtype) -> None:
    """Whisper's floor hangs on the loudest frame: the garbage behind the end must not be it."""
    x = signals.padded_batch([4000, 4000], 9000).astype(dtype)
    quiet = MEL(x, lengths=np.array([4000, 4000]))
    assert bits(quiet[0, :, : STFT.n_frames(4000)]) == bits(MEL(x[0, :4000].copy()))


# ------------------------------------------------------------------------------------- NaN, Inf
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("name", OF_SIGNALS)
def test_a_bad_sample_stays_in_its_frames(dtype: np.dtype, name: str, bad: float) -> None:
    call, x = OF_SIGNALS[name], batch_of_signals(dtype, 3, 20000)
    clean, place = call(x), 10007
    x[1, place] = bad
    dirty = call(x)
    assert bits(dirty[[0, 2]]) == bits(clean[[0, 2]])
    stft = getattr(call, "stft", None) or getattr(call, "__self__", call)
    first = (place + stft.n_fft // 2 - stft.n_fft) // stft.hop_length + 1
    last = (place + stft.n_fft // 2) // stft.hop_length
    touched = range(first, last + 1)
    if name == "mel":  # the peak of an example is one number for all its frames
        assert not np.all(np.isfinite(dirty[1]))
        return
    axis = frames_axis(name)
    untouched = np.delete(dirty[1], touched, axis=axis)
    assert bits(untouched) == bits(np.delete(clean[1], touched, axis=axis))
    inner = np.take(dirty[1], touched[1:-1], axis=axis)
    assert not np.any(np.isfinite(inner))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("name", OF_SPECTRA)
def test_a_bad_bin_stays_in_its_example(dtype: np.dtype, name: str, bad: float) -> None:
    call, S = OF_SPECTRA[name], batch_of_spectra(dtype, 3)
    clean = call(S)
    S[1, 100, 40] = bad
    dirty = call(S)
    assert bits(dirty[[0, 2]]) == bits(clean[[0, 2]])
    assert not np.all(np.isfinite(dirty[1]))
    if name in ("inverse", "mel_inverse"):
        axis = -1
        touched = range(38 * 160, 43 * 160) if name == "inverse" else [40]
        untouched = np.delete(dirty[1], touched, axis=axis)
        assert bits(untouched) == bits(np.delete(clean[1], touched, axis=axis))


@pytest.mark.parametrize("name", [*OF_SIGNALS, *OF_SPECTRA])
@pytest.mark.parametrize("size", [1, 17, 36, 39, 83])
def test_a_bad_call_leaves_nothing_behind(thread_counts, dtype, name: str, size: int) -> None:
    """Scratch memory is used again: what an earlier call left there must not count."""
    thread_counts(1)
    of_signals = name in OF_SIGNALS
    call = OF_SIGNALS.get(name) or OF_SPECTRA[name]
    make = batch_of_signals if of_signals else batch_of_spectra
    given = make(dtype, 1, 157 * size if of_signals else size)
    options = {"length": SYNTHESIS[name].n_samples(size) + 40} if name in SYNTHESIS else {}
    clean = bits(call(given, **options))
    for other in ("float32", "float64"):
        bad = np.full_like(make(np.dtype(other), 1, 30000 if of_signals else 187), np.nan)
        call(bad)
        assert bits(call(given, **options)) == clean


# ------------------------------------------------------------------------------------- sizes
@pytest.mark.parametrize("pad_mode", ["reflect", "constant", "replicate", "symmetric", "circular"])
@pytest.mark.parametrize("n", [0, 1, 2, 3, 199, 200, 201])
def test_short_input_is_padded_as_often_as_needed(library, dtype, pad_mode: str, n: int) -> None:
    stft = lapped.STFT(400, 160, pad_mode=pad_mode)
    result = library.numpy(stft.power(library.array(np.ones(n, dtype))))
    assert result.shape == (201, 1 + n // 160)
    if n and pad_mode != "constant":  # a constant padded with itself is a constant
        assert np.allclose(result[0], 200.0**2, rtol=1e-5)
    assert n or not np.any(result)


@pytest.mark.parametrize("shape", [(0, 4000), (3, 0, 4000), (0, 0), (2, 0)])
def test_empty_batches(library, dtype: np.dtype, shape: tuple[int, ...]) -> None:
    x = library.array(np.zeros(shape, dtype))
    frames = STFT.n_frames(shape[-1])
    assert library.numpy(STFT(x)).shape == (*shape[:-1], 201, frames)
    assert library.numpy(MEL(x)).shape == (*shape[:-1], 40, frames)
    S = library.array(np.zeros((*shape[:-1], 201, 5), dtype))
    assert library.numpy(lapped.GriffinLim(STFT, 2)(S)).shape == (*shape[:-1], 640)
    assert library.numpy(MEL.project(S)).shape == (*shape[:-1], 40, 5)


def test_one_sample_frames() -> None:
    x = np.arange(1.0, 8.0)
    stft = lapped.STFT(1, 1)
    assert np.array_equal(stft(x), x[None])
    assert np.array_equal(stft.inverse(stft(x)), x)

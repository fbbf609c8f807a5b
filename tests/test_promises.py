# SPDX-License-Identifier: Apache-2.0
"""What holds for every operation: same bits in any batch and on any number of threads, lengths equal
alone, a NaN stays in its example, nothing breaks after a fork or from many threads at once.
"""

from __future__ import annotations

import os
import signal as posix
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import lapped
from tests import signals

STFT = lapped.STFT(400, 160)
BLUESTEIN = lapped.STFT(127, 50)
LARGE = lapped.STFT(4096, 1024, pad_mode="constant")
WHISPER = lapped.Compression("10", 1e-10, dynamic_range=8.0, scale=0.25, shift=4.0)
MEL = lapped.Mel(STFT, 16000, 40, compression=WHISPER)
MAGNITUDE_MEL = lapped.Mel(STFT, 16000, 40, power=1.0)

# operations on signals (rows, samples) and on spectra (rows, bins, frames)
OF_SIGNALS: dict[str, Callable] = {
    "stft": STFT,
    "stft_bluestein": BLUESTEIN,
    "stft_large": LARGE,
    "stft_tf": lapped.STFT(400, 160, layout="tf"),
    "magnitude": STFT.magnitude,
    "power": STFT.power,
    "mel": MEL,
    "mel_plain": MAGNITUDE_MEL,
}
OF_SPECTRA: dict[str, Callable] = {
    "inverse": lambda S, **k: STFT.inverse(turned(S), **k),
    "griffin_lim": lapped.GriffinLim(STFT, 3),
    "griffin_lim_fast": lapped.GriffinLim(STFT, 3, method="fast"),
    "project": MEL.project,
    "mel_inverse": lambda S, **k: MAGNITUDE_MEL.inverse(MAGNITUDE_MEL.project(S), **k),
}
WITH_LENGTHS = ("inverse", "griffin_lim", "griffin_lim_fast")


def turned(S: object) -> object:
    """A complex spectrum with these magnitudes, in any library."""
    return S * (0.6 + 0.8j)


def bits(a: object) -> bytes:
    """The result's values as bytes, whatever its library or strides."""
    return np.ascontiguousarray(np.asarray(a)).tobytes()


def batch_of_signals(dtype: np.dtype, rows: int = 5, n: int = 9001) -> np.ndarray:
    return np.stack([signals.noise(n, seed) for seed in range(rows)]).astype(dtype)


def batch_of_spectra(dtype: np.dtype, rows: int = 5, frames: int = 83) -> np.ndarray:
    return np.random.default_rng(0).random((rows, 201, frames)).astype(dtype)


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


@pytest.fixture
def thread_counts():
    """Sets the number of threads; afterwards it is what it was."""
    before = lapped.get_num_threads()
    yield lapped.set_num_threads
    lapped.set_num_threads(before)


@pytest.mark.parametrize("name", [*OF_SIGNALS, *OF_SPECTRA])
def test_the_number_of_threads_changes_no_bits(thread_counts, dtype: np.dtype, name: str) -> None:
    call = OF_SIGNALS.get(name) or OF_SPECTRA[name]
    given = batch_of_signals(dtype, 3, 60000) if name in OF_SIGNALS else batch_of_spectra(dtype, 3, 400)
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
    for calls, given in [(OF_SIGNALS, batch_of_signals(dtype, 2)), (OF_SPECTRA, batch_of_spectra(dtype, 2))]:
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
    padded = library.numpy(call(library.array(x), lengths=library.array(np.array(LENGTHS))))
    assert padded.shape == library.numpy(call(library.array(x))).shape
    axis = frames_axis(name)
    for row, n in enumerate(LENGTHS):
        alone = library.numpy(call(library.array(x[row, :n].copy())))
        own, rest = np.split(padded[row], [alone.shape[axis]], axis=axis)
        assert bits(own) == bits(alone)
        assert not np.any(rest), "frames past a row's own count must be 0"


@pytest.mark.parametrize("name", WITH_LENGTHS)
def test_lengths_of_the_inverse_equal_alone(library, dtype: np.dtype, name: str) -> None:
    call = OF_SPECTRA[name]
    lengths = [n for n in LENGTHS if n > 1]
    frames = [STFT.n_frames(n) for n in lengths]
    S = batch_of_spectra(dtype, len(lengths), max(frames))
    padded = library.numpy(call(library.array(S), lengths=library.array(np.array(lengths))))
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


# ------------------------------------------------------------------------- fork, threads, sizes
def everything(dtype: np.dtype) -> bytes:
    """Bits of every operation, on enough data for several threads."""
    x, S = batch_of_signals(dtype, 2, 40000), batch_of_spectra(dtype, 2, 250)
    return b"".join(
        [bits(f(x)) for f in OF_SIGNALS.values()] + [bits(f(S)) for f in OF_SPECTRA.values()]
    )


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_fork_after_use(thread_counts, dtype: np.dtype) -> None:
    thread_counts(4)
    expected = everything(dtype)
    children = []
    for _ in range(3):
        pid = os.fork()
        if pid == 0:  # the child must neither hang nor differ, and must not run pytest's exit
            posix.alarm(60)
            os._exit(0 if everything(dtype) == expected else 1)
        children.append(pid)
    assert everything(dtype) == expected
    assert [os.waitpid(pid, 0)[1] for pid in children] == [0, 0, 0]


def test_in_data_loader_workers() -> None:
    data = pytest.importorskip("torch.utils.data")
    x = batch_of_signals(np.dtype("float32"), 8)
    expected = MEL(x)  # used before the workers fork

    class Features(data.Dataset):
        def __len__(self) -> int:
            return len(x)

        def __getitem__(self, i: int) -> tuple[np.ndarray, int]:
            return MEL(x[i]), lapped.get_num_threads()

    loader = data.DataLoader(Features(), batch_size=4, num_workers=2, timeout=60)
    batches = list(loader)
    assert bits(np.concatenate([features for features, _ in batches])) == bits(expected)
    assert all(int(n) == 1 for _, counts in batches for n in counts)


def test_many_threads_at_once(thread_counts, dtype: np.dtype) -> None:
    thread_counts(3)
    expected = everything(dtype)
    with ThreadPoolExecutor(6) as pool:
        results = list(pool.map(lambda _: everything(dtype), range(12)))
    assert all(r == expected for r in results)


def test_a_new_transform_on_many_threads_at_once() -> None:
    x = signals.noise(5000)
    for n_fft in range(300, 330):
        stft = lapped.STFT(n_fft, 100)
        with ThreadPoolExecutor(4) as pool:
            results = {bits(r) for r in pool.map(stft, [x] * 8)}
        assert results == {bits(lapped.STFT(n_fft, 100)(x))}


def test_changing_the_number_of_threads_while_computing(thread_counts) -> None:
    x = batch_of_signals(np.dtype("float32"), 4, 40000)
    expected = bits(MEL(x))
    with ThreadPoolExecutor(3) as pool:
        running = [pool.submit(MEL, x) for _ in range(60)]
        for n in [1, 2, 5, 3, 1, 4] * 5:
            thread_counts(n)
        assert {bits(r.result()) for r in running} == {expected}


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

# SPDX-License-Identifier: Apache-2.0
"""The same bits after a fork, in DataLoader workers, and from many threads at once."""

from __future__ import annotations

import os
import signal as posix
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import lapped
from tests import signals
from tests.operations import MEL, OF_SIGNALS, OF_SPECTRA, batch_of_signals, batch_of_spectra, bits


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

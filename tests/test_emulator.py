# SPDX-License-Identifier: Apache-2.0
"""The emulator that runs CUDA kernels on the CPU: it must find what it is there to find.

Each barrier of the kernels is left out in turn, and threads are taken in several orders: results
must then change, else either the barrier is not needed or the emulator would not miss it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import lapped
from lapped import _adjoint
from lapped._spectral_loss import SpectralLoss
from tests import libraries, signals

CUDA = Path(__file__).parent.parent / "csrc" / "cuda"
ORDERS = ("reverse", "shuffled")  # beside forward
# Fixed and general transforms, Bluestein's with fewer elements than threads, frames with gaps.
TRANSFORMS = ((400, 160), (512, 128), (240, 60), (17, 5), (20, 33))


def barriers() -> list[str]:
    """file:line of every barrier in the kernels."""
    return [
        f"{path.name}:{number}"
        for path in sorted(CUDA.glob("*.cu*"))
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if re.search(r"__sync(threads|warp)\(\)", line)
    ]


def results() -> Iterator[tuple[str, bytes]]:
    """Every operation, over several tiles and several tasks."""
    cupy = libraries.library_named("cupy")

    def named(name: str, value: object) -> tuple[str, bytes]:
        return f"{name} {n_fft}", cupy.numpy(value).tobytes()

    for n_fft, hop in TRANSFORMS:
        stft, n = lapped.STFT(n_fft, hop), 40 * hop
        louder = signals.noise(2 * n).reshape(2, n) * np.linspace(0.01, 1, n)
        x = cupy.array(louder.astype(np.float32))
        limited = lapped.Compression("10", dynamic_range=0.5)
        mel = lapped.Mel(stft, 16000, min(20, n_fft // 4), power=1.0, compression=limited)
        X, S, M = stft(x), stft.magnitude(x), mel(x)
        yield named("stft", X)
        yield named("mel", M)
        yield named("inverse", stft.inverse(X))
        yield named("convergence", lapped.spectral_convergence(stft, 1.1 * S, x))
        yield named("griffin-lim", lapped.GriffinLim(stft, 2, tolerance=1e-9)(S))
        yield named("project", mel.project(S))
        yield named("project alone", lapped.Mel(stft, 16000, mel.n_mels).project(S))
        yield named("mel inverse", mel.inverse(M, n_iter=3))
        yield named("joint", lapped.mel_to_audio(M, mel, n_iter=2))
        yield named("stft adjoint", _adjoint.stft_adjoint(stft, X, n))
        yield named("inverse adjoint", _adjoint.istft_adjoint(stft, x, X.shape[2]))
        yield named("power gradient", _adjoint.power_gradient(stft, S, x, 0.7, 1e-9))
        yield named("mel gradient", _adjoint.mel_gradient(mel, M, x))
        factors = cupy.array(np.ones((2, 4)))
        for transform in (stft, mel):
            loss = SpectralLoss(transform)
            target = loss.values(x[::-1])
            yield named(f"values of {type(transform).__name__}", target)
            yield named(f"loss of {type(transform).__name__}", loss.sums(x, target))
            yield named(
                f"gradient of {type(transform).__name__}", loss.gradient(factors, x, target)
            )


@pytest.fixture(scope="module")
def expected() -> dict[str, bytes]:
    pytest.importorskip("lapped._emulated")
    return dict(results())


def changed(expected: dict[str, bytes]) -> str | None:
    """The first operation whose result is another now, or what the emulator objects to."""
    try:
        return next((name for name, value in results() if value != expected[name]), None)
    except RuntimeError as error:
        return str(error)


@pytest.mark.parametrize("order", ORDERS)
def test_the_order_of_threads_changes_no_bits(expected, monkeypatch, order: str) -> None:
    monkeypatch.setenv("LAPPED_EMULATOR_ORDER", order)
    assert changed(expected) is None


def test_the_number_of_blocks_changes_no_bits(expected, monkeypatch) -> None:
    monkeypatch.setenv("LAPPED_EMULATOR_BLOCKS", "1")
    assert changed(expected) is None


@pytest.mark.parametrize("place", barriers())
def test_a_missing_barrier_shows(expected, monkeypatch, place: str) -> None:
    monkeypatch.setenv("LAPPED_EMULATOR_SKIP", place)
    monkeypatch.setenv("LAPPED_EMULATOR_BLOCKS", "1")
    for order in ("forward", *ORDERS):
        monkeypatch.setenv("LAPPED_EMULATOR_ORDER", order)
        if changed(expected):
            return
    pytest.fail(f"nothing shows that the barrier at {place} is needed")

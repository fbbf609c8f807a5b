# SPDX-License-Identifier: Apache-2.0
"""Arrays on devices: what is refused and why, whose memory and stream are used, and CUDA graphs.

That results are right is shown by the rest of the suite, which runs over "cupy" and "torch_cuda".
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import lapped
from tests import libraries, signals
from tests.operations import OF_SIGNALS, OF_SPECTRA

ROOT = Path(__file__).parent.parent
STFT = lapped.STFT(400, 160)
X = signals.noise(1600).astype(np.float32)


@pytest.fixture
def cupy() -> libraries.CuPy:
    return libraries.library_named("cupy")


def python(code: str, **environment: str) -> subprocess.CompletedProcess:
    """A fresh interpreter's run of `code`, from the root of the project."""
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=300,
    )


# ---- without a device


def test_without_kernels_the_error_says_what_to_do() -> None:
    done = python(
        "import sys; sys.modules['lapped._cuda'] = None\n"
        "from lapped._arrays import _device\n_device.module()"
    )
    assert done.returncode == 1
    assert "RuntimeError: this build of lapped has no CUDA kernels" in done.stderr
    assert "LAPPED_CUDA=ON" in done.stderr


@pytest.mark.skipif(libraries.gpu(), reason="there is a device")
def test_without_a_device_the_error_says_why() -> None:
    pytest.importorskip("lapped._cuda", reason="built without CUDA")
    done = python("from lapped._arrays import _device\n_device.module()")
    assert done.returncode == 1
    assert "RuntimeError: lapped's CUDA kernels have no device to run on: " in done.stderr


def test_cuda_imports_without_a_driver() -> None:
    cuda = pytest.importorskip("lapped._cuda", reason="built without CUDA")
    assert (cuda.device_count() == 0) == bool(cuda.unavailable())


# ---- what is refused


def test_lengths_on_the_device_are_refused(cupy: libraries.CuPy) -> None:
    x = cupy.array(np.stack([X, X]))
    with pytest.raises(TypeError, match=r"lengths is on .*, but must be integers on the CPU"):
        STFT(x, lengths=cupy.array(np.array([1600, 900])))


def test_libraries_do_not_mix(cupy: libraries.CuPy) -> None:
    S = cupy.array(np.abs(STFT(X)))
    with pytest.raises(TypeError, match="y is a NumPy array and S is a CuPy array"):
        lapped.spectral_convergence(STFT, S, X)
    with pytest.raises(TypeError, match="out is a NumPy array and must be a CuPy array"):
        STFT(cupy.array(X), out=STFT(X))


@pytest.mark.skipif(libraries.gpu(), reason="needs the stand-in for CuPy")
def test_devices_do_not_mix(cupy: libraries.CuPy, monkeypatch: pytest.MonkeyPatch) -> None:
    S, y = cupy.array(np.abs(STFT(X))), cupy.array(X)
    other = type("Elsewhere", (type(y),), {"device": cupy.cupy.Device(1)})
    adapter = lapped._arrays._LIBRARIES[type(y)]
    monkeypatch.setitem(lapped._arrays._LIBRARIES, other, adapter)
    with pytest.raises(ValueError, match=r"y is on 1 and S is on 0: move one of them"):
        lapped.spectral_convergence(STFT, S, y.view(other))


def test_wrong_arrays_are_named(cupy: libraries.CuPy) -> None:
    with pytest.raises(TypeError, match=r"x has dtype int64, but must be a waveform"):
        STFT(cupy.array(np.zeros(1600, np.int64)))
    with pytest.raises(ValueError, match=r"S has shape \(200, 3\) and must be"):
        lapped.GriffinLim(STFT)(cupy.array(np.zeros((200, 3), np.float32)))


# ---- memory


def test_work_memory_comes_from_the_library(cupy: libraries.CuPy, monkeypatch) -> None:
    adapter, asked = lapped._arrays.library_of(cupy.array(X), "x"), []
    allocate = adapter.allocate

    def recorded(device: object, n_bytes: int) -> tuple:
        asked.append(n_bytes)
        return allocate(device, n_bytes)

    monkeypatch.setattr(adapter, "allocate", recorded)
    STFT(cupy.array(X))
    assert not asked
    lapped.GriffinLim(STFT, 2)(STFT.magnitude(cupy.array(X)))
    assert sum(asked) >= 3 * X.nbytes


def test_no_work_memory_raises_and_leaves_the_library_usable(cupy, monkeypatch) -> None:
    S = STFT.magnitude(cupy.array(X))
    adapter = lapped._arrays.library_of(S, "S")
    with monkeypatch.context() as patch:
        patch.setattr(adapter, "allocate", lambda *_: (_ for _ in ()).throw(MemoryError("full")))
        with pytest.raises(MemoryError, match="full"):
            lapped.GriffinLim(STFT, 2)(S)
    assert np.isfinite(cupy.numpy(lapped.GriffinLim(STFT, 2)(S))).all()


@pytest.mark.parametrize("n_fft", [60_000, 30_011])
def test_frames_beyond_shared_memory(cupy: libraries.CuPy, n_fft: int) -> None:
    stft, x = lapped.STFT(n_fft, n_fft // 4), signals.noise(2 * n_fft)
    X, spectrum = stft(cupy.array(x)), stft(x)
    assert np.linalg.norm(cupy.numpy(X) - spectrum) <= 1e-14 * np.linalg.norm(spectrum)
    back = cupy.numpy(stft.inverse(X, length=len(x)))
    assert np.abs(back - x).max() <= 1e-12 * np.abs(x).max()


# ---- on a GPU


@pytest.fixture
def cuda(torch):
    if not torch.cuda.is_available():
        pytest.skip("there is no CUDA device here")
    return torch


@pytest.mark.parametrize("name", [*OF_SIGNALS, *OF_SPECTRA])
def test_calls_are_captured_by_a_graph(cuda, name: str) -> None:
    torch, call = cuda, {**OF_SIGNALS, **OF_SPECTRA}[name]
    shape = (2, 9001) if name in OF_SIGNALS else (2, 201, 83)
    x = torch.rand(shape, device="cuda")
    expected = call(x)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        captured = call(x)
    x.copy_(torch.rand(shape, device="cuda"))
    graph.replay()
    assert torch.equal(captured, call(x))
    assert not torch.equal(captured, expected)


def test_calls_run_on_the_current_stream(cuda) -> None:
    torch = cuda
    x, streams = torch.rand(4, 160_000, device="cuda"), [torch.cuda.Stream() for _ in range(2)]
    expected = STFT.power(x)
    torch.cuda.synchronize()
    results = []
    for stream in streams:
        with torch.cuda.stream(stream):
            torch.cuda._sleep(10_000_000)  # what is queued before must be waited for
            results.append(STFT.power(x * 1))
    for stream, result in zip(streams, results, strict=True):
        stream.synchronize()
        assert torch.equal(result, expected)


def test_out_of_memory_leaves_the_process_usable(cuda) -> None:
    torch = cuda
    x = torch.zeros(1, device="cuda").expand(2**36)
    with pytest.raises(torch.OutOfMemoryError):
        STFT(x)
    assert STFT(torch.zeros(1600, device="cuda")).shape == (201, 11)

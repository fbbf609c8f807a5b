# SPDX-License-Identifier: Apache-2.0
"""The adapter for torch CUDA tensors, where there is no GPU: over CPU tensors and emulated kernels.

Where there is one, the rest of the suite runs over "torch_cuda".
"""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

import lapped
from tests import signals
from tests.operations import OF_SIGNALS, OF_SPECTRA, batch_of_signals, batch_of_spectra
from tests.tolerances import relative_error

STFT = lapped.STFT(400, 160)
LOOSE = 1e-4  # float32 results of two back ends, Griffin-Lim among them
HALF = {"float16": 2e-3, "bfloat16": 2e-2}


@pytest.fixture
def on_device(torch):
    """Makes a call in which CPU tensors take the way of CUDA tensors."""
    emulated = pytest.importorskip("lapped._emulated")
    from lapped._arrays import _device, _torch, _torch_cuda

    def context(module: object, device: object) -> object:
        allocate = partial(_torch_cuda.allocate, device)
        return module.Context(0, 0, _torch_cuda.describe, allocate)

    def run(call, *arguments: object, **options: object) -> object:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(_device, "module", lambda: emulated)
            patch.setattr(_torch_cuda, "_context", context)
            patch.setattr(_torch, "of_device", lambda x: _torch_cuda)
            patch.setattr(_torch, "direct", lambda x: None)
            return call(*arguments, **options)

    return run


@pytest.mark.parametrize("name", [*OF_SIGNALS, *OF_SPECTRA])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_operation(torch, on_device, name: str, dtype: str) -> None:
    call = {**OF_SIGNALS, **OF_SPECTRA}[name]
    make = batch_of_signals if name in OF_SIGNALS else batch_of_spectra
    x = torch.from_numpy(make(np.dtype(dtype), 2, 5001 if name in OF_SIGNALS else 21))
    expected, found = call(x), on_device(call, x)
    assert found.dtype == expected.dtype
    assert found.shape == expected.shape
    assert relative_error(found.numpy(), expected.numpy()) <= (
        LOOSE if dtype == "float32" else 1e-9
    )


@pytest.mark.parametrize("dtype", [*HALF, "int16", "int32"])
def test_other_dtypes(torch, on_device, dtype: str) -> None:
    x = torch.from_numpy(signals.noise(3000) * 0.1)
    x = x.to(getattr(torch, dtype)) if dtype in HALF else (x * 2**14).to(getattr(torch, dtype))
    for call in (STFT, STFT.power, lapped.preset("whisper-80")):
        expected, found = call(x), on_device(call, x)
        assert found.dtype == expected.dtype
        error = relative_error(
            torch.view_as_real(found).numpy() if found.is_complex() else found.double().numpy(),
            torch.view_as_real(expected).numpy()
            if expected.is_complex()
            else expected.double().numpy(),
        )
        assert error <= HALF.get(dtype, 1e-6)
    S = STFT.magnitude(x)
    y = on_device(lapped.GriffinLim(STFT, 2), S)
    assert y.dtype == S.dtype


def test_out_is_written_in_place_or_through_a_copy(torch, on_device) -> None:
    x = torch.from_numpy(signals.noise(2 * 3000).reshape(2, 3000))
    expected = on_device(STFT, x)
    out = torch.empty_like(expected)
    assert on_device(STFT, x, out=out) is out
    assert torch.equal(out, expected)
    conjugated = torch.empty_like(expected).conj()
    assert torch.equal(on_device(STFT, x, out=conjugated), expected)
    room = torch.zeros(expected.numel() * 2, dtype=torch.float64)
    inside = room[:3000]
    inside.copy_(x[0])
    overlapping = torch.view_as_complex(room.view(-1, 2))[: expected[0].numel()]
    overlapping = overlapping.view(expected[0].shape)
    assert torch.equal(on_device(STFT, inside, out=overlapping), expected[0])


def test_wrong_tensors_are_named(torch, on_device) -> None:
    with pytest.raises(TypeError, match=r"x has dtype torch\.int64"):
        on_device(STFT, torch.zeros(800, dtype=torch.int64))
    with pytest.raises(TypeError, match=r"x has layout torch\.sparse_coo"):
        on_device(STFT, torch.zeros(800).to_sparse())
    with pytest.raises(TypeError, match=r"out has dtype torch\.complex128"):
        on_device(STFT, torch.zeros(800), out=torch.zeros(201, 6, dtype=torch.complex128))

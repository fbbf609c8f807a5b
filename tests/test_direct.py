# SPDX-License-Identifier: Apache-2.0
"""Calls that no Python prepares: which operands have them, and that they do what the others do."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

import numpy as np
import pytest

import lapped
from lapped import _arrays, _cpu
from tests import signals

STFT = lapped.STFT(16, 4)
ROWS = lapped.STFT(16, 4, layout="tf")
LOG = lapped.Compression("10", 1e-10, dynamic_range=8.0, scale=0.25, shift=4.0)
MEL = lapped.Mel(STFT, 16000, 4, compression=LOG)
X = signals.noise(2 * 3 * 40).reshape(2, 3, 40).astype(np.float32)

OF_SIGNALS: dict[str, Callable] = {
    "stft": STFT,
    "stft_tf": ROWS,
    "magnitude": lambda x: STFT.magnitude(x, eps=0.5),
    "power": STFT.power,
    "power_tf": ROWS.power,
    "mel": MEL,
    "mel_tf": lapped.Mel(ROWS, 16000, 4),
}
OF_SPECTRA: dict[str, Callable] = {
    "inverse": STFT.inverse,
    "inverse_tf": ROWS.inverse,
    "inverse_short": lambda X: STFT.inverse(X, length=13),
    "inverse_long": lambda X: STFT.inverse(X, length=100),
}

# Operands by how NumPy makes them; torch takes the same memory, and a copy where it cannot.
SHAPES: dict[str, Callable[[], np.ndarray]] = {
    "one": lambda: X[0, 0],
    "batch": lambda: X[0],
    "two axes": lambda: X,
    "every other row": lambda: X[:, ::2],
    "part of each row": lambda: X[0, :, 3:30],
    "every other sample": lambda: X[0, :, ::2],
    "one row in many": lambda: np.broadcast_to(X[0, 0], (3, 40)),
    "axes of one": lambda: X[:1, None, :1],
    "many axes": lambda: X[(None,) * 5],
    "empty batch": lambda: X[:0],
    "no samples": lambda: X[:, :, :0],
    "one sample": lambda: X[0, 0, :1],
    "float64": lambda: X.astype(np.float64),
    "int16": lambda: (X * 1000).astype(np.int16),
    "int32": lambda: (X * 1000).astype(np.int32),
}
SPECTRA: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "as made": lambda S: S,
    "one": lambda S: S[0, 0],
    "complex128": lambda S: S.astype(np.complex128),
    "columns": lambda S: np.asfortranarray(S[0]),
    "empty batch": lambda S: S[:0],
    "no frames": lambda S: S[..., :0],
}


@pytest.fixture
def torch() -> ModuleType:
    """With its tensors known to lapped: a library is met by its first array."""
    module = pytest.importorskip("torch")
    if not hasattr(module.Tensor, "__dlpack_c_exchange_api__"):
        pytest.skip("this torch has no table of DLPack")
    _arrays.operand(module.zeros(1), "x", "signal", 1)
    return module


@pytest.fixture(params=["numpy", "torch"])
def given(request: pytest.FixtureRequest) -> Callable:
    """From a NumPy array to one of the library."""
    if request.param == "numpy":
        return lambda a: a
    torch = request.getfixturevalue("torch")
    return lambda a: torch.from_numpy(a.copy() if not a.flags.writeable else a)


@pytest.fixture
def prepared(monkeypatch: pytest.MonkeyPatch) -> Callable:
    """A call prepared by Python."""

    def call(f: Callable, x: object) -> object:
        with monkeypatch.context() as patch:
            patch.setattr(_arrays, "direct", lambda x: None)
            return f(x)

    return call


def whole(x: object) -> object:
    """The power spectrum without Python's help, or None."""
    module = _arrays.direct(x)
    return None if module is None else module.direct.power(STFT._plans[module], x, False)


def assert_same(a: object, b: object) -> None:
    """The same library, type, memory layout and bits."""
    assert type(a) is type(b)
    assert a.dtype == b.dtype
    assert a.shape == b.shape
    here, there = np.asarray(a), np.asarray(b)
    assert here.strides == there.strides
    assert here.tobytes() == there.tobytes()


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", OF_SIGNALS)
def test_signals(given: Callable, prepared: Callable, name: str, shape: str) -> None:
    x = given(SHAPES[shape]())
    assert_same(OF_SIGNALS[name](x), prepared(OF_SIGNALS[name], x))


@pytest.mark.parametrize("form", SPECTRA)
@pytest.mark.parametrize("name", OF_SPECTRA)
def test_spectra(given: Callable, prepared: Callable, name: str, form: str) -> None:
    S = SPECTRA[form](STFT(X))
    S = given(S.swapaxes(-1, -2) if name == "inverse_tf" else S)
    assert_same(OF_SPECTRA[name](S), prepared(OF_SPECTRA[name], S))


@pytest.mark.parametrize("shape", SHAPES)
def test_these_signals_need_no_preparation(given: Callable, shape: str) -> None:
    no_batch_axis = shape == "every other row"
    assert (whole(given(SHAPES[shape]())) is None) == no_batch_axis


class Derived(np.ndarray):
    """An array of a user's own type."""


PREPARED: dict[str, Callable[[], object]] = {
    "float16": lambda: X.astype(np.float16),
    "other bytes first": lambda: X.astype(">f4"),
    "not aligned": lambda: np.frombuffer(b"0" + X.tobytes(), np.float32, offset=1),
    "half an item apart": lambda: np.ndarray(5, np.float32, X, strides=(6,)),
    "derived": lambda: X.view(Derived),
    "masked": lambda: np.ma.masked_array(X),
    "bool": lambda: X > 0,
    "int64": lambda: X.astype(np.int64),
    "complex": lambda: X.astype(np.complex64),
    "objects": lambda: X.astype(object),
    "items of no size": lambda: np.zeros(3, "V0"),
    "no axes": lambda: np.float32(3) * np.ones(()),
    "list": lambda: [0.0, 1.0],
    "None": lambda: None,
}


@pytest.mark.parametrize("kind", PREPARED)
def test_others_are_left_to_python(kind: str) -> None:
    x = PREPARED[kind]()
    assert whole(x) is None
    assert _cpu.direct.power(STFT._plans[_cpu], x, False) is None


@pytest.mark.parametrize(
    "kind", ["half", "negated", "sparse", "meta", "derived", "parameter", "bool"]
)
def test_other_tensors_are_left_to_python(torch: ModuleType, kind: str) -> None:
    x = torch.from_numpy(X)
    made = {
        "half": lambda: x.bfloat16(),
        "negated": lambda: torch.complex(x, x).conj().imag,
        "sparse": lambda: x[0].to_sparse(),
        "meta": lambda: x.to("meta"),
        "derived": lambda: x.as_subclass(type("Derived", (torch.Tensor,), {})),
        "parameter": lambda: torch.nn.Parameter(x),
        "bool": lambda: x > 0,
    }[kind]()
    assert whole(x) is not None
    assert whole(made) is None


def test_a_conjugate_tensor_is_read_as_what_it_is(torch: ModuleType) -> None:
    S = STFT(torch.from_numpy(X)).conj()
    assert S.is_conj()
    assert_same(STFT.inverse(S), STFT.inverse(S.resolve_conj()))


def test_gradients_are_not_lost(torch: ModuleType) -> None:
    x = torch.from_numpy(X).requires_grad_()
    STFT.power(x).sum().backward()
    assert x.grad is not None
    with torch.no_grad():
        assert not STFT.power(x).requires_grad
    with torch.inference_mode():
        assert STFT.power(x).is_inference()


def test_a_result_is_as_torch_makes_it(torch: ModuleType) -> None:
    y = STFT.power(torch.from_numpy(X))
    assert y.untyped_storage().resizable()
    assert y.resize_(2, 3, 9, 40).shape == (2, 3, 9, 40)


def test_a_wrong_number_of_bins_is_named(given: Callable) -> None:
    with pytest.raises(ValueError, match="n_freq=9"):
        STFT.inverse(given(np.zeros((2, 8, 5), np.complex64)))


@pytest.mark.parametrize("length", [-1, 2**63, 1.5, True])
def test_a_wrong_length_is_named(given: Callable, length: object) -> None:
    with pytest.raises((ValueError, TypeError), match="length="):
        STFT.inverse(given(STFT(X)), length=length)


def test_more_than_memory_holds_is_refused() -> None:
    x = np.broadcast_to(np.float32(0), (2**30, 2**30))
    with pytest.raises((MemoryError, ValueError)):
        STFT.power(x)
    S = np.broadcast_to(np.complex64(0), (9, 2**55))
    with pytest.raises((MemoryError, ValueError)):
        lapped.STFT(16, 2**24).inverse(S)

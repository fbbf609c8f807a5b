# SPDX-License-Identifier: Apache-2.0
"""What goes in and what comes out: libraries, dtypes, memory, shapes, and what is refused."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

import lapped
from tests import signals

STFT = lapped.STFT(64, 16)
MEL = lapped.Mel(STFT, 16000, 8, compression=lapped.Compression())
GL = lapped.GriffinLim(STFT, 2)
X = signals.noise(2 * 3 * 200).reshape(2, 3, 200)
SHAPE = (2, 3, 33, 13)


@pytest.fixture
def torch():
    return pytest.importorskip("torch")


# ---- libraries and dtypes ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "real", "spectrum"),
    [
        ("float64", "float64", "complex128"),
        ("float32", "float32", "complex64"),
        ("float16", "float16", "complex64"),
        ("int16", "float32", "complex64"),
        ("int32", "float32", "complex64"),
    ],
)
def test_dtypes_of_results(library, given: str, real: str, spectrum: str) -> None:
    x = (X * (1 if "float" in given else 1000)).astype(given)
    results = [STFT(library.array(x)), STFT.magnitude(library.array(x)), MEL(library.array(x))]
    assert [library.numpy(y).dtype for y in results] == [spectrum, real, real]
    assert library.numpy(STFT.inverse(results[0])).dtype == (
        "float64" if "64" in real else "float32"
    )
    S = library.array(np.abs(library.numpy(results[0])).astype(real))
    for y in (GL(S), MEL.project(S), MEL.inverse(MEL.project(S))):
        assert library.numpy(y).dtype == real
    assert library.numpy(lapped.spectral_convergence(STFT, S, GL(S))).dtype == "float64"


def test_bfloat16(torch) -> None:
    x = torch.from_numpy(X).to(torch.bfloat16)
    assert STFT(x).dtype == torch.complex64
    assert STFT.power(x).dtype == MEL(x).dtype == GL(STFT.magnitude(x)).dtype == torch.bfloat16
    np.testing.assert_array_equal(STFT.power(x).float(), STFT.power(x.float()).bfloat16().float())


def test_scalars_of_each_library(library) -> None:
    x = library.array(X[0, 0])
    one = lapped.spectral_convergence(STFT, STFT.magnitude(x), 0.5 * x)
    assert one.shape == ()
    assert float(one) == pytest.approx(20 * np.log10(0.5))
    S = STFT.magnitude(library.array(X))
    assert tuple(lapped.spectral_convergence(STFT, S, 0.5 * library.array(X)).shape) == (2, 3)
    _, history = GL(S, return_convergence=True)
    assert tuple(history.shape) == (2, 3, 2)


def test_convergence_of_silence(library) -> None:
    quiet = library.array(np.zeros(200))
    S = STFT.magnitude(quiet)
    assert float(lapped.spectral_convergence(STFT, S, quiet)) == -np.inf
    assert float(lapped.spectral_convergence(STFT, S, library.array(X[0, 0]))) == np.inf


def test_other_libraries_are_not_imported() -> None:
    code = (
        "import sys, numpy, lapped; lapped.STFT(64)(numpy.zeros(99)); exit('torch' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


# ---- memory --------------------------------------------------------------------------------------


def awkward() -> dict[str, np.ndarray]:
    """Return the same values in all sorts of memory."""
    unaligned = np.zeros(X.nbytes + 1, np.uint8)[1:].view(X.dtype).reshape(X.shape)
    unaligned[...] = X
    record = np.zeros(X.shape, np.dtype([("pad", np.int8), ("x", X.dtype)]))
    record["x"] = X
    read_only = X.copy()
    read_only.flags.writeable = False
    return {
        "fortran": np.asfortranarray(X),
        "reversed": X[..., ::-1].copy()[..., ::-1],
        "strided": np.repeat(X, 2, axis=-1)[..., ::2],
        "transposed": X.transpose(2, 0, 1).copy().transpose(1, 2, 0),
        "unaligned": unaligned,
        "record": record["x"],
        "read-only": read_only,
        "big-endian": X.astype(">f8"),
        "memmap-like": X.view(type("Memory", (np.ndarray,), {})),
    }


@pytest.mark.parametrize("name", awkward())
def test_memory_of_the_input_makes_no_difference(name: str) -> None:
    x = awkward()[name]
    result = STFT(x)
    assert type(result) is np.ndarray
    assert result.dtype == np.complex128
    np.testing.assert_array_equal(result, STFT(X))


def test_broadcast_input(library) -> None:
    x = library.array(X[0, 0])
    wide = library.array(np.broadcast_to(X[0, 0], (4, 200)))
    if "torch" in library.name:  # which has no read-only memory
        wide = x.expand(4, 200)
    np.testing.assert_array_equal(library.numpy(STFT(wide))[3], library.numpy(STFT(x)))


@pytest.mark.parametrize("layout", ["ft", "tf"])
def test_out_in_any_memory(library, layout: str) -> None:
    stft = lapped.STFT(64, 16, layout=layout)
    expected = library.numpy(stft(library.array(X)))
    for axes in ((0, 1, 2, 3), (3, 1, 0, 2), (2, 0, 1, 3)):
        memory = np.zeros([expected.shape[a] for a in axes], complex)
        out = library.array(memory.transpose(np.argsort(axes)))
        assert stft(library.array(X), out=out) is out
        np.testing.assert_array_equal(library.numpy(out), expected)


def test_out_of_half_precision(library) -> None:
    x = X.astype(np.float16)
    out = library.array(np.zeros((2, 3, 8, 13), np.float16))
    assert MEL(library.array(x), out=out) is out
    np.testing.assert_array_equal(library.numpy(out), MEL(x))


def test_out_may_overlap_the_input() -> None:
    memory = np.zeros(2 * 3 * 33 * 13 * 2)
    x, out = memory[: X.size].reshape(X.shape), memory.view(complex).reshape(SHAPE)
    x[...] = X
    np.testing.assert_array_equal(STFT(x, out=out), STFT(X))


def test_wrong_out(library) -> None:
    x = library.array(X)

    def refuse(error: type, message: str, shape: tuple = SHAPE, dtype: str = "complex128") -> None:
        with pytest.raises(error, match=message):
            STFT(x, out=library.array(np.zeros(shape, dtype)))

    refuse(
        ValueError, r"out has shape \(2, 3, 13, 33\) and must have \(2, 3, 33, 13\)", (2, 3, 13, 33)
    )
    refuse(TypeError, "out has dtype .*complex64 and must have .*complex128", dtype="complex64")
    refuse(TypeError, "out has dtype .*float64 and must have", dtype="float64")
    with pytest.raises(TypeError, match="out is a list"):
        STFT(x, out=[])


def test_out_must_be_writable_memory_of_its_own(torch) -> None:
    read_only = np.broadcast_to(np.zeros((), complex), SHAPE)
    with pytest.raises(ValueError, match="out is read-only"):
        STFT(X, out=read_only)
    with pytest.raises(ValueError, match="out repeats its own memory"):
        STFT(torch.from_numpy(X), out=torch.zeros((), dtype=torch.complex128).expand(SHAPE))
    with pytest.raises(TypeError, match="out is a torch tensor and must be a NumPy array"):
        STFT(X, out=torch.zeros(SHAPE, dtype=torch.complex128))


# ---- refusals ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "dtype", ["complex64", "int8", "uint8", "uint16", "int64", "bool", "O", "U3"]
)
def test_wrong_dtypes_of_a_waveform(dtype: str) -> None:
    with pytest.raises(TypeError, match=r"x has dtype .* but must be a waveform: float64, .*int32"):
        STFT(np.zeros(200, dtype))


def test_wrong_dtypes_of_a_torch_waveform(torch) -> None:
    for dtype in (torch.complex64, torch.int64, torch.bool, torch.uint8):
        with pytest.raises(TypeError, match=r"x has dtype torch\..* but must be a waveform"):
            STFT(torch.zeros(200, dtype=dtype))


def test_wrong_dtypes_of_a_spectrum(library) -> None:
    spectrum = np.zeros((33, 4), complex)
    with pytest.raises(TypeError, match=r"X has dtype .*float64, but must be complex"):
        STFT.inverse(library.array(spectrum.real.copy()))
    for call in (GL, MEL.project):
        with pytest.raises(TypeError, match=r"S has dtype .*complex128, but must be real"):
            call(library.array(spectrum))


@pytest.mark.parametrize(
    "x", [[0.0] * 200, (1.0,), 1.0, None, "x", np.float64(1), range(9)], ids=str
)
def test_only_arrays_are_arrays(x: object) -> None:
    with pytest.raises(TypeError, match=r"x is a \w+, not an array; NumPy arrays, torch"):
        STFT(x)


def test_masked_arrays_are_refused() -> None:
    with pytest.raises(TypeError, match="x is a masked array"):
        STFT(np.ma.zeros(200))


def test_tensors_elsewhere(torch) -> None:
    with pytest.raises(TypeError, match="x is on device 'meta'"):
        STFT(torch.zeros(200, device="meta"))
    with pytest.raises(TypeError, match=r"x has layout torch\.sparse_coo"):
        STFT(torch.zeros(200).to_sparse())


def test_without_a_gradient_the_call_is_a_plain_one(torch) -> None:
    x = torch.nn.Parameter(torch.from_numpy(X))
    recorded = STFT(x)
    with torch.no_grad():
        plain = STFT(x)
    with torch.inference_mode():
        assert torch.equal(STFT(x + 0), plain)
    assert torch.equal(STFT(x.detach()), plain)
    assert torch.equal(recorded, plain)
    assert recorded.requires_grad
    assert not plain.requires_grad


def test_out_is_refused_where_gradients_are_recorded(torch) -> None:
    x = torch.nn.Parameter(torch.from_numpy(X))
    out = STFT(torch.from_numpy(X))
    with pytest.raises(TypeError, match="out must be None where gradients are recorded"):
        STFT(x, out=out)
    with pytest.raises(TypeError, match="out requires grad and must not"):
        STFT(x.detach(), out=out.requires_grad_())


def test_conjugated_tensors(torch) -> None:
    spectrum = STFT(torch.from_numpy(X))
    expected = STFT.inverse(spectrum.conj().resolve_conj())
    assert torch.equal(STFT.inverse(spectrum.conj()), expected)


def test_two_libraries_in_one_call(torch) -> None:
    S = np.abs(STFT(X))
    with pytest.raises(TypeError, match="y is a torch tensor and S is a NumPy array"):
        lapped.spectral_convergence(STFT, S, torch.from_numpy(X))
    with pytest.raises(TypeError, match="phase is a torch tensor and S is a NumPy array"):
        GL(S, phase=torch.zeros(S.shape))


# ---- shapes --------------------------------------------------------------------------------------


def test_wrong_shapes(library) -> None:
    def array(*shape: int, dtype: type = float) -> object:
        return library.array(np.zeros(shape, dtype))

    with pytest.raises(ValueError, match=r"x has shape \(\) and must have an axis of samples"):
        STFT(array())
    with pytest.raises(ValueError, match=r"X has shape \(33,\) and must have axes"):
        STFT.inverse(array(33, dtype=complex))
    message = r"has shape \(4, 33\) and must be \(\.\.\., n_freq, n_frames\) with n_freq=33"
    for call in (GL, MEL.project):
        with pytest.raises(ValueError, match=f"S {message}"):
            call(array(4, 33))
    with pytest.raises(ValueError, match=r"M has shape \(9, 4\) .* with n_mels=8"):
        MEL.inverse(array(9, 4))
    with pytest.raises(ValueError, match=r"phase has shape \(33, 5\) and must have that of S"):
        GL(array(33, 4), phase=array(33, 5))
    with pytest.raises(ValueError, match=r"y has shape \(200,\) .* n_frames=4"):
        lapped.spectral_convergence(STFT, array(33, 4), array(200))


# ---- lengths -------------------------------------------------------------------------------------


def test_lengths_in_any_form(library) -> None:
    x, counts = library.array(X), np.array([[200, 150, 0], [1, 33, 199]])
    expected = library.numpy(STFT(x, lengths=counts))
    forms = [counts.tolist(), counts.reshape(-1), counts.astype(np.uint8), tuple(counts.ravel())]
    for form in [*forms, library.counts(counts), library.counts(counts.astype(np.int32))]:
        np.testing.assert_array_equal(library.numpy(STFT(x, lengths=form)), expected)
    one = library.array(X[0, 1])
    for form in (150, [150], np.int32(150)):
        np.testing.assert_array_equal(library.numpy(STFT(one, lengths=form)), expected[0, 1])


@pytest.mark.parametrize(
    ("lengths", "error", "message"),
    [
        ([1, 2], ValueError, r"lengths has shape \(2,\) and must have \(3,\)"),
        ([1, 2, 201], ValueError, r"lengths\[2\]=201 must be within 0..200 \(the samples of x\)"),
        ([-1, 2, 3], ValueError, r"lengths\[0\]=-1 must be within 0..200"),
        ([1.0, 2.0, 3.0], TypeError, "lengths=.* must be integers"),
        ([True, False, True], TypeError, "lengths=.* must be integers"),
        ([1, [2], 3], TypeError, "lengths=.* must be integers"),
        ("abc", TypeError, "lengths='abc' must be integers"),
        ([1, 2, 2**70], TypeError, "lengths=.* must be integers"),
        (np.array([1, 2, 2**63], np.uint64), ValueError, r"lengths\[2\]=9223372036854775808"),
    ],
    ids=str,
)
def test_wrong_lengths(lengths: object, error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        STFT(X[0], lengths=lengths)


def test_width_of_the_inverse(library) -> None:
    spectrum = STFT(library.array(X[0]))  # 13 frames: 192 samples
    assert tuple(STFT.inverse(spectrum).shape) == (3, 192)
    assert tuple(STFT.inverse(spectrum, lengths=[1, 2, 3]).shape) == (3, 192)
    assert tuple(STFT.inverse(spectrum, lengths=[1, 200, 3]).shape) == (3, 200)
    assert tuple(STFT.inverse(spectrum, length=50, lengths=[1, 50, 3]).shape) == (3, 50)
    with pytest.raises(ValueError, match=r"lengths\[1\]=51 must be within 0..50 \(the length\)"):
        STFT.inverse(spectrum, length=50, lengths=[1, 51, 3])


@pytest.mark.parametrize("method", [STFT.inverse, GL], ids=["inverse", "griffin_lim"])
def test_wrong_length(method) -> None:
    argument = np.zeros((33, 4), complex if method is not GL else float)
    for wrong in (-1, 1.5, "1", True, 2**41):
        with pytest.raises((ValueError, TypeError), match="length="):
            method(argument, length=wrong)


# ---- Griffin-Lim's waveform ----------------------------------------------------------------------


def test_length_of_griffin_lim(library) -> None:
    """The work is done at the nearest length of as many frames, then cut or filled with zeros."""
    S = STFT.magnitude(library.array(X))
    whole = library.numpy(GL(S))
    assert whole.shape == (2, 3, 192)
    np.testing.assert_array_equal(library.numpy(GL(S, length=100)), whole[..., :100])
    longest = library.numpy(GL(S, length=207))
    padded = library.numpy(GL(S, length=300))
    np.testing.assert_array_equal(padded[..., :207], longest)
    assert not padded[..., 207:].any()


def test_lengths_of_griffin_lim_equal_alone(library) -> None:
    S = library.numpy(STFT.magnitude(library.array(X[0])))
    together = library.numpy(GL(library.array(S), lengths=[200, 100, 0]))
    assert together.shape == (3, 200)
    np.testing.assert_array_equal(together[0], library.numpy(GL(library.array(S[0]), length=200)))
    alone = library.array(np.ascontiguousarray(S[1, :, : STFT.n_frames(100)]))
    np.testing.assert_array_equal(together[1, :100], library.numpy(GL(alone, length=100)))
    assert not together[1, 100:].any()
    assert not together[2].any()


def test_phase_as_radians_or_complex(library) -> None:
    S, angles = np.abs(STFT(X)), np.angle(STFT(X))
    radians = library.numpy(GL(library.array(S), phase=library.array(angles)))
    phasors = library.numpy(GL(library.array(S), phase=library.array(3 * np.exp(1j * angles))))
    np.testing.assert_allclose(radians, phasors, atol=1e-9)
    exact = lapped.GriffinLim(STFT, 0)(library.array(S), phase=library.array(STFT(X)), length=200)
    np.testing.assert_allclose(library.numpy(exact), X, atol=1e-9)


@pytest.mark.parametrize("mode", ["joint", "cascade"])
def test_mel_to_audio(library, mode: str) -> None:
    M = MEL(library.array(X[0]), lengths=[200, 120, 200])
    y = library.numpy(lapped.mel_to_audio(M, MEL, n_iter=3, mode=mode, lengths=[200, 120, 200]))
    assert y.shape == (3, 200)
    assert y.any(axis=1).all()
    assert not y[1, 120:].any()


def test_wrong_calls_of_mel_to_audio() -> None:
    M = MEL(X)
    with pytest.raises(ValueError, match="mode='both' must be one of 'joint', 'cascade'"):
        lapped.mel_to_audio(M, MEL, mode="both")
    with pytest.raises(TypeError, match=r"preset_or_mel must be a lapped\.Mel"):
        lapped.mel_to_audio(M, STFT)
    with pytest.raises(ValueError, match="name='hifigan' must be a preset: 'hifigan-22k'"):
        lapped.mel_to_audio(M, "hifigan")

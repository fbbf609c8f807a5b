# SPDX-License-Identifier: Apache-2.0
"""lapped beside librosa, torch and torchaudio: the same definitions, and no less precise."""

from __future__ import annotations

import numpy as np
import pytest

import lapped
from tests import reference, signals
from tests.tolerances import relative_error

SIZES = [(512, 128), (400, 160), (882, 441), (1200, 300), (1024, 256), (2048, 512), (1009, 250)]
X = signals.noise(30001) + signals.chirp(30001)


def no_worse_than(theirs: float) -> float:
    """Twice a peer of its precision; below one ulp it is the float64 reference that differs."""
    return max(2 * theirs, float(np.finfo(np.float64).eps))


# ------------------------------------------------------------------------------------------ torch
@pytest.mark.parametrize(("n_fft", "hop"), [*SIZES, (16, 4), (20, 7), (127, 30), (4096, 1024)])
def test_stft_is_torchs_and_no_less_precise(torch, dtype: np.dtype, n_fft: int, hop: int) -> None:
    x = X.astype(dtype)
    window = torch.hann_window(n_fft, dtype=torch.float64)
    theirs = torch.stft(
        torch.from_numpy(x),
        n_fft,
        hop,
        window=window.to(torch.from_numpy(x).dtype),
        return_complex=True,
    ).numpy()
    ours = lapped.STFT(n_fft, hop)(x)
    framing = reference.Framing(window.numpy(), hop, n_fft // 2, n_fft // 2)
    exact = reference.stft(framing, x.astype(np.float64))
    assert theirs.shape == ours.shape
    assert relative_error(ours, exact) <= no_worse_than(relative_error(theirs, exact))


@pytest.mark.parametrize(("n_fft", "hop"), SIZES)
def test_inverse_is_torchs_and_no_less_precise(
    torch, dtype: np.dtype, n_fft: int, hop: int
) -> None:
    stft = lapped.STFT(n_fft, hop)
    spectrum = stft(X.astype(dtype))
    spectrum = spectrum * np.random.default_rng(0).random(spectrum.shape).astype(dtype)
    window = torch.hann_window(n_fft, dtype=torch.float64)
    single = window.to(torch.from_numpy(X.astype(dtype)).dtype)
    theirs = torch.istft(torch.from_numpy(spectrum), n_fft, hop, window=single).numpy()
    ours = stft.inverse(spectrum)
    framing = reference.Framing(window.numpy(), hop, n_fft // 2, n_fft // 2)
    exact = reference.istft(framing, spectrum.astype(np.complex128))
    assert ours.shape == theirs.shape
    assert relative_error(ours, exact) <= no_worse_than(relative_error(theirs, exact))


@pytest.mark.parametrize("win_length", [300, 401, 512])
@pytest.mark.parametrize("normalized", [False, True])
def test_short_windows_and_frame_length(torch, win_length: int, normalized: bool) -> None:
    window = torch.hann_window(win_length, dtype=torch.float64)
    theirs = torch.stft(
        torch.from_numpy(X),
        512,
        100,
        win_length,
        window,
        normalized=normalized,
        return_complex=True,
    ).numpy()
    ours = lapped.STFT(512, 100, win_length, normalized="frame_length" if normalized else False)(X)
    assert relative_error(ours, theirs) <= 1e-13


# ---------------------------------------------------------------------------------------- librosa
@pytest.mark.parametrize(("n_fft", "hop"), SIZES)
@pytest.mark.parametrize("window", ["hann", "hamming", ("kaiser", 8.0)], ids=str)
def test_stft_and_inverse_are_librosas(librosa, n_fft: int, hop: int, window) -> None:
    theirs = librosa.stft(X, n_fft=n_fft, hop_length=hop, window=window)
    stft = lapped.STFT(n_fft, hop, window=window, pad_mode="constant")
    ours = stft(X)
    assert relative_error(ours, theirs) <= 1e-13
    back = librosa.istft(theirs, hop_length=hop, n_fft=n_fft, window=window, length=len(X))
    assert relative_error(stft.inverse(ours, length=len(X)), back) <= 1e-12


@pytest.mark.filterwarnings("ignore:n_fft=512 is too large:UserWarning")
@pytest.mark.parametrize("n", [1, 2, 100, 256, 257])
def test_short_input_bounces_as_librosas(librosa, n: int) -> None:
    x = signals.noise(n)
    theirs = librosa.stft(x, n_fft=512, hop_length=128, pad_mode="reflect")
    assert np.allclose(lapped.STFT(512, 128)(x), theirs, atol=1e-13)


@pytest.mark.parametrize("scale", ["slaney", "htk"])
@pytest.mark.parametrize("norm", ["slaney", None])
@pytest.mark.parametrize(
    ("sr", "n_fft", "n_mels"),
    [(16000, 400, 80), (22050, 1024, 80), (44100, 2048, 128), (11025, 401, 40)],
)
def test_filters_are_librosas(librosa, sr, n_fft, n_mels, scale, norm) -> None:
    options = {"sr": sr, "n_fft": n_fft, "n_mels": n_mels, "fmin": 30.0, "fmax": sr * 0.45}
    theirs = librosa.filters.mel(**options, htk=scale == "htk", norm=norm, dtype=np.float64)
    mel = lapped.Mel(lapped.STFT(n_fft), sr, n_mels, 30.0, sr * 0.45, scale=scale, norm=norm)
    assert np.allclose(mel.filters, theirs, rtol=1e-9, atol=1e-12 * theirs.max())


@pytest.mark.parametrize("power", [1.0, 2.0])
def test_melspectrogram_is_librosas(librosa, power: float) -> None:
    theirs = librosa.feature.melspectrogram(y=X, sr=22050, n_fft=1024, hop_length=256, power=power)
    stft = lapped.STFT(1024, 256, pad_mode="constant")
    ours = lapped.Mel(stft, 22050, 128, power=power)(X)
    assert np.allclose(ours, theirs, rtol=1e-5)  # librosa rounds its filters to float32


@pytest.mark.parametrize("weighting", ["A", "B", "C", "D"])
def test_weighting_is_librosas(librosa, weighting: str) -> None:
    stft = lapped.STFT(1024)
    hz = librosa.fft_frequencies(sr=22050, n_fft=1024)
    decibels = getattr(librosa, f"{weighting}_weighting")(hz)
    for power in (1.0, 2.0):
        plain = lapped.Mel(stft, 22050, 60, 40.0, power=power)
        mel = lapped.Mel(stft, 22050, 60, 40.0, power=power, weighting=weighting)
        expected = plain.filters * 10 ** (power * decibels / 20)
        assert np.allclose(mel.filters, expected, rtol=1e-6, atol=1e-9 * expected.max())


def librosas_phases(shape: tuple[int, ...]) -> np.ndarray:
    return np.exp(2j * np.pi * np.random.RandomState(seed=0).random(size=shape))


@pytest.mark.parametrize(
    ("dtype_name", "n_iter", "limit"),
    [("float64", 1, 1e-12), ("float64", 32, 1e-9), ("float32", 1, 1e-5), ("float32", 8, 5e-4)],
)
@pytest.mark.parametrize("momentum", [0.0, 0.99])
def test_griffin_lim_is_librosas(librosa, dtype_name, n_iter, limit, momentum) -> None:
    x = signals.speechlike(12000)
    S = np.abs(librosa.stft(x, n_fft=512)).astype(dtype_name)
    theirs = librosa.griffinlim(S, n_iter=n_iter, momentum=momentum, random_state=0)
    stft = lapped.STFT(512, 128, pad_mode="constant")
    gl = lapped.GriffinLim(stft, n_iter, method="fast", momentum=momentum)
    phase = librosas_phases(S.shape).astype("complex64" if dtype_name == "float32" else complex)
    assert relative_error(gl(S, phase=phase), theirs.astype(float)) <= limit


def test_griffin_lim_converges_as_librosas(librosa) -> None:
    x = signals.musiclike(30000)
    stft = lapped.STFT(1024, 256, pad_mode="constant")
    S = stft.magnitude(x.astype(np.float32))
    phase = librosas_phases(S.shape).astype(np.complex64)
    for n_iter, within in [(32, 0.02), (100, 0.05)]:
        theirs = librosa.griffinlim(S, n_iter=n_iter, random_state=0)
        ours = lapped.GriffinLim(stft, n_iter, method="fast")(S, phase=phase)
        dB = [float(lapped.spectral_convergence(stft, S, y)) for y in (ours, theirs)]
        assert abs(dB[0] - dB[1]) <= within


# ------------------------------------------------------------------------------------- torchaudio
def test_spectrogram_is_torchaudios(torchaudio, torch) -> None:
    x = torch.from_numpy(X.astype(np.float32)).reshape(1, -1)
    for n_fft, hop in SIZES:
        stft = lapped.STFT(n_fft, hop)
        power = torchaudio.transforms.Spectrogram(n_fft, hop_length=hop)(x)
        assert relative_error(stft.power(x).numpy(), power.numpy()) <= 1e-6
        unit = lapped.STFT(n_fft, hop, normalized="window")
        theirs = torchaudio.transforms.Spectrogram(
            n_fft, hop_length=hop, power=None, normalized=True
        )
        assert relative_error(unit(x).numpy(), theirs(x).numpy()) <= 1e-6


def test_inverse_is_torchaudios(torchaudio, torch) -> None:
    spectrum = lapped.STFT(1024)(torch.from_numpy(X).reshape(1, -1))
    theirs = torchaudio.transforms.InverseSpectrogram(
        1024, hop_length=256, window_fn=lambda n: torch.hann_window(n, dtype=torch.float64)
    )
    ours = lapped.STFT(1024).inverse(spectrum, length=30001)
    assert relative_error(ours.numpy(), theirs(spectrum, 30001).numpy()) <= 1e-12


@pytest.mark.parametrize(("scale", "norm"), [("htk", None), ("slaney", "slaney")])
def test_mel_spectrogram_is_torchaudios(torchaudio, torch, scale: str, norm: str | None) -> None:
    x = torch.from_numpy(X.astype(np.float32))
    theirs = torchaudio.transforms.MelSpectrogram(
        16000, 1024, hop_length=256, n_mels=80, mel_scale=scale, norm=norm
    )(x)
    mel = lapped.Mel(lapped.STFT(1024, 256), 16000, 80, scale=scale, norm=norm)
    assert relative_error(mel(x).numpy(), theirs.double().numpy()) <= 1e-5  # its filters: float32


def test_griffin_lim_converges_as_torchaudios(torchaudio, torch) -> None:
    """Both from phase zero, reflect padding: the same definition after 32 iterations."""
    x = signals.speechlike(30000).astype(np.float32)
    stft = lapped.STFT(1024, 256)
    S = torch.from_numpy(stft.magnitude(x))
    theirs = torchaudio.transforms.GriffinLim(
        1024, n_iter=32, hop_length=256, power=1.0, rand_init=False
    )(S)
    ours = lapped.GriffinLim(stft, 32, method="fast", init="zeros")(S)
    assert ours.shape == theirs.shape
    dB = [float(lapped.spectral_convergence(stft, S, y)) for y in (ours, theirs)]
    assert abs(dB[0] - dB[1]) <= 0.05


def test_griffin_lim_converges_further_than_torchaudios(torchaudio, torch) -> None:
    """Each with its defaults but the same transform, power and 32 iterations."""
    x = signals.musiclike(44032).astype(np.float32)
    stft = lapped.STFT(1024, 256)
    S = torch.from_numpy(stft.magnitude(x))
    torch.manual_seed(0)
    theirs = torchaudio.transforms.GriffinLim(1024, hop_length=256, power=1.0)(S)
    ours = lapped.GriffinLim(stft)(S)
    dB = [float(lapped.spectral_convergence(stft, S, y)) for y in (ours, theirs)]
    assert dB[0] < dB[1] - 0.5


@pytest.mark.parametrize("power", [1.0, 2.0])
@pytest.mark.parametrize("signal", [signals.speechlike, signals.musiclike])
def test_mel_inverse_leaves_a_third_of_torchaudios_residual(
    torchaudio, torch, signal, power
) -> None:
    mel = lapped.Mel(lapped.STFT(1024, 256), 22050, 80, f_max=8000.0, power=power)
    bands = mel.project(lapped.STFT(1024, 256).magnitude(signal(30000).astype(np.float32)))
    solver = torchaudio.transforms.InverseMelScale(
        513, 80, 22050, f_max=8000.0, norm="slaney", mel_scale="slaney", driver="gels"
    )
    powers = solver(torch.from_numpy(bands)).double().numpy()
    ours = mel.inverse(bands).astype(float) ** power
    residuals = [np.linalg.norm(mel.filters @ p - bands) for p in (ours, powers)]
    assert residuals[0] <= residuals[1] / 3

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
TWICE = 2.0  # "no worse than twice" a peer of the same precision


@pytest.fixture(scope="session")
def librosa():
    return pytest.importorskip("librosa")


@pytest.fixture(scope="session")
def torch():
    return pytest.importorskip("torch")


@pytest.fixture(scope="session")
def torchaudio():
    pytest.importorskip("torch")
    rivals = pytest.importorskip("benchmarks.rivals.torchaudio")
    try:
        return rivals.import_torchaudio()
    except ImportError:
        return pytest.skip("could not import 'torchaudio'")


# ------------------------------------------------------------------------------------------ torch
@pytest.mark.parametrize(("n_fft", "hop"), [*SIZES, (16, 4), (20, 7), (127, 30), (4096, 1024)])
def test_stft_is_torchs_and_no_less_precise(torch, dtype: np.dtype, n_fft: int, hop: int) -> None:
    x = X.astype(dtype)
    window = torch.hann_window(n_fft, dtype=torch.float64)
    theirs = torch.stft(
        torch.from_numpy(x), n_fft, hop, window=window.to(torch.from_numpy(x).dtype), return_complex=True
    ).numpy()
    ours = lapped.STFT(n_fft, hop)(x)
    framing = reference.Framing(window.numpy(), hop, n_fft // 2, n_fft // 2)
    exact = reference.stft(framing, x.astype(np.float64))
    assert theirs.shape == ours.shape
    assert relative_error(ours, exact) <= TWICE * relative_error(theirs, exact)


@pytest.mark.parametrize(("n_fft", "hop"), SIZES)
def test_inverse_is_torchs_and_no_less_precise(torch, dtype: np.dtype, n_fft: int, hop: int) -> None:
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
    assert relative_error(ours, exact) <= TWICE * relative_error(theirs, exact)


@pytest.mark.parametrize("win_length", [300, 401, 512])
@pytest.mark.parametrize("normalized", [False, True])
def test_short_windows_and_frame_length(torch, win_length: int, normalized: bool) -> None:
    window = torch.hann_window(win_length, dtype=torch.float64)
    theirs = torch.stft(
        torch.from_numpy(X), 512, 100, win_length, window, normalized=normalized, return_complex=True
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


@pytest.mark.parametrize("n", [1, 2, 100, 256, 257])
def test_short_input_bounces_as_librosas(librosa, n: int) -> None:
    x = signals.noise(n)
    theirs = librosa.stft(x, n_fft=512, hop_length=128, pad_mode="reflect")
    assert np.allclose(lapped.STFT(512, 128)(x), theirs, atol=1e-13)


@pytest.mark.parametrize("scale", ["slaney", "htk"])
@pytest.mark.parametrize("norm", ["slaney", None])
@pytest.mark.parametrize(
    ("sr", "n_fft", "n_mels"), [(16000, 400, 80), (22050, 1024, 80), (44100, 2048, 128), (11025, 401, 40)]
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
    return np.exp(2j * np.pi * np.random.RandomState(seed=0).random(size=shape))  # noqa: NPY002


@pytest.mark.parametrize(
    ("dtype_name", "n_iter", "limit"),
    [("float64", 1, 1e-12), ("float64", 32, 1e-9), ("float32", 1, 1e-5), ("float32", 8, 1e-4)],
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
        theirs = torchaudio.transforms.Spectrogram(n_fft, hop_length=hop, power=None, normalized=True)
        assert relative_error(unit(x).numpy(), theirs(x).numpy()) <= 1e-6


def test_inverse_is_torchaudios(torchaudio, torch) -> None:
    spectrum = lapped.STFT(1024)(torch.from_numpy(X).reshape(1, -1))
    theirs = torchaudio.transforms.InverseSpectrogram(1024, hop_length=256).double()
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
    random_start = lapped.GriffinLim(stft, 32)(S)
    assert float(lapped.spectral_convergence(stft, S, random_start)) < dB[1] - 1


@pytest.mark.parametrize("power", [1.0, 2.0])
@pytest.mark.parametrize("signal", [signals.speechlike, signals.musiclike])
def test_mel_inverse_leaves_a_third_of_torchaudios_residual(torchaudio, torch, signal, power) -> None:
    mel = lapped.Mel(lapped.STFT(1024, 256), 22050, 80, f_max=8000.0, power=power)
    bands = mel.project(lapped.STFT(1024, 256).magnitude(signal(30000).astype(np.float32)))
    solver = torchaudio.transforms.InverseMelScale(
        513, 80, 22050, f_max=8000.0, norm="slaney", mel_scale="slaney", driver="gels"
    )
    powers = solver(torch.from_numpy(bands)).double().numpy()
    ours = mel.inverse(bands).astype(float) ** power
    residuals = [np.linalg.norm(mel.filters @ p - bands) for p in (ours, powers)]
    assert residuals[0] <= residuals[1] / 3


# ---------------------------------------------- presets, written out as their models' code does it
def worst(a: np.ndarray, b: np.ndarray) -> float:
    """Largest difference of two log-mels; noise fills every band, so no band is near its floor."""
    assert a.shape == b.shape
    return float(np.abs(a.astype(float) - b.astype(float)).max())


@pytest.fixture(scope="session")
def clip() -> np.ndarray:
    return (signals.noise(32000) + signals.speechlike(32000)).astype(np.float32)


@pytest.mark.parametrize("n_mels", [80, 128])
def test_whisper(torch, librosa, clip, n_mels: int) -> None:
    filters = librosa.filters.mel(sr=16000, n_fft=400, n_mels=n_mels)
    window = torch.hann_window(400)
    spectrum = torch.stft(torch.from_numpy(clip), 400, 160, window=window, return_complex=True)
    power = spectrum[..., :-1].abs() ** 2
    log = torch.clamp(torch.from_numpy(filters) @ power, min=1e-10).log10()
    expected = (torch.maximum(log, log.max() - 8.0) + 4.0) / 4.0
    ours = lapped.preset(f"whisper-{n_mels}")(clip)
    n = expected.shape[-1]
    assert ours.shape[-1] in (n, n + 1)  # the model drops the last frame
    assert worst(ours[..., :n], expected.numpy()) <= 1e-4


def vocoder_mel(torch, librosa, clip, pad: int, eps: float) -> np.ndarray:
    """22.05 kHz, 1024/256, reflect by hand, square root with eps, natural logarithm above 1e-5."""
    padded = torch.nn.functional.pad(torch.from_numpy(clip)[None, None], (pad, pad), mode="reflect")[0]
    spectrum = torch.stft(
        padded, 1024, 256, window=torch.hann_window(1024), center=False, return_complex=True
    )
    magnitude = torch.sqrt(spectrum.real**2 + spectrum.imag**2 + eps)
    filters = librosa.filters.mel(sr=22050, n_fft=1024, n_mels=80, fmin=0, fmax=8000)
    return torch.log(torch.clamp(torch.from_numpy(filters) @ magnitude, min=1e-5))[0].numpy()


@pytest.mark.parametrize(("name", "pad", "eps"), [("hifigan-22k", 384, 1e-9), ("tacotron2", 512, 0.0)])
def test_hifigan_and_tacotron(torch, librosa, clip, name: str, pad: int, eps: float) -> None:
    expected = vocoder_mel(torch, librosa, clip, pad, eps)
    assert worst(lapped.preset(name)(clip), expected) <= 1e-4


def test_vocos(torchaudio, torch, clip) -> None:
    transform = torchaudio.transforms.MelSpectrogram(
        sample_rate=24000, n_fft=1024, hop_length=256, n_mels=100, center=True, power=1
    )
    expected = torch.log(torch.clip(transform(torch.from_numpy(clip)), min=1e-7))
    assert worst(lapped.preset("vocos-24k")(clip), expected.numpy()) <= 1e-4


def test_speecht5(librosa, clip) -> None:
    mel = librosa.feature.melspectrogram(
        y=clip, sr=16000, n_fft=1024, hop_length=256, pad_mode="reflect", power=1.0, n_mels=80,
        fmin=80, fmax=7600,
    )  # fmt: skip
    ours = lapped.preset("speecht5")(clip)
    expected = np.log10(np.maximum(mel, 1e-10))
    assert worst(ours if ours.shape == expected.shape else ours.T, expected) <= 1e-4


@pytest.mark.parametrize("name", lapped.presets())
def test_every_preset_computes(name: str) -> None:
    mel = lapped.preset(name)
    result = mel(signals.noise(16000).astype(np.float32))
    assert mel.filters.shape[0] in result.shape
    assert np.all(np.isfinite(result))

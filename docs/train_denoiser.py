# SPDX-License-Identifier: Apache-2.0
"""Train a small denoiser on the CPU with a multi-resolution spectral loss, in about a minute.

The network hears log magnitudes and answers with a gain for every bin; the noisy phases stay. The
sounds are made up as they are needed: harmonic tones that glide and fade, in noise whose spectrum
falls by a random slope. See learning-from-loss.md.
"""

import argparse
import time
from typing import NamedTuple

import torch
from torch import Tensor, nn

import lapped
import lapped.nn

SAMPLE_RATE = 16000
TRANSFORM = lapped.STFT(512, 128)
HARMONICS = 12


class Progress(NamedTuple):
    """What a training run reports."""

    losses: list[float]  # of each step
    noisy_db: float  # SI-SDR of unseen sounds before
    clean_db: float  # and after the denoiser
    seconds: float


class Denoiser(nn.Module):
    """Noisy waveforms (batch, samples) to clean ones."""

    def __init__(self, width: int = 128) -> None:
        super().__init__()
        self.gains = nn.Sequential(
            nn.Conv1d(TRANSFORM.n_freq, width, 5, padding=2),
            nn.PReLU(),
            nn.Conv1d(width, width, 5, padding=4, dilation=2),
            nn.PReLU(),
            nn.Conv1d(width, TRANSFORM.n_freq, 1),
            nn.Sigmoid(),
        )

    def forward(self, x: Tensor) -> Tensor:
        X = TRANSFORM(x)
        levels = torch.log(X.abs() + 1e-3)
        return TRANSFORM.inverse(X * self.gains(levels), length=x.shape[-1])


def tones(count: int, samples: int, random: torch.Generator) -> Tensor:
    """Sums of harmonics of a gliding pitch, fading in and out, (count, samples)."""

    def between(low: float, high: float) -> Tensor:
        return low + (high - low) * torch.rand(count, 1, 1, generator=random)

    t = torch.arange(samples) / SAMPLE_RATE
    pitch = between(100, 300) * (1 + between(-0.2, 0.2) * torch.sin(6.28 * between(0.3, 2) * t))
    phase = 6.28 * pitch.cumsum(-1) / SAMPLE_RATE
    harmonic = torch.arange(1, HARMONICS + 1)[:, None]
    start = 6.28 * torch.rand(count, HARMONICS, 1, generator=random)
    voices = torch.sin(harmonic * phase + start) * harmonic ** -between(0.5, 1.5)
    voices = voices * (harmonic * pitch < SAMPLE_RATE / 2)
    swell = torch.sin(3.14 * between(1, 4) * t + 6.28 * between(0, 1)).clamp(min=0)
    return unit_power((voices.sum(1, keepdim=True) * swell)[:, 0])


def noise(count: int, samples: int, random: torch.Generator) -> Tensor:
    """Noise that falls by 0 to 6 dB an octave, (count, samples)."""
    white = torch.fft.rfft(torch.randn(count, samples, generator=random))
    slope = torch.rand(count, 1, generator=random)
    falling = torch.arange(1, white.shape[-1] + 1) ** -slope
    return unit_power(torch.fft.irfft(white * falling, samples))


def unit_power(x: Tensor) -> Tensor:
    return x / (x.square().mean(-1, keepdim=True).sqrt() + 1e-6)


def sounds(count: int, samples: int, random: torch.Generator) -> tuple[Tensor, Tensor]:
    """Noisy and clean waveforms, 0 to 10 dB apart."""
    room = torch.randn(count, samples, generator=random)  # no recording is silent between its tones
    clean = 0.1 * (tones(count, samples, random) + 0.03 * room)
    level = 10 ** (-torch.rand(count, 1, generator=random) / 2)
    return clean + 0.1 * level * noise(count, samples, random), clean


def si_sdr(estimate: Tensor, clean: Tensor) -> float:
    """Mean scale-invariant signal-to-distortion ratio, in dB."""
    scale = (estimate * clean).sum(-1, keepdim=True) / clean.square().sum(-1, keepdim=True)
    target = scale * clean
    ratio = target.square().sum(-1) / (estimate - target).square().sum(-1)
    return float(10 * torch.log10(ratio).mean())


def train(steps: int = 300, batch: int = 8, samples: int = SAMPLE_RATE, seed: int = 0) -> Progress:
    """Train a denoiser and measure it on sounds that it has not seen."""
    torch.manual_seed(seed)
    random = torch.Generator().manual_seed(seed)
    model = Denoiser()
    loss = lapped.nn.MultiResolutionSTFTLoss()
    optimizer = torch.optim.Adam(model.parameters(), 2e-3)
    unseen, clean = sounds(16, samples, torch.Generator().manual_seed(seed + 1))
    losses, start = [], time.perf_counter()
    for _ in range(steps):
        x, y = sounds(batch, samples, random)
        value = loss(model(x), y)
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        losses.append(float(value.detach()))
    seconds = time.perf_counter() - start
    with torch.no_grad():
        return Progress(losses, si_sdr(unseen, clean), si_sdr(model(unseen), clean), seconds)


def main() -> None:
    """Print how the loss falls and what the denoiser gains."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=300)
    steps = parser.parse_args().steps
    torch.set_num_threads(1)  # layers this small gain nothing from more
    progress = train(steps)
    tenth = max(1, len(progress.losses) // 10)
    for at in range(0, len(progress.losses), tenth):
        some = progress.losses[at : at + tenth]
        print(f"step {at:4d}   loss {sum(some) / len(some):.3f}")
    print(f"SI-SDR of the noisy sounds {progress.noisy_db:.1f} dB")
    print(f"SI-SDR of the denoised     {progress.clean_db:.1f} dB")
    print(f"{progress.seconds:.0f} s")


if __name__ == "__main__":
    main()

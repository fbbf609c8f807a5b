# SPDX-License-Identifier: Apache-2.0
"""THE sizes and operations that are timed."""

from __future__ import annotations

from dataclasses import dataclass

N_MELS = 80
GRIFFIN_LIM_ITERATIONS = 32
GRIFFIN_LIM_MOMENTUM = 0.99
MEL_INVERSE_ITERATIONS = 10
FLOOR = 1e-10  # smallest band power before the logarithm


@dataclass(frozen=True)
class Case:
    """One size: frame length, hop, and how much audio."""

    n_fft: int
    hop_length: int
    sample_rate: int
    seconds: float = 10.0
    batch: int = 1

    @property
    def name(self) -> str:
        length = "" if self.seconds == 10 else f"@{self.seconds:g}s"
        return f"{self.n_fft}/{self.hop_length}{length}" + (
            f"x{self.batch}" if self.batch > 1 else ""
        )

    @property
    def samples(self) -> int:
        return round(self.seconds * self.sample_rate)

    @property
    def frames(self) -> int:
        """Frames of one row, with n_fft // 2 samples of padding on each side."""
        return 1 + (self.samples + 2 * (self.n_fft // 2) - self.n_fft) // self.hop_length

    @property
    def bins(self) -> int:
        return self.n_fft // 2 + 1


MAIN = (
    Case(1024, 256, 22050),
    Case(400, 160, 16000),
    Case(2048, 512, 22050),
    Case(512, 128, 16000),
)
EXTRA = (
    Case(1024, 256, 22050, seconds=1),
    Case(400, 160, 16000, seconds=1),
    Case(1024, 256, 22050, seconds=60),
    Case(400, 160, 16000, seconds=60),
    Case(1024, 256, 22050, batch=8),
    Case(400, 160, 16000, batch=8),
)
CASES = {case.name: case for case in MAIN + EXTRA}

OPS = {
    "mel": f"log-mel {N_MELS}",
    "power": "power spectrogram",
    "stft": "complex STFT",
    "istft": "inverse STFT",
    "griffin_lim": f"Griffin-Lim, {GRIFFIN_LIM_ITERATIONS} iterations",
    "mel_inverse": f"mel inversion, {MEL_INVERSE_ITERATIONS} iterations",
}

# SPDX-License-Identifier: Apache-2.0
"""THE sizes and operations that are timed."""

from __future__ import annotations

from dataclasses import dataclass, replace

N_MELS = 80
GRIFFIN_LIM_ITERATIONS = 32
GRIFFIN_LIM_MOMENTUM = 0.99
FLOOR = 1e-10  # smallest band power before the logarithm


@dataclass(frozen=True)
class Case:
    """One size: frame length, hop, how much audio, and in which precision."""

    n_fft: int
    hop_length: int
    sample_rate: int
    seconds: float = 10.0
    batch: int = 1
    dtype: str = "float32"

    @property
    def name(self) -> str:
        """Frame length and hop, then what is not 10 s of one row of float32."""
        length = "" if self.seconds == 10 else f"@{self.seconds:g}s"
        batch = f"x{self.batch}" if self.batch > 1 else ""
        dtype = "" if self.dtype == "float32" else f":{self.dtype}"
        return f"{self.n_fft}/{self.hop_length}{length}{batch}{dtype}"

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
_TWO = MAIN[:2]
DOUBLE = tuple(replace(case, dtype="float64") for case in MAIN)
SHORT = tuple(replace(case, seconds=1) for case in _TWO)
LONG = tuple(replace(case, seconds=60) for case in _TWO)
BATCHED = tuple(replace(case, batch=8) for case in _TWO)
CALL = Case(16, 4, 16000, seconds=0.001)  # next to no arithmetic: what is left is the call
CASES = {case.name: case for case in (*MAIN, *SHORT, *LONG, *BATCHED, *DOUBLE, CALL)}

# What grows, one thing at a time.
CURVES = {
    "batch": tuple(replace(MAIN[0], seconds=1, batch=rows) for rows in (1, 2, 4, 8, 16, 32)),
    "length": tuple(replace(MAIN[0], seconds=seconds) for seconds in (0.1, 0.3, 1, 3, 10, 30, 100)),
    "n_fft": tuple(Case(n_fft, n_fft // 4, 22050) for n_fft in (128, 256, 512, 1024, 2048, 4096)),
}

OPS = {
    "mel": f"log-mel {N_MELS}",
    "power": "power spectrogram",
    "stft": "complex STFT",
    "fft": "complex STFT beside bare FFTs of frames cut and windowed before",
    "istft": "inverse STFT",
    "griffin_lim": f"Griffin-Lim, {GRIFFIN_LIM_ITERATIONS} iterations",
    "mel_inverse": "mel inversion",
}

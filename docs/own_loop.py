# SPDX-License-Identifier: Apache-2.0
"""A loop of one's own over a folder of audio, in each of the three settings.

    python own_loop.py phase-reuse INPUT... -o OUT

A DataLoader decodes, a model changes a batch at a time, every row is written at its own length.
The models here change little: put yours in their place.
"""

import argparse
from pathlib import Path

import soundfile
import torch

import lapped
import lapped.pipelines
from lapped.batch import AudioDataset, collate

RATE = 22050


def phase_reuse() -> torch.nn.Module:
    """The model sees magnitudes; their phase is kept."""
    return lapped.pipelines.PhaseReuse(torch.nn.Hardtanh(0.0, 10.0), lapped.STFT(1024, 256))


def phase_reconstruction() -> torch.nn.Module:
    """The model sees the mel spectrogram of a vocoder; Griffin-Lim stands in for that."""
    mel = lapped.preset("hifigan-22k")
    return lapped.pipelines.PhaseReconstruction(torch.nn.Identity(), mel, n_iter=16)


def waveform() -> torch.nn.Module:
    """The model sees samples, ten seconds at a time."""
    model = torch.nn.Hardtanh(-0.9, 0.9)
    return lapped.pipelines.Waveform(model, sample_rate=RATE, chunk=10.0, overlap=0.1)


SETTINGS = {
    "phase-reuse": phase_reuse,
    "phase-reconstruction": phase_reconstruction,
    "waveform": waveform,
}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("setting", choices=SETTINGS)
    parser.add_argument("inputs", nargs="+")
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--workers", type=int, default=0)
    given = parser.parse_args()

    pipeline = SETTINGS[given.setting]().eval()
    dataset = AudioDataset(given.inputs, sample_rate=RATE)
    loader = torch.utils.data.DataLoader(
        dataset, batch_size=8, num_workers=given.workers, collate_fn=collate
    )
    given.output.mkdir(parents=True, exist_ok=True)
    with torch.inference_mode():
        for batch in loader:
            audio = pipeline(batch["audio"], lengths=batch["lengths"])
            for identity, row, samples in zip(batch["id"], audio, batch["lengths"], strict=True):
                path = given.output / f"{identity}.wav"
                soundfile.write(path, row[:samples].numpy(), RATE, subtype="FLOAT")
            dataset.done(batch)  # what dataset.state_dict() then holds is where to go on


if __name__ == "__main__":
    main()

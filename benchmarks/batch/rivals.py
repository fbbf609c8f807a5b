# SPDX-License-Identifier: Apache-2.0
"""What people run instead: `python -m benchmarks.batch.rivals NAME FOLDER OUTPUT`.

Mel spectrograms of 80 bands (25 ms, 10 ms) of every file of a folder, kept as one .npy each.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

LOOP, LHOTSE = "DataLoader loop", "lhotse"
_BANDS = 80


def _loop(paths: list[str], output: Path) -> None:
    """A Dataset that loads, a DataLoader with one worker, a transform, a file each."""
    import numpy as np
    import torch

    from benchmarks.rivals.torchaudio import import_torchaudio

    load = loader()[1]
    mel = import_torchaudio().transforms.MelSpectrogram(
        16_000, n_fft=400, hop_length=160, n_mels=_BANDS
    )

    class Files(torch.utils.data.Dataset):
        def __len__(self) -> int:
            return len(paths)

        def __getitem__(self, i: int) -> tuple[int, torch.Tensor]:
            return i, load(paths[i])

    with torch.inference_mode():
        for i, samples in torch.utils.data.DataLoader(Files(), batch_size=None, num_workers=1):
            np.save(output / f"{i}.npy", mel(samples).clamp(min=1e-10).log10().numpy())


def loader() -> tuple[str, Callable[[str], Any]]:
    """torchaudio.load where torchcodec, which it needs, is there; else soundfile, which is
    quicker.
    """
    import soundfile
    import torch

    def by_soundfile(path: str) -> Any:
        return torch.from_numpy(soundfile.read(path, dtype="float32", always_2d=True)[0].T)

    try:
        import torchcodec  # noqa: F401

        from benchmarks.rivals.torchaudio import import_torchaudio

        torchaudio = import_torchaudio()
    except (ImportError, OSError, RuntimeError):
        return "soundfile.read", by_soundfile
    return "torchaudio.load", lambda path: torchaudio.load(path)[0]


def _lhotse(paths: list[str], output: Path) -> None:
    """Its own batched extraction, with one worker that loads."""
    import lhotse

    recordings = lhotse.RecordingSet.from_recordings(
        lhotse.Recording.from_file(path, recording_id=str(i)) for i, path in enumerate(paths)
    )
    lhotse.CutSet.from_manifests(recordings=recordings).compute_and_store_features_batch(
        extractor=lhotse.Fbank(lhotse.FbankConfig(num_mel_bins=_BANDS)),
        storage_path=output / "features",
        manifest_path=output / "cuts.jsonl.gz",
        storage_type=lhotse.NumpyFilesWriter,
        num_workers=1,
        overwrite=True,
    )


RIVALS: dict[str, Callable[[list[str], Path], None]] = {LOOP: _loop, LHOTSE: _lhotse}


def main(name: str, folder: str, output: str) -> None:
    """Does it."""
    paths = sorted(str(path) for path in Path(folder).rglob("*.*"))
    import torch

    torch.set_num_threads(1)
    RIVALS[name](paths, Path(output))


if __name__ == "__main__":
    main(*sys.argv[1:])

# SPDX-License-Identifier: Apache-2.0
"""Loops of one's own: every input once, over workers and ranks, and from where it was left."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import lapped
from tests import corpus

pytest.importorskip("soundfile")
torch = pytest.importorskip("torch")
DataLoader = torch.utils.data.DataLoader

from lapped.batch import AudioDataset, collate  # noqa: E402


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("good")
    corpus.good(folder, 23, 0.3, kinds=("wav", "flac"))
    (folder / "d0" / "broken.wav").write_bytes(b"nothing")
    return folder


GOOD = [*range(8), *range(9, 24)]  # the ninth is broken


def positions(loader) -> list[int]:
    return [int(p) for batch in loader for p in batch["position"]]


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("world", [1, 3])
@pytest.mark.parametrize("shuffle", [False, True])
def test_every_input_once(files, workers, world, shuffle):
    found = []
    for rank in range(world):
        dataset = AudioDataset([files], shuffle=shuffle, rank=rank, world_size=world)
        found += positions(
            DataLoader(dataset, batch_size=4, num_workers=workers, collate_fn=collate)
        )
    assert sorted(found) == GOOD


def test_batches_are_padded_and_measured(files):
    dataset = AudioDataset([files], sample_rate=16000)
    mel = lapped.preset("whisper-80")
    for batch in DataLoader(dataset, batch_size=5, collate_fn=collate):
        together = mel(batch["audio"], lengths=batch["lengths"])
        for row, samples, features in zip(batch["audio"], batch["lengths"], together, strict=True):
            assert not row[samples:].any()
            alone = mel(row[:samples])
            assert torch.equal(features[:, : alone.shape[-1]], alone)


def test_an_epoch_goes_on_with_any_number_of_ranks(files):
    first = [AudioDataset([files], shuffle=True, rank=r, world_size=2) for r in range(2)]
    done = []
    for dataset in first:
        dataset.set_epoch(3)
        for batch, _ in zip(DataLoader(dataset, 2, collate_fn=collate), range(3), strict=False):
            dataset.done(batch)
            done += batch["position"].tolist()
    states = [dataset.state_dict() for dataset in first]
    rest = []
    for rank in range(3):
        dataset = AudioDataset([files], shuffle=True, rank=rank, world_size=3)
        dataset.load_state_dict(states)
        rest += positions(DataLoader(dataset, 2, num_workers=2, collate_fn=collate))
    assert sorted(done + rest) == GOOD


def test_epochs_differ_and_repeat(files):
    def order(epoch: int) -> list[int]:
        dataset = AudioDataset([files], shuffle=True, seed=7)
        dataset.set_epoch(epoch)
        return positions(DataLoader(dataset, 4, collate_fn=collate))

    assert order(0) != order(1)
    assert order(1) == order(1)


def test_samplers_take_it_by_number(files):
    indexed = AudioDataset([files]).indexed()
    found = []
    for rank in range(2):
        sampler = torch.utils.data.DistributedSampler(indexed, num_replicas=2, rank=rank)
        found += positions(DataLoader(indexed, 4, sampler=sampler, collate_fn=collate))
    assert sorted(found) == GOOD
    assert indexed[8] is None
    with pytest.raises(IndexError, match="position=24"):
        indexed[24]


def test_segments_are_parts_and_change_with_the_epoch(files):
    dataset = AudioDataset([files], segment=0.1)
    whole = AudioDataset([files]).indexed()
    starts = []
    for epoch in range(2):
        dataset.set_epoch(epoch)
        sample = next(iter(dataset))
        assert len(sample["audio"]) == 1600
        long = whole[sample["position"]]["audio"].numpy()
        windows = np.lib.stride_tricks.sliding_window_view(long, 1600)
        starts += np.flatnonzero((windows == sample["audio"].numpy()).all(1)).tolist()
    assert len(set(starts)) == 2


def test_errors_can_be_raised(files):
    dataset = AudioDataset([files], on_error="raise")
    with pytest.raises(RuntimeError, match=r"broken\.wav: not_audio"):
        list(dataset)


def test_even_ranks_have_as_many(files):
    good = files / "d1"
    counts = [
        len(list(AudioDataset([good], even=True, rank=rank, world_size=3))) for rank in range(3)
    ]
    assert len(set(counts)) == 1


def test_ranks_come_from_the_environment(files, monkeypatch):
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setenv("WORLD_SIZE", "24")
    assert [sample["position"] for sample in AudioDataset([files])] == [1]


def test_wrong_calls(files):
    for options in ({"rank": 2, "world_size": 2}, {"rank": 0}, {"segment": 0}, {"sample_rate": 0},
                    {"on_error": "print"}, {"channel": "left"}):  # fmt: skip
        with pytest.raises(ValueError, match=next(iter(options))):
            AudioDataset([files], **options)
    with pytest.raises(ValueError, match="is of 24 inputs"):
        AudioDataset([files / "d1"]).load_state_dict(AudioDataset([files]).state_dict())


def test_an_empty_batch():
    batch = collate([None, None])
    assert batch["audio"].shape == (0, 0)
    assert batch["lengths"].shape == (0,)


@pytest.mark.parametrize("setting", ["phase-reuse", "phase-reconstruction", "waveform"])
def test_the_script_of_the_docs(files, tmp_path, setting):
    script = Path(__file__).parent.parent / "docs" / "own_loop.py"
    words = [sys.executable, script, setting, files / "d1", "-o", tmp_path / "out"]
    done = subprocess.run(list(map(str, words)), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    written = list((tmp_path / "out").glob("*.wav"))
    assert len(written) == len(list((files / "d1").iterdir()))
    assert all(path.stat().st_size > 1000 for path in written)

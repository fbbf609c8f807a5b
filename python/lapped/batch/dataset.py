# SPDX-License-Identifier: Apache-2.0
"""Audio for loops of your own: DataLoader, DistributedSampler, Lightning."""

from __future__ import annotations

import logging
import os
import pickle
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any, BinaryIO

import numpy as np

from lapped.batch import audio, sources
from lapped.batch.audio import AudioSettings
from lapped.batch.codes import ItemError
from lapped.batch.config import Config
from lapped.batch.items import Item
from lapped.batch.needs import needed
from lapped.batch.sources import Broken

torch = needed("torch")

_LOG = logging.getLogger("lapped.batch")
_SPREAD = 0x9E3779B97F4A7C15  # 2^64 / golden ratio: neighbouring numbers give unrelated seeds

Sample = dict[str, Any]


class _Files:
    """Items, held as two arrays: the workers of a DataLoader share them without copying."""

    def __init__(self, found: Iterable[Item | Broken]) -> None:
        packed = [pickle.dumps(each) for each in found]
        self._ends = np.cumsum([len(each) for each in packed], dtype=np.int64)
        self._bytes = np.frombuffer(b"".join(packed), np.uint8)

    def __len__(self) -> int:
        return len(self._ends)

    def __getitem__(self, i: int) -> Item | Broken:
        begin = int(self._ends[i - 1]) if i else 0
        found: Item | Broken = pickle.loads(self._bytes[begin : self._ends[i]].tobytes())
        return found


class _Reader:
    """Samples by position: what both kinds of dataset share."""

    def __init__(
        self, files: _Files, settings: AudioSettings, segment: float | None, on_error: str
    ) -> None:
        self.files, self._settings, self._segment = files, settings, segment
        self._on_error = on_error

    def __call__(self, position: int, seed: int) -> Sample | None:
        """None where the input cannot be read and that is to be skipped."""
        try:
            item = self._item(position, seed)
            found = audio.decode(item, self._settings)
        except ItemError as error:
            where = self.files[position]
            message = f"{where if isinstance(where, Item) else where.item}: {error}"
            if self._on_error == "raise":
                raise RuntimeError(message) from error
            _LOG.warning("%s", message)
            return None
        samples = found.samples
        if samples.dtype == np.int16:
            samples = samples * np.float32(2.0**-15)
        about = {"sample_rate": found.sample_rate, "id": item.id, "uri": item.uri}
        return {"audio": torch.from_numpy(samples), **about, "position": position}

    def _item(self, position: int, seed: int) -> Item:
        found = self.files[position]
        if isinstance(found, Broken):
            raise ItemError(found.code, found.message)
        return found if self._segment is None else self._cut(found, position, seed)

    def _cut(self, item: Item, position: int, seed: int) -> Item:
        """A stretch of it that begins anywhere; all of what is shorter."""
        seconds, segment = audio.seconds_of(item), float(self._segment or 0.0)
        if seconds is None or seconds <= segment:
            return item
        random = np.random.default_rng([seed, position])
        start = (item.start or 0.0) + random.uniform(0.0, seconds - segment)
        return replace(item, start=start, end=start + segment, duration=segment)


class AudioDataset(torch.utils.data.IterableDataset):  # type: ignore[misc,name-defined]
    """Audio of files, folders, manifests and archives, each once an epoch, over all processes.

    Every process of a distributed run, and every worker of its DataLoader, gets its own share;
    what was done is remembered by position, so that a run that is resumed does the rest with any
    number of processes. Use `collate` for batches. For samplers, `indexed` gives the same audio
    by number.

    Parameters
    ----------
    inputs : iterable of str or path
        As `run` takes them.
    sample_rate : int, optional
        Hz that all audio is resampled to; by default each is as it is.
    channel : str
        "mix", "first" or a number from 0.
    segment : float, optional
        Seconds: a random stretch of each input instead of all of it, another one every epoch.
    shuffle : bool
        Whether the order is random, another one every epoch.
    seed : int
        Of both.
    even : bool
        Whether the last few inputs of an epoch are left out, so that every process gets as many.
        Inputs that cannot be read may still make a difference.
    on_error : str
        "skip" logs inputs that cannot be read to ``lapped.batch``, "raise" raises RuntimeError.
    rank, world_size : int, optional
        Of this process; by default torch.distributed's, else RANK and WORLD_SIZE of the
        environment.
    stdin : binary file, optional
        What "-" reads.

    Raises
    ------
    ValueError, TypeError
        For a wrong argument, and for an input that holds nothing.

    Examples
    --------
    >>> import tempfile, pathlib, numpy, soundfile, torch
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> for i in range(4):
    ...     soundfile.write(folder / f"{i}.wav", numpy.zeros(16000 + i), 16000)
    >>> dataset = AudioDataset([folder], sample_rate=16000)
    >>> for batch in torch.utils.data.DataLoader(dataset, batch_size=2, collate_fn=collate):
    ...     dataset.done(batch)
    ...     print(batch["audio"].shape, batch["lengths"].tolist())
    torch.Size([2, 16001]) [16000, 16001]
    torch.Size([2, 16003]) [16002, 16003]
    """

    def __init__(
        self,
        inputs: Iterable[str | os.PathLike],
        *,
        sample_rate: int | None = None,
        channel: str = "mix",
        segment: float | None = None,
        shuffle: bool = False,
        seed: int = 0,
        even: bool = False,
        on_error: str = "skip",
        rank: int | None = None,
        world_size: int | None = None,
        stdin: BinaryIO | None = None,
    ) -> None:
        super().__init__()
        if on_error not in ("skip", "raise"):
            raise ValueError(f'on_error={on_error!r} must be "skip" or "raise"')
        if segment is not None and not segment > 0:
            raise ValueError(f"segment={segment!r} must be more than 0 seconds")
        if sample_rate is not None and sample_rate < 1:
            raise ValueError(f"sample_rate={sample_rate!r} must be at least 1")
        channel = Config(channel=str(channel), preset="whisper-80").channel
        settings = AudioSettings(sample_rate, channel)
        selection = sources.Selection(stdin=stdin)
        files = _Files(sources.expand(inputs, selection))
        self._reader = _Reader(files, settings, segment, on_error)
        self._shuffle, self._even, self._seed = bool(shuffle), bool(even), int(seed)
        self._share = _share(rank, world_size)
        self._epoch = 0
        self._done = np.zeros(len(files), bool)

    @property
    def count(self) -> int:
        """Inputs of an epoch, of all processes together."""
        return len(self._reader.files)

    def __iter__(self) -> Iterator[Sample]:
        worker = torch.utils.data.get_worker_info()
        i, n = (worker.id, worker.num_workers) if worker else (0, 1)
        (rank, world), order, seed = self._ranks(), self._order(), self._epoch_seed()
        if self._even:
            order = order[: len(order) // world * world]
        for position in order[rank::world][i::n]:
            sample = self._reader(int(position), seed)
            if sample is not None:
                yield sample

    def set_epoch(self, epoch: int) -> None:
        """Begins another epoch: nothing of it is done."""
        self._epoch = int(epoch)
        self._done[:] = False

    def done(self, batch: Sample) -> None:
        """Remembers that a batch of `collate` needs no second time in this epoch."""
        self._done[batch["position"].numpy()] = True

    def state_dict(self) -> dict[str, Any]:
        """Where the epoch is: what `done` was told of."""
        done = np.packbits(self._done).tobytes()
        return {"epoch": self._epoch, "count": self.count, "done": done}

    def load_state_dict(self, state: dict[str, Any] | Sequence[dict[str, Any]]) -> None:
        """Goes on from `state_dict`, or from those of all processes of a run together.

        Raises
        ------
        ValueError
            If they are of another number of inputs, or of different epochs.
        """
        states = [state] if isinstance(state, dict) else list(state)
        if {each["count"] for each in states} != {self.count}:
            raise ValueError(
                f"state is of {states[0]['count'] if states else 0} inputs, not {self.count}"
            )
        if len({each["epoch"] for each in states}) != 1:
            raise ValueError("the states are of different epochs")
        self.set_epoch(states[0]["epoch"])
        for each in states:
            bits = np.frombuffer(each["done"], np.uint8)
            self._done |= np.unpackbits(bits, count=self.count).astype(bool)

    def indexed(self) -> IndexedAudio:
        """The same audio by number, for samplers, which then order and share it."""
        return IndexedAudio(self._reader, self._epoch_seed())

    def __getstate__(self) -> dict[str, Any]:
        # Workers that are spawned know nothing of torch.distributed.
        return self.__dict__ | {"_share": self._ranks()}

    def _ranks(self) -> tuple[int, int]:
        if self._share is not None:
            return self._share
        distributed = torch.distributed
        if distributed.is_available() and distributed.is_initialized():
            return distributed.get_rank(), distributed.get_world_size()
        return int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))

    def _order(self) -> np.ndarray:
        """Positions that are left of the epoch, in order."""
        if not self._shuffle:
            return np.flatnonzero(~self._done)
        order = np.random.default_rng(self._epoch_seed()).permutation(self.count)
        return order[~self._done[order]]

    def _epoch_seed(self) -> int:
        return (self._seed * _SPREAD + self._epoch) % (1 << 64)


class IndexedAudio(torch.utils.data.Dataset):  # type: ignore[misc,name-defined]
    """Audio by number: made by `AudioDataset.indexed`. What cannot be read is None."""

    def __init__(self, reader: _Reader, seed: int) -> None:
        self._reader, self._seed = reader, seed

    def __len__(self) -> int:
        return len(self._reader.files)

    def __getitem__(self, position: int) -> Sample | None:
        if not 0 <= position < len(self):
            raise IndexError(f"position={position} must be from 0 to {len(self) - 1}")
        return self._reader(int(position), self._seed)


def collate(samples: Sequence[Sample | None]) -> Sample:
    """A batch of samples of unequal length: padded with zeros, and how long each is.

    Parameters
    ----------
    samples : sequence of dict or None
        Of `AudioDataset`; None, which stands for what could not be read, is left out.

    Returns
    -------
    dict
        "audio" float32 (batch, longest), "lengths" int64 (batch,), "position" int64 (batch,),
        "sample_rate", "id" and "uri" lists. With the lengths, `lapped`'s transforms treat every
        row as if it were alone: ``mel(batch["audio"], lengths=batch["lengths"])``.
    """
    found = [sample for sample in samples if sample is not None]
    lengths = torch.tensor([len(sample["audio"]) for sample in found], dtype=torch.int64)
    padded = torch.zeros(len(found), int(lengths.max()) if found else 0)
    for row, sample in zip(padded, found, strict=True):
        row[: len(sample["audio"])] = sample["audio"]
    lists = {name: [sample[name] for sample in found] for name in ("sample_rate", "id", "uri")}
    position = torch.tensor([sample["position"] for sample in found], dtype=torch.int64)
    return {"audio": padded, "lengths": lengths, "position": position, **lists}


def _share(rank: int | None, world_size: int | None) -> tuple[int, int] | None:
    if rank is None and world_size is None:
        return None
    if rank is None or world_size is None or not 0 <= rank < world_size:
        raise ValueError(
            f"rank={rank!r} and world_size={world_size!r} must go together, 0 <= rank < world_size"
        )
    return rank, world_size

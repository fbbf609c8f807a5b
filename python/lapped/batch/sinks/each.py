# SPDX-License-Identifier: Apache-2.0
"""One file for each result: below the part's folder by its id, or mirrored by its name."""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import quote

import numpy as np

from lapped.batch.items import Item
from lapped.batch.needs import needed
from lapped.batch.sinks.files import Checked, Pending, Place, Result, Sink, reread
from lapped.batch.spool import pieces

_BLOCK = 1 << 16  # samples given to libsndfile at a time: long Vorbis would crash it in one
_LONGEST = 200  # bytes of a file's name that come from an id


class Each(Sink):
    """Writes each result to a temporary file of its own."""

    def open(self) -> None:
        self._pending: list[Pending] = []
        self._below = "" if self.config.mirror else self.file.removesuffix(self.suffix) + "/"
        self.temporary.mkdir(exist_ok=True)

    def put(self, item: Item, value: Result) -> Place:
        temporary = self.temporary / str(len(self._pending))
        file = self._below + self._name(item)
        self._pending.append(self.write(temporary, self.folder / file, value))
        return self.place(value, file=file)

    def write(self, temporary: Path, final: Path, value: Result) -> Pending:
        raise NotImplementedError

    def close(self) -> list[Pending]:
        for folder in {pending.final.parent for pending in self._pending}:
            folder.mkdir(parents=True, exist_ok=True)
        return self._pending

    def _name(self, item: Item) -> str:
        if self.config.mirror:
            return mirrored(item.name, self.suffix)
        name = quote(item.id, safe=" ()+,=@")
        return (name if len(name) <= _LONGEST else Item(item.id, "").id) + self.suffix


def mirrored(name: str, suffix: str) -> str:
    """Where the result of an input called `name` goes: below the folder, whatever the name says.

    Examples
    --------
    >>> mirrored("a/b.flac", ".npy"), mirrored("a/b.wav", ".wav"), mirrored("../b", ".npy")
    ('a/b.flac.npy', 'a/b.wav', '_/b.npy')
    """
    parts = ["_" if part == ".." else part for part in PurePosixPath(name.lstrip("/")).parts]
    path = PurePosixPath(*parts) if parts else PurePosixPath("_")
    return str(path if path.suffix.lower() == suffix else path.with_name(path.name + suffix))


class Npy(Each):
    format = "npy"
    suffix = ".npy"

    def write(self, temporary: Path, final: Path, value: Result) -> Pending:
        file = Checked(temporary)
        try:
            header = {"descr": value.dtype.str, "fortran_order": False, "shape": tuple(value.shape)}
            np.lib.format.write_array_header_1_0(file, header)  # type: ignore[arg-type]
            for piece in pieces(value):
                file.write(piece)
        except BaseException:
            file.close()
            raise
        return file.pending(final)

    @staticmethod
    def read(folder: Path, place: Place) -> np.ndarray:
        return np.asarray(np.load(folder / place["file"], allow_pickle=False))


class _Sound(Each):
    """Through libsndfile, in float32 or 24 bits."""

    subtype = ""

    def write(self, temporary: Path, final: Path, value: Result) -> Pending:
        about: dict[str, Any] = {"format": self.format.upper(), "subtype": self.subtype}
        with needed("soundfile").SoundFile(
            os.fspath(temporary), "w", self.output.sample_rate, 1, **about
        ) as sound:
            for piece in pieces(value):
                for start in range(0, len(piece), _BLOCK):
                    sound.write(piece[start : start + _BLOCK])
        return reread(temporary, final)

    def place(self, value: Result, **more: Any) -> Place:
        return super().place(value, sample_rate=self.output.sample_rate, **more)

    @staticmethod
    def read(folder: Path, place: Place) -> np.ndarray:
        path = os.fspath(folder / place["file"])
        return np.asarray(needed("soundfile").read(path, dtype="float32")[0])


class Wav(_Sound):
    """Float samples: nothing clips."""

    format, suffix, subtype = "wav", ".wav", "FLOAT"


class Flac(_Sound):
    """24 bits; samples beyond full scale clip."""

    format, suffix, subtype = "flac", ".flac", "PCM_24"

# SPDX-License-Identifier: Apache-2.0
"""Folders of audio for the tests of `lapped.batch`: good files, and every kind of bad one."""

import os
import struct
from pathlib import Path

import numpy as np
import soundfile

RATE = 16000
KINDS = ("wav", "flac", "mp3", "ogg", "opus")


def voice(samples: int, seed: int) -> np.ndarray:
    """Noise with pauses: no two alike, and no two lengths compress alike."""
    random = np.random.default_rng(seed)
    envelope = np.abs(np.sin(np.arange(samples) / (900 + 37 * (seed % 11))))
    return (random.standard_normal(samples) * 0.2 * envelope).astype(np.float32)


def write(path: Path, samples: np.ndarray, rate: int = RATE, **about) -> Path:
    """In the format that the suffix names."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix in (".ogg", ".opus"):
        about.setdefault("format", "OGG")
    if path.suffix == ".opus":
        about.setdefault("subtype", "OPUS")
    with open(path, "wb") as file:
        about.setdefault("format", path.suffix[1:].upper())
        soundfile.write(file, samples, rate, **about)
    return path


def good(folder: Path, count: int, seconds: float = 1.0, kinds=KINDS) -> list[Path]:
    """`count` files of different lengths, the kinds in turn, a few folders deep."""
    found = []
    for i in range(count):
        samples = int(seconds * RATE * (0.5 + (i * 7 % 10) / 10)) + i % 3
        path = folder / f"d{i % 3}" / f"{i:04d}.{kinds[i % len(kinds)]}"
        found.append(write(path, voice(samples, i)))
    return found


def bad(folder: Path) -> dict[str, str]:
    """Every kind of bad file; returns the code that each name must end with."""
    folder.mkdir(parents=True, exist_ok=True)
    whole = {kind: _whole(folder, kind) for kind in KINDS}
    codes: dict[str, str] = {}

    def put(name: str, content: bytes, code: str) -> None:
        (folder / name).write_bytes(content)
        codes[name] = code

    for kind, content in whole.items():
        put(f"cut.{kind}", content[: len(content) // 2], "truncated")
        put(f"head.{kind}", content[:20], "decode_error")
    codes["cut.flac"] = "decode_error"  # libFLAC notices
    put("zero.wav", b"", "empty")
    put("zero.flac", b"", "empty")
    put("text.wav", b"there is no sound in this\n" * 40, "not_audio")
    put("page.flac", b"<!DOCTYPE html><html><body>404</body></html>", "not_audio")
    put("random.ogg", np.random.default_rng(2).bytes(4000), "not_audio")
    put("header-only.wav", whole["wav"][:44], "truncated")
    put("no-frames.wav", _wav(b""), "empty")
    put("lying.wav", _wav(b"\0\0" * 1000, promised=4000), "truncated")
    flipped = bytearray(whole["flac"])
    flipped[len(flipped) // 2 : len(flipped) // 2 + 64] = b"\xff" * 64
    put("flipped.flac", bytes(flipped), "decode_error")
    for name, value in (("nan", np.nan), ("inf", np.inf)):
        samples = voice(RATE, 3)
        samples[5000] = value
        write(folder / f"{name}.wav", samples, subtype="FLOAT")
        codes[f"{name}.wav"] = "nonfinite"
    os.symlink(folder / "nowhere.wav", folder / "dangling.wav")
    codes["dangling.wav"] = "not_found"
    os.symlink(folder / "circle.wav", folder / "circle.wav")
    codes["circle.wav"] = "not_found"
    os.mkfifo(folder / "pipe.wav")
    codes["pipe.wav"] = "unsupported"
    return codes


def odd_but_good(folder: Path) -> list[bytes]:
    """Files that look wrong and are not; returns their names."""
    folder.mkdir(parents=True, exist_ok=True)
    flac = _whole(folder, "flac")
    wav = _whole(folder, "wav")
    names = {
        "flac-named.wav": flac,
        "streamed.wav": wav[:40] + b"\xff\xff\xff\xff" + wav[44:],  # length not known: piped
        "späße ünïcode 音声.wav": wav,
        "-dash.wav": wav,
        "line\nbreak.wav": wav,
        "quote\"'.wav": wav,
        "comma, blank .wav": wav,
        "n" * 240 + ".wav": wav,
        "same.wav": wav,
        "same.flac": flac,
    }
    for name, content in names.items():
        (folder / name).write_bytes(content)
    latin = os.path.join(os.fsencode(folder), b"latin-\xe9\xff.wav")
    with open(latin, "wb") as file:
        file.write(wav)
    return [name.encode() for name in names] + [b"latin-\xe9\xff.wav"]


def _whole(folder: Path, kind: str) -> bytes:
    path = write(folder / f"whole.{kind}", voice(3 * RATE, 5))
    content = path.read_bytes()
    path.unlink()
    return content


def _wav(data: bytes, promised: int | None = None) -> bytes:
    size = len(data) if promised is None else promised
    head = struct.pack("<4sI4s4sIHHIIHH", b"RIFF", 36 + size, b"WAVE", b"fmt ", 16, 1, 1,
                       RATE, 2 * RATE, 2, 16)  # fmt: skip
    return head + struct.pack("<4sI", b"data", size) + data

# SPDX-License-Identifier: Apache-2.0
"""Durations by the header alone: a decoder's, or none; whatever the bytes are."""

import numpy as np
import pytest

from lapped.batch.audio import seconds_by_header, seconds_of
from lapped.batch.engine.scanner import Reading
from lapped.batch.items import Item
from tests import corpus

pytest.importorskip("soundfile")

TOLD = [
    *(("wav", "WAV", subtype) for subtype in ("PCM_U8", "PCM_16", "PCM_24", "PCM_32")),
    *(("wav", "WAV", subtype) for subtype in ("FLOAT", "DOUBLE", "ULAW", "ALAW")),
    *(("wav", "WAVEX", subtype) for subtype in ("PCM_16", "FLOAT")),
    *(("flac", "FLAC", subtype) for subtype in ("PCM_S8", "PCM_16", "PCM_24")),
    ("ogg", "OGG", "VORBIS"),
    ("opus", "OGG", "OPUS"),
]
LEFT = [
    ("wav", "WAV", "IMA_ADPCM"),
    ("mp3", "MP3", "MPEG_LAYER_III"),
    ("rf64", "RF64", "PCM_16"),
    ("aiff", "AIFF", "PCM_16"),
]


def item(path, **about) -> Item:
    return Item(str(path), path.name, **about)


@pytest.mark.parametrize(("suffix", "form", "subtype"), TOLD)
@pytest.mark.parametrize("rate", [8000, 16000, 48000])
@pytest.mark.parametrize("samples", [1, 4801, 500_003])
def test_a_header_says_what_a_decoder_says(tmp_path, suffix, form, subtype, rate, samples):
    voice = np.stack([corpus.voice(samples, seed) for seed in (1, 2)], axis=1)
    path = corpus.write(tmp_path / f"a.{suffix}", voice, rate, format=form, subtype=subtype)
    found = seconds_by_header(item(path))
    assert found == pytest.approx(seconds_of(item(path)), abs=1e-3)


@pytest.mark.parametrize(("suffix", "form", "subtype"), LEFT)
def test_what_a_header_does_not_say_is_left_to_a_decoder(tmp_path, suffix, form, subtype):
    path = corpus.write(
        tmp_path / f"a.{suffix}", corpus.voice(9000, 3), format=form, subtype=subtype
    )
    assert seconds_by_header(item(path)) is None
    assert seconds_of(item(path)) == pytest.approx(9000 / 16000, abs=0.1)


def test_stretches_are_within_the_whole(tmp_path):
    path = corpus.write(tmp_path / "a.flac", corpus.voice(32000, 4))
    assert seconds_by_header(item(path, start=0.5)) == 1.5
    assert seconds_by_header(item(path, start=0.5, end=1.25)) == 0.75
    assert seconds_by_header(item(path, start=3.0)) == 0
    assert seconds_by_header(item(path, end=2.5)) is None


def test_lengths_that_nobody_wrote_are_none(tmp_path):
    path = corpus.write(tmp_path / "a.wav", corpus.voice(8000, 5))
    content = path.read_bytes()
    for length in (b"\xff\xff\xff\xff", b"\0\0\0\0"):
        path.write_bytes(content[:40] + length + content[44:])
        assert seconds_by_header(item(path)) is None


def test_a_cut_wav_is_as_long_as_what_is_there(tmp_path):
    path = corpus.write(tmp_path / "a.wav", corpus.voice(16000, 6))
    path.write_bytes(path.read_bytes()[: 44 + 16000])
    assert seconds_by_header(item(path)) == 0.5


@pytest.mark.parametrize("kind", corpus.KINDS)
def test_no_bytes_are_an_error(tmp_path, kind):
    path = corpus.write(tmp_path / f"a.{kind}", corpus.voice(16000, 7))
    content, random = path.read_bytes(), np.random.default_rng(8)
    for keep in range(0, 200):
        path.write_bytes(content[:keep])
        assert (seconds_by_header(item(path)) or 0.0) >= 0
    for _ in range(200):
        damaged = bytearray(content)
        at = random.integers(min(200, len(content)))
        damaged[at : at + 4] = random.bytes(4)
        path.write_bytes(damaged)
        assert (seconds_by_header(item(path)) or 0.0) >= 0


def test_threads_are_for_disks_that_answer_slowly():
    import threading
    import time
    from concurrent.futures import ThreadPoolExecutor

    by = set()

    def ask(pause: float) -> float:
        by.add(threading.current_thread())
        time.sleep(pause)
        return pause

    with ThreadPoolExecutor(4) as threads:
        reading = Reading(ask, threads)
        assert reading([0.01] * 8) == [0.01] * 8
        by.clear()
        assert reading([0.01] * 8) == [0.01] * 8
        assert threading.current_thread() not in by
        reading._ask = lambda _: sum(range(20_000))  # work, and no waiting
        reading([0.0] * 200)
        reading._ask = ask
        by.clear()
        reading([0.0])
        assert by == {threading.current_thread()}

# SPDX-License-Identifier: Apache-2.0
"""Samples out of files: right, whole or block by block, and every cut noticed wherever it is."""

import numpy as np
import pytest

from lapped.batch.audio import (
    AudioSettings,
    Room,
    blocks,
    decode,
    decoding,
    flac,
    load_array,
    seconds_of,
    shape_of,
)
from lapped.batch.codes import ItemError
from lapped.batch.items import Item
from tests import corpus

soundfile = pytest.importorskip("soundfile")

LOSSLESS = {
    "wav": ("PCM_16", "PCM_U8", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW"),
    "flac": ("PCM_S8", "PCM_16", "PCM_24"),
    "aiff": ("PCM_16", "FLOAT"),
    "w64": ("PCM_16",),
    "rf64": ("PCM_16",),
    "caf": ("PCM_16",),
    "au": ("PCM_16",),
}


def item(path, **about) -> Item:
    return Item(str(path), path.name, **about)


def read(path, about=None, **settings) -> np.ndarray:
    return decode(item(path, **(about or {})), AudioSettings(**settings)).samples


def as_float(samples: np.ndarray) -> np.ndarray:
    return samples / np.float32(32768) if samples.dtype == np.int16 else samples


@pytest.mark.parametrize(
    ("suffix", "subtype"), [(s, t) for s, subtypes in LOSSLESS.items() for t in subtypes]
)
def test_samples_are_soundfiles(tmp_path, suffix, subtype):
    x = corpus.voice(5001, 1)
    path = corpus.write(tmp_path / f"a.{suffix}", x, subtype=subtype)
    found = read(path)
    expected, _ = soundfile.read(path, dtype="float32")
    np.testing.assert_allclose(as_float(found), expected, atol=1e-7)
    assert found.dtype == (np.int16 if subtype in ("PCM_16", "PCM_U8", "PCM_S8") else np.float32)


@pytest.mark.parametrize("kind", corpus.KINDS)
@pytest.mark.parametrize("rate", [16000, 8000, 24000])
@pytest.mark.parametrize("seconds", [0.05, 0.777, 100])
def test_blocks_are_the_whole(tmp_path, kind, rate, seconds):
    path = corpus.write(tmp_path / f"a.{kind}", corpus.voice(50001, 2))
    settings = AudioSettings(rate)
    pieces = list(blocks(item(path), settings, seconds))
    np.testing.assert_array_equal(np.concatenate(pieces), decode(item(path), settings).samples)


def test_blocks_are_the_whole_of_a_long_mp3(tmp_path):
    path = corpus.write(tmp_path / "a.mp3", corpus.voice(2_300_000, 2))
    pieces = list(blocks(item(path), AudioSettings()))
    assert len(pieces) > 1
    np.testing.assert_array_equal(
        np.concatenate(pieces), decode(item(path), AudioSettings(), Room()).samples
    )


@pytest.mark.parametrize("kind", corpus.KINDS)
def test_a_room_holds_the_same_samples(tmp_path, kind):
    room, settings = Room(), AudioSettings()
    long = 300_000 if kind in ("ogg", "opus") else 2_300_000  # libsndfile crashes on longer ones
    for samples in (50001, 7, 32000, long):
        path = corpus.write(tmp_path / f"{samples}.{kind}", corpus.voice(samples, 3))
        kept = decode(item(path), settings, room).samples
        np.testing.assert_array_equal(kept, decode(item(path), settings).samples)
    again = decode(item(tmp_path / f"7.{kind}"), settings, room).samples
    first = decode(item(tmp_path / f"50001.{kind}"), settings, room).samples
    assert np.shares_memory(again, first)


@pytest.mark.parametrize("channels", [1, 3])
def test_16_bit_wav_is_as_soundfile_reads_it(tmp_path, channels, monkeypatch):
    voice = np.stack([corpus.voice(20001, seed) for seed in range(channels)], axis=1)
    path = corpus.write(tmp_path / "a.wav", voice, subtype="PCM_16")
    stretches = ({}, {"start": 0.5}, {"start": 0.1, "end": 0.9}, {"channel": channels - 1})
    rates = (None, 8000)
    plain = [read(path, about, sample_rate=rate) for about in stretches for rate in rates]
    monkeypatch.setattr(decoding, "plain", lambda file: None)
    decoded = [read(path, about, sample_rate=rate) for about in stretches for rate in rates]
    for one, other in zip(plain, decoded, strict=True):
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "PCM_S8"])
@pytest.mark.parametrize("channels", [1, 2, 8])
def test_flac_is_as_soundfile_reads_it(tmp_path, channels, subtype, monkeypatch):
    pytest.importorskip("miniaudio")
    voice = np.stack([corpus.voice(20001, seed) for seed in range(channels)], axis=1)
    path = corpus.write(tmp_path / "a.flac", voice, subtype=subtype)
    abouts = ({}, {"start": 0.5}, {"channel": channels - 1})
    settings = [{}, {"sample_rate": 8000}, {"channel": "first"}]
    calls = count_calls(monkeypatch, decoding, "_decoder")
    found = [read(path, about, **each) for about in abouts for each in settings]
    assert calls[0] == (len(settings) if subtype == "PCM_16" else len(found))
    monkeypatch.setattr(decoding, "flac", lambda file, otherwise: None)
    decoded = [read(path, about, **each) for about in abouts for each in settings]
    for one, other in zip(found, decoded, strict=True):
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)


def test_long_flac_is_left_to_soundfile(tmp_path, monkeypatch):
    pytest.importorskip("miniaudio")
    path = corpus.write(tmp_path / "a.flac", corpus.voice(20001, 1))
    monkeypatch.setattr(flac, "_MOST", 20000)
    calls = count_calls(monkeypatch, decoding, "_decoder")
    assert len(read(path)) == 20001
    assert calls[0] == 1


def test_a_miniaudio_without_streams_leaves_flac_to_soundfile(tmp_path, monkeypatch):
    miniaudio = pytest.importorskip("miniaudio")
    path = corpus.write(tmp_path / "a.flac", corpus.voice(20001, 1))
    expected = read(path)
    monkeypatch.setattr(miniaudio, "lib", object())
    flac._miniaudio.cache_clear()
    try:
        calls = count_calls(monkeypatch, decoding, "_decoder")
        np.testing.assert_array_equal(read(path), expected)
    finally:
        flac._miniaudio.cache_clear()
    assert calls[0] == 1


def count_calls(monkeypatch, module, name: str) -> list[int]:
    calls, function = [0], getattr(module, name)

    def counted(*args):
        calls[0] += 1
        return function(*args)

    monkeypatch.setattr(module, name, counted)
    return calls


@pytest.mark.parametrize("channels", [1, 2, 5])
def test_channels_are_mixed_or_picked(tmp_path, channels):
    x = np.stack([corpus.voice(1000, i) for i in range(channels)], 1)
    path = corpus.write(tmp_path / "a.wav", x, subtype="FLOAT")
    np.testing.assert_allclose(read(path), x.mean(1), atol=1e-7)
    np.testing.assert_array_equal(read(path, channel="first"), x[:, 0])
    np.testing.assert_array_equal(read(path, channel=str(channels - 1)), x[:, -1])
    np.testing.assert_array_equal(read(path, {"channel": channels - 1}), x[:, -1])
    with pytest.raises(ItemError, match=f"has {channels} channels, and number {channels}"):
        read(path, channel=str(channels))


@pytest.mark.parametrize("rate", [8000, 22050, 48000])
def test_resampling_is_soxrs(tmp_path, rate):
    soxr = pytest.importorskip("soxr")
    x = corpus.voice(16000, 3)
    path = corpus.write(tmp_path / "a.wav", x, subtype="FLOAT")
    found = read(path, sample_rate=rate)
    expected = soxr.resample(x, 16000, rate)
    assert abs(len(found) - len(expected)) <= 1
    n = min(len(found), len(expected))
    np.testing.assert_allclose(found[:n], expected[:n], atol=1e-5)


@pytest.mark.parametrize("kind", ["wav", "flac", "ogg"])
def test_stretches_are_parts_of_the_whole(tmp_path, kind):
    path = corpus.write(tmp_path / f"a.{kind}", corpus.voice(32000, 4))
    whole = read(path)
    for start, end in ((0.0, 0.5), (0.25, 1.0), (1.5, 2.0), (1.5, None)):
        found = read(path, {"start": start, "end": end})
        last = 32000 if end is None else int(end * 16000)
        np.testing.assert_allclose(found, whole[int(start * 16000) : last], atol=1e-6)
    for start, end in ((1.5, 2.5), (3.0, 4.0)):
        with pytest.raises(ItemError, match="truncated"):
            read(path, {"start": start, "end": end})


# ---- what is cut


@pytest.mark.parametrize("kind", [*corpus.KINDS, "aiff", "rf64"])
def test_a_cut_anywhere_is_an_error(tmp_path, kind):
    path = corpus.write(tmp_path / f"a.{kind}", corpus.voice(32000, 5))
    content = path.read_bytes()
    read(path)
    silent = []
    for keep in np.linspace(0, len(content) - 2, 60).astype(int):
        path.write_bytes(content[:keep])
        try:
            samples = read(path)
        except ItemError:
            continue
        silent.append((keep, len(samples)))
    assert not silent, f"of {len(content)} bytes these passed: {silent}"


@pytest.mark.parametrize("kind", ["wav", "ogg", "mp3"])
def test_a_cut_file_can_be_kept(tmp_path, kind):
    path = corpus.write(tmp_path / f"a.{kind}", corpus.voice(200_000, 6))
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    assert 0 < len(read(path, on_truncated="keep")) < 200_000


def test_a_manifest_that_promises_more_is_an_error(tmp_path):
    path = corpus.write(tmp_path / "a.wav", corpus.voice(16000, 7))
    assert len(read(path, {"duration": 1.04})) == 16000
    with pytest.raises(ItemError, match=r"truncated: holds 1\.000 s, and 2\.000 s are promised"):
        read(path, {"duration": 2.0})


@pytest.mark.parametrize("kind", corpus.KINDS)
def test_flipped_bits_never_crash_and_never_shorten_in_silence(tmp_path, kind):
    path = corpus.write(tmp_path / f"a.{kind}", corpus.voice(32000, 8))
    content, whole = path.read_bytes(), len(read(path))
    random = np.random.default_rng(9)
    for _ in range(40):
        damaged = bytearray(content)
        at = random.integers(len(damaged))
        damaged[at : at + 8] = random.bytes(len(damaged[at : at + 8]))
        path.write_bytes(damaged)
        try:
            found = read(path)
        except ItemError:
            continue
        # A header's own count is all that anybody knows: where that was hit, it is believed.
        assert len(found) == whole or at < 200


def test_damaged_flac_is_what_soundfile_says_of_it(tmp_path, monkeypatch):
    """Or, where only soundfile gives up, what it was."""
    pytest.importorskip("miniaudio")
    path = corpus.write(tmp_path / "a.flac", corpus.voice(32000, 8))
    content, whole = path.read_bytes(), read(path)
    random = np.random.default_rng(3)
    for at in [*range(42), *random.integers(len(content), size=150)]:
        damaged = bytearray(content)
        damaged[at] ^= 1 << random.integers(8)
        path.write_bytes(damaged)
        found = outcome(path)
        with monkeypatch.context() as patch:
            patch.setattr(decoding, "flac", lambda file, otherwise: None)
            expected = outcome(path)
        same = type(found) is type(expected) and np.array_equal(found, expected)
        assert same or np.array_equal(found, whole), (at, found, expected)


def outcome(path):
    """Samples, or the code and the message of what is wrong."""
    try:
        return read(path)
    except ItemError as error:
        return str(error)


def test_durations_are_the_headers(tmp_path):
    for kind in corpus.KINDS:
        path = corpus.write(tmp_path / f"a.{kind}", corpus.voice(32000, 9))
        assert seconds_of(item(path)) == pytest.approx(2.0, abs=0.01)
    (tmp_path / "b.wav").write_bytes(b"nothing")
    assert seconds_of(item(tmp_path / "b.wav")) is None


# ---- arrays


def test_arrays_are_what_was_saved(tmp_path):
    save_file = pytest.importorskip("safetensors.numpy").save_file
    for dtype in (np.float16, np.float32, np.float64, ">f4"):
        x = np.random.default_rng(1).standard_normal((80, 7)).astype(dtype)
        np.save(tmp_path / "a.npy", np.asfortranarray(x))
        np.testing.assert_array_equal(load_array(item(tmp_path / "a.npy")), x)
        assert shape_of(item(tmp_path / "a.npy")) == (80, 7)
        if dtype != ">f4":
            save_file({"x": x, "y": x[:, :3].copy()}, tmp_path / "a.safetensors")
            found = load_array(item(tmp_path / "a.safetensors", member="y"))
            np.testing.assert_array_equal(found, x[:, :3])


def test_bad_arrays_have_their_codes(tmp_path):
    path = tmp_path / "a.npy"

    def code() -> str:
        with pytest.raises(ItemError) as caught:
            load_array(item(path))
        return caught.value.code

    for value, expected in (
        (np.zeros(5), "unsupported"),
        (np.zeros((2, 3, 4)), "unsupported"),
        (np.zeros((2, 3), complex), "unsupported"),
        (np.zeros((2, 3), int), "unsupported"),
        (np.zeros((80, 0)), "empty"),
        (np.array([[None]]), "not_audio"),
    ):
        np.save(path, value)
        assert code() == expected
    np.save(path, np.zeros((80, 100)))
    content = path.read_bytes()
    for keep, expected in ((0, "empty"), (1000, "truncated"), (30, "truncated")):
        path.write_bytes(content[:keep])
        assert code() == expected
    path.write_bytes(b"something else entirely")
    assert code() == "not_audio"
    path.unlink()
    assert code() == "not_found"

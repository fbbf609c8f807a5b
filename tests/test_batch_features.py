# SPDX-License-Identifier: Apache-2.0
"""Features of a batch: what the preset returns, whole or block by block."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import lapped
from lapped.batch.codes import ItemError
from lapped.batch.config import Config
from lapped.batch.spool import Spooled, pieces
from lapped.batch.work import work_of


def work(preset: str = "whisper-80", **options):
    return work_of(Config(preset=preset, output="out", **options))


def noise(samples: int, dtype=np.float32) -> np.ndarray:
    values = np.random.default_rng(samples).standard_normal(samples) * 0.1
    values[samples // 2 :] *= 1e-6  # below what a limited range keeps
    return (values * 32767).astype(dtype) if dtype == np.int16 else values.astype(dtype)


def in_blocks(x: np.ndarray, size: int):
    return (x[start : start + size] for start in range(0, len(x), size))


@pytest.mark.parametrize("dtype", [np.int16, np.float32])
@pytest.mark.parametrize("preset", lapped.presets())
def test_results_are_the_presets(preset, dtype):
    x = noise(5000, dtype)
    (found,) = work(preset)([x], [0])
    np.testing.assert_array_equal(found, lapped.preset(preset)(x))


@pytest.mark.parametrize("layout", ["ft", "tf"])
@pytest.mark.parametrize("dtype", [np.int16, np.float32])
@pytest.mark.parametrize("preset", lapped.presets())
def test_blocks_give_the_bits_of_the_whole(tmp_path, preset, dtype, layout):
    for samples, size in ((30011, 4096), (30011, 777), (9000, 100000), (2500, 100), (40000, 16000)):
        x, features = noise(samples, dtype), work(preset, layout=layout)
        (whole,) = features([x], [0])
        with features.stream(in_blocks(x, size), lambda *a: Spooled(tmp_path, *a), 0) as found:
            assert found.shape == whole.shape
            np.testing.assert_array_equal(np.asarray(found), whole)


def test_layout_and_dtype_are_the_runs():
    x = noise(8000)
    whole = lapped.preset("whisper-80")(x)
    (found,) = work(layout="tf", dtype="float16")([x], [0])
    assert found.dtype == np.float16
    np.testing.assert_array_equal(found, whole.T.astype(np.float16))


def test_one_short_input_is_nothing_to_the_others():
    short = work("kaldi-fbank")([noise(10), noise(5000)], [0, 0])
    assert isinstance(short[0], ItemError)
    assert short[0].code == "too_short"
    assert short[1].shape[0] == 80


def test_blocks_of_too_little_are_too_short(tmp_path):
    with pytest.raises(ItemError, match="too_short"):
        work("kaldi-fbank").stream(in_blocks(noise(10), 3), lambda *a: Spooled(tmp_path, *a), 0)


def test_threads_may_call_it_at_once():
    inputs = [noise(3000 + i) for i in range(40)]
    features = work()
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda x: features([x], [0])[0], inputs))
    for x, each in zip(inputs, found, strict=True):
        np.testing.assert_array_equal(each, lapped.preset("whisper-80")(x))


def test_a_spool_holds_what_was_written(tmp_path):
    values = np.arange(1000, dtype=np.float32).reshape(20, 50)
    with Spooled(tmp_path, values.shape, np.float16) as spooled:
        spooled.write(500, values[10:])
        spooled.write(0, values[:10])
        np.testing.assert_array_equal(np.asarray(spooled), values)
        joined = np.concatenate(list(spooled.pieces(64)))
        np.testing.assert_array_equal(joined, np.concatenate(list(pieces(values))))
        assert spooled.nbytes == 2000
    assert not list(tmp_path.iterdir())

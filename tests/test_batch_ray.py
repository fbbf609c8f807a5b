# SPDX-License-Identifier: Apache-2.0
"""The engine on Ray, on clusters of two workers that are started here; callables for others."""

import random

import numpy as np
import pytest

import lapped
import lapped.ray
from tests import batch_runs, corpus
from tests.test_batch_kill import killed_after
from tests.test_batch_safety import DOUBLES, marked

pytest.importorskip("soundfile")
ray = pytest.importorskip("ray")
pytest.importorskip("ray.data")

QUIET = {"RAY_USAGE_STATS_ENABLED": "0"}
MORE = ("--part-audio", "4s")
RAY = (*MORE, "--engine", "ray", "--ray-address", "local", "--workers", "2")


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("good")
    corpus.good(folder, 24, kinds=("wav", "flac", "ogg"))
    (folder / "d0" / "broken.wav").write_bytes(b"nothing")
    return folder


@pytest.fixture(scope="module")
def once(files, tmp_path_factory):
    output = tmp_path_factory.mktemp("once") / "out"
    assert batch_runs.run(files, output, *MORE).returncode == 1
    return output


def on_ray(inputs, output, *more, env=None):
    return batch_runs.run(inputs, output, *(more or RAY), env={**QUIET, **(env or {})})


def test_the_bytes_are_those_of_one_machine(files, once, tmp_path):
    done = on_ray(files, tmp_path / "out")
    assert done.returncode == 1, done.stderr
    assert batch_runs.contents(tmp_path / "out") == batch_runs.contents(once)
    assert batch_runs.codes(tmp_path / "out") == {"d0/broken.wav": "not_audio"}


def test_killed_at_random_and_begun_again(files, once, tmp_path, monkeypatch):
    for name, value in QUIET.items():
        monkeypatch.setenv(name, value)
    output, points, kills = tmp_path / "out", random.Random(1), 0
    while kills < 4:
        if killed_after(points.uniform(2.0, 7.0), files, output, *RAY):
            kills += 1
        else:  # it came to its end: from the beginning again
            assert batch_runs.contents(output) == batch_runs.contents(once)
            output = tmp_path / f"out{kills}"
    done = on_ray(files, output)
    assert done.returncode == 1, done.stderr
    assert batch_runs.contents(output) == batch_runs.contents(once)
    assert [row["seq"] for row in batch_runs.rows(output)] == list(range(25))


def test_a_decoder_that_crashes_is_a_row_of_the_ledger(files, tmp_path):
    marked(tmp_path / "bad", b"CRASH-AT-READ")
    done = on_ray([files / "d1", tmp_path / "bad"], tmp_path / "out", env=DOUBLES)
    assert done.returncode == 1, done.stderr
    assert batch_runs.codes(tmp_path / "out") == {"bad.wav": "decode_crash"}


def test_more_workers_than_the_cluster_has_are_refused(files, tmp_path):
    many = (*RAY[:-1], "2000")
    done = on_ray(files, tmp_path / "out", *many)
    assert done.returncode == 5
    assert "want 2000, and the cluster has" in done.stderr
    nobody = (*MORE, "--engine", "ray")
    done = on_ray(files, tmp_path / "out", *nobody, env={"RAY_ADDRESS": ""})
    assert done.returncode == 5
    assert "starts one here" in done.stderr


# ---- callables


def test_features_of_paths_bytes_and_samples(files):
    path = files / "d0" / "0000.wav"
    features = lapped.ray.Features("whisper-80")
    rows = features({"path": np.array([str(path), "missing.wav"], object)})
    assert list(rows["error"]) == ["", "not_found: there is no such file"]
    expected = rows["features"][0]
    content = {"bytes": np.array([path.read_bytes(), b"", b"text"], object)}
    rows = lapped.ray.Features("whisper-80", column="bytes")(content)
    np.testing.assert_array_equal(rows["features"][0], expected)
    assert [error.split(":")[0] for error in rows["error"]] == ["", "empty", "not_audio"]
    import soundfile

    samples = np.empty(1, object)
    samples[0] = soundfile.read(path, dtype="int16")[0]
    callable_ = lapped.ray.Features("whisper-80", column="audio")
    rows = callable_({"audio": samples, "sample_rate": np.array([16000])})
    np.testing.assert_array_equal(rows["features"][0], expected)
    assert "sample_rate" in callable_({"audio": samples})["error"][0]


def test_audio_of_features_and_of_models(files):
    pytest.importorskip("torch")
    path = str(files / "d0" / "0000.wav")
    rows = lapped.ray.Features("hifigan-22k")({"path": [path]})
    again = lapped.ray.Reconstruct("hifigan-22k", n_iter=2)
    audio = again({"features": rows["features"]})["audio"][0]
    expected = lapped.mel_to_audio(rows["features"][0], "hifigan-22k", n_iter=2)
    np.testing.assert_array_equal(audio, expected)
    pipeline = lapped.ray.Pipeline("tests.batch_models:Half", sample_rate=16000)
    rows = pipeline({"path": [path, "missing.wav"]})
    assert [len(a) > 0 for a in rows["audio"]] == [True, False]

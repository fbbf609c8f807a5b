# SPDX-License-Identifier: Apache-2.0
"""Runs over folders: every result exactly once and right, every bad input in the ledger."""

import json
import os

import numpy as np
import pytest

import lapped
from lapped import batch
from lapped.batch.audio import AudioSettings, decode
from lapped.batch.config import Config
from lapped.batch.engine.local import workers_of
from lapped.batch.items import Item
from tests import batch_runs, corpus

pytest.importorskip("soundfile")


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("good")
    corpus.good(folder, 30)
    return folder


@pytest.fixture(scope="module")
def once(files, tmp_path_factory):
    """A run of one thread, which others must equal."""
    output = tmp_path_factory.mktemp("once") / "out"
    done = batch_runs.run(files, output, "--threads", "1", "--part-audio", "6s")
    assert done.returncode == 0, done.stderr
    return output


def alone(path) -> np.ndarray:
    found = decode(Item(str(path), "name"), AudioSettings(16000))
    return lapped.preset(batch_runs.PRESET)(found.samples)


def test_every_result_is_the_presets_of_its_file(files, once):
    found = batch_runs.results(once)
    assert len(found) == 30
    for name, features in found.items():
        np.testing.assert_array_equal(features, alone(files / name), name)


def test_rows_are_in_the_order_of_the_inputs(files, once):
    names = [row["name"] for row in batch_runs.rows(once)]
    assert names == sorted(p.relative_to(files).as_posix() for p in files.rglob("*.*"))
    assert [row["seq"] for row in batch_runs.rows(once)] == list(range(30))


@pytest.mark.parametrize("threads", ["2", "8"])
def test_threads_do_not_change_a_byte(files, once, tmp_path, threads):
    batch_runs.run(files, tmp_path / "out", "--threads", threads, "--part-audio", "6s")
    assert batch_runs.contents(tmp_path / "out") == batch_runs.contents(once)


def test_little_memory_does_not_change_a_byte(files, once, tmp_path):
    done = batch_runs.run(files, tmp_path / "out", "--mem", "1M", "--part-audio", "6s")
    assert done.returncode == 0
    assert batch_runs.contents(tmp_path / "out") == batch_runs.contents(once)


def test_blocks_give_the_same_results(files, once, tmp_path):
    batch_runs.run(files, tmp_path / "out", "--stream-over", "0.5s", "--part-audio", "6s")
    whole = batch_runs.results(once)
    for name, features in batch_runs.results(tmp_path / "out").items():
        np.testing.assert_array_equal(features, whole[name], name)


def test_a_finished_run_is_left_alone(files, once):
    before = {p: p.stat().st_mtime_ns for p in (once / "parts").iterdir()}
    done = batch_runs.run(files, once, "--part-audio", "6s")
    assert done.returncode == 0
    assert "30 of 30 items" in done.stdout
    assert {p: p.stat().st_mtime_ns for p in (once / "parts").iterdir()} == before


def test_missing_parts_are_done_again_and_nothing_else(files, once, tmp_path):
    output = tmp_path / "out"
    batch_runs.run(files, output, "--part-audio", "6s")
    kept = output / "parts" / "part-000000.safetensors"
    before = kept.stat().st_mtime_ns
    (output / "parts" / "part-000001.index.jsonl").unlink()
    (output / "parts" / "part-000002.safetensors").unlink()
    assert batch_runs.run(files, output, "--part-audio", "6s").returncode == 0
    assert kept.stat().st_mtime_ns == before
    assert batch_runs.contents(output) == batch_runs.contents(once)


def test_shares_together_are_the_whole(files, once, tmp_path):
    output = tmp_path / "out"
    more = ("--part-audio", "6s", "--of")
    first = batch_runs.run(files, output, *more, "1/2")
    assert "parts are done" in first.stdout
    assert batch_runs.run(files, output, *more, "2/2").returncode == 0
    assert batch_runs.contents(output) == batch_runs.contents(once)
    assert batch_runs.summary(output)["items"] == 30


def test_duplicates_count_once(files, tmp_path):
    path = files / "d0" / "0000.wav"
    done = batch_runs.run([path, path, files / "d0"], tmp_path / "out")
    assert done.returncode == 0
    assert batch_runs.summary(tmp_path / "out")["items"] == 10
    assert batch_runs.summary(tmp_path / "out")["duplicates"] == 2


# ---- what is bad


@pytest.fixture(scope="module")
def bad(tmp_path_factory):
    """A run over good files, files that look bad, and bad ones."""
    folder = tmp_path_factory.mktemp("mixed")
    corpus.good(folder / "good", 10)
    codes = corpus.bad(folder / "bad")
    odd = corpus.odd_but_good(folder / "odd")
    output = folder / "out"
    done = batch_runs.run(folder / "good", output, "--part-audio", "5s")
    inputs = [folder / name for name in ("good", "bad", "odd")]
    mixed = folder / "mixed"
    done = batch_runs.run(inputs, mixed, "--part-audio", "5s")
    return folder, codes, odd, done


def test_every_bad_file_ends_with_its_code(bad):
    folder, codes, _, done = bad
    assert done.returncode == 1
    assert batch_runs.codes(folder / "mixed") == codes
    assert done.stderr == ""


def test_neighbours_of_bad_files_are_untouched(bad):
    folder, _, odd, _ = bad
    found = batch_runs.results(folder / "mixed")
    for name, features in batch_runs.results(folder / "out").items():
        np.testing.assert_array_equal(features, found[name])
    assert {os.fsencode(name) for name in found if "/" not in name} == set(odd)


def test_odd_names_give_what_plain_ones_give(bad):
    folder, _, _, _ = bad
    found = batch_runs.results(folder / "mixed")
    np.testing.assert_array_equal(found["-dash.wav"], found[os.fsdecode(b"latin-\xe9\xff.wav")])
    np.testing.assert_array_equal(found["streamed.wav"], found["same.wav"])


def test_errors_are_listed(bad):
    folder, codes, _, _ = bad
    listed = batch_runs.call("errors", folder / "mixed", "--csv").stdout.splitlines()
    assert len(listed) == 1 + len(codes)
    only = batch_runs.call("errors", folder / "mixed", "--code", "nonfinite").stdout.splitlines()
    assert len(only) == 2
    lines = (folder / "mixed" / "errors.jsonl").read_text().splitlines()
    assert {json.loads(line)["code"] for line in lines} == set(codes.values())


def test_a_file_that_was_mended_is_retried(tmp_path):
    files = tmp_path / "files"
    corpus.good(files, 6, kinds=("wav",))
    broken = files / "d0" / "0000.wav"
    content = broken.read_bytes()
    broken.write_bytes(content[:1000])
    output = tmp_path / "out"
    assert batch_runs.run(files, output, "--part-audio", "2s").returncode == 1
    before = batch_runs.contents(output)
    broken.write_bytes(content)
    done = batch_runs.call("retry", output)
    assert done.returncode == 0, done.stderr
    assert batch_runs.codes(output) == {}
    assert len(batch_runs.results(output)) == 6
    after = batch_runs.contents(output)
    assert after["part-000001.safetensors"] == before["part-000001.safetensors"]


def test_a_file_that_changed_since_the_plan_is_an_error_until_retried(tmp_path):
    files = tmp_path / "files"
    corpus.good(files, 4, kinds=("wav",))
    output = tmp_path / "out"
    batch_runs.run(files, output, "--plan-only")
    corpus.write(files / "d0" / "0000.wav", corpus.voice(9000, 99))
    assert batch_runs.run(files, output).returncode == 1
    assert batch_runs.codes(output) == {"d0/0000.wav": "changed"}
    assert batch_runs.call("retry", output, "--code", "changed").returncode == 0
    found = batch_runs.results(output)["d0/0000.wav"]
    np.testing.assert_array_equal(found, alone(files / "d0" / "0000.wav"))


def test_too_long_and_too_short(tmp_path):
    corpus.write(tmp_path / "files" / "long.wav", corpus.voice(5 * 16000, 0))
    corpus.write(tmp_path / "files" / "short.wav", corpus.voice(20, 0))
    corpus.write(tmp_path / "files" / "good.wav", corpus.voice(16000, 0))
    more = ("--preset", "kaldi-fbank", "--max-item", "3s")
    batch_runs.run(tmp_path / "files", tmp_path / "out", *more)
    assert batch_runs.codes(tmp_path / "out") == {"long.wav": "too_long", "short.wav": "too_short"}


def test_too_many_errors_stop_the_run(tmp_path):
    corpus.good(tmp_path / "files", 10, kinds=("wav",))
    for i in range(0, 10, 2):
        (tmp_path / "files" / f"bad{i}.wav").write_bytes(b"no sound at all")
    done = batch_runs.run(tmp_path / "files", tmp_path / "out", "--max-errors", "2")
    assert done.returncode == 4
    assert "max_errors='2'" in done.stderr
    done = batch_runs.run(tmp_path / "files", tmp_path / "out", "--max-errors", "50%")
    assert done.returncode == 1


# ---- from Python


def test_python_says_what_the_command_says(files, tmp_path):
    done = batch.run("features", [files], tmp_path / "out", preset="whisper-80", progress="none")
    assert (done.items, done.errors, done.complete, int(done.exit_code)) == (30, 0, True, 0)
    state = batch.status(tmp_path / "out")
    assert not state.running
    assert state.summary.items == state.items_planned == 30
    assert batch.verify(tmp_path / "out", deep=True) == []
    assert list(batch.errors(tmp_path / "out")) == []


def test_wrong_calls_name_argument_and_value(files, tmp_path):
    for options, words in (
        ({"preset": "whisper-81"}, "whisper-81"),
        ({"preset": "whisper-80", "format": "mp5"}, "format='mp5'"),
        ({"preset": "whisper-80", "threads": 0}, "threads=0"),
        ({"preset": "whisper-80", "thread": 1}, "thread"),
        ({"preset": "whisper-80", "format": "wav"}, "format='wav'"),
        ({"preset": "whisper-80", "mem": "much"}, "mem='much'"),
    ):
        with pytest.raises((ValueError, TypeError), match=words):
            batch.run("features", [files], tmp_path / "out", **options)
    assert not (tmp_path / "out").exists()
    (tmp_path / "nothing").mkdir()
    with pytest.raises(ValueError, match="holds no audio file"):
        batch.run("features", [tmp_path / "nothing"], tmp_path / "out", preset="whisper-80")


@pytest.mark.parametrize("name", batch.__all__)
def test_no_module_hides_a_public_name(name):
    assert callable(getattr(batch, name))


# ---- workers


def test_features_have_a_worker_for_every_few_threads():
    def count(devices=("cpu",), parts=99, **options):
        config = Config(**{"preset": "whisper-80", "threads": 16} | options)
        return len(workers_of(config, list(devices), parts))

    assert count() == 4
    assert count(threads=3) == 1
    assert count(mem=1 << 30) == 2
    assert count(mem=1 << 20) == 1
    assert count(parts=3) == 3
    assert count(parts=0) == 1
    assert count(devices=("cuda:0", "cuda:1")) == 4
    assert count(devices=[f"cuda:{i}" for i in range(8)]) == 8
    assert count(work="pipeline", setting="waveform", model="a:b") == 1  # which it would load twice

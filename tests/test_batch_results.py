# SPDX-License-Identifier: Apache-2.0
"""Results as they are written and exported, read back by the libraries they are for."""

import json
import os

import numpy as np
import pytest

from lapped import batch
from lapped.batch.record import commit
from tests import batch_runs, corpus

soundfile = pytest.importorskip("soundfile")


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("good")
    corpus.good(folder, 8, kinds=("wav", "flac"))
    (folder / "d0" / "broken.wav").write_bytes(b"nothing")
    return folder


@pytest.fixture(scope="module")
def features(files, tmp_path_factory):
    output = tmp_path_factory.mktemp("run") / "out"
    batch_runs.run(files, output, "--part-audio", "3s")
    return output


@pytest.fixture(scope="module")
def audio(features, tmp_path_factory):
    """Audio again, of those features."""
    output = tmp_path_factory.mktemp("run") / "out"
    more = ("--preset", "whisper-80", "--n-iter", "2", "--part-audio", "3s")
    done = batch_runs.run(features, output, *more, work="reconstruct")
    assert done.returncode == 0, done.stderr
    return output


def by_id(output) -> dict[str, np.ndarray]:
    found = batch_runs.results(output)
    return {r["id"]: found[r["name"]] for r in batch_runs.rows(output) if r["status"] == "ok"}


def assert_same(found: dict, expected: dict) -> None:
    assert set(found) == set(expected)
    for key, value in expected.items():
        np.testing.assert_array_equal(found[key], value, key)


# ---- as a run writes them


def written(files, tmp_path, form, *more):
    done = batch_runs.run(files, tmp_path / "out", "--part-audio", "3s", "--format", form, *more)
    assert done.returncode == 1, done.stderr
    return tmp_path / "out" / "parts"


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_safetensors(files, features, tmp_path, dtype):
    load_file = pytest.importorskip("safetensors.numpy").load_file
    parts = written(files, tmp_path, "safetensors", "--dtype", dtype)
    found = {k: v for path in parts.glob("*.safetensors") for k, v in load_file(path).items()}
    assert_same(found, {k: v.astype(dtype) for k, v in by_id(features).items()})


def test_parquet(files, features, tmp_path):
    read_table = pytest.importorskip("pyarrow.parquet").read_table
    rows = [
        row
        for path in written(files, tmp_path, "parquet").glob("*.parquet")
        for row in read_table(path).to_pylist()
    ]
    found = {r["id"]: np.frombuffer(r["values"], r["dtype"]).reshape(r["shape"]) for r in rows}
    assert_same(found, by_id(features))


def test_ark(files, features, tmp_path):
    kaldiio = pytest.importorskip("kaldiio")
    tables = written(files, tmp_path, "ark").glob("*.scp")
    found = {k: v for path in tables for k, v in kaldiio.load_scp(str(path)).items()}
    assert_same(found, {k: v.T for k, v in by_id(features).items()})
    assert_same(by_id(tmp_path / "out"), by_id(features))


def test_tar(files, features, tmp_path):
    webdataset = pytest.importorskip("webdataset")
    paths = sorted(map(str, written(files, tmp_path, "tar").glob("*.tar")))
    samples = webdataset.WebDataset(paths, shardshuffle=False).decode()
    found = {sample["json"]["id"]: sample["npy"] for sample in samples}
    assert_same(found, by_id(features))


def test_npy_in_parts_and_mirrored(files, features, tmp_path):
    parts = written(files, tmp_path, "npy")
    found = {path.stem: np.load(path) for path in parts.rglob("*.npy")}
    assert_same(found, by_id(features))
    mirror = tmp_path / "mirror"
    batch_runs.run(files, mirror, "--mirror")
    for name, value in batch_runs.results(features).items():
        np.testing.assert_array_equal(np.load(mirror / f"{name}.npy"), value)


@pytest.mark.parametrize(("form", "least"), [("wav", 0.0), ("flac", 2.0**-22)])
def test_audio_files(audio, features, tmp_path, form, least):
    more = ("--preset", "whisper-80", "--n-iter", "2", "--format", form, "--mirror")
    output = tmp_path / "out"
    assert batch_runs.run(features, output, *more, work="reconstruct").returncode == 0
    for name, expected in batch_runs.results(audio).items():
        names = (name if name.endswith(form) else f"{name}.{form}",)
        samples, rate = soundfile.read(output / names[0], dtype="float32")
        assert rate == 16000
        np.testing.assert_allclose(samples, np.clip(expected, -1, 1 - 2**-23), atol=least)


# ---- exported


def exported(output, tmp_path, to):
    done = batch_runs.call("export", output, "--to", to, "-o", tmp_path / to)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"8 results in {tmp_path / to}\n"
    assert done.stderr == ""
    return tmp_path / to


def test_export_to_kaldi(features, audio, tmp_path):
    kaldiio = pytest.importorskip("kaldiio")
    folder = exported(features, tmp_path, "kaldi")
    found = dict(kaldiio.load_scp(str(folder / "feats.scp")).items())
    assert_same(found, {k: v.T for k, v in by_id(features).items()})
    lines = (folder / "utt2dur").read_text().splitlines()
    assert lines == sorted(lines)
    (tmp_path / "again").mkdir()
    folder = exported(audio, tmp_path / "again", "kaldi")
    for key, (rate, samples) in kaldiio.load_scp(str(folder / "wav.scp")).items():
        assert rate == 16000
        expected = np.clip(by_id(audio)[key], -1, 1)
        np.testing.assert_allclose(samples / 32768, expected, atol=2.0**-15)


def test_export_to_lhotse(features, audio, tmp_path):
    lhotse = pytest.importorskip("lhotse")
    cuts = list(lhotse.CutSet.from_file(exported(features, tmp_path, "lhotse") / "cuts.jsonl.gz"))
    expected = by_id(features)
    for cut in cuts:
        np.testing.assert_array_equal(cut.features.load(), expected[cut.id].T)
    (tmp_path / "again").mkdir()
    folder = exported(audio, tmp_path / "again", "lhotse")
    for cut in lhotse.CutSet.from_file(folder / "cuts.jsonl.gz"):
        np.testing.assert_array_equal(cut.load_audio()[0], by_id(audio)[cut.id])


def test_export_to_parquet(features, audio, tmp_path):
    read_table = pytest.importorskip("pyarrow.parquet").read_table
    rows = read_table(exported(features, tmp_path, "parquet")).to_pylist()
    assert_same({r["id"]: np.array(r["features"], np.float32) for r in rows}, by_id(features))
    (tmp_path / "again").mkdir()
    rows = read_table(exported(audio, tmp_path / "again", "parquet")).to_pylist()
    assert all(row["audio"]["bytes"][:4] == b"RIFF" for row in rows)


def test_export_to_webdataset(features, tmp_path):
    webdataset = pytest.importorskip("webdataset")
    paths = sorted(map(str, exported(features, tmp_path, "webdataset").glob("*.tar")))
    samples = webdataset.WebDataset(paths, shardshuffle=False).decode()
    assert_same({s["json"]["id"]: s["npy"] for s in samples}, by_id(features))


def test_export_to_npy(features, tmp_path):
    folder = exported(features, tmp_path, "npy")
    for name, value in batch_runs.results(features).items():
        np.testing.assert_array_equal(np.load(folder / f"{name}.npy"), value)
    assert len((folder / "manifest.csv").read_text().splitlines()) == 9


def test_export_to_zarr(features, audio, tmp_path):
    zarr = pytest.importorskip("zarr")
    group = zarr.open_group(str(exported(features, tmp_path, "zarr")), mode="r")
    offsets, ids = group["offsets"][:], group["ids"][:]
    found = {str(key): group["values"][offsets[i] : offsets[i + 1]].T for i, key in enumerate(ids)}
    assert_same(found, by_id(features))


def test_export_refuses_what_exists_and_what_is_no_run(features, tmp_path):
    (tmp_path / "there").mkdir()
    done = batch_runs.call("export", features, "--to", "npy", "-o", tmp_path / "there")
    assert done.returncode == 2
    assert "exists already" in done.stderr
    done = batch_runs.call("export", tmp_path / "there", "--to", "npy", "-o", tmp_path / "new")
    assert done.returncode == 3
    with pytest.raises(ValueError, match="to='hdf5' must be one of kaldi"):
        batch.export(features, tmp_path / "new", "hdf5")


# ---- what a run says


def test_manifest_holds_every_item_in_order(files, features):
    read_table = pytest.importorskip("pyarrow.parquet").read_table
    rows = read_table(features / "manifest.parquet").to_pylist()
    assert [row["seq"] for row in rows] == list(range(9))
    assert [row["code"] for row in rows if row["status"] == "error"] == ["not_audio"]
    assert all(row["shape"][0] == 80 for row in rows if row["status"] == "ok")


def test_progress_as_json_is_json(files, tmp_path):
    done = batch_runs.run(files, tmp_path / "out", "--progress", "json")
    last = json.loads(done.stderr.splitlines()[-1])
    assert (last["items"], last["items_total"], last["errors"]) == (9, 9, 1)
    assert set(last["share"]) == {"decode", "kernel", "write"}


def test_options_come_from_toml_and_the_command_line_wins(files, tmp_path):
    (tmp_path / "run.toml").write_text(
        f'inputs = ["{files}"]\npreset = "whisper-80"\nformat = "npy"\npart-audio = "2s"\n'
    )
    words = ("run", "features", "--config", tmp_path / "run.toml", "-o", tmp_path / "out")
    done = batch_runs.call(*words, "--preset", "whisper-128", "--progress", "none")
    assert done.returncode == 1, done.stderr
    assert {v.shape[0] for v in batch_runs.results(tmp_path / "out").values()} == {128}
    again = batch_runs.call(*words, "--config", tmp_path / "out" / "run.toml")
    assert again.returncode == 1, again.stderr


def test_a_log_names_what_failed(files, tmp_path):
    batch_runs.run(files, tmp_path / "out", "--log", str(tmp_path / "log.txt"))
    assert "broken.wav: not_audio" in (tmp_path / "log.txt").read_text()


@pytest.mark.skipif(not hasattr(os, "posix_fadvise"), reason="the system has no such advice")
@pytest.mark.parametrize(
    ("size", "read_soon", "leaves"),
    [(2**20, False, True), (2**20 - 1, False, False), (2**21, True, False)],
)
def test_large_results_leave_the_cache(tmp_path, monkeypatch, size, read_soon, leaves):
    advised = []
    monkeypatch.setattr(os, "posix_fadvise", lambda *arguments: advised.append(arguments[1:]))
    temporary, final = tmp_path / "a.tmp", tmp_path / "a"
    temporary.write_bytes(bytes(size))
    commit.replace([(temporary, final)], read_soon=read_soon)
    assert final.stat().st_size == size
    assert advised == [(0, 0, os.POSIX_FADV_DONTNEED)] * leaves

# SPDX-License-Identifier: Apache-2.0
"""What people name, and the items it stands for."""

import csv
import gzip
import io
import json
import os
import tarfile

import numpy as np
import pytest

from lapped.batch import sources
from lapped.batch.audio import AudioSettings, decode
from lapped.batch.codes import ItemError
from lapped.batch.items import Item
from lapped.batch.sources import Broken, Selection
from tests import batch_runs, corpus

pytest.importorskip("soundfile")


def found(*inputs, **selection) -> list:
    return list(sources.expand(inputs, Selection(**selection)))


def names(*inputs, **selection) -> list[str]:
    return [each.name if isinstance(each, Item) else each.item.name for each in
            found(*inputs, **selection)]  # fmt: skip


@pytest.fixture
def files(tmp_path):
    return corpus.good(tmp_path / "files", 6, kinds=("wav", "flac"))


def test_a_folder_is_searched_and_sorted_by_the_bytes_of_its_names(tmp_path, files):
    (tmp_path / "files" / "notes.txt").write_text("not audio")
    corpus.write(tmp_path / "files" / "Z.wav", corpus.voice(100, 0))
    folder = tmp_path / "files"
    expected = sorted(os.fsencode(p.relative_to(folder)) for p in folder.rglob("*.[wf]*"))
    assert [os.fsencode(name) for name in names(folder)] == expected


def test_links_are_followed_and_circles_are_not(tmp_path, files):
    (tmp_path / "files" / "d0" / "up").symlink_to(tmp_path / "files")
    (tmp_path / "files" / "other").symlink_to(tmp_path / "files" / "d1")
    assert len(found(tmp_path / "files")) == 6 + 2


def test_globs_and_braces(tmp_path, files):
    assert len(found(f"{tmp_path}/files/**/*.wav")) == 3
    assert names(f"{tmp_path}/files/d0/*.wav") == ["0000.wav"]
    tars = [tmp_path / f"shard-{i:03d}.tar" for i in range(3)]
    for path in tars:
        tar_of(path, files[:2])
    braced = found(f"{tmp_path}/shard-{{000..002}}.tar")
    assert [each.uri for each in braced] == [str(p) for p in tars for _ in range(2)]


@pytest.mark.parametrize("separator", [b"\n", b"\0", b"\r\n"])
def test_a_list_on_standard_input(files, separator):
    content = separator.join(os.fsencode(path) for path in files) + separator
    assert [each.uri for each in found("-", stdin=io.BytesIO(content))] == list(map(str, files))


def test_the_command_reads_a_list(tmp_path, files):
    listed = "\n".join(map(str, files))
    done = batch_runs.run("-", tmp_path / "out", input=listed)
    assert done.returncode == 0, done.stderr
    assert len(batch_runs.results(tmp_path / "out")) == 6


def test_what_is_not_there_is_broken_and_not_an_end(tmp_path, files):
    missing, *rest = found(tmp_path / "missing.wav", *files)
    assert isinstance(missing, Broken)
    assert missing.code == "not_found"
    assert len(rest) == 6


# ---- manifests


def write_rows(path, rows):
    if path.suffix == ".csv":
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, rows[0])
            writer.writeheader()
            writer.writerows(rows)
    elif path.suffix == ".parquet":
        pa = pytest.importorskip("pyarrow")
        pytest.importorskip("pyarrow.parquet").write_table(pa.Table.from_pylist(rows), path)
    else:
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
def test_manifests_name_ids_and_stretches(tmp_path, files, form):
    rows = [
        {"id": "first", "path": str(files[0]), "start": 0.1, "end": 0.3, "channel": 0},
        {"id": "second", "path": "files/d1/0001.flac", "start": 0.0, "end": 0.25, "channel": 0},
    ]
    first, second = found(write_rows(tmp_path / f"list.{form}", rows))
    assert (first.id, first.start, first.end, first.duration) == ("first", 0.1, 0.3, 0.3 - 0.1)
    assert second.uri == str(files[1])
    settings = AudioSettings()
    whole = decode(Item(str(files[0]), "x"), settings).samples
    np.testing.assert_array_equal(decode(first, settings).samples, whole[1600:4800])


def test_columns_by_other_names(tmp_path, files):
    rows = [{"clip": str(files[0]), "utterance": "u1"}]
    path = write_rows(tmp_path / "list.csv", rows)
    (item,) = found(path, path_col="clip", id_col="utterance")
    assert (item.uri, item.id) == (str(files[0]), "u1")


def test_nemo_manifests(tmp_path, files):
    rows = [{"audio_filepath": str(files[0]), "offset": 0.1, "duration": 0.2, "text": "hello"}]
    (item,) = found(write_rows(tmp_path / "nemo.json", rows))
    assert (item.start, item.end) == (0.1, 0.1 + 0.2)


def test_manifests_of_lhotse_itself(tmp_path, files):
    lhotse = pytest.importorskip("lhotse")
    recordings = [lhotse.Recording.from_file(path) for path in files[:3]]
    path = tmp_path / "recordings.jsonl.gz"
    lhotse.RecordingSet.from_recordings(recordings).to_file(path)
    items = found(path)
    assert [item.uri for item in items] == [str(path) for path in files[:3]]
    assert [item.id for item in items] == [recording.id for recording in recordings]
    cut = recordings[0].to_cut().truncate(offset=0.1, duration=0.2)
    cuts = tmp_path / "cuts.jsonl.gz"
    lhotse.CutSet.from_cuts([cut]).to_file(cuts)
    (item,) = found(cuts)
    assert (item.start, round(item.end, 9), item.channel) == (0.1, 0.3, 0)
    theirs = (cut.load_audio()[0] * 32768).astype(np.int16)
    np.testing.assert_array_equal(decode(item, AudioSettings()).samples, theirs)


def test_bad_lines_are_broken_and_their_neighbours_are_not(tmp_path, files):
    path = tmp_path / "list.jsonl"
    lines = [
        json.dumps({"path": str(files[0])}),
        "{ torn",
        json.dumps({"other": 1}),
        json.dumps([1, 2]),
        json.dumps({"path": str(files[1]), "start": 2, "end": 1}),
        json.dumps({"path": str(files[1])}),
    ]
    path.write_text("\n".join(lines))
    kinds = [isinstance(each, Broken) for each in found(path)]
    assert kinds == [False, True, True, True, True, False]


def test_a_torn_gzip_is_broken_at_its_end(tmp_path, files):
    rows = "".join(json.dumps({"path": str(files[0]), "id": str(i)}) + "\n" for i in range(9999))
    content = gzip.compress(rows.encode())
    (tmp_path / "torn.jsonl.gz").write_bytes(content[: len(content) // 2])
    items = found(tmp_path / "torn.jsonl.gz")
    assert isinstance(items[-1], Broken)
    assert len(items) > 10


def test_two_inputs_with_one_id_are_an_error_of_the_second(tmp_path, files):
    rows = [{"id": "same", "path": str(files[0])}, {"id": "same", "path": str(files[1])}]
    path = write_rows(tmp_path / "list.jsonl", rows)
    assert batch_runs.run(path, tmp_path / "out").returncode == 1
    (row,) = [r for r in batch_runs.rows(tmp_path / "out") if r["status"] == "error"]
    assert row["code"] == "unsupported"
    assert "'same'" in row["message"]


# ---- archives


def tar_of(path, files, cut=None):
    with tarfile.open(path, "w") as tar:
        for file in files:
            tar.add(file, arcname=file.name)
            info = tarfile.TarInfo(file.stem + ".txt")
            tar.addfile(info, io.BytesIO())
    if cut:
        path.write_bytes(path.read_bytes()[:cut])
    return path


def test_tars_give_what_their_files_give(tmp_path, files):
    path = tar_of(tmp_path / "shard.tar", files)
    items = found(path)
    assert [item.name for item in items] == [file.name for file in files]
    for item, file in zip(items, files, strict=True):
        expected = decode(Item(str(file), "x"), AudioSettings()).samples
        np.testing.assert_array_equal(decode(item, AudioSettings()).samples, expected)


def test_tars_are_run_over(tmp_path, files):
    tar_of(tmp_path / "shard.tar", files)
    assert batch_runs.run(tmp_path / "shard.tar", tmp_path / "out").returncode == 0
    assert set(batch_runs.results(tmp_path / "out")) == {file.name for file in files}


def test_a_cut_tar_loses_what_was_cut(tmp_path, files):
    size = tar_of(tmp_path / "whole.tar", files).stat().st_size
    tar_of(tmp_path / "cut.tar", files, cut=size * 2 // 3)
    assert batch_runs.run(tmp_path / "cut.tar", tmp_path / "out").returncode == 1
    assert set(batch_runs.codes(tmp_path / "out").values()) == {"truncated"}
    assert batch_runs.results(tmp_path / "out")


def test_parquet_with_audio_in_it(tmp_path, files):
    rows = [
        {"id": f"u{i}", "audio": {"bytes": file.read_bytes(), "path": file.name}}
        for i, file in enumerate(files)
    ]
    rows.append({"id": "none", "audio": {"bytes": None, "path": "gone.wav"}})
    items = found(write_rows(tmp_path / "hf.parquet", rows))
    assert [item.id for item in items] == [*(f"u{i}" for i in range(6)), "none"]
    for item, file in zip(items, files, strict=False):
        expected = decode(Item(str(file), "x"), AudioSettings()).samples
        np.testing.assert_array_equal(decode(item, AudioSettings()).samples, expected)
    with pytest.raises(ItemError, match="empty"):
        decode(items[-1], AudioSettings())


# ---- other file systems


def test_urls_through_fsspec(tmp_path, files):
    fsspec = pytest.importorskip("fsspec")
    memory = fsspec.filesystem("memory")
    for file in files:
        memory.pipe(f"/lapped-test/{file.name}", file.read_bytes())
    memory.pipe("/lapped-test/notes.txt", b"not audio")
    items = found("memory://lapped-test")
    assert [item.name for item in items] == sorted(file.name for file in files)
    assert len(found("memory://lapped-test/*.wav")) == 3
    by_name = {file.name: file for file in files}
    for item in items:
        expected = decode(Item(str(by_name[item.name]), "x"), AudioSettings()).samples
        np.testing.assert_array_equal(decode(item, AudioSettings()).samples, expected)
    (broken,) = found("memory://lapped-test/missing.wav")
    assert broken.code == "not_found"


def test_a_file_url_is_its_file(tmp_path, files):
    assert found(f"file://{files[0]}") == found(files[0])


# ---- arrays


def test_arrays_of_folders_and_of_safetensors(tmp_path):
    save_file = pytest.importorskip("safetensors.numpy").save_file
    np.save(tmp_path / "a.npy", np.zeros((80, 3), np.float32))
    save_file({"b": np.ones((80, 4), np.float32)}, tmp_path / "t.safetensors")
    (tmp_path / "torn.safetensors").write_bytes(b"\xff" * 30)
    assert names(tmp_path, kind="array") == ["a.npy", "t.safetensors/b", "torn.safetensors"]
    (tmp_path / "plan").mkdir()


def test_the_folder_of_a_run_is_its_results(tmp_path, files):
    batch_runs.run(tmp_path / "files", tmp_path / "mel", "--preset", "hifigan-22k")
    items = found(tmp_path / "mel", kind="array")
    assert sorted(item.name for item in items) == sorted(names(tmp_path / "files"))
    assert all(item.duration for item in items)

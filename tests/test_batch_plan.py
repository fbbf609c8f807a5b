# SPDX-License-Identifier: Apache-2.0
"""Options, units, the plan, and the index that makes a part done."""

import json
import os
import subprocess
import sys
from dataclasses import replace

import pytest

pytest.importorskip("pyarrow")
from lapped.batch.codes import CODES, EnvironmentFailed, ItemError, Refused
from lapped.batch.config import Config, from_dict
from lapped.batch.items import Item
from lapped.batch.record import commit, index, lock, plan
from lapped.batch.record.checksum import checksum_of, checksum_of_file
from lapped.batch.record.columns import table_of
from lapped.batch.record.layout import Layout
from lapped.batch.record.uniqueness import Seen
from lapped.batch.units import seconds, size


def config(**options) -> Config:
    return Config(**{"preset": "whisper-80", "output": "somewhere", **options})


def item(name: str, **more) -> Item:
    return Item(uri=f"/audio/{name}", name=name, **more)


# ---- options


@pytest.mark.parametrize(
    ("text", "value"),
    [(90, 90), ("90", 90), ("1.5m", 90), ("1h30m", 5400), ("1 h 5 s", 3605), ("250ms", 0.25)],
)
def test_durations(text, value):
    assert seconds("x", text) == value


@pytest.mark.parametrize("text", ["", "m", "-1", "1x", "1h-", "nan", "inf", True, None, "1..2s"])
def test_what_is_no_duration(text):
    with pytest.raises(ValueError, match=r"part_audio=.* must be a duration"):
        seconds("part_audio", text)


@pytest.mark.parametrize(
    ("text", "value"), [(7, 7), ("4G", 4 << 30), ("1.5K", 1536), ("2MiB", 2 << 20)]
)
def test_sizes(text, value):
    assert size("mem", text) == value


@pytest.mark.parametrize("text", ["", "0", "-1", "4X", "G", "nan"])
def test_what_is_no_size(text):
    with pytest.raises(ValueError, match=r"mem=.* must be a size"):
        size("mem", text)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"preset": "whisper"}, "whisper"),
        ({"preset": ""}, "preset='' must be one of"),
        ({"format": "mp3"}, "format='mp3' must be one of"),
        ({"format": "wav"}, "is for audio"),
        ({"work": "reconstruct", "format": "ark"}, "for audio"),
        ({"work": "pipeline"}, "model='' must name a model"),
        ({"mirror": True, "format": "parquet"}, "mirror=True cannot go with"),
        ({"part_items": 0}, "part_items=0 must be at least 1"),
        ({"threads": 0}, "threads=0 must be at least 1"),
        ({"n_iter": -1}, "n_iter=-1 must be at least 0"),
        ({"dtype": "float64"}, "dtype='float64' must be one of"),
        ({"channel": "left"}, "channel='left' must be"),
        ({"max_errors": "some"}, "max_errors='some' must be"),
        ({"of": "3/2"}, "of='3/2' must be"),
        ({"device": "gpu"}, "device='gpu' must be"),
    ],
)
def test_wrong_options_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        config(**options)


@pytest.mark.parametrize("options", [{"part_items": "many"}, {"mirror": 1}, {"workers": 1.5}])
def test_options_of_a_wrong_type_are_named(options):
    with pytest.raises(TypeError, match=next(iter(options))):
        config(**options)


def test_unknown_options_are_refused():
    with pytest.raises(ValueError, match="parts='x' is no option"):
        from_dict({"parts": "x"})


def test_options_survive_their_own_form():
    told = config(chunk=None, inputs=["a"], part_audio="1h", work="features")
    assert from_dict(json.loads(json.dumps(told.as_dict()))) == told


def test_fingerprints_know_what_decides():
    base = config()
    assert (
        base.fingerprint()
        == config(threads=3, mem="1G", device="cuda", progress="none").fingerprint()
    )
    for change in (
        {"preset": "whisper-128"},
        {"dtype": "float16"},
        {"resample": "vhq"},
        {"format": "npy"},
    ):
        assert config(**change).fingerprint() != base.fingerprint()
    assert base.fingerprint(inputs=["a"]) != base.fingerprint(inputs=["b"])
    assert config(format="safetensors").fingerprint() == base.fingerprint()


# ---- items


def test_ids_tell_apart_what_differs():
    one = item("a.wav")
    others = [
        item("b.wav"),
        item("a.wav", member="x"),
        item("a.wav", start=1.0),
        item("a.wav", channel=1),
    ]
    assert len({one.id, *(other.id for other in others)}) == 5
    assert replace(one, size=5, mtime_ns=3, name="other").id == one.id
    assert item("a.wav", own_id="mine").id == "mine"


def test_every_code_is_known():
    for code in CODES:
        assert ItemError(code, "text").code == code
    with pytest.raises(ValueError, match="code='nonsense'"):
        ItemError("nonsense", "text")


# ---- plan


def planned(tmp_path, found, **options) -> plan.Plan:
    layout = Layout(tmp_path)
    return plan.write(layout, config(**options), "f" * 32, found)


def test_parts_hold_as_much_audio_as_they_may(tmp_path):
    found = [item(f"{i}.wav", duration=10.0) for i in range(10)]
    made = planned(tmp_path, found, part_audio=35)
    assert [len(made.part(part)) for part in range(4)] == [3, 3, 3, 1]
    assert made.totals.items == 10
    assert made.totals.audio_s == 100
    assert [each.item for each in made] == found
    assert [each.seq for part in range(4) for each in made.part(part)] == list(range(10))


def test_parts_hold_no_more_items_than_they_may(tmp_path):
    made = planned(tmp_path, [item(f"{i}.wav", duration=0.0) for i in range(9001)], part_items=2000)
    assert [len(made.part(part)) for part in range(5)] == [2000] * 4 + [1001]  # across row groups


def test_items_of_any_name_survive(tmp_path):
    odd = [
        os.fsdecode(b"\xff\xfe.wav"),
        "\u202eevil.wav",
        "a\nb.wav",
        "-x.wav",
        "\N{SNOWMAN}.wav",
        "x" * 255,
    ]
    found = [
        item(name, member=name, start=0.5, end=2.0, channel=1, offset=512, size=3) for name in odd
    ]
    assert [each.item for each in planned(tmp_path, found)] == found


def test_an_input_counts_once(tmp_path):
    made = planned(tmp_path, [item("a.wav"), item("b.wav"), item("a.wav")])
    assert [each.item.name for each in made] == ["a.wav", "b.wav"]
    assert made.totals.duplicates == 1


def test_two_inputs_with_one_id_are_told_apart(tmp_path):
    made = list(planned(tmp_path, [item("a.wav", own_id="x"), item("b.wav", own_id="x")]))
    assert [each.code for each in made] == ["", "unsupported"]
    assert "has the id 'x'" in made[1].message
    assert made[0].item.id != made[1].item.id


def test_mirrored_names_are_told_apart():
    found = [Item(uri=f"/{i}/a.wav", name="a.wav") for i in range(3)]
    with Seen(mirror=True) as seen:
        names = [each.name for each, _, _ in seen.once(found)]
    assert names[0] == "a.wav"
    assert len(set(names)) == 3
    assert all(name.endswith(".wav") for name in names)


def test_an_empty_plan_has_no_parts(tmp_path):
    assert planned(tmp_path, []).totals.parts == 0


def test_no_plan_without_its_totals(tmp_path):
    made = planned(tmp_path, [item("a.wav")])
    made.layout.plan.unlink()
    assert not made.layout.holds_plan()


# ---- index


ROWS = [
    {"seq": 0, "id": "a", "uri": "/a", "status": "ok", "audio_s": 1.5, "place": {}},
    {
        "seq": 1,
        "id": "b",
        "uri": os.fsdecode(b"/\xff"),
        "status": "error",
        "code": "empty",
        "message": "none",
    },
]


@pytest.fixture
def part(tmp_path) -> Layout:
    layout = Layout(tmp_path)
    layout.parts.mkdir()
    (layout.parts / "part-000003.npy").write_bytes(b"12345")
    files = [{"file": "parts/part-000003.npy", "bytes": 5, "crc32": 0}]
    index.write(layout, 3, "print", ROWS, files)
    return layout


def test_a_part_with_its_index_is_done(part):
    head = index.head_of(part, 3, "print")
    assert (head.rows, head.errors, head.codes, head.audio_s) == (2, 1, {"empty": 1}, 1.5)
    assert list(index.rows_of(part, 3)) == ROWS
    assert part.indexed() == [3]


def test_a_torn_or_strange_index_is_none(part):
    path, whole = part.index(3), part.index(3).read_bytes()
    for broken in (
        whole[:-3],
        whole[:40],
        b"",
        whole.replace(b"/a", b"/b"),
        b"[]\n",
        b"{}\n",
        b"\0" * 99,
    ):
        path.write_bytes(broken)
        assert index.head_of(part, 3, "print") is None
    path.write_bytes(whole)
    assert index.head_of(part, 3, "another") is None
    assert index.head_of(part, 3, "print") is not None


@pytest.mark.parametrize("content", [None, b"1234", b"123456"])
def test_a_part_without_its_data_is_not_done(part, content):
    path = part.parts / "part-000003.npy"
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    assert index.head_of(part, 3, "print") is None


# ---- the disk


def test_a_file_that_cannot_be_written_leaves_nothing(tmp_path):
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "file").touch()
    with pytest.raises(EnvironmentFailed, match="cannot write to"):
        commit.write_file(tmp_path / "taken", b"content")
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]


def test_locks_exclude_and_end(tmp_path):
    path = tmp_path / ".lock"
    with lock.held(path):
        assert lock.is_held(path)
        with pytest.raises(Refused, match=f"process id {os.getpid()}"), lock.held(path):
            pass
    assert not lock.is_held(path)
    with lock.held(path):
        pass


# ---- tables


def test_tables_are_what_pyarrow_makes_of_the_same_values():
    pa = pytest.importorskip("pyarrow")
    schema = pa.schema(
        [
            ("text", pa.string()),
            ("bytes", pa.binary()),
            ("count", pa.int32()),
            ("seconds", pa.float64()),
            ("shape", pa.list_(pa.int64())),
        ]
    )
    columns = {
        "text": ["a", "", None, "\N{SNOWMAN}"] * 5,
        "bytes": [b"", None, b"\xff\0", b"abc"] * 5,
        "count": [1, None, -(2**31), 2**31 - 1] * 5,
        "seconds": [None, 0.5, float("inf"), -0.0] * 5,
        "shape": [[80, 12], None, [], [3]] * 5,
    }
    for count in (0, 1, 7, 8, 9, 20):
        some = {name: values[:count] for name, values in columns.items()}
        found = table_of(schema, some)
        found.validate(full=True)
        assert found.equals(pa.table(some, schema=schema))


def test_no_table_of_a_run_needs_pandas(tmp_path):
    code = (
        "import sys, pathlib, numpy, soundfile, lapped.batch\n"
        "soundfile.write('a.wav', numpy.zeros(8000), 16000)\n"
        "lapped.batch.run('features', ['a.wav'], 'out', preset='whisper-80', progress='none')\n"
        "assert 'pandas' not in sys.modules\n"
    )
    script = tmp_path / "script.py"
    script.write_text("if __name__ == '__main__':\n " + code.replace("\n", "\n "))
    subprocess.run([sys.executable, script], cwd=tmp_path, check=True)


# ---- checksums


@pytest.mark.parametrize("begin", [0, 1, 999, 1000, 2000])
def test_checksums_of_files_and_of_bytes_agree(tmp_path, begin):
    content = bytes(range(250)) * 4
    (tmp_path / "file").write_bytes(content)
    found = checksum_of_file(tmp_path / "file", begin)
    assert found.bytes == len(content)
    assert found.value == checksum_of(content[begin:] + content[:begin])
    assert found.value != checksum_of(content[:-1] + b"\0")

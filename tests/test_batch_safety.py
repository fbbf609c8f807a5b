# SPDX-License-Identifier: Apache-2.0
"""What ends a run before its time, and what must be true afterwards."""

import json
import os
import shutil
import signal
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from lapped.batch.record import lock
from tests import batch_runs, corpus

pytest.importorskip("soundfile")

_DOUBLES = Path(__file__).parent / "doubles"
DOUBLES = {"PYTHONPATH": str(_DOUBLES)}
SLOW_START = {"PYTHONPATH": os.pathsep.join(map(str, (_DOUBLES, _DOUBLES / "slow_start")))}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("good")
    corpus.good(folder, 24, kinds=("wav", "flac", "ogg"))
    return folder


@pytest.fixture(scope="module")
def once(files, tmp_path_factory):
    output = tmp_path_factory.mktemp("once") / "out"
    assert batch_runs.run(files, output, "--part-audio", "4s").returncode == 0
    return output


def begun(inputs, output, *more, env=None):
    """A run that is under way, in a process group of its own."""
    words = batch_runs.arguments(inputs, output, *more)
    environment = {**os.environ, **(env or {})}
    return subprocess.Popen(
        words,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        start_new_session=True,
    )


def until(true, seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.01)


# ---- decoders that crash or hang


def marked(folder: Path, word: bytes, name: str = "bad.wav") -> Path:
    path = corpus.write(folder / name, corpus.voice(8000, 1), subtype="FLOAT")  # is decoded
    path.write_bytes(path.read_bytes() + word)
    return path


@pytest.mark.parametrize("word", [b"CRASH-AT-READ", b"CRASH-AT-OPEN", b"EXIT--AT-READ"])
@pytest.mark.parametrize("threads", ["1", "4"])
def test_a_decoder_that_ends_its_process_is_a_row_of_the_ledger(tmp_path, word, threads):
    corpus.good(tmp_path / "files", 12, kinds=("wav",))
    marked(tmp_path / "files" / "d1", word)
    output = tmp_path / "out"
    more = ("--part-audio", "4s", "--threads", threads)
    done = batch_runs.run(tmp_path / "files", output, *more, env=DOUBLES)
    assert done.returncode == 1, done.stderr
    assert batch_runs.codes(output) == {"d1/bad.wav": "decode_crash"}
    assert len(batch_runs.results(output)) == 12
    assert batch_runs.leftovers(output) == []


@pytest.mark.parametrize("env", [DOUBLES, SLOW_START], ids=["", "slow-start"])
def test_a_decoder_that_hangs_is_a_row_of_the_ledger(tmp_path, env):
    corpus.good(tmp_path / "files", 6, kinds=("wav",))
    marked(tmp_path / "files", b"HANG--AT-READ")
    output = tmp_path / "out"
    done = batch_runs.run(tmp_path / "files", output, "--timeout", "1s", env=env)
    assert done.returncode == 1, done.stderr
    assert batch_runs.codes(output) == {"bad.wav": "decode_timeout"}
    assert len(batch_runs.results(output)) == 6


def test_verdicts_hold_until_they_are_retried(tmp_path):
    corpus.good(tmp_path / "files", 3, kinds=("wav",))
    marked(tmp_path / "files", b"CRASH-AT-READ")
    output = tmp_path / "out"
    batch_runs.run(tmp_path / "files", output, env=DOUBLES)
    assert batch_runs.call("retry", output, env=DOUBLES).returncode == 1
    assert batch_runs.codes(output) == {"bad.wav": "decode_crash"}
    assert batch_runs.call("retry", output).returncode == 0  # with a decoder that does not crash
    assert batch_runs.codes(output) == {}


def test_a_worker_that_is_killed_is_replaced(files, once, tmp_path):
    output = tmp_path / "out"
    marked(tmp_path / "slow", b"HANG--AT-READ")
    inputs = [files, tmp_path / "slow"]
    more = ("--part-audio", "4s", "--timeout", "4s")
    running = begun(inputs, output, *more, env=DOUBLES)
    until(lambda: list((output / "parts").glob("*.index.jsonl")))
    (worker,) = workers_of(running.pid)
    os.kill(worker, signal.SIGKILL)
    assert running.wait(60) == 1
    assert batch_runs.codes(output) == {"bad.wav": "decode_timeout"}
    assert len(batch_runs.results(output)) == 24


def workers_of(pid: int) -> list[int]:
    """Children that were spawned to decode: not the one that tracks their resources."""
    found = []
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        command = Path(f"/proc/{child}/cmdline").read_bytes()
        if b"spawn_main" in command:
            found.append(int(child))
    return found


# ---- signals


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_one_signal_finishes_what_is_in_hand(files, once, tmp_path, number, code):
    output = tmp_path / "out"
    marked(tmp_path / "slow", b"HANG--AT-READ")
    running = begun([files, tmp_path / "slow"], output, "--part-audio", "4s", env=DOUBLES)
    until(lambda: list((output / "parts").glob("*.index.jsonl")))
    running.send_signal(number)
    assert running.wait(20) == code
    assert "goes on from here" in running.stderr.read()
    assert batch_runs.leftovers(output) == []
    assert workers_are_gone(running.pid)


def test_the_same_command_goes_on_after_a_signal(files, once, tmp_path):
    output = tmp_path / "out"
    for _ in range(3):
        running = begun(files, output, "--part-audio", "4s")
        until(lambda run=running: lock.is_held(output / ".lock") or run.poll() is not None)
        running.send_signal(signal.SIGINT)
        assert running.wait(20) in (0, 130)
    assert batch_runs.run(files, output, "--part-audio", "4s").returncode == 0
    assert batch_runs.contents(output) == batch_runs.contents(once)


def test_a_second_signal_ends_it_at_once(tmp_path):
    output = tmp_path / "out"
    marked(tmp_path / "slow", b"HANG--AT-READ")
    running = begun(tmp_path / "slow", output, env=DOUBLES)
    until(lambda: workers_of(running.pid) and (output / "plan" / "plan.json").exists())
    time.sleep(1.0)  # until it listens
    began = time.monotonic()
    running.send_signal(signal.SIGINT)
    time.sleep(0.3)
    running.send_signal(signal.SIGINT)
    assert running.wait(5) == 130
    assert time.monotonic() - began < 4
    assert workers_are_gone(running.pid)


def workers_are_gone(group: int) -> bool:
    try:
        until(lambda: not _alive(group), 5)
    except AssertionError:
        return False
    return True


def _alive(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_worker_ends_with_who_started_it(tmp_path):
    output = tmp_path / "out"
    marked(tmp_path / "slow", b"HANG--AT-READ")
    running = begun(tmp_path / "slow", output, env=DOUBLES)
    until(lambda: (output / "plan" / "plan.json").exists() and workers_of(running.pid))
    running.kill()
    running.wait()
    assert workers_are_gone(running.pid)


# ---- who may work where


def test_another_plan_is_refused_and_named(files, once):
    before = batch_runs.contents(once)
    done = batch_runs.run(files, once, "--part-audio", "4s", "--preset", "whisper-128")
    assert done.returncode == 3
    assert "preset='whisper-80', not 'whisper-128'" in done.stderr
    done = batch_runs.run(files / "d0", once, "--part-audio", "4s")
    assert done.returncode == 3
    assert "its inputs are" in done.stderr
    assert batch_runs.contents(once) == before


def test_fresh_deletes_results_and_nothing_else(files, tmp_path):
    output = tmp_path / "out"
    batch_runs.run(files, output, "--format", "npy")
    (output / "mine.txt").write_text("keep this")
    done = batch_runs.run(files, output, "--fresh")
    assert done.returncode == 2  # nobody is there to say yes
    assert "--yes" in done.stderr
    assert len(list(output.rglob("*.npy"))) == 24
    done = batch_runs.run(files, output, "--fresh", "--yes")
    assert done.returncode == 0, done.stderr
    assert not list(output.rglob("*.npy"))
    assert (output / "mine.txt").read_text() == "keep this"


def test_a_second_run_is_refused(files, tmp_path):
    output = tmp_path / "out"
    marked(tmp_path / "slow", b"HANG--AT-READ")
    running = begun(tmp_path / "slow", output, env=DOUBLES)
    until(lambda: (output / "plan" / "plan.json").exists())
    try:
        for words in (("run", "features", tmp_path / "slow", "-o", output, "--preset",
                       batch_runs.PRESET), ("verify", output)):  # fmt: skip
            done = batch_runs.call(*words)
            assert done.returncode == 3
            assert f"process id {running.pid}" in done.stderr
        state = json.loads(batch_runs.call("status", output, "--json").stdout)
        assert state["running"] is True
    finally:
        running.kill()
        running.wait()


def test_the_lock_of_a_dead_run_is_none(files, tmp_path):
    output = tmp_path / "out"
    marked(tmp_path / "slow", b"HANG--AT-READ")
    running = begun(tmp_path / "slow", output, env=DOUBLES)
    until(lambda: (output / "plan" / "plan.json").exists())
    os.killpg(running.pid, signal.SIGKILL)
    running.wait()
    assert (output / ".lock").exists()
    assert not lock.is_held(output / ".lock")
    assert batch_runs.run(tmp_path / "slow", output).returncode == 0


# ---- disks


@contextmanager
def small_disk(folder: Path, size: str):
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], capture_output=True
    )
    if mounted.returncode:
        pytest.skip("this user may not mount a small disk")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


@pytest.mark.parametrize("room", ["60k", "200k", "350k", "600k"])
@pytest.mark.parametrize("form", ["safetensors", "npy", "parquet"])
def test_a_full_disk_loses_nothing(files, tmp_path, room, form):
    more = ("--part-audio", "4s", "--format", form)
    whole = tmp_path / "whole"
    batch_runs.run(files, whole, *more)
    with small_disk(tmp_path / "disk", "3m") as disk:
        output = disk / "out"
        batch_runs.run(files, output, *more, "--plan-only")
        ballast = disk / "ballast"
        used = sum(p.stat().st_size for p in disk.rglob("*") if p.is_file())
        free = 3 * (1 << 20) - used - int(room[:-1]) * 1024
        ballast.write_bytes(b"\0" * max(0, free))
        done = batch_runs.run(files, output, *more)
        ballast.unlink()
        assert done.returncode == 5, done.stderr
        assert "the disk is full" in done.stderr
        assert batch_runs.leftovers(output) == []
        assert batch_runs.call("verify", output).returncode == 0
        assert batch_runs.run(files, output, *more).returncode == 0
        assert batch_runs.contents(output) == batch_runs.contents(whole)


def test_an_output_that_cannot_be_is_exit_5(files, tmp_path):
    (tmp_path / "file").write_text("in the way")
    done = batch_runs.run(files, tmp_path / "file" / "out")
    assert done.returncode == 5
    assert "cannot write to" in done.stderr
    done = batch_runs.run(files, Path("/proc/nowhere"))
    assert done.returncode == 5


def test_an_output_that_is_deleted_meanwhile_is_exit_5(files, tmp_path):
    output = tmp_path / "out"
    marked(tmp_path / "slow", b"HANG--AT-READ")
    inputs = [tmp_path / "slow", files]
    running = begun(inputs, output, "--part-audio", "4s", "--timeout", "3s", env=DOUBLES)
    until(lambda: (output / "plan" / "plan.json").exists() and workers_of(running.pid))
    time.sleep(1.5)
    shutil.rmtree(output)
    assert running.wait(40) == 5
    assert "has gone" in running.stderr.read()


# ---- what rots


def test_a_flipped_bit_is_named_and_that_part_is_done_again(files, once, tmp_path):
    output = tmp_path / "out"
    shutil.copytree(once, output)
    rotten = output / "parts" / "part-000001.safetensors"
    content = bytearray(rotten.read_bytes())
    content[-100] ^= 1
    rotten.write_bytes(content)
    done = batch_runs.call("verify", output)
    assert done.returncode == 1
    assert "part 1: parts/part-000001.safetensors: its content has changed" in done.stdout
    kept = (output / "parts" / "part-000000.safetensors").stat().st_mtime_ns
    assert batch_runs.run(files, output, "--part-audio", "4s").returncode == 0
    assert (output / "parts" / "part-000000.safetensors").stat().st_mtime_ns == kept
    assert batch_runs.contents(output) == batch_runs.contents(once)
    assert batch_runs.call("verify", output).returncode == 0


@pytest.mark.parametrize("keep", [0, 1, 30, -1, -40])
def test_a_torn_index_is_none(files, once, tmp_path, keep):
    output = tmp_path / "out"
    shutil.copytree(once, output)
    index = output / "parts" / "part-000002.index.jsonl"
    index.write_bytes(index.read_bytes()[:keep])
    state = json.loads(batch_runs.call("status", output, "--json").stdout)
    assert state["summary"]["parts_done"] == state["summary"]["parts"] - 1
    done = batch_runs.call("verify", output)
    assert done.returncode == 1
    assert "part 2: parts/part-000002.index.jsonl: the index is torn" in done.stdout
    assert batch_runs.run(files, output, "--part-audio", "4s").returncode == 0
    assert batch_runs.contents(output) == batch_runs.contents(once)


def test_a_folder_of_something_else_is_refused(tmp_path):
    for command in ("status", "errors", "retry", "verify"):
        done = batch_runs.call(command, tmp_path)
        assert done.returncode == 3
        assert "no folder of a run" in done.stderr

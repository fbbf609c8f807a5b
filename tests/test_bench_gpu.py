# SPDX-License-Identifier: Apache-2.0
"""The benchmark for devices, as far as it can be asked without one."""

import subprocess
import sys
import weakref
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import chain
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from benchmarks.cases import MAIN, Case
from benchmarks.check import error_of, limit_of
from benchmarks.gpu import cupy, device, hosted, inputs, sizes, smoke
from benchmarks.gpu.run import CAPTURED, Bench, Step, last_row_of, steps_of
from benchmarks.inputs import Inputs
from benchmarks.measure import Effort, Stopwatch, Timing, interleaved
from benchmarks.rivals import OURS, Rival, load

ROOT = Path(__file__).resolve().parent.parent
SMALL = Case(400, 160, 16000, seconds=0.2, batch=3)


# ---- without a device


def gpu_bench(*arguments: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "benchmarks.gpu", *arguments]
    environment = {"PATH": "/usr/bin:/bin", "CUDA_VISIBLE_DEVICES": ""}
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=environment)


@pytest.mark.parametrize("smoke", [False, True])
def test_without_a_device_one_line_says_so(tmp_path: Path, smoke: bool):
    done = gpu_bench("-o", str(tmp_path / "results"), *(["--smoke"] if smoke else []))
    assert done.returncode == 5
    assert done.stdout == ""
    assert len(done.stderr.strip().splitlines()) == 1
    assert "device" in done.stderr
    assert not (tmp_path / "results").exists()


def test_without_torch_one_line_says_so(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(device.NoDeviceError, match="without torch"):
        device.torch_with_cuda()


# ---- time


class Events:
    """A device whose calls take a time of their own, and which must be waited for."""

    def __init__(self) -> None:
        self.now, self.waited = 0.0, 0

    def event(self) -> SimpleNamespace:
        made = SimpleNamespace(at=None, ready=False)

        def record() -> None:
            made.at = self.now

        def synchronize() -> None:
            made.ready = True
            self.waited += 1

        def elapsed_time(end: SimpleNamespace) -> float:
            assert end.ready
            return end.at - made.at

        made.record, made.synchronize, made.elapsed_time = record, synchronize, elapsed_time
        return made

    def call(self, milliseconds: float) -> None:
        self.now += milliseconds

    def watch(self) -> device.EventStopwatch:
        return device.EventStopwatch(lambda: 0, 2e6, self.event)


def test_times_are_between_events():
    events = Events()
    calls = {"fast": partial(events.call, 0.25), "slow": partial(events.call, 3.0)}
    samples = interleaved(calls, Effort(rounds=5), events.watch())
    assert {name: found.timing(False).median for name, found in samples.items()} == {
        "fast": pytest.approx(0.25e6),
        "slow": pytest.approx(3e6),
    }
    assert all(len(found.times) == 5 for found in samples.values())


def test_short_calls_fill_the_time_between_two_events():
    events, calls = Events(), []
    watch = events.watch()
    interleaved({"short": lambda: (calls.append(1), events.call(0.1))}, Effort(rounds=1), watch)
    assert len(calls) == 2 + 1 + 20  # two to learn how long, one to warm up, 2 ms together


def test_results_are_dropped_between_events():
    kept = []

    class Result:
        pass

    def call() -> Result:
        assert all(result() is None for result in kept)
        made = Result()
        kept.append(weakref.ref(made))
        return made

    Events().watch().time(call, 5)
    assert len(kept) == 5


def test_a_call_s_time_lasts_until_the_device_is_done():
    order = []
    torch = SimpleNamespace(cuda=SimpleNamespace(synchronize=lambda: order.append("done")))
    call = device.waited_for(torch, lambda: order.append("queued"))
    call()
    assert order == ["queued", "done"]


def test_timings_scale():
    timing = Timing(8.0, (6.0, 10.0), 1.0, 5, 2)
    assert timing.scaled(0.5) == Timing(4.0, (3.0, 5.0), 0.5, 5, 2)


# ---- inputs


def test_sets_of_inputs_exceed_the_cache():
    case = replace(MAIN[0], batch=1)  # 882 kB of samples
    assert inputs.sets_needed("mel", case, 4 * case.samples * 3) == 6
    assert inputs.sets_needed("mel", replace(case, batch=256), 50 << 20) == 2
    assert inputs.sets_needed("mel", replace(case, seconds=0.1), 50 << 20) == 16


@pytest.mark.parametrize("case", sizes.BATCHES + sizes.LONG)
@pytest.mark.parametrize("op", sizes.OPS)
def test_inputs_of_batches_in_turn_are_larger_than_a_hopper_s_cache(op: str, case: Case):
    cache = 60 << 20
    assert inputs.sets_needed(op, case, cache) * inputs.bytes_read(op, case) > 2 * cache


def test_calls_take_turns():
    call = inputs.in_turn([lambda: "a", lambda: "b"])
    assert [call() for _ in range(5)] == ["a", "b", "a", "b", "a"]


def test_moved_inputs_move_once_and_only_what_is_asked():
    asked = []

    def put(array: np.ndarray) -> np.ndarray:
        asked.append(array.shape)
        return array.copy()

    moved = inputs.Moved(Inputs(SMALL), put)
    assert moved.x is moved.x
    assert moved.case == SMALL
    assert asked == [(3, SMALL.samples)]


def test_drawn_rows_differ_and_fit_together(torch):
    drawn = inputs.Drawn(torch, SMALL, 1, "cpu")
    again, other = inputs.Drawn(torch, SMALL, 1, "cpu"), inputs.Drawn(torch, SMALL, 2, "cpu")
    assert torch.equal(drawn.x, again.x)
    assert not torch.equal(drawn.x, other.x)
    assert not torch.equal(drawn.x[0], drawn.x[1])
    row = drawn.last_row()
    assert row.case.batch == 1
    np.testing.assert_array_equal(row.x, drawn.x[-1:].numpy())
    host = Inputs(row.case)
    for name in ("x", "spectrum", "magnitude", "mel"):
        given, like = getattr(row, name), getattr(host, name)
        assert (given.shape, given.dtype) == (like.shape, like.dtype)
        assert np.isfinite(given).all()


# ---- are the others asked for the same thing?


@pytest.mark.parametrize("case", [SMALL, Case(512, 128, 16000, seconds=0.2)], ids=lambda c: c.name)
@pytest.mark.parametrize("rival", cupy.rivals_of(np, np.asarray), ids=lambda rival: rival.op)
def test_cupy_s_code_computes_what_is_asked(rival: Rival, case: Case):
    host = Inputs(case)
    assert error_of(rival, host) <= limit_of(rival.op, case)
    assert rival.build(host)().dtype == (np.complex64 if rival.op == "stft" else np.float32)


def test_lapped_is_asked_with_cupy_s_arrays():
    ours = load([OURS])[0][OURS].RIVALS
    seen = []
    rivals = cupy.on_arrays(ours, lambda array: (seen.append(array.dtype), array)[1])
    assert {rival.label for rival in rivals} == {"lapped, CuPy arrays"}
    mel = next(rival for rival in rivals if rival.op == "mel")
    assert error_of(mel, Inputs(SMALL)) <= limit_of("mel", SMALL)
    assert seen == [np.float32]


@pytest.mark.parametrize("library", ["torch", "torchaudio", OURS])
def test_rivals_take_tensors_that_lie_anywhere(torch, library: str):
    modules, skipped = load([library])
    if skipped:
        pytest.skip(skipped[library])
    host = Inputs(SMALL)
    moved = inputs.Moved(host, torch.from_numpy)
    for rival in modules[library].RIVALS:
        if rival.op in sizes.OPS and "gelsd" not in rival.label:
            result = device.on_host(rival.build(moved)())
            expected = np.asarray(rival.build(host)())
            np.testing.assert_allclose(result, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("op", ["power", "griffin_lim"])
def test_compiled_code_computes_what_is_asked(torch, monkeypatch: pytest.MonkeyPatch, op: str):
    """Not compiled here: that takes half a minute and a C++ compiler."""
    compiled = pytest.importorskip("benchmarks.gpu.compiled")
    monkeypatch.setattr(torch, "compile", lambda function: function)
    rival = next(rival for rival in compiled.RIVALS if rival.op == op)
    assert error_of(rival, Inputs(replace(SMALL, seconds=1))) <= limit_of(op, SMALL)


def test_smoke_calls_every_operation_at_every_small_size(torch):
    rows = list(smoke.rows(torch, "cpu"))
    assert [row.refused for row in rows if row.refused] == []
    assert {(row.op, row.case) for row in rows} == {
        (op, case) for op in sizes.OPS for case in sizes.SMOKE
    }


# ---- a run


class Library:
    """What Bench asks of the libraries: lapped's own calls and two made up beside them."""

    def __init__(self, *further: Rival) -> None:
        self.rivals = (*load([OURS])[0][OURS].RIVALS, *further)
        self.freed = 0

    def rivals_of(self, op: str) -> list[Rival]:
        return [rival for rival in self.rivals if rival.op == op]

    def free(self) -> None:
        self.freed += 1


def bench(torch, *further: Rival) -> Bench:
    plan = sizes.Plan(effort=Effort(rounds=2))
    watch = Stopwatch(iter(range(0, 10**9, 1000)).__next__, 1)
    return Bench(torch, plan, Library(*further), {"l2_bytes": 1000}, watch, "cpu")


def twice(rival: Rival) -> Callable:
    def build(inputs: object) -> Callable:
        call = rival.build(inputs)
        return lambda: 2 * call()

    return build


def failing(_: object) -> object:
    raise RuntimeError("out of memory\nand more")


def test_what_is_right_is_timed_and_what_is_not_is_named(torch):
    ours = Library().rivals_of("power")[0]
    same = replace(ours, library="same", label="same")
    double = replace(ours, library="double", label="double", build=twice(ours))
    broken = Rival("broken", "broken", "power", failing)
    rows = bench(torch, same, double, broken).rows_of(Step("sizes", "power", SMALL))
    assert [row.label for row in rows] == [OURS, "same", "double", "broken"]
    assert [row.timing is not None for row in rows] == [True, True, False, False]
    assert rows[1].ratio.value == 1
    assert "computes something else" in rows[2].refused
    assert rows[3].refused == "RuntimeError: out of memory"


def test_what_is_left_unwritten_is_found(torch):
    def lazy(inputs: object) -> object:
        kept = torch.zeros(3, 201, SMALL.frames)
        kept[:] = Library().rivals_of("power")[0].build(inputs)()
        return lambda: kept

    rival = Rival("lazy", "lazy", "power", lazy)
    row = bench(torch, rival).rows_of(Step("sizes", "power", SMALL))[1]
    assert row.timing is None
    assert "computes something else" in row.refused


def test_the_checked_result_is_that_of_the_first_set(torch):
    call = inputs.in_turn([lambda n=n: torch.full((2, 3), float(n)) for n in range(3)])
    np.testing.assert_array_equal(last_row_of(torch, call, 3), np.zeros((1, 3)))


@pytest.mark.parametrize("op", sizes.OPS)
def test_every_operation_is_timed(torch, op: str):
    (row,) = bench(torch).rows_of(Step("sizes", op, SMALL))
    assert row.refused is None
    assert row.timing.rounds == 2
    assert row.case == SMALL


def test_steps_name_every_size_once_and_the_first_size_first():
    steps = list(steps_of(sizes.Plan()))
    assert len(set(steps)) == len(steps)
    assert {step.case for step in steps[: len(sizes.OPS)]} == {sizes.BATCHES[0]}
    assert {step.group for step in steps} == set(sizes.TITLES)
    assert set(CAPTURED) < set(sizes.OPS)
    assert {step.group for step in steps_of(sizes.QUICK)} == {"sizes", "call", "graph"}


# ---- features from host memory


def event(name: str, begin: float, end: float, where: str = "DeviceType.CUDA") -> SimpleNamespace:
    span = SimpleNamespace(start=begin * 1e6, end=end * 1e6)
    return SimpleNamespace(name=name, device_type=where, time_range=span)


def test_what_a_device_was_at_is_read_off_a_profile():
    found = hosted.by_kind(
        [
            event("mel_kernel", 2, 3),
            event("Memcpy HtoD (Pinned -> Device)", 0, 2),
            event("limit_kernel", 3.5, 4),
            event("Memcpy DtoH (Device -> Pinned)", 3, 5),
            event("Memset", 1, 9),
            event("aten::copy_", 0, 9, "DeviceType.CPU"),
            event("mel_kernel", 7, 8),
            event("Memcpy HtoD (Pinned -> Device)", 5, 7),
        ]
    )
    assert found == {
        "up": [(0, 2), (5, 7)],
        "down": [(3, 5)],
        "kernels": [(2, 3), (3.5, 4), (7, 8)],
    }
    assert hosted.total(hosted.union(chain.from_iterable(found.values()))) == 8
    assert hosted.within_loads(found["kernels"], found["up"]) == pytest.approx(2.5 / 3)


@pytest.mark.parametrize("clips", ["13 s on average", "30 s"])
def test_audio_from_host_memory_is_as_long_as_it_says(clips: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(hosted, "_SECONDS", 100)
    lengths = [len(x) for x in hosted.audio(clips, 0)]
    assert 100 <= sum(lengths) / hosted.RATE < 101
    assert min(lengths) >= hosted.RATE

# SPDX-License-Identifier: Apache-2.0
"""The machine's floors, threads and memory: probes do the work they claim, sums are right."""

import json
from types import SimpleNamespace

import numpy as np
import pytest

import lapped
from benchmarks import floors, run
from benchmarks.cases import MAIN, Case
from benchmarks.machine import caches
from benchmarks.measure import Effort
from benchmarks.memory import Noise, Weight, can_weigh, main, weigh
from benchmarks.rivals import Rival, load
from benchmarks.suites import WEIGHED
from benchmarks.threads import speedups
from lapped import _cpu

ONCE = Effort(rounds=1)


@pytest.mark.parametrize("dtype", floors.PRECISIONS)
def test_multiply_adds_count_two_for_each_lane(dtype):
    done = _cpu.probes.multiply_add(np.empty(0, dtype), 10)
    assert done > 0
    assert _cpu.probes.multiply_add(np.empty(0, dtype), 20) == 2 * done


@pytest.mark.parametrize("count", [1, 63, 64, 1000])
@pytest.mark.parametrize("dtype", floors.PRECISIONS)
def test_the_copy_copies(count, dtype):
    source, to = np.arange(count, dtype=dtype), np.zeros(count, dtype)
    _cpu.probes.copy(source, to, 2)
    np.testing.assert_array_equal(source, to)


def test_the_copy_refuses_what_does_not_fit():
    with pytest.raises(ValueError, match="source"):
        _cpu.probes.copy(np.zeros(3, np.float32), np.zeros(4, np.float32), 1)
    with pytest.raises(ValueError, match="contiguous"):
        _cpu.probes.copy(np.zeros(8, np.float32)[::2], np.zeros(4, np.float32), 1)


@pytest.mark.parametrize("n_fft", [400, 401, 1024, 34])
@pytest.mark.parametrize("bins", [False, True])
def test_transforms_count_the_frames_of_vectors(n_fft, bins):
    plan, like = lapped.STFT(n_fft)._plans[_cpu], np.empty(0, np.float32)
    assert _cpu.probes.transform(plan, like, bins, 0) == 0
    frames = _cpu.probes.transform(plan, like, bins, 3)
    assert frames > 0
    assert frames % 3 == 0


def test_floors_name_every_level_precision_and_length():
    found = floors.measure({"L1": 2**15, "L2": 2**19}, ONCE)
    assert list(found.multiply_add) == ["float32", "float64"]
    assert [copy.level for copy in found.copies] == ["L1", "L2", "DRAM"]
    assert {(t.n_fft, t.dtype) for t in found.transforms} >= {
        (case.n_fft, "float64") for case in MAIN
    }
    assert all(copy.bytes_per_second > 0 for copy in found.copies)
    assert all(0 < t.share_of_peak < 2 for t in found.transforms)


def test_a_call_that_is_held_up_decides_nothing(monkeypatch):
    clock = SimpleNamespace(now=0, calls=0)

    def probe(repeats):
        clock.calls += 1
        clock.now += 1_000 * repeats + (10_000_000 if clock.calls == 1 else 0)
        return repeats

    monkeypatch.setitem(floors.CLOCKS, "process CPU time", lambda: clock.now)
    assert 500 < floors._about_a_millisecond(probe)() <= 1024


def test_copies_fit_their_cache_and_the_last_fits_none():
    sizes = floors.copied_bytes({"L1": 2**15, "L2": 2**19, "L3": 2**25})
    assert sizes == {"L1": 2**14, "L2": 2**18, "L3": 2**23, "DRAM": 2**28}
    assert list(floors.copied_bytes({})) == ["L1", "L2", "L3", "DRAM"]


def test_caches_grow_with_their_level():
    sizes = list(caches().values())
    assert sizes == sorted(sizes)


def test_threads_are_timed_beside_one_thread_and_set_back():
    ours = load(["lapped"])[0]["lapped"]
    before = lapped.get_num_threads()
    try:
        (found,) = speedups(ours, [("stft", Case(400, 160, 16000, seconds=0.1))], ONCE)
        assert lapped.get_num_threads() == 1
    finally:
        lapped.set_num_threads(before)
    assert (found.op, found.threads) == ("stft", 2)
    assert found.ratio.value == pytest.approx(found.one.median / found.several.median)
    assert found.one.median < 5e5  # of one call, not of a row of 2 ms
    assert 0.1 < found.machine.value < 10


def test_noise_has_the_shapes_of_the_inputs():
    noise = Noise(Case(400, 160, 16000, seconds=0.1, batch=2))
    assert noise.x.shape == (2, 1600)
    assert noise.spectrum.shape == noise.magnitude.shape == (2, 201, 11)
    assert (noise.spectrum.dtype, noise.mel.dtype) == (np.complex64, np.float32)


@pytest.mark.skipif(not can_weigh(), reason="the system does not count peaks")
def test_an_hour_of_log_mel_needs_its_result_and_a_thread_s_work_memory():
    hour = Case(400, 160, 16000, seconds=3600)
    found = weigh("mel", hour, "lapped", "lapped")
    assert found.result == 4 * 80 * hour.frames
    assert 0 <= found.extra < 2**20


@pytest.mark.skipif(not can_weigh(), reason="the system does not count peaks")
@pytest.mark.parametrize("n_fft", [400, 4096])
@pytest.mark.parametrize("op", ["stft", "power", "istft", "mel_inverse"])
def test_long_audio_needs_its_result_and_a_thread_s_work_memory(op, n_fft):
    minutes = Case(n_fft, n_fft // 4, 16000, seconds=300)
    assert 0 <= weigh(op, minutes, "lapped", "lapped").extra < 2**20


@pytest.mark.skipif(not can_weigh(), reason="the system does not count peaks")
def test_what_a_process_could_not_weigh_is_told():
    with pytest.raises(RuntimeError, match="no_such_library"):
        weigh("mel", MAIN[0], "no_such_library", "")
    with pytest.raises(ImportError):
        main(json.loads('{"library": "no_such_library"}'))


def test_a_run_weighs_lapped_and_the_nearest_other_and_names_what_fails(monkeypatch):
    asked = []

    def weighed(op, case, library, label):
        asked.append((op, library))
        if library != "lapped":
            raise RuntimeError("out of memory")
        return Weight(op, case, library, label, 1, 1)

    monkeypatch.setattr(run, "weigh", weighed)
    monkeypatch.setattr(run, "can_weigh", lambda: True)
    other = SimpleNamespace(RIVALS=[Rival("torch", "torch.stft", "stft", None)])
    modules, skipped = {"lapped": load(["lapped"])[0]["lapped"], "torch": other}, {}
    settings = run.Settings(extras=("memory",))
    weights = list(run._weights(settings, modules, skipped, lambda what, done, total: None))
    assert [(w.op, w.library) for w in weights] == [(op, "lapped") for op, _ in WEIGHED]
    assert ("stft", "torch") in asked
    assert list(skipped.values()) == ["out of memory"]


def test_what_this_system_cannot_measure_is_named(monkeypatch):
    monkeypatch.setattr(run, "can_weigh", lambda: False)
    settings, skipped = run.Settings(extras=("memory", "threads")), {}
    assert not list(run._weights(settings, {}, skipped, lambda what, done, total: None))
    assert not list(run._speedups(settings, None, skipped, {"cores_usable": 1}))
    assert list(skipped) == ["memory", "2 threads"]

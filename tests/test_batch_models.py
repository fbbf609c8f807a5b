# SPDX-License-Identifier: Apache-2.0
"""Runs with a model in them, and audio out of spectrograms."""

from dataclasses import replace

import numpy as np
import pytest

import lapped
from lapped.batch.audio import AudioSettings, decode
from lapped.batch.config import Config
from lapped.batch.items import Item
from lapped.batch.work import work_of
from lapped.batch.work.conveyor import Conveyor
from tests import batch_runs, corpus

pytest.importorskip("soundfile")
torch = pytest.importorskip("torch")

import lapped.pipelines  # noqa: E402
from tests.batch_models import quiet  # noqa: E402


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("good")
    corpus.good(folder, 6, kinds=("wav",))
    return folder


def pipeline(files, output, *more):
    done = batch_runs.run(files, output, *more, work="pipeline")
    assert done.returncode == 0, done.stderr
    return batch_runs.results(output)


def samples_of(path) -> np.ndarray:
    import soundfile

    return soundfile.read(path, dtype="float32")[0]


@pytest.mark.parametrize("name", ["Half", "build", "quiet"])
def test_waveform_models_by_name(files, tmp_path, name):
    more = ("--model", f"tests.batch_models:{name}", "--sample-rate", "16000")
    gain = 0.25 if name == "quiet" else 0.5
    for found, audio in pipeline(files, tmp_path / "out", *more).items():
        np.testing.assert_array_equal(audio, gain * samples_of(files / found))


def test_chunks_are_cross_faded(files, tmp_path):
    more = ("--model", "tests.batch_models:quiet", "--sample-rate", "16000")
    more = (*more, "--chunk", "0.2s", "--overlap", "50ms")
    for found, audio in pipeline(files, tmp_path / "out", *more).items():
        np.testing.assert_allclose(audio, 0.25 * samples_of(files / found), atol=1e-6)


@pytest.mark.parametrize("form", ["pt", "pt2", "onnx"])
def test_model_files(files, tmp_path, form):
    from tests.batch_models import Half

    path, x = tmp_path / f"model.{form}", torch.zeros(1, 4000)
    axes = ({1: torch.export.Dim("samples")},)
    if form == "pt":
        torch.jit.script(Half()).save(path)
    elif form == "pt2":
        torch.export.save(torch.export.export(Half(), (x,), dynamic_shapes=axes), path)
    else:
        pytest.importorskip("onnxruntime")
        onnx_half(path)
    more = ("--model", str(path), "--sample-rate", "16000")
    for found, audio in pipeline(files, tmp_path / "out", *more).items():
        np.testing.assert_array_equal(audio, 0.5 * samples_of(files / found))


def onnx_half(path) -> None:
    onnx = pytest.importorskip("onnx")
    half = onnx.numpy_helper.from_array(np.float32(0.5), "half")
    value = onnx.helper.make_tensor_value_info
    kind, shape = onnx.TensorProto.FLOAT, ("batch", "samples")
    node = onnx.helper.make_node("Mul", ["x", "half"], ["y"])
    graph = onnx.helper.make_graph(
        [node], "g", [value("x", kind, shape)], [value("y", kind, shape)], [half]
    )
    opsets = [onnx.helper.make_opsetid("", 17)]
    onnx.save(onnx.helper.make_model(graph, opset_imports=opsets, ir_version=8), path)


def test_another_model_under_the_same_name_is_refused(files, tmp_path):
    from tests.batch_models import Half

    path = tmp_path / "model.pt"
    torch.jit.script(Half()).save(path)
    more = ("--model", str(path), "--sample-rate", "16000")
    pipeline(files, tmp_path / "out", *more)
    torch.jit.script(torch.nn.Identity()).save(path)
    done = batch_runs.run(files, tmp_path / "out", *more, work="pipeline")
    assert done.returncode == 3
    assert "a model's file has changed" in done.stderr


@pytest.mark.parametrize("magnitude", [True, False])
def test_phase_reuse_is_the_pipelines(files, tmp_path, magnitude):
    more = ("--setting", "phase-reuse", "--preset", "hifigan-22k")
    more = (*more, "--model", "tests.batch_models:quiet")
    more = (*more, *(["--magnitude"] if magnitude else []))
    mel = lapped.preset("hifigan-22k")
    same = lapped.pipelines.PhaseReuse(quiet, mel.stft if magnitude else mel)
    for found, audio in pipeline(files, tmp_path / "out", *more).items():
        item = Item(str(files / found), found)
        x = torch.from_numpy(decode(item, AudioSettings(22050)).samples)
        np.testing.assert_allclose(audio, same(x).numpy(), atol=1e-6)


def test_phase_reconstruction_with_and_without_a_vocoder(files, tmp_path):
    more = ("--setting", "phase-reconstruction", "--preset", "hifigan-22k", "--n-iter", "2")
    more = (*more, "--model", "tests.batch_models:quiet")
    plain = pipeline(files, tmp_path / "plain", *more)
    voiced = pipeline(files, tmp_path / "out", *more, "--vocoder", "tests.batch_models:vocoder")
    assert {k: len(v) for k, v in plain.items()} == {k: len(v) for k, v in voiced.items()}


def test_what_a_model_raises_is_its_items_error(files, tmp_path):
    more = ("--model", "tests.batch_models:picky", "--sample-rate", "16000")
    done = batch_runs.run(files, tmp_path / "out", *more, work="pipeline")
    assert done.returncode == 1
    odd = {p.relative_to(files).as_posix() for p in files.rglob("*.wav") if len(samples_of(p)) % 2}
    assert odd
    assert batch_runs.codes(tmp_path / "out") == dict.fromkeys(odd, "model_error")


@pytest.mark.parametrize(
    "model", ["tests.batch_models:missing", "no_such_module:f", "tests.batch_models:NOT_CALLABLE"]
)
def test_a_model_that_would_not_load_is_exit_5(files, tmp_path, model):
    more = ("--model", model, "--sample-rate", "16000")
    done = batch_runs.run(files, tmp_path / "out", *more, work="pipeline")
    assert done.returncode == 5
    assert f"model={model!r} would not load" in done.stderr


# ---- reconstruct


@pytest.mark.parametrize("magnitude", [False, True])
@pytest.mark.parametrize("layout", ["ft", "tf"])
def test_reconstruct_is_the_librarys(tmp_path, magnitude, layout):
    mel = lapped.preset("hifigan-22k")
    stft = replace(mel.stft, layout=layout)
    mel = replace(mel, stft=stft)
    x = corpus.voice(9000, 1)
    array = stft.magnitude(x) if magnitude else mel(x)
    np.save(tmp_path / "a.npy", array)
    np.save(tmp_path / "wrong.npy", array[:, :-1] if layout == "tf" else array[:-1])
    bad = array.copy()
    bad[3, 3] = np.nan
    np.save(tmp_path / "nan.npy", bad)
    more = ["--preset", "hifigan-22k", "--n-iter", "4", "--layout", layout]
    more += ["--magnitude"] if magnitude else []
    batch_runs.run(tmp_path, tmp_path / "out", *more, work="reconstruct")
    expected = (
        lapped.GriffinLim(stft, 4)(array)
        if magnitude
        else lapped.mel_to_audio(array, mel, n_iter=4)
    )
    np.testing.assert_array_equal(batch_runs.results(tmp_path / "out")["a.npy"], expected)
    wrong = {"wrong.npy": "unsupported", "nan.npy": "nonfinite"}
    assert batch_runs.codes(tmp_path / "out") == wrong


# ---- the way to a device, as far as it can be gone without one


def on_the_way(inputs, device="cpu", **options):
    """Features that went through the device's line, even where it is the CPU's."""
    work = work_of(Config(preset="whisper-80", **options), "cpu")
    return Conveyor(device).run(inputs, work._rows, work._own_frames)


@pytest.mark.parametrize("options", [{}, {"layout": "tf"}, {"dtype": "float16"}])
def test_a_conveyor_changes_nothing(options):
    random = np.random.default_rng(0)
    sizes = (5000, 100, 401, 16000, 4999, 13000, *(range(300_000, 303_000, 100)))
    inputs = [random.integers(-9000, 9000, n).astype(np.int16) for n in sizes]
    inputs += [random.standard_normal(n).astype(np.float32) for n in (9_000_000, 16000)]
    expected = work_of(Config(preset="whisper-80", **options))(inputs, [])
    for ours, theirs in zip(on_the_way(inputs, **options), expected, strict=True):
        assert ours.flags.c_contiguous
        assert ours.dtype == theirs.dtype
        np.testing.assert_array_equal(ours, theirs)
    assert on_the_way([], **options) == []


def test_a_conveyor_goes_on_after_an_error():
    x = np.ones(16000, np.int16)
    conveyor, turns = Conveyor("cpu"), iter(range(9))

    def works_once(batch, lengths):
        if next(turns) == 1:
            raise MemoryError("no room on the device")
        return batch

    inputs = [x, x[:9000], x[:5000]]  # a load each
    with pytest.raises(MemoryError):
        conveyor.run(inputs, works_once, lambda row, samples: row[:samples])
    found = conveyor.run([2 * x], works_once, lambda row, samples: row[:samples])
    np.testing.assert_array_equal(found, [2 * x])


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_features_on_a_device_are_those_of_the_cpu():
    config = Config(preset="whisper-80")
    inputs = [corpus.voice(n, n) for n in (5000, 16000, 160_000)]
    on_cpu, on_gpu = work_of(config), work_of(config, "cuda:0")
    for ours, theirs in zip(on_cpu(inputs, []), on_gpu(inputs, []), strict=True):
        np.testing.assert_allclose(theirs, ours, atol=1e-4)

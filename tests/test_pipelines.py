# SPDX-License-Identifier: Apache-2.0
"""The three pipelines: what models see, what comes back, unequal lengths."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

import lapped
from tests.signals import padded_batch

torch = pytest.importorskip("torch")

from lapped.pipelines import PhaseReconstruction, PhaseReuse, Waveform  # noqa: E402
from tests.pipelines import (  # noqa: E402
    KINDS,
    LAYOUTS,
    LENGTHS,
    SAMPLES,
    Enlarge,
    Neighbours,
    Shift,
    batch,
    mel_of,
    neighbourly,
    stft_of,
)

# ---- what comes back -----------------------------------------------------------------------------


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("combine", ["magnitude", "mask"])
def test_phase_reuse_halves(layout: str, combine: str):
    seen = []

    def model(features: torch.Tensor) -> torch.Tensor:
        seen.append(tuple(features.shape))
        return features * 0.5 if combine == "magnitude" else torch.full_like(features, 0.5)

    x = batch(torch.float64)
    y = PhaseReuse(model, stft_of(layout), combine=combine)(x)
    assert torch.allclose(y, 0.5 * x, atol=1e-12)
    assert seen == [(3, 129, 32) if layout == "ft" else (3, 32, 129)]


def test_phase_reuse_keeps_the_phase():
    stft, x = stft_of(), batch(torch.float64)
    wanted = torch.rand(3, 129, 32, dtype=torch.float64)
    y = PhaseReuse(lambda magnitude: wanted, stft)(x)
    expected = stft.inverse(torch.polar(wanted, stft(x).angle()), length=SAMPLES)
    assert torch.allclose(y, expected, atol=1e-12)


def test_phase_of_silence_is_zero():
    stft = stft_of()
    y = PhaseReuse(torch.ones_like, stft)(torch.zeros(1, 640, dtype=torch.float64))
    ones = np.ones((1, 129, 11), np.complex128)
    assert np.allclose(y.numpy(), stft.inverse(ones, length=640), atol=1e-14)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("compression", [None, "e", "db", "log1p", "add"])
@pytest.mark.parametrize("power", [1.0, 2.0])
def test_unchanged_mel_gives_the_waveform_back(layout: str, compression: str, power: float):
    x = batch(torch.float64)
    y = PhaseReuse(torch.nn.Identity(), mel_of(layout, compression, power=power))(x)
    assert torch.allclose(y, x, atol=1e-11)


@pytest.mark.parametrize(("power", "gain"), [(1.0, 0.25), (2.0, 0.5)])
def test_mel_ratio_is_a_gain_of_amplitudes(power: float, gain: float):
    """A quarter of the energies: half the amplitude where energies are powers."""
    x = batch(torch.float64)
    mel = mel_of(compression="e", power=power)
    y = PhaseReuse(lambda bands: bands + np.log(0.25), mel)(x)
    assert torch.allclose(y, gain * x, atol=1e-11)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_mel_mask_is_lifted_to_the_bins_under_each_band(layout: str):
    """Only band 7 open: what is left lies in the bins that its filter covers."""
    mel, stft = mel_of(layout), stft_of()

    def model(bands: torch.Tensor) -> torch.Tensor:
        gain = torch.zeros_like(bands)
        gain.movedim(-2 if layout == "ft" else -1, 0)[7] = 1
        return gain

    seen = []
    pipeline = PhaseReuse(lambda b: seen.append(model(b)) or seen[-1], mel, combine="mask")
    spectrum = stft.magnitude(pipeline(batch(torch.float64))).pow(2).mean((0, 2)).numpy()
    inside = mel.filters[7] > 0
    assert seen[0].sum() == 3 * 32
    assert spectrum[inside].sum() > 0.9 * spectrum.sum()


def test_bins_no_band_covers_take_the_nearest_gain():
    mel = lapped.Mel(stft_of(), 16000, 20, 1000.0, 4000.0)
    x = batch(torch.float64)
    y = PhaseReuse(torch.ones_like, mel, combine="mask")(x)
    assert torch.allclose(y, x, atol=1e-12)


def test_phase_reconstruction_is_griffin_lim():
    stft, x = stft_of(), batch()
    y = PhaseReconstruction(torch.nn.Identity(), stft, n_iter=5)(x)
    assert torch.equal(y, lapped.GriffinLim(stft, 5)(stft.magnitude(x), length=SAMPLES))


def test_phase_reconstruction_is_mel_to_audio():
    mel, x = mel_of(compression="e"), batch()
    y = PhaseReconstruction(torch.nn.Identity(), mel, n_iter=5)(x)
    assert torch.equal(y, lapped.mel_to_audio(mel(x), mel, n_iter=5, length=SAMPLES))


@pytest.mark.parametrize("samples", [1990, 2048, 2100])
def test_vocoder_is_cut_or_filled_at_its_end(samples: int):
    mel, x = mel_of(), torch.cat([batch(), batch()], 1)[:, :samples]
    for squeeze in (True, False):
        vocoder = Enlarge() if squeeze else (lambda f: Enlarge()(f)[:, 0])
        y = PhaseReconstruction(torch.nn.Identity(), mel, vocoder)(x)
        made = Enlarge()(mel(x))[:, 0]
        assert torch.equal(y[:, : made.shape[1]], made[:, :samples])
        assert not y[:, made.shape[1] :].any()


# ---- waveform in chunks --------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("overlap", [0.0, 0.01, 0.1, 0.24])
@pytest.mark.parametrize("samples", [1, 249, 250, 251, 400, 500, 1999, 2000])
def test_chunks_make_no_difference_sample_by_sample(
    samples: int, overlap: float, dtype: torch.dtype
):
    x = batch(dtype)[:, :samples]
    pipeline = Waveform(lambda y: 3 * y, sample_rate=1000, chunk=0.25, overlap=overlap)
    assert torch.equal(pipeline(x), 3 * x)


def test_chunks_overlap_and_all_have_the_full_length():
    seen = []
    pipeline = Waveform(
        lambda y: seen.append(y) or y, sample_rate=1000, chunk=0.25, overlap=0.05, channel_axis=True
    )
    x = batch()[:, :500]
    pipeline(x)
    for start, piece in zip([0, 200, 250], seen, strict=True):
        assert torch.equal(piece[:, 0], x[:, start : start + 250])


def test_chunks_fade_with_weights_of_sum_one():
    """Chunk k answers with the constant k: the answer rises from 0 to 1 to 2, never beside them."""
    answers = iter([0.0, 1.0, 2.0])
    pipeline = Waveform(
        lambda y: torch.full_like(y, next(answers)), sample_rate=100, chunk=1.0, overlap=0.2
    )
    y = pipeline(torch.zeros(1, 260, dtype=torch.float64))[0].numpy()
    position = (np.arange(20) + 0.5) / 20
    fade = np.sin(0.5 * np.pi * position) ** 2
    expected = np.repeat([0.0, 1.0, 2.0], [100, 80, 80])
    expected[80:100], expected[160:180] = fade, 1 + fade
    assert np.allclose(y, expected, atol=1e-12)


@pytest.mark.parametrize("channel_axis", [False, True])
@pytest.mark.parametrize("squeeze", [False, True])
def test_waveform_models_with_and_without_a_channel(channel_axis: bool, squeeze: bool):
    shapes = []

    def model(x: torch.Tensor) -> torch.Tensor:
        shapes.append(tuple(x.shape))
        return x.reshape(3, SAMPLES) if squeeze else x.reshape(3, 1, SAMPLES)

    x = batch()
    assert torch.equal(Waveform(model, sample_rate=16000, channel_axis=channel_axis)(x), x)
    assert shapes == [(3, 1, SAMPLES) if channel_axis else (3, SAMPLES)]


# ---- every pipeline ------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_rows_equal_what_they_would_be_alone(kind: str):
    pipeline = neighbourly(kind)
    x = torch.from_numpy(padded_batch(LENGTHS, SAMPLES)).float()
    y = pipeline(x, lengths=LENGTHS)
    assert y.shape == x.shape
    for row, n in enumerate(LENGTHS):
        alone = pipeline(x[row, :n])
        assert torch.allclose(y[row, :n], alone, rtol=1e-5, atol=1e-6)
        assert not y[row, n:].any()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", [(0, SAMPLES), (2, 0), (0,), (0, 0), (1, 1)])
def test_empty_and_tiny(kind: str, shape: tuple[int, ...]):
    y = neighbourly(kind)(torch.zeros(shape))
    assert tuple(y.shape) == shape
    assert torch.isfinite(y).all()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "dtype", [torch.float64, torch.float16, torch.bfloat16, torch.int16, torch.int32], ids=str
)
def test_precision_is_that_of_the_input(kind: str, dtype: torch.dtype):
    """The model stays float32; integers count as fractions of full scale."""
    pipeline = neighbourly(kind)
    steps = {torch.int16: 2.0**15, torch.int32: 2.0**31}.get(dtype, 1)
    x = (batch(torch.float64).clamp(-0.9, 0.9) * steps).to(dtype)
    y = pipeline(x)
    assert y.dtype == (dtype if dtype.is_floating_point else torch.float32)
    expected = pipeline((x.double() / steps).float())
    # The phase of an iterated result turns with every rounding: its magnitudes are what must agree.
    if not kind.startswith("griffin-lim"):
        error = (y.double() - expected.double()).norm() / expected.double().norm()
        assert error < {torch.float16: 2e-3, torch.bfloat16: 2e-2}.get(dtype, 1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_moves_saves_and_copies_like_a_module(kind: str):
    pipeline = neighbourly(kind).eval()
    x = batch()
    expected = pipeline(x)
    state = {name: value.clone() for name, value in pipeline.state_dict().items()}
    assert all(name.startswith(("model.", "vocoder.")) for name in state)
    for other in (copy.deepcopy(pipeline), pickle.loads(pickle.dumps(pipeline))):
        assert torch.equal(other(x), expected)
    for parameter in pipeline.parameters():
        torch.nn.init.zeros_(parameter)
    assert not torch.equal(pipeline(x), expected)
    pipeline.load_state_dict(state)
    assert torch.equal(pipeline(x), expected)
    assert pipeline.to(torch.float64)(x.double()).dtype == torch.float64
    assert "sample_rate" in repr(pipeline) or "transform" in repr(pipeline)


@torch.no_grad()
@pytest.mark.parametrize("kind", KINDS)
def test_a_model_may_change_its_input_in_place(kind: str):
    pipeline, x = neighbourly(kind), batch()
    model, given = pipeline.model, x.clone()
    pipeline.model = torch.nn.Sequential(Shift(in_place=True), model)
    y = pipeline(x)
    assert torch.equal(x, given)
    pipeline.model = torch.nn.Sequential(Shift(in_place=False), model)
    assert torch.equal(pipeline(x), y)


def test_mode_of_the_model_is_left_alone():
    model = Neighbours(1)
    pipeline = Waveform(model, sample_rate=1000, channel_axis=True)
    pipeline(batch())
    assert model.training
    pipeline.eval()
    pipeline(batch())
    assert not model.training


def test_nan_stays_in_its_row():
    x = batch()
    x[1, 1000] = torch.nan
    for kind in ("mask ft", "mel ft", "waveform ft"):
        y = neighbourly(kind)(x)
        assert torch.isfinite(y[[0, 2]]).all()
        assert torch.isnan(y[1]).any()

# SPDX-License-Identifier: Apache-2.0
"""Spectral losses: values and gradients against plain loops, auraloss and finite differences."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

from tests import reference
from tests.torch_operations import TRANSFORMS, mel_of

torch = pytest.importorskip("torch")
import lapped  # noqa: E402
import lapped.nn as T  # noqa: E402, N812
from lapped._operators import _losses  # noqa: E402
from lapped._spectral_loss import SpectralLoss  # noqa: E402

RATE = 16000
gradcheck, gradgradcheck = torch.autograd.gradcheck, torch.autograd.gradgradcheck


@pytest.fixture(scope="module")
def auraloss():
    return pytest.importorskip("auraloss.freq")


def audio(*shape: int, dtype: torch.dtype = torch.float64, seed: int = 0) -> list:
    """Input and target that have much in common, with silence in places."""
    rng = torch.Generator().manual_seed(seed)
    x, other = (0.1 * torch.randn(shape, dtype=torch.float64, generator=rng) for _ in range(2))
    y = 0.7 * x + 0.3 * other
    x[..., : shape[-1] // 5], y[..., : shape[-1] // 6] = 0, 0
    return [x.to(dtype), y.to(dtype)]


def step(loss: torch.nn.Module, x: torch.Tensor, y: torch.Tensor, **options: object) -> tuple:
    """The loss, and the gradient of its sum."""
    x = x.clone().requires_grad_()
    value = loss(x, y, **options)
    value.sum().backward()
    return value.detach(), x.grad


def in_float64(loss: torch.nn.Module, window: str = "hann_window") -> torch.nn.Module:
    """auraloss's module with tables of that precision."""
    for module in [m for m in loss.modules() if hasattr(m, "window")]:
        module.window = getattr(torch, window)(module.win_length, dtype=torch.float64)
        if hasattr(module, "fb"):
            module.fb = module.fb.double()
        if hasattr(module, "prefilter"):
            module.prefilter.double()
    return loss


# ---- values


def terms_by_hand(x: np.ndarray, y: np.ndarray, fft: int, hop: int, win: int, eps: float) -> list:
    window = reference.placed_window(reference.cosine_window("hann", win), fft)
    framing = reference.Framing(window, hop, fft // 2, fft // 2)
    v, t = (np.sqrt(np.maximum(np.abs(reference.stft(framing, s)) ** 2, eps)) for s in (x, y))
    X, Y = reference.stft(framing, x), reference.stft(framing, y)
    return [
        np.sqrt(np.sum((v - t) ** 2) / np.sum(t**2)),
        np.mean(np.abs(np.log(v) - np.log(t))),
        np.mean(np.abs(v - t)),
        np.mean((np.angle(X) - np.angle(Y)) ** 2),
        np.mean(np.abs(X - Y)),
    ]


def test_terms_are_what_the_formulas_say():
    rng = np.random.default_rng(0)
    x, y = 0.1 * rng.standard_normal((2, 3, 900))
    loss = T.STFTLoss(96, 31, 80, w_lin_mag=0.5, w_phs=0.25, w_complex=2.0, eps=1e-3, output="full")
    expected = np.array([terms_by_hand(a, b, 96, 31, 80, 1e-3) for a, b in zip(x, y, strict=True)])
    spectra = [lapped.STFT(96, 31, 80)(a) for a in (x, y)]  # see magnitudes_and_phases
    expected[:, 3] = (np.subtract(*map(np.angle, spectra)) ** 2).mean((-2, -1))
    total, *terms = loss(torch.from_numpy(x), torch.from_numpy(y))
    np.testing.assert_allclose(terms, expected.mean(0), rtol=1e-9)
    np.testing.assert_allclose(total, expected.mean(0) @ [1, 1, 0.5, 0.25, 2], rtol=1e-9)


OPTIONS = {
    "default": {},
    "linear": {"fft_size": 512, "hop_size": 128, "win_length": 512, "w_lin_mag": 1.0},
    "squared": {"mag_distance": "L2", "w_lin_mag": 0.5},
    "odd": {"fft_size": 1023, "win_length": 700, "window": "kaiser_window"},
    "blackman": {"window": "blackman_window"},
    "bartlett": {"window": "bartlett_window"},
    "hamming": {"window": "hamming_window"},
    "mel": {"scale": "mel", "sample_rate": RATE, "n_bins": 64},
    "mel squared": {"scale": "mel", "sample_rate": RATE, "n_bins": 40, "mag_distance": "L2"},
    "phase": {"w_phs": 0.3},
    "floor": {"eps": 1e-2},
    "sum": {"reduction": "sum", "w_lin_mag": 1.0},
    "none": {"reduction": "none", "w_lin_mag": 1.0},
    "filtered": {"perceptual_weighting": True, "sample_rate": RATE},
    "convergence alone": {"w_log_mag": 0.0},
    "logarithms alone": {"w_sc": 0.0},
}


def magnitudes_and_phases(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """What auraloss makes of a signal, of our spectrum.

    A frame that the padding mirrors has a real spectrum but for rounding, which alone says whether
    an angle is pi or -pi: two libraries have not the same.
    """
    X = lapped.STFT(1024, 256)(x)
    return torch.sqrt((X.real**2 + X.imag**2).clamp(min=1e-8)), torch.angle(X)


@pytest.mark.parametrize("name", OPTIONS)
def test_equals_auraloss(name: str, auraloss: object):
    options = OPTIONS[name]
    x, y = audio(3, 2, 6000)
    theirs = in_float64(auraloss.STFTLoss(**options), options.get("window", "hann_window"))
    if "w_phs" in options:
        theirs.stft = magnitudes_and_phases
    value, gradient = step(T.STFTLoss(**options, per_example=False), x, y)
    expected, slope = step(theirs, x, y)
    tolerance = {"mel": 1e-6, "mel squared": 1e-6}.get(name, 1e-9)  # their filters are float32
    torch.testing.assert_close(value, expected, rtol=tolerance, atol=tolerance)
    assert (gradient - slope).norm() <= 100 * tolerance * slope.norm()


def test_multi_resolution_equals_auraloss(auraloss: object):
    x, y = audio(2, 1, 8000)
    for options in ({}, {"w_lin_mag": 1.0, "scale": "mel", "sample_rate": RATE, "n_bins": 64}):
        theirs = in_float64(auraloss.MultiResolutionSTFTLoss(**options))
        value, gradient = step(T.MultiResolutionSTFTLoss(**options, per_example=False), x, y)
        expected, slope = step(theirs, x, y)
        torch.testing.assert_close(value, expected, rtol=1e-6, atol=0)
        assert (gradient - slope).norm() <= 1e-5 * slope.norm()
    ours = T.MultiResolutionSTFTLoss(output="full", per_example=False)(x, y)
    full = in_float64(auraloss.MultiResolutionSTFTLoss(output="full"))(x, y)
    for a, b in zip(ours[1:], full[1:], strict=True):
        np.testing.assert_allclose([float(v) for v in a], [float(v) for v in b], rtol=1e-9)
    mel = T.MelLoss(RATE, n_mels=40, per_example=False)(x, y)
    torch.testing.assert_close(
        mel, in_float64(auraloss.MelSTFTLoss(RATE, n_mels=40))(x, y), rtol=1e-6, atol=0
    )


def test_scale_invariance_is_each_rows_own(auraloss: object):
    x, y = audio(3, 1, 4000)
    ours, theirs = T.STFTLoss(scale_invariance=True), auraloss.STFTLoss(scale_invariance=True)
    in_float64(theirs)
    each = torch.stack([theirs(x[i : i + 1], y[i : i + 1]) for i in range(3)])
    torch.testing.assert_close(ours(x, y), each.mean(), rtol=1e-9, atol=0)


def test_float32_is_nearer_to_the_truth_than_auraloss(auraloss: object):
    x, y = audio(4, 1, 16000)
    truth, slope = step(in_float64(auraloss.MultiResolutionSTFTLoss()), x, y)
    losses = T.MultiResolutionSTFTLoss(per_example=False), auraloss.MultiResolutionSTFTLoss()
    (ours, own), (theirs, other) = (step(loss, x.float(), y.float()) for loss in losses)
    assert abs(ours / truth - 1) < 1e-6
    assert (own - slope).norm() < 2 * (other - slope).norm()
    assert abs(ours - truth) <= abs(theirs - truth)


# ---- gradients


@pytest.mark.parametrize("transform", [name for name in TRANSFORMS if name != "tf"])
@pytest.mark.parametrize("kind", ["absolute", "squared", "mel", "gains"])
def test_gradient_of_the_sums(transform: str, kind: str):
    stft = TRANSFORMS[transform]
    gains = np.linspace(0.0, 2.0, stft.n_freq) if kind == "gains" else None
    if gains is not None:
        gains.flags.writeable = False
    loss = SpectralLoss(
        mel_of(stft, power=1.0) if kind == "mel" else stft,
        gains=gains, floor=1e-3, squared_logs=kind == "squared",
    )  # fmt: skip
    x, y = audio(2, 29)
    for lengths in (None, torch.tensor([29, 13])):
        target = _losses.spectral_values(y, lengths, loss._text)

        def sums(x: torch.Tensor, target: torch.Tensor = target, lengths=lengths) -> torch.Tensor:
            return _losses.spectral_loss(x, target, lengths, loss._text)

        asking = (20 * x + 0.5).requires_grad_()
        assert gradcheck(sums, asking, check_forward_ad=True)
        assert gradgradcheck(sums, asking)


def test_gradient_with_lengths_is_that_of_the_rows_alone():
    x, y = audio(3, 4000)
    lengths = [4000, 2500, 1700]
    loss = T.MultiResolutionSTFTLoss((256, 512), (64, 100), (200, 512), reduction="none")
    value, gradient = step(loss, x, y, lengths=lengths)
    for i, n in enumerate(lengths):
        own, slope = step(loss, x[i : i + 1, :n], y[i : i + 1, :n])
        assert torch.equal(value[i], own[0])
        assert torch.equal(gradient[i, :n], slope[0])
        assert not gradient[i, n:].any()
    means = [T.STFTLoss(per_example=flag)(x, y, lengths=lengths) for flag in (True, False)]
    assert means[0] != means[1]


def test_the_target_has_a_gradient_where_it_asks():
    x, y = audio(2, 1, 3000)
    loss = T.STFTLoss(256, 64, 256, w_lin_mag=1.0)
    a, b = y.clone().requires_grad_(), x.clone().requires_grad_()
    value = loss(b, a)
    value.backward()
    torch.testing.assert_close(value, loss(x, y))
    torch.testing.assert_close(b.grad, step(loss, x, y)[1])
    assert a.grad.isfinite().all()
    assert a.grad.any()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_equal_signals_and_silence_have_no_gradient(dtype: torch.dtype):
    x, y = audio(2, 1, 5000, dtype=dtype)
    for loss in (T.MultiResolutionSTFTLoss(w_lin_mag=1.0), T.MelLoss(RATE, mag_distance="L2")):
        value, gradient = step(loss, x, x)
        assert value == 0
        assert not gradient.any()
        _, gradient = step(loss, torch.zeros_like(y), y)
        assert not gradient.any()


# ---- the same bits, whatever surrounds a row


def test_bits_do_not_depend_on_batch_or_threads(thread_counts: object):
    x, y = audio(5, 1, 9000, dtype=torch.float32)
    loss = T.MultiResolutionSTFTLoss(reduction="none")
    whole = step(loss, x, y)
    for row in range(5):
        own = step(loss, x[row : row + 1], y[row : row + 1])
        assert torch.equal(own[0][0], whole[0][row])
        assert torch.equal(own[1][0], whole[1][row])
    thread_counts(1)
    assert all(map(torch.equal, step(loss, x, y), whole))


def test_nan_stays_in_its_row():
    x, y = audio(3, 1, 4000, dtype=torch.float32)
    x[1, 0, 100] = torch.nan
    value, gradient = step(T.STFTLoss(reduction="none"), x, y)
    assert value.isnan().squeeze().tolist() == [False, True, False]
    assert gradient[[0, 2]].isfinite().all()
    assert gradient[1].isnan().any()


# ---- as torch sees it


def test_compiled_with_its_gradient():
    torch._dynamo.reset()
    loss = T.MultiResolutionSTFTLoss((128, 256), (32, 50), (128, 200), w_complex=0.5)
    compiled = torch.compile(loss, fullgraph=True, backend="aot_eager")
    x, y = audio(2, 1, 2000)
    for own, expected in zip(step(compiled, x, y), step(loss, x, y), strict=True):
        torch.testing.assert_close(own, expected, rtol=1e-9, atol=1e-12)


def test_functional_transforms():
    x, y = audio(4, 1, 1000)
    loss = T.STFTLoss(64, 16, 64)
    expected = step(T.STFTLoss(64, 16, 64, reduction="sum", w_log_mag=0), x, y)[1]
    plain = T.STFTLoss(64, 16, 64, w_log_mag=0)
    each = torch.func.vmap(torch.func.grad(lambda x, y: plain(x[None], y[None])))(x, y)
    torch.testing.assert_close(each, expected)
    value, tangent = torch.func.jvp(lambda x: loss(x, y), (x,), (x,))
    torch.testing.assert_close(value, loss(x, y))
    torch.testing.assert_close(tangent, (step(loss, x, y)[1] * x).sum())


def test_modules_travel():
    loss, (x, y) = T.MultiResolutionSTFTLoss(weighting="A", sample_rate=RATE), audio(2, 1, 3000)
    for other in (copy.deepcopy(loss), pickle.loads(pickle.dumps(loss))):
        assert torch.equal(other(x, y), loss(x, y))
    assert not loss.state_dict()
    assert "fft_size=1024" in repr(loss)


@pytest.mark.parametrize("half", [torch.float16, torch.bfloat16])
def test_half_types_are_computed_in_float32(half: torch.dtype):
    x, y = audio(2, 1, 3000, dtype=half)
    value, gradient = step(T.STFTLoss(), x, y)
    wide, slope = step(T.STFTLoss(), x.float(), y.float())
    assert torch.equal(value, wide)
    assert torch.equal(gradient, slope.to(half))


def test_weighting_is_a_filter_in_front():
    x, y = audio(2, 1, 4000)
    stft = lapped.STFT(256, 64)
    gains = np.linspace(0.0, 1.0, 129)
    filtered = [
        stft.inverse(stft(s) * torch.from_numpy(gains)[:, None], length=4000) for s in (x, y)
    ]
    loss, weighted = T.STFTLoss(256, 64, 256), T.STFTLoss(256, 64, 256, weighting=gains)
    assert abs(weighted(x, y) / loss(*filtered) - 1) < 0.2  # windows blur what a filter does
    named = T.STFTLoss(256, 64, 256, weighting="A", sample_rate=RATE)
    assert named(x, y) != loss(x, y)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"eps": 0.0}, ValueError, "eps=0 must be greater than 0"),
        ({"output": "all"}, ValueError, "output='all' must be one of 'loss', 'full'"),
        ({"mag_distance": "L3"}, ValueError, "mag_distance='L3' must be one of 'L1', 'L2'"),
        ({"scale": "chroma"}, NotImplementedError, "scale='chroma' does not exist yet"),
        ({"scale": "mel", "sample_rate": 8000}, ValueError, "n_bins=None must be"),
        ({"scale": "mel", "n_bins": 9}, ValueError, "sample_rate=None must be a number in Hz"),
        ({"weighting": "A"}, ValueError, "sample_rate=None must be a number in Hz where weighting"),
        ({"w_sc": "1"}, TypeError, "w_sc='1' must be a real number"),
        ({"window": "hat_window"}, ValueError, "window='hat_window' must be one of"),
        ({"per_example": 1}, TypeError, "per_example=1 must be True or False"),
    ],
)
def test_options_out_of_range(options: dict, error: type, message: str):
    with pytest.raises(error, match=message):
        T.STFTLoss(**options)


def test_arguments_that_do_not_fit():
    loss, x = T.STFTLoss(64, 16, 64), torch.zeros(2, 1, 500)
    with pytest.raises(ValueError, match=r"target has shape \(2, 1, 400\) and must have"):
        loss(x, x[..., :400])
    with pytest.raises(ValueError, match=r"input has shape \(500,\) and must be \(batch"):
        loss(x[0, 0], x[0, 0])
    with pytest.raises(TypeError, match="must be a torch tensor"):
        loss(x, x.numpy())
    with pytest.raises(ValueError, match=r"lengths\[1\]=501 must be within 0\.\.500"):
        loss(x, x, lengths=[1, 501])
    with pytest.raises(ValueError, match="must have as many"):
        T.MultiResolutionSTFTLoss([64], [16, 8], [64])

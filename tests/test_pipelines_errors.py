# SPDX-License-Identifier: Apache-2.0
"""Wrong calls of the pipelines, and models that return something else than they should."""

from __future__ import annotations

import re

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from lapped.pipelines import PhaseReconstruction, PhaseReuse, Waveform  # noqa: E402
from tests.pipelines import KINDS, batch, mel_of, neighbourly, stft_of  # noqa: E402

IDENTITY = torch.nn.Identity()


@pytest.mark.parametrize(
    ("build", "error", "message"),
    [
        (lambda: PhaseReuse(3, stft_of()), TypeError, "model=3"),
        (lambda: PhaseReuse(IDENTITY, "hann"), TypeError, "transform='hann'"),
        (lambda: PhaseReuse(IDENTITY, stft_of(), combine="phase"), ValueError, "combine='phase'"),
        (lambda: PhaseReuse(IDENTITY, stft_of(), combine=1), TypeError, "combine=1"),
        (lambda: PhaseReconstruction(None, stft_of()), TypeError, "model=None"),
        (lambda: PhaseReconstruction(IDENTITY, stft_of(), 3), TypeError, "vocoder=3"),
        (lambda: PhaseReconstruction(IDENTITY, stft_of(), n_iter=-1), ValueError, "n_iter=-1"),
        (lambda: PhaseReconstruction(IDENTITY, stft_of(), n_iter=1.5), TypeError, "n_iter=1.5"),
        (lambda: Waveform(IDENTITY, sample_rate=0), ValueError, "sample_rate=0"),
        (lambda: Waveform(IDENTITY, sample_rate=8, chunk=0), ValueError, "chunk=0"),
        (lambda: Waveform(IDENTITY, sample_rate=8, chunk=0.01), ValueError, "chunk=0.01"),
        (lambda: Waveform(IDENTITY, sample_rate=8, overlap=1), ValueError, "overlap=1"),
        (lambda: Waveform(IDENTITY, sample_rate=8, chunk=1, overlap=1), ValueError, "overlap=1"),
        (lambda: Waveform(IDENTITY, sample_rate=8, chunk=1, overlap=-1), ValueError, "overlap=-1"),
        (lambda: Waveform(IDENTITY, sample_rate=8, chunk="1"), TypeError, "chunk='1'"),
    ],
)
def test_wrong_arguments_are_named(build, error: type[Exception], message: str):
    with pytest.raises(error, match=re.escape(message)):
        build()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("x", "lengths", "error", "message"),
    [
        (np.zeros((2, 500)), None, TypeError, "x is a ndarray"),
        (torch.zeros(2, 2, 500), None, ValueError, "x has shape (2, 2, 500)"),
        (torch.tensor(1.0), None, ValueError, "x has shape ()"),
        (torch.zeros(2, 500, dtype=torch.int64), None, TypeError, "x has dtype torch.int64"),
        (torch.zeros(2, 500, dtype=torch.complex64), None, TypeError, "x has dtype"),
        (torch.zeros(2, 500), [500], ValueError, "lengths has shape (1,)"),
        (torch.zeros(2, 500), [500, 501], ValueError, "lengths[1]=501"),
        (torch.zeros(2, 500), [-1, 500], ValueError, "lengths[0]=-1"),
        (torch.zeros(2, 500), [0.5, 500], TypeError, "lengths="),
    ],
)
def test_wrong_calls_are_named(kind: str, x, lengths, error: type[Exception], message: str):
    with pytest.raises(error, match=re.escape(message)):
        neighbourly(kind)(x, lengths)


@pytest.mark.parametrize(
    ("pipeline", "message"),
    [
        (PhaseReuse(lambda s: s[:, :-1], stft_of()), "(3, 128, 32) and must return (3, 129, 32)"),
        (PhaseReuse(lambda s: s[:, :, :5], mel_of()), "(3, 20, 5) and must return (3, 20, 32)"),
        (PhaseReconstruction(torch.sum, stft_of()), "() and must return (3, 129, 32)"),
        (
            PhaseReconstruction(IDENTITY, stft_of(), IDENTITY),
            "vocoder returned shape (3, 129, 32) and must return (3, 32) or (3, 1, 32)",
        ),
        (
            Waveform(lambda x: x[:, 1:], sample_rate=8),
            "(3, 1999) and must return (3, 2000) or (3, 1, 2000)",
        ),
    ],
)
def test_wrong_shape_from_the_model_is_named(pipeline: torch.nn.Module, message: str):
    with pytest.raises(ValueError, match=re.escape(message)):
        pipeline(batch())


@pytest.mark.parametrize(
    ("answer", "message"),
    [(lambda x: (x, x), "returned a tuple"), (lambda x: x * 1j, "returned torch.complex64")],
)
def test_wrong_kind_from_the_model_is_named(answer, message: str):
    with pytest.raises(TypeError, match=message):
        Waveform(answer, sample_rate=8)(batch())

# SPDX-License-Identifier: Apache-2.0
"""From mel to audio: the cascade is its two halves, the joint iteration comes closer to the mel."""

from __future__ import annotations

import numpy as np
import pytest

import lapped
from tests import signals

MEL = lapped.Mel(lapped.STFT(1024, 256, pad_mode="constant"), 22050, 80, f_max=8000.0, power=1.0)
LOG_MEL = lapped.Mel(
    lapped.STFT(400, 160, layout="tf"), 16000, 40, compression=lapped.Compression("e", 1e-5)
)


@pytest.mark.parametrize("mel", [MEL, LOG_MEL], ids=["magnitude", "log power"])
def test_cascade_is_inverse_then_griffin_lim(library, dtype: np.dtype, mel: lapped.Mel) -> None:
    x = np.stack([signals.speechlike(16000), signals.musiclike(16000)]).astype(dtype)
    M = mel(library.array(x))
    steps = lapped.GriffinLim(mel.stft, 5)(mel.inverse(M), length=16000)
    y = lapped.mel_to_audio(M, mel, n_iter=5, mode="cascade", length=16000)
    assert np.array_equal(library.numpy(y), library.numpy(steps))


def mel_error(y: np.ndarray, M: np.ndarray) -> float:
    """How far the mel spectrogram of `y` is from `M`, in dB."""
    return 20 * np.log10(np.linalg.norm(MEL(y) - M) / np.linalg.norm(M))


@pytest.mark.parametrize("signal", [signals.speechlike, signals.musiclike])
def test_joint_comes_closer(dtype: np.dtype, signal) -> None:
    x = signal(30000).astype(dtype)
    M = MEL(x)
    try:
        joint = lapped.mel_to_audio(M, MEL, length=30000)
    except NotImplementedError as error:
        pytest.skip(str(error))
    cascade = lapped.mel_to_audio(M, MEL, length=30000, mode="cascade")
    assert mel_error(joint, M) < mel_error(cascade, M) - 2


@pytest.mark.parametrize("mode", ["joint", "cascade"])
def test_rows_of_a_batch_equal_alone(library, dtype: np.dtype, mode: str) -> None:
    lengths = [9000, 12000, 500]
    x = signals.padded_batch(lengths, 12000).astype(dtype)
    M = MEL(library.array(x), lengths=library.counts(np.array(lengths)))
    try:
        y = lapped.mel_to_audio(M, MEL, n_iter=3, mode=mode, lengths=lengths)
    except NotImplementedError as error:
        pytest.skip(str(error))
    y = library.numpy(y)
    assert y.shape == (3, 12000)
    for row, n in enumerate(lengths):
        alone = MEL(library.array(x[row, :n].copy()))
        expected = lapped.mel_to_audio(alone, MEL, n_iter=3, mode=mode, length=n)
        assert np.array_equal(y[row, :n], library.numpy(expected))
        assert not np.any(y[row, n:])


def test_a_preset_by_name() -> None:
    x = signals.speechlike(22050).astype(np.float32)
    M = lapped.preset("hifigan-22k")(x)
    y = lapped.mel_to_audio(M, "hifigan-22k", n_iter=2, mode="cascade")
    assert y.shape == (lapped.preset("hifigan-22k").stft.n_samples(M.shape[-1]),)
    assert np.all(np.isfinite(y))

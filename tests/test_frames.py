# SPDX-License-Identifier: Apache-2.0
"""Framing algebra: how many frames, which sample stands where, and what length comes back."""

from __future__ import annotations

import numpy as np
import pytest

import lapped
from tests import reference
from tests.cases import SIZES

hypothesis = pytest.importorskip("hypothesis")
from hypothesis import strategies as st  # noqa: E402

NUMPY_MODES = {
    "reflect": "reflect",
    "constant": "constant",
    "replicate": "edge",
    "symmetric": "symmetric",
    "circular": "wrap",
}
paddings = st.sampled_from(["center", "same", "causal", "none"]) | st.tuples(
    st.integers(0, 70), st.integers(0, 70)
)
modes = st.sampled_from(sorted(NUMPY_MODES))
sizes, hops, lengths = st.integers(1, 40), st.integers(1, 60), st.integers(0, 130)


def both(n_fft: int, hop: int, padding, mode: str = "reflect"):
    """A rectangular transform: its inverse DFT shows the frames themselves."""
    stft = lapped.STFT(n_fft, hop, window=np.ones(n_fft), padding=padding, pad_mode=mode)
    left, right = reference.pad_amounts(n_fft, hop, padding)
    return stft, reference.Framing(np.ones(n_fft), hop, left, right, mode)


@hypothesis.given(st.integers(1, 9), st.integers(0, 30), st.integers(0, 30), modes)
def test_the_reference_pads_as_numpy_does(n: int, left: int, right: int, mode: str) -> None:
    x = np.arange(1.0, n + 1)
    shown = [reference.shown_sample(i, n, mode) for i in range(-left, n + right)]
    padded = [0.0 if i is None else x[i] for i in shown]
    assert np.array_equal(padded, np.pad(x, (left, right), NUMPY_MODES[mode]))


@hypothesis.given(sizes, hops, paddings, modes, lengths)
def test_every_frame_shows_the_right_samples(n_fft, hop, padding, mode, n) -> None:
    stft, framing = both(n_fft, hop, padding, mode)
    x = np.arange(1.0, n + 1)
    frames = np.fft.irfft(stft(x), n_fft, axis=0).T
    assert np.allclose(frames, framing.frames(x), atol=1e-9)


@hypothesis.given(sizes, hops, paddings, lengths)
def test_counts_are_those_of_the_arrays(n_fft, hop, padding, n) -> None:
    stft, framing = both(n_fft, hop, padding)
    n_frames = stft.n_frames(n)
    assert n_frames == framing.n_frames(n) == stft(np.zeros(n)).shape[1]
    n_samples = stft.n_samples(n_frames)
    assert n_samples == framing.n_samples(n_frames)
    assert n_samples == stft.inverse(np.zeros((n_fft // 2 + 1, n_frames), complex)).shape[0]


@hypothesis.given(sizes, hops, paddings, st.integers(0, 50))
def test_the_length_of_so_many_frames_makes_so_many_frames(n_fft, hop, padding, n_frames) -> None:
    stft, _ = both(n_fft, hop, padding)
    n_samples = stft.n_samples(n_frames)
    if n_samples > 0:  # more padding than the frames are long leaves nothing to count
        assert stft.n_frames(n_samples) == n_frames
        assert stft.n_frames(n_samples + hop - 1) == n_frames
        assert stft.n_frames(n_samples + hop) == n_frames + 1


@hypothesis.given(sizes, hops, paddings, lengths)
def test_one_hop_more_is_one_frame_more(n_fft, hop, padding, n) -> None:
    stft, _ = both(n_fft, hop, padding)
    if stft.n_frames(n) > 0:
        assert stft.n_frames(n + hop) == stft.n_frames(n) + 1
    assert stft.n_frames(n) <= stft.n_frames(n + 1) <= stft.n_frames(n) + 1


@hypothesis.given(sizes, hops, lengths)
def test_inverse_gives_back_what_the_windows_cover(n_fft, hop, n) -> None:
    stft, framing = both(n_fft, hop, "center", "constant")
    x = np.arange(1.0, n + 1)
    y = stft.inverse(stft(x), length=n)
    covered = reference.trimmed(framing, reference.coverage(framing, stft.n_frames(n)), n) > 0
    assert np.allclose(y, np.where(covered, x, 0), atol=1e-9)


@pytest.mark.parametrize("n_fft", SIZES)
def test_centre_counts_one_frame_a_hop(n_fft: int) -> None:
    hop = max(1, n_fft // 4)
    for n in (0, 1, hop, 10 * hop + 3):
        shortened = n - n_fft % 2  # odd sizes pad one sample less than n_fft
        expected = 1 + shortened // hop if shortened >= 0 else 0
        assert lapped.STFT(n_fft, hop).n_frames(n) == expected


def test_huge_counts_are_exact() -> None:
    stft = lapped.STFT(1024, 256)
    assert stft.n_frames(2**40) == 2**32 + 1
    assert stft.n_samples(2**32 + 1) == 2**40


@pytest.mark.parametrize("left_aligned", [True, False])
def test_a_short_window_sees_its_part_of_the_frame(left_aligned: bool) -> None:
    align = "left" if left_aligned else "center"
    stft = lapped.STFT(16, 4, window=np.ones(10), win_length=10, padding="none", window_align=align)
    frame = np.fft.irfft(stft(np.arange(1.0, 17)), 16, axis=0)[:, 0]
    start = 0 if left_aligned else 3
    seen = np.flatnonzero(np.abs(frame) > 1e-9)
    assert seen.tolist() == list(range(start, start + 10))

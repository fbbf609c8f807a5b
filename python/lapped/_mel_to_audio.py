# SPDX-License-Identifier: Apache-2.0
"""From mel spectrograms to waveforms in one call."""

from typing import Any

from lapped import _arrays
from lapped._arrays import Array, Like
from lapped._griffin_lim import MAX_ITERATIONS, GriffinLim, synthesised
from lapped._mel import STEPS, Mel
from lapped._presets import preset
from lapped._validate import choice, instance, integer

MODES = ("joint", "cascade")


def mel_to_audio(
    M: Array,
    preset_or_mel: Mel | str,
    *,
    n_iter: int = 32,
    mode: str = "joint",
    length: int | None = None,
    lengths: Any = None,
) -> Array:
    """Waveform whose mel spectrogram comes close to `M`.

    Parameters
    ----------
    M : array (..., n_mels, n_frames), real
        Mel spectrogram as the transform gives it; (..., n_frames, n_mels) in layout "tf".
    preset_or_mel : Mel or str
        The transform that `M` came from, or the name of a preset.
    n_iter : int
        Iterations of accelerated Griffin-Lim, with its random initial phase of seed 0.
    mode : str
        "joint": each iteration takes the magnitudes of its own transform and moves them to `M`,
        so that bins within a band stay free. "cascade": ``preset_or_mel.inverse``, then
        `GriffinLim`.
    length : int, optional
        Samples of the result, which is cut or filled with zeros to it. By default
        ``stft.n_samples(n_frames)``, or the largest of `lengths` where that is more.
    lengths : ints, shape of the leading axes, optional
        Samples of each row's waveform: it is made of the row's first ``stft.n_frames(lengths[i])``
        frames, and 0 past ``lengths[i]``.

    Returns
    -------
    array (..., length), in the precision of `M`

    Examples
    --------
    >>> import lapped, numpy as np
    >>> mel = lapped.preset("hifigan-22k")
    >>> M = mel(np.sin(np.arange(22050.0) ** 1.2))
    >>> lapped.mel_to_audio(M, "hifigan-22k", n_iter=4, mode="cascade").shape
    (22016,)
    """
    mel = preset(preset_or_mel) if isinstance(preset_or_mel, str) else preset_or_mel
    instance("preset_or_mel", mel, Mel)
    choice("mode", mode, MODES)
    n_iter = integer("n_iter", n_iter, 0, MAX_ITERATIONS)
    if (operators := _arrays.recorder(M)) is not None:
        return operators.mel_to_audio(mel, M, n_iter, mode, length, lengths)
    return _audio(mel, M, n_iter, mode, length, lengths)


def _audio(mel: Mel, M: Array, n_iter: int, mode: str, length: int | None, lengths: Any) -> Array:
    griffin_lim = GriffinLim(mel.stft, n_iter)
    features, batch, like = mel._features(M)
    energies = mel._energies(features, like)
    run = {"joint": _joint, "cascade": _cascade}[mode](mel, griffin_lim, energies, like)
    return synthesised(mel.stft, like, batch, features.shape[2], length, lengths, run)


def _cascade(mel: Mel, griffin_lim: GriffinLim, energies: Array, like: Like) -> Any:
    """Magnitudes first, then their phase."""

    def run(frames: Any, samples: Any, out: Array) -> None:
        magnitudes = _magnitudes(mel, energies, frames, like)
        griffin_lim._run(like, magnitudes, frames, samples, None, out, None)

    return run


def _joint(mel: Mel, griffin_lim: GriffinLim, energies: Array, like: Like) -> Any:
    """Magnitudes and phase together, from the magnitudes that the cascade would take."""

    def run(frames: Any, samples: Any, out: Array) -> None:
        magnitudes = _magnitudes(mel, energies, frames, like)
        n_iter, momentum, step, init, seed = griffin_lim._settings
        like.kernels.mel_griffin_lim(
            mel.stft._plans[like.module], mel._banks[like.module], magnitudes, energies,
            frames, samples, out,
            n_iter, momentum, step, init, seed, mel.power,
        )  # fmt: skip

    return run


def _magnitudes(mel: Mel, energies: Array, frames: Any, like: Like) -> Array:
    shape = (energies.shape[0], mel.stft.n_freq, energies.shape[2])
    _, magnitudes = like.library.empty(like, shape, like.real)
    bank = mel._banks[like.module]
    like.kernels.mel_inverse(bank, energies, frames, magnitudes, mel.power, STEPS)
    return magnitudes

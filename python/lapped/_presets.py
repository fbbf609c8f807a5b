# SPDX-License-Identifier: Apache-2.0
"""Mel front ends of published models, by name."""

import difflib
from functools import cache
from typing import Any, NamedTuple

from lapped._compression import Compression
from lapped._mel import Mel
from lapped._stft import STFT
from lapped._validate import shown


class PresetInfo(NamedTuple):
    """What is known of a preset besides its `Mel`.

    Attributes
    ----------
    sample_rate : int
        Of the model's audio, in Hz.
    source : str
        Project and file that it was taken from.
    left_out : str
        What the model's own front end does and the `Mel` does not.

    Examples
    --------
    >>> import lapped
    >>> lapped.presets()["tacotron2"].left_out
    'nothing'
    """

    sample_rate: int
    source: str
    left_out: str


def preset(name: str) -> Mel:
    """Mel spectrogram as a published model was trained on it.

    Everything that `Mel` can say is as in the model's code; what it cannot say is listed in
    ``lapped.presets()[name].left_out``. Layout is "ft" throughout.

    Parameters
    ----------
    name : str
        One of ``lapped.presets()``.

    Raises
    ------
    ValueError
        For an unknown name; the message lists the closest ones.

    Examples
    --------
    >>> import lapped
    >>> mel = lapped.preset("whisper-80")
    >>> mel.sample_rate, mel.n_mels, mel.stft.hop_length
    (16000, 80, 160)
    """
    if not isinstance(name, str):
        raise TypeError(f"name={shown(name)} must be the name of a preset")
    if name not in _TABLE:
        close = difflib.get_close_matches(name, _TABLE, 4, 0.4) or sorted(_TABLE)
        raise ValueError(f"name={shown(name)} must be a preset: {', '.join(map(repr, close))}")
    return _built(name)


def presets() -> dict[str, PresetInfo]:
    """Every preset's name, with its sample rate, its source, and what it leaves out.

    Examples
    --------
    >>> import lapped
    >>> lapped.presets()["vocos-24k"].sample_rate
    24000
    """
    return {name: entry["info"] for name, entry in _TABLE.items()}


@cache
def _built(name: str) -> Mel:
    entry = _TABLE[name]
    mel = {"sample_rate": entry["info"].sample_rate, **entry["mel"]}
    return Mel(STFT(**entry["stft"]), compression=Compression(**entry["log"]), **mel)


# ---- recurring parts -----------------------------------------------------------------------------

_HTK: dict[str, Any] = {"scale": "htk", "norm": None}
_LN_1E5: dict[str, Any] = {"base": "e", "floor": 1e-5}
_LOG10: dict[str, Any] = {"base": "10", "floor": 1e-10}
_DB: dict[str, Any] = {"base": "db", "floor": 1e-10}
_WHISPER_LOG: dict[str, Any] = {**_LOG10, "dynamic_range": 8.0, "scale": 0.25, "shift": 4.0}
_WHISPER_LEFT_OUT = (
    "padding or cutting to 30 s; the last frame, which the model drops before it takes the peak"
)
_1024_256: dict[str, Any] = {"n_fft": 1024, "hop_length": 256}
# Kaldi counts frames by the window's length, so what the transform has beyond it is padded.
_WINDOW_FRAMED: dict[str, Any] = {
    "n_fft": 512, "hop_length": 160, "win_length": 400, "periodic": False,
    "window_align": "left", "padding": (0, 112), "pad_mode": "constant",
}  # fmt: skip


def _entry(
    sample_rate: int, source: str, stft: dict, mel: dict, log: dict, left_out: str = "nothing"
) -> dict[str, Any]:
    info = PresetInfo(sample_rate, source, left_out)
    return {"info": info, "stft": stft, "mel": mel, "log": log}


def _whisper(n_mels: int) -> dict[str, Any]:
    stft, mel = {"n_fft": 400, "hop_length": 160}, {"n_mels": n_mels}
    source = "OpenAI Whisper, whisper/audio.py"
    return _entry(16000, source, stft, mel, _WHISPER_LOG, _WHISPER_LEFT_OUT)


def _hifigan(
    sample_rate: int, source: str, n_mels: int, f_max: float, n_fft: int = 1024
) -> dict[str, Any]:
    """HiFi-GAN's recipe: reflected by (n_fft - hop) / 2, 1e-9 under the root, ln above 1e-5."""
    stft = {"n_fft": n_fft, "hop_length": n_fft // 4, "padding": "same"}
    mel = {"n_mels": n_mels, "f_max": f_max, "power": 1.0, "magnitude_eps": 1e-9}
    return _entry(sample_rate, source, stft, mel, _LN_1E5)


def _vocos(source: str, floor: float) -> dict[str, Any]:
    mel = {"n_mels": 100, "power": 1.0, **_HTK}
    return _entry(24000, source, _1024_256, mel, {"base": "e", "floor": floor})


def _clap(source: str, mel: dict, left_out: str) -> dict[str, Any]:
    stft = {"n_fft": 1024, "hop_length": 480}
    bands = {"n_mels": 64, "f_min": 50.0, "f_max": 14000.0, **mel}
    return _entry(48000, source, stft, bands, _DB, left_out)


# ---- the table -----------------------------------------------------------------------------------

_TABLE: dict[str, dict[str, Any]] = {
    "whisper-80": _whisper(80),
    "whisper-128": _whisper(128),
    "granite-speech": _entry(
        16000, "Transformers, granite_speech/feature_extraction_granite_speech.py",
        {"n_fft": 512, "hop_length": 160, "win_length": 400}, {"n_mels": 80, **_HTK}, _WHISPER_LOG,
        "dropping the last of an odd number of frames; stacking frames in pairs",
    ),
    "lasr": _entry(
        16000, "Transformers, lasr/feature_extraction_lasr.py", _WINDOW_FRAMED,
        {"n_mels": 128, "f_min": 125.0, "f_max": 7500.0, "scale": "kaldi", "norm": None}, _LN_1E5,
    ),
    "kaldi-fbank": _entry(
        16000, "Kaldi, feat/feature-fbank.cc, with 80 bands and snip_edges",
        {**_WINDOW_FRAMED, "window": "povey"},
        {"n_mels": 80, "f_min": 20.0, "f_max": 8000.0, "scale": "kaldi", "norm": None},
        {"base": "e", "floor": 1.1920929e-07},
        "samples on the scale of 16-bit integers (multiply floats by 32768); dither; removing each "
        "frame's mean; pre-emphasis 0.97 within each frame",
    ),
    "panns": _entry(
        32000, "PANNs, panns_inference/models.py", {"n_fft": 1024, "hop_length": 320},
        {"n_mels": 64, "f_min": 50.0, "f_max": 14000.0}, _DB, "batch normalisation of the bands",
    ),
    "clap": _clap(
        "LAION CLAP, clap_module/htsat.py", {}, "repeating or cutting to 10 s; batch normalisation",
    ),
    "clap-fusion": _clap(
        "LAION CLAP, training/data.py", _HTK, "repeating or cutting to 10 s; the four fused crops",
    ),
    "pop2piano": _entry(
        22050, "Transformers, pop2piano/feature_extraction_pop2piano.py",
        {"n_fft": 4096, "hop_length": 1024}, {"n_mels": 512, "f_min": 10.0, **_HTK},
        {"base": "e", "floor": 1e-6}, "cutting at beats",
    ),
    "tacotron2": _entry(
        22050, "NVIDIA Tacotron 2 and WaveGlow, tacotron2/layers.py", _1024_256,
        {"n_mels": 80, "f_max": 8000.0, "power": 1.0}, _LN_1E5,
    ),
    "hifigan-22k": _hifigan(22050, "HiFi-GAN, meldataset.py and config_v1.json", 80, 8000.0),
    "bigvgan-22k": _hifigan(22050, "BigVGAN, configs/bigvgan_22khz_80band.json", 80, 8000.0),
    "bigvgan-24k": _hifigan(24000, "BigVGAN, configs/bigvgan_24khz_100band.json", 100, 12000.0),
    "bigvgan-44k-256x": _hifigan(
        44100, "BigVGAN, configs/bigvgan_v2_44khz_128band_256x.json", 128, 22050.0
    ),
    "bigvgan-44k-512x": _hifigan(
        44100, "BigVGAN, configs/bigvgan_v2_44khz_128band_512x.json", 128, 22050.0, n_fft=2048
    ),
    "univnet": _hifigan(
        24000, "Transformers, univnet/feature_extraction_univnet.py", 100, 12000.0
    ),
    "vocos-24k": _vocos("Vocos, feature_extractors.py and configs/vocos.yaml", 1e-7),
    "f5-tts": _vocos("F5-TTS, model/modules.py, its mel for Vocos", 1e-5),
    "parallel-wavegan": _entry(
        22050, "ParallelWaveGAN, bin/preprocess.py and egs/ljspeech/voc1 (ESPnet-TTS too)",
        _1024_256, {"n_mels": 80, "f_min": 80.0, "f_max": 7600.0, "power": 1.0}, _LOG10,
        "normalisation by the data set's mean and variance",
    ),
    "speecht5": _entry(
        16000, "Transformers, speecht5/feature_extraction_speecht5.py", _1024_256,
        {"n_mels": 80, "f_min": 80.0, "f_max": 7600.0, "power": 1.0}, _LOG10,
        "layout (frames, bands)",
    ),
    "clvp": _entry(
        22050, "Transformers, clvp/feature_extraction_clvp.py", _1024_256,
        {"n_mels": 80, "f_max": 8000.0, "scale": "htk"}, _LN_1E5, "division by the bands' norms",
    ),
    "styletts2": _entry(
        24000, "StyleTTS 2, meldataset.py (Kokoro too), whose filters are made for 16 kHz",
        {"n_fft": 2048, "hop_length": 300, "win_length": 1200},
        {"n_mels": 80, "sample_rate": 16000, **_HTK},
        {"base": "e", "floor": 1e-5, "floor_mode": "add", "scale": 0.25, "shift": 4.0},
    ),
}  # fmt: skip

# SPDX-License-Identifier: Apache-2.0
"""torchaudio: transforms built once, called in inference mode."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from types import ModuleType

import torch

from ..cases import FLOOR, GRIFFIN_LIM_ITERATIONS, GRIFFIN_LIM_MOMENTUM, N_MELS, Case
from ..inputs import Inputs
from . import Rival
from .torch import frame_major, precision


def import_torchaudio() -> ModuleType:
    """torchaudio, also where its compiled extension does not load beside this torch.

    The transforms are plain torch and need no extension, so where loading it fails (a wheel linked
    with CUDA beside a CPU torch) a stand-in takes its place: one that says it has none.
    """
    try:
        import torchaudio
    except OSError:
        for name in [name for name in sys.modules if name.split(".")[0] == "torchaudio"]:
            del sys.modules[name]
        sys.modules["torchaudio._extension"] = _no_extension()
        import torchaudio
    return torchaudio


def _no_extension() -> ModuleType:
    stub = ModuleType("torchaudio._extension")
    stub._IS_TORCHAUDIO_EXT_AVAILABLE = False
    stub._IS_ALIGN_AVAILABLE = False
    stub.fail_if_no_align = lambda function: function
    stub._check_cuda_version = lambda: None
    return stub


torchaudio = import_torchaudio()
VERSION = torchaudio.__version__
set_num_threads = torch.set_num_threads
_inference = torch.inference_mode()


def _power(inputs: Inputs) -> Callable[[], torch.Tensor]:
    case, x = inputs.case, torch.as_tensor(inputs.x)
    spectrogram = torchaudio.transforms.Spectrogram(
        case.n_fft, hop_length=case.hop_length, power=2.0, wkwargs=_window(case)
    ).to(x.device)
    return _inference(lambda: spectrogram(x))


def _log_mel(inputs: Inputs) -> Callable[[], torch.Tensor]:
    case, x = inputs.case, torch.as_tensor(inputs.x)
    mel = torchaudio.transforms.MelSpectrogram(
        case.sample_rate,
        case.n_fft,
        hop_length=case.hop_length,
        n_mels=N_MELS,
        wkwargs=_window(case),
        **_BANDS,
    ).to(x.device, precision(case))
    return _inference(lambda: mel(x).clamp_(min=FLOOR).log_())


def _griffin_lim(inputs: Inputs) -> Callable[[], torch.Tensor]:
    case, magnitude = inputs.case, frame_major(inputs.magnitude)
    griffin_lim = torchaudio.transforms.GriffinLim(
        case.n_fft,
        GRIFFIN_LIM_ITERATIONS,
        hop_length=case.hop_length,
        power=1.0,
        momentum=GRIFFIN_LIM_MOMENTUM,
        length=case.samples,
        rand_init=False,
        wkwargs=_window(case),
    ).to(magnitude.device)
    return _inference(lambda: griffin_lim(magnitude))


def _mel_inverse(driver: str, inputs: Inputs) -> Callable[[], torch.Tensor]:
    case, bands = inputs.case, torch.as_tensor(inputs.mel)
    inverse = torchaudio.transforms.InverseMelScale(
        case.bins, N_MELS, case.sample_rate, driver=driver, **_BANDS
    ).to(bands.device, precision(case))
    return _inference(lambda: inverse(bands))


def _window(case: Case) -> dict[str, torch.dtype]:
    """It makes a window of float32 unless told otherwise, and its filters always."""
    return {"dtype": precision(case)}


_BANDS = {"norm": "slaney", "mel_scale": "slaney"}

RIVALS = (
    Rival("torchaudio", "torchaudio Spectrogram", "power", _power),
    Rival("torchaudio", "torchaudio MelSpectrogram, log", "mel", _log_mel),
    Rival("torchaudio", "torchaudio GriffinLim", "griffin_lim", _griffin_lim),
    Rival(
        "torchaudio",
        "torchaudio InverseMelScale (gels)",
        "mel_inverse",
        partial(_mel_inverse, "gels"),
    ),
    Rival(
        "torchaudio",
        "torchaudio InverseMelScale (gelsd)",
        "mel_inverse",
        partial(_mel_inverse, "gelsd"),
    ),
)

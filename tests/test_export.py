# SPDX-License-Identifier: Apache-2.0
"""Exported programs: symbolic batch and time, run in a process that has no value of ours."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import lapped

torch = pytest.importorskip("torch")

STFT = lapped.STFT(400, 160)
WINDOWED = lapped.STFT(64, 16, window=[0.5] * 64, padding="none", layout="tf")
MEL = lapped.Mel(STFT, 16000, 40)
WHISPER = lapped.preset("whisper-80")
GL = lapped.GriffinLim(STFT, 2)


class Function(torch.nn.Module):
    """A function as a module."""

    def __init__(self, function: object) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.function(x)


FUNCTIONS = {
    "stft": STFT,
    "window_of_its_own": WINDOWED,
    "whisper": WHISPER,
    "magnitude": STFT.magnitude,
    "round_trip": lambda x: STFT.inverse(0.5 * STFT(x), length=x.shape[-1]),
    "round_trip_of_its_own_length": lambda x: STFT.inverse(STFT(x)),
    "griffin_lim": lambda x: GL(STFT.magnitude(x), length=x.shape[-1]),
    "mel_to_audio": lambda x: lapped.mel_to_audio(MEL(x), MEL, n_iter=2),
}
ELSEWHERE = """
import sys, torch, lapped.nn
for path in sys.argv[1:]:
    x, expected = torch.load(path + ".pt")
    assert torch.equal(torch.export.load(path + ".pt2").module()(x), expected), path
"""


def exported(function: object, strict: bool) -> object:
    dynamic = {"x": {0: torch.export.Dim("batch"), 1: torch.export.Dim("time", min=1000)}}
    example = (torch.randn(2, 4000),)
    return torch.export.export(Function(function), example, dynamic_shapes=dynamic, strict=strict)


@pytest.mark.parametrize("strict", [False, True])
def test_export_save_load_run(tmp_path: Path, strict: bool):
    x = torch.randn(5, 7777)
    for name, function in FUNCTIONS.items():
        program = exported(function, strict)
        assert torch.equal(program.module()(x), function(x)), name
        torch.export.save(program, tmp_path / f"{name}.pt2")
        torch.save((x, function(x)), tmp_path / f"{name}.pt")
    paths = [str(tmp_path / name) for name in FUNCTIONS]
    subprocess.run([sys.executable, "-c", ELSEWHERE, *paths], check=True)


def test_a_program_holds_our_operators_alone():
    program = exported(lambda x: WHISPER(x), strict=False)
    calls = [str(node.target) for node in program.graph.nodes if node.op == "call_function"]
    assert calls == ["lapped.mel.default"]


@pytest.mark.skipif(not hasattr(torch._inductor, "aoti_load_package"), reason="torch has no AOTI")
def test_ahead_of_time_package(tmp_path: Path):
    package = torch._inductor.aoti_compile_and_package(
        exported(lambda x: WHISPER(2 * x), strict=False), package_path=str(tmp_path / "mel.pt2")
    )
    code = (
        "import sys, torch, lapped.nn; x = torch.ones(3, 5000).cumsum(1).sin(); "
        "y = torch._inductor.aoti_load_package(sys.argv[1])(x); "
        "assert torch.equal(y, lapped.preset('whisper-80')(2 * x))"
    )
    subprocess.run([sys.executable, "-c", code, package], check=True)

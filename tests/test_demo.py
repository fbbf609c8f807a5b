# SPDX-License-Identifier: Apache-2.0
"""The demo, on generated sound with toy models."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
soundfile = pytest.importorskip("soundfile")
for needed in ("matplotlib", "onnx", "scipy", "tqdm"):
    pytest.importorskip(needed)

from lapped import demo  # noqa: E402
from lapped.demo import generated, picture, quality, recordings, session, settings  # noqa: E402
from lapped.demo.models import weights  # noqa: E402
from lapped.demo.recordings import SAMPLE_RATE, Recording  # noqa: E402
from lapped.demo.settings import Setting  # noqa: E402
from lapped.pipelines import PhaseReuse, Waveform  # noqa: E402


class Lines(list):
    """Collects what a function reports."""

    __call__ = list.append

    @property
    def text(self) -> str:
        return "\n".join(self)


def toy_settings() -> list[Setting]:
    def halve() -> torch.nn.Module:
        return PhaseReuse(lambda s: 0.5 * s, settings.NSNET2_STFT)

    def absent() -> torch.nn.Module:
        raise weights.NotInstalledError("the package nowhere is not installed")

    def same() -> torch.nn.Module:
        return Waveform(torch.nn.Identity(), sample_rate=SAMPLE_RATE)

    return [
        Setting("1 phase reuse", "half", "half", halve, True),
        Setting("2 phase reconstruction", "absent", "absent", absent, False),
        Setting("3 waveform", "same", "same", same, False),
    ]


def speech() -> list[Recording]:
    voice = generated.speechlike(SAMPLE_RATE)
    noise = generated.pink(SAMPLE_RATE // 2)
    return [recordings.mixed("one", voice, "pink", noise), Recording("two", "", voice[:8000])]


# ---- the whole run -------------------------------------------------------------------------------


def test_run_writes_sound_scores_and_picture(tmp_path: Path, capsys: pytest.CaptureFixture):
    said = Lines()
    assert session.perform(toy_settings(), speech(), tmp_path, said)
    assert sorted(p.name for p in (tmp_path / "one").iterdir()) == [
        "before.wav",
        "clean.wav",
        "half.wav",
        "same.wav",
    ]
    before, rate = soundfile.read(tmp_path / "one" / "before.wav")
    half, _ = soundfile.read(tmp_path / "one" / "half.wav")
    assert rate == SAMPLE_RATE
    assert np.abs(half - before / 2).max() < 1e-4  # two roundings to 16 bits
    assert not (tmp_path / "two" / "clean.wav").exists()
    with (tmp_path / "scores.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [(row["model"], row["recording"]) for row in rows] == [
        ("half", "one"),
        ("half", "two"),
        ("same", "one"),
        ("same", "two"),
    ]
    before_db, after_db = (float(rows[0][f"si_sdr_{when}"]) for when in ("before", "after"))
    assert before_db == pytest.approx(after_db, abs=0.01)
    assert rows[1]["si_sdr_before"] == rows[2]["si_sdr_before"] == ""
    assert "did not run: the package nowhere is not installed" in said.text
    assert "requirements/demo-models.txt" in said.text
    assert str(tmp_path) in said.text
    assert "100%" in capsys.readouterr().err


def test_picture_is_a_picture(tmp_path: Path):
    from matplotlib import image

    session.perform(toy_settings(), speech(), tmp_path, Lines())
    pixels = image.imread(tmp_path / "spectrograms.png")
    assert min(pixels.shape[:2]) > 400
    assert pixels[..., :3].std() > 0.1  # neither blank nor black


def test_table_lines_up(tmp_path: Path):
    said = Lines()
    session.perform(toy_settings(), speech(), tmp_path, said)
    table = next(line for line in said if "setting" in line and "----" in line).splitlines()
    start = table[0].index("audio")
    assert [line[start : start + 5] for line in table[2:]] == ["1.5 s", "did n", "1.5 s"]
    assert "x real time" in table[2]


def test_run_reports_files_that_cannot_be_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(settings, "SETTINGS", toy_settings())
    good, broken, empty = (tmp_path / name for name in ("good.wav", "broken.wav", "empty.wav"))
    soundfile.write(good, generated.speechlike(22050, 44100), 44100)
    broken.write_bytes(b"RIFF, but no more")
    soundfile.write(empty, np.zeros(0), 16000)
    said, missing = Lines(), tmp_path / "missing.wav"
    code = demo.run(tmp_path / "out", [broken, good, missing, empty], said)
    assert code == demo.LEFT_OUT
    reasons = {missing: "No such file", empty: "it holds no samples", broken: ""}
    for path, reason in reasons.items():
        assert f"{path} cannot be decoded and is left out: {reason}" in said.text
    assert soundfile.info(tmp_path / "out" / "good" / "before.wav").frames == 8000
    assert demo.run(tmp_path / "out", [broken], said) == demo.LEFT_OUT
    assert demo.run(tmp_path / "out", [good], said) == demo.DONE


def test_run_without_any_package_generates_sound_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(recordings, "SPEECH", (recordings.Source("x", "no-such-package", ".wav"),))
    monkeypatch.setattr(recordings, "NOISE", ())
    monkeypatch.setattr(settings, "SETTINGS", toy_settings()[1:2])
    said = Lines()
    assert demo.run(tmp_path, echo=said) == demo.CANNOT_RUN  # the only model is absent
    assert "x: the package no-such-package is not installed" in said.text
    assert "generated, speech-like sound takes its place" in said.text
    assert "generated pink noise takes its place" in said.text
    assert "generated in noise (pink): 6.0 s" in said.text


def test_run_names_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(demo, "NEEDED", ("numpy", "no_such_module"))
    said = Lines()
    assert demo.run(tmp_path / "out", echo=said) == demo.CANNOT_RUN
    assert said.text.startswith("the demo needs no_such_module")
    assert not (tmp_path / "out").exists()


def test_folder_that_cannot_be_made_is_named(tmp_path: Path):
    (tmp_path / "file").write_text("")
    said = Lines()
    assert demo.run(tmp_path / "file" / "out", echo=said) == demo.CANNOT_RUN
    assert "the folder for the results cannot be made" in said.text


def test_importing_the_demo_is_light():
    probe = "import json, sys, lapped.demo; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, check=True)
    assert not {"torch", "matplotlib", "soundfile"} & set(json.loads(done.stdout))


def test_command_hands_its_arguments_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    pytest.importorskip("click")
    from lapped.cli.demo import command

    calls = []
    monkeypatch.setattr(demo, "run", lambda *arguments: calls.append(arguments[:2]) or 1)
    code = command.main(["a.wav", "-o", str(tmp_path)], standalone_mode=False)
    assert (code, calls) == (1, [(tmp_path, (Path("a.wav"),))])


# ---- recordings ----------------------------------------------------------------------------------


def test_noise_is_mixed_at_the_stated_ratio():
    clean, noise = generated.speechlike(20000), generated.pink(7000)
    mixture = recordings.mixed("x", clean, "pink", noise)
    added = mixture.noisy.astype(np.float64) - clean
    ratio = 10 * np.log10(np.mean(np.square(clean, dtype=np.float64)) / np.mean(added**2))
    assert ratio == pytest.approx(recordings.SNR, abs=1e-3)
    assert np.corrcoef(added[:7000], added[7000:14000])[0, 1] > 0.999


def test_files_are_read_as_mono_at_the_models_rate(tmp_path: Path):
    t = np.arange(3 * 48000) / 48000
    stereo = 0.5 * np.stack([np.sin(2 * np.pi * 440 * t), 0 * t], axis=1)
    soundfile.write(tmp_path / "a.flac", stereo, 48000)
    x = recordings.read(tmp_path / "a.flac", 1.0, seconds=1.0)
    expected = 0.25 * np.sin(2 * np.pi * 440 * (1 + np.arange(16000) / 16000))
    assert x.dtype == np.float32
    assert x.shape == (16000,)
    assert np.abs(x - expected)[200:-200].max() < 2e-3


def test_long_files_are_cut_and_names_kept_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(recordings, "MAX_SECONDS", 0.5)
    (tmp_path / "b").mkdir()
    for folder in (tmp_path, tmp_path / "b"):
        soundfile.write(folder / "a.wav", generated.pink(16000), 16000)
    said = Lines()
    found = recordings.from_files([tmp_path / "a.wav", tmp_path / "b" / "a.wav"], said)
    assert [(r.name, r.seconds) for r in found] == [("a", 0.5), ("a-2", 0.5)]
    assert "a.wav is long" in said.text


def test_package_files_are_found_by_their_end():
    path = weights.package_file("numpy", "numpy/version.py")
    assert path.is_file()
    with pytest.raises(weights.NotInstalledError, match=r"numpy holds no file \.\.\.no-such-file"):
        weights.package_file("numpy", "no-such-file")


# ---- quality -------------------------------------------------------------------------------------


def test_si_sdr_is_the_ratio_of_orthogonal_parts():
    n = np.arange(1600)
    clean, error = np.sin(2 * np.pi * n / 16), np.sin(2 * np.pi * n / 10)
    for scale in (1, -3):
        noisy = scale * (clean + 0.1 * error) + 0.5
        assert quality.si_sdr(clean, noisy) == pytest.approx(20, abs=1e-9)
    assert quality.si_sdr(clean, clean) > 100
    assert np.isfinite(quality.si_sdr(clean, np.zeros(1600)))


def test_stoi_falls_with_noise():
    pytest.importorskip("pystoi")
    clean, noise = generated.speechlike(SAMPLE_RATE * 2), generated.pink(SAMPLE_RATE * 2)
    scores = [quality.stoi(clean, clean + g * noise, SAMPLE_RATE) for g in (0, 0.5, 4)]
    assert scores[0] == pytest.approx(1)
    assert scores[0] > scores[1] > scores[2]


def test_spectrogram_of_the_picture_is_in_decibels():
    tone = np.sin(2 * np.pi * 1000 * np.arange(8000) / SAMPLE_RATE)
    level = picture.level(tone)
    assert level.max() == pytest.approx(20 * np.log10(512 / 4), abs=0.1)
    assert level[:, 60].argmax() == 32

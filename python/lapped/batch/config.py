# SPDX-License-Identifier: Apache-2.0
"""Everything a run can be told, once: the defaults, what `--help` says, and what is checked."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import lapped
from lapped.batch import units

WORKS = ("features", "reconstruct", "pipeline")
SETTINGS = ("phase-reuse", "phase-reconstruction", "waveform")
FORMATS = ("safetensors", "parquet", "npy", "tar", "ark", "wav", "flac")
AUDIO_FORMATS = ("wav", "flac")


def option(default: Any, help: str, group: str = "Run", **more: Any) -> Any:
    """A field of `Config`.

    `decides`: a change of it changes the results, so that a folder holds one value of it only.
    `works`: the ones it is for, if not all.
    """
    return field(default=default, metadata={"help": help, "group": group, **more})


@dataclass(frozen=True)
class Config:
    """One run of `lapped run`. Units are in the types: seconds, bytes, counts."""

    work: str = option("features", "", choices=WORKS, decides=True, hidden=True)
    inputs: tuple[str, ...] = option((), "", hidden=True)
    output: str = option("", "", hidden=True)

    preset: str = option("", "Mel front end by name: see lapped presets.", "Work", decides=True)
    layout: str = option(
        "",
        'Of spectrograms that are written or read: "ft" is bands by frames, "tf" the reverse; '
        "by default as the preset has it.",
        "Work",
        choices=("", "ft", "tf"),
        decides=True,
        works=("features", "reconstruct"),
    )
    n_iter: int = option(
        32,
        "Iterations of Griffin-Lim.",
        "Work",
        decides=True,
        least=0,
        works=("reconstruct", "pipeline"),
    )
    mode: str = option(
        "joint",
        'How Griffin-Lim takes mel spectrograms: "joint" or "cascade".',
        "Work",
        choices=("joint", "cascade"),
        decides=True,
        works=("reconstruct",),
    )
    magnitude: bool = option(
        False,
        "What is given (to reconstruct, or the model) is magnitudes, not mel.",
        "Work",
        decides=True,
        works=("reconstruct", "pipeline"),
    )
    setting: str = option(
        "waveform",
        "Where the model stands.",
        "Work",
        choices=SETTINGS,
        decides=True,
        works=("pipeline",),
    )
    model: str = option(
        "",
        "package.module:callable, or a file of TorchScript, torch.export or ONNX.",
        "Work",
        decides=True,
        works=("pipeline",),
    )
    vocoder: str = option(
        "",
        "Model from spectrograms to audio, as --model.",
        "Work",
        decides=True,
        works=("reconstruct", "pipeline"),
    )
    combine: str = option(
        "magnitude",
        "What the model of phase-reuse returns.",
        "Work",
        choices=("magnitude", "mask"),
        decides=True,
        works=("pipeline",),
    )
    chunk: float | None = option(
        None,
        "Seconds the waveform model takes at a time.",
        "Work",
        decides=True,
        unit="seconds",
        works=("pipeline",),
    )
    overlap: float = option(
        0.0,
        "Seconds its chunks are cross-faded over.",
        "Work",
        decides=True,
        unit="seconds",
        works=("pipeline",),
    )
    sample_rate: int | None = option(
        None,
        "Hz of the audio; by default the preset's.",
        "Work",
        decides=True,
        least=1,
        works=("pipeline",),
    )

    channel: str = option(
        "mix",
        'Of several channels: "mix", "first" or a number from 0.',
        "Reading",
        decides=True,
    )
    resample: str = option(
        "hq",
        "Quality of soxr.",
        "Reading",
        choices=("qq", "lq", "mq", "hq", "vhq"),
        decides=True,
    )
    on_truncated: str = option(
        "error", "What a file cut short is.", "Reading", choices=("error", "keep"), decides=True
    )
    duration_tolerance: float = option(
        0.05,
        "Share by which a manifest's duration may exceed what is read.",
        "Reading",
        decides=True,
        least=0,
    )
    id_col: str = option("", "Column of manifests that names items.", "Reading")
    path_col: str = option("", "Column of manifests with the path.", "Reading")
    stream_over: float = option(
        600.0,
        "Longer audio goes through block by block where the work can.",
        "Reading",
        unit="seconds",
    )
    max_item: float = option(
        24 * 3600.0, "Longer inputs are too_long.", "Reading", decides=True, unit="seconds"
    )
    timeout: float = option(
        300.0,
        "After which an input that is still being decoded is decode_timeout; long ones get a "
        "second for every ten of theirs more.",
        "Reading",
        unit="seconds",
    )

    format: str = option(
        "",
        "By default safetensors for features, wav for audio.",
        "Writing",
        decides=True,
        choices=("", *FORMATS),
    )
    dtype: str = option(
        "float32",
        "Of features that are written.",
        "Writing",
        decides=True,
        choices=("float32", "float16"),
        works=("features",),
    )
    mirror: bool = option(
        False, "One file for each input, in the same tree below OUT.", "Writing", decides=True
    )
    part_audio: float = option(
        1800.0,
        "Audio in a part: what is written, retried and handed out at a time.",
        "Writing",
        decides=True,
        unit="seconds",
    )
    part_items: int = option(2000, "Most items of a part.", "Writing", decides=True, least=1)

    device: str = option("cpu", "cpu, cuda, cuda:0,1 or auto.")
    threads: int | None = option(None, "Threads that decode; by default one a core.", least=1)
    mem: int = option(4 << 30, "Bytes of audio and results held at a time.", unit="bytes")
    scan: bool = option(True, "Read the headers of local files while planning.")
    max_errors: str = option("100%", "A count or a share of the items, above which a run stops.")
    engine: str = option("local", "local, or ray.", choices=("local", "ray"))
    ray_address: str = option("auto", 'Of the cluster; "local" starts one here.')
    workers: int = option(1, "Workers of the Ray engine.", least=1)
    cpus_per_worker: float = option(1.0, "Of the Ray engine.", least=0)
    gpus_per_worker: float = option(0.0, "Of the Ray engine.", least=0)
    of: str = option("", '"i/n": only the i-th of n shares of the parts, i from 1.')
    progress: str = option(
        "auto", "auto, plain, json or none.", choices=("auto", "plain", "json", "none")
    )
    log: str = option("", "File that the log goes to.")
    log_level: str = option(
        "info", "Least level that is logged.", choices=("debug", "info", "warning", "error")
    )

    def __post_init__(self) -> None:
        for each in dataclasses.fields(self):
            value = getattr(self, each.name)
            object.__setattr__(self, each.name, _checked(each, value))

        self._check_texts()
        self._check_together()

    def _check_texts(self) -> None:
        if self.preset:
            lapped.preset(self.preset)  # refuses what it does not know
        if self.channel not in ("mix", "first") and not self.channel.isdecimal():
            raise ValueError(f'channel={self.channel!r} must be "mix", "first" or a number from 0')
        if not re.fullmatch(r"cpu|auto|cuda(:\d+(,\d+)*)?", self.device):
            raise ValueError(f"device={self.device!r} must be cpu, cuda, cuda:0,1 or auto")
        self.share()
        self.errors_allowed(0)

    def share(self) -> tuple[int, int]:
        """(i, n) of `of`, i from 0."""
        match = re.fullmatch(r"(\d+)/(\d+)", self.of or "1/1")
        i, n = map(int, match.groups()) if match else (0, 0)
        if not 1 <= i <= n:
            raise ValueError(f'of={self.of!r} must be "i/n" with i from 1 to n')
        return i - 1, n

    def errors_allowed(self, items: int) -> float:
        """Most of that many items that may fail."""
        match = re.fullmatch(r"(\d+\.?\d*)%|(\d+)", self.max_errors.strip())
        if not match:
            raise ValueError(f'max_errors={self.max_errors!r} must be a count or a share like "1%"')
        return int(match[2]) if match[2] else float(match[1]) / 100 * items

    def _check_together(self) -> None:
        audio = self.work != "features"
        if audio and self.format and self.format not in (*AUDIO_FORMATS, "npy", "safetensors"):
            raise ValueError(
                f"format={self.format!r} must be wav, flac, npy or safetensors for audio"
            )
        if not audio and self.format in AUDIO_FORMATS:
            raise ValueError(f"format={self.format!r} is for audio, and features are asked for")
        if self.work == "pipeline" and not self.model:
            raise ValueError("model='' must name a model where work='pipeline'")
        if not self.preset and not (self.work == "pipeline" and self.setting == "waveform"):
            raise ValueError("preset='' must be one of lapped.presets()")
        if self.work == "pipeline" and not self.preset and self.sample_rate is None:
            raise ValueError("sample_rate=None must be given where there is no preset")
        if self.mirror and self.format in ("parquet", "tar", "ark"):
            raise ValueError(f"mirror=True cannot go with format={self.format!r}")

    @property
    def resolved_format(self) -> str:
        """The format that is written."""
        return self.format or ("safetensors" if self.work == "features" else "wav")

    @property
    def takes(self) -> str:
        """What the inputs hold: "audio" or "array"."""
        return "array" if self.work == "reconstruct" else "audio"

    def deciding(self) -> dict[str, Any]:
        """What the results depend on, by name; inputs are the plan's."""
        return {
            each.name: getattr(self, each.name)
            for each in dataclasses.fields(self)
            if each.metadata.get("decides")
        } | {"format": self.resolved_format}

    def fingerprint(self, **more: Any) -> str:
        """32 hex digits of all that the results depend on; `more` is what the config cannot see."""
        text = json.dumps(self.deciding() | more, sort_keys=True)
        return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()

    def as_dict(self) -> dict[str, Any]:
        """Every option by name, None left out: what TOML can say."""
        values = {each.name: getattr(self, each.name) for each in dataclasses.fields(self)}
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in values.items()
            if value is not None
        }


def from_dict(values: Mapping[str, Any]) -> Config:
    """A config out of options by name; unknown ones are refused."""
    known = {each.name for each in dataclasses.fields(Config)}
    for name in values:
        if name.replace("-", "_") not in known:
            raise ValueError(f"{name}={values[name]!r} is no option of a run")
    return Config(**{name.replace("-", "_"): value for name, value in values.items()})


def _checked(each: dataclasses.Field, value: Any) -> Any:
    name, more = each.name, each.metadata
    if name == "inputs":
        return tuple(map(str, value))
    if unit := more.get("unit"):
        return None if value is None else units.PARSERS[unit](name, value)
    if choices := more.get("choices"):
        if value not in choices:
            allowed = ", ".join(repr(choice) for choice in choices if choice)
            raise ValueError(f"{name}={value!r} must be one of {allowed}")
        return value
    return _number_or_text(each, value)


def _number_or_text(each: dataclasses.Field, value: Any) -> Any:
    name, least, kind = each.name, each.metadata.get("least"), str(each.type)
    if value is None and "None" in kind:
        return None
    if least is None:
        if "str" in kind:
            return str(value)
        if not isinstance(value, bool):
            raise TypeError(f"{name}={value!r} must be True or False")
        return value
    wanted: Any = float if "float" in kind else int
    if isinstance(value, bool) or not isinstance(value, int | float) or value != wanted(value):
        raise TypeError(f"{name}={value!r} must be a number")
    if value < least:
        raise ValueError(f"{name}={value!r} must be at least {least}")
    return wanted(value)

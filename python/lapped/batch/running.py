# SPDX-License-Identifier: Apache-2.0
"""What a run is to every process that works on it: a folder, its options, its plan."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from lapped.batch import config
from lapped.batch.codes import Refused
from lapped.batch.config import Config
from lapped.batch.needs import needed
from lapped.batch.record import commit, index
from lapped.batch.record.layout import Layout
from lapped.batch.record.plan import Plan


@dataclass(frozen=True)
class Run:
    """Options and folder of one run, and the plan where there is one."""

    config: Config

    @cached_property
    def layout(self) -> Layout:
        return Layout(self.config.output)

    @cached_property
    def plan(self) -> Plan:
        if not self.layout.holds_plan():
            raise Refused(f"{self.layout.folder} holds no plan")
        return Plan(self.layout)

    def verdicts(self) -> dict[int, tuple[str, str]]:
        """(code, message) of items that ended or hung a worker, by number."""
        try:
            lines = self.layout.verdicts.read_text().splitlines()
        except FileNotFoundError:
            return {}
        return {row["seq"]: (row["code"], row["message"]) for row in map(json.loads, lines)}

    def condemn(self, found: dict[int, tuple[str, str]]) -> None:
        """Adds verdicts, durably: the items are not tried again until somebody retries them."""
        self.set_verdicts(self.verdicts() | found)

    def set_verdicts(self, verdicts: dict[int, tuple[str, str]]) -> None:
        lines = [
            json.dumps({"seq": seq, "code": code, "message": message})
            for seq, (code, message) in sorted(verdicts.items())
        ]
        commit.write_file(self.layout.verdicts, "".join(f"{line}\n" for line in lines).encode())

    def sweep(self, pids: Iterable[int | None] | None = None) -> None:
        """Removes what unfinished parts of this share left: of some processes, or of all."""
        i, n = self.config.share()
        endings = None if pids is None else tuple(f".{pid}.tmp" for pid in pids)
        for path in self.layout.parts.glob("part-*.tmp"):
            if int(path.name.split(".")[0][len("part-") :]) % n != i:
                continue
            if endings is None or path.name.endswith(endings):
                shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        if n == 1 and endings is None:  # other shares may be about to write these
            for own in self.layout.own_files():
                for path in own.parent.glob(f"{own.name}.*.tmp"):
                    path.unlink(missing_ok=True)

    def clear(self) -> None:
        """Deletes the run: its results, its plan, everything it wrote and nothing else."""
        for part in self.layout.indexed():
            self.drop(part, files=True)
        self.sweep()
        for path in self.layout.own_files():
            path.unlink(missing_ok=True)

    def drop(self, part: int, files: bool = False) -> None:
        """Makes a part not done; it is done again by the next run."""
        entries = index.files_of(self.layout, part) if files else []
        commit.remove(self.layout.index(part))
        for entry in entries:
            path = self.layout.folder / entry["file"]
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


def opened(folder: str | os.PathLike, **changes: Any) -> Run:
    """The run whose folder this is, with some of its options changed."""
    layout = Layout(folder)
    try:
        saved = read_toml(layout.run)["run"]
    except (FileNotFoundError, NotADirectoryError, KeyError):
        raise Refused(f"{folder} is no folder of a run: it has no run.toml") from None
    return Run(config.from_dict(saved | {"output": os.path.abspath(folder)} | changes))


def save(run: Run, facts: dict[str, Any]) -> None:
    """Writes run.toml: what a later call of another command works with."""
    content = {"run": run.config.as_dict(), "made": facts}
    commit.write_file(run.layout.run, needed("tomli_w").dumps(content).encode())


def read_toml(path: Any) -> dict[str, Any]:
    """The tables of a TOML file."""
    toml = needed("tomllib" if sys.version_info >= (3, 11) else "tomli")
    with open(path, "rb") as file:
        try:
            return dict(toml.load(file))
        except toml.TOMLDecodeError as error:
            raise ValueError(f"{path} is no TOML: {error}") from error

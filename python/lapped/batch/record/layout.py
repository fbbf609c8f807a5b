# SPDX-License-Identifier: Apache-2.0
"""Where things lie below OUT.

::

    run.toml               options, fingerprint, versions
    plan/items.parquet     one row an item, in order, with its part
    plan/plan.json         totals, written last: a plan without it is none
    parts/part-000123.*    results
    parts/part-000123.index.jsonl    what became of the part's items; a part is done with it
    verdicts.jsonl         items that ended or hung a worker
    manifest.parquet errors.jsonl summary.json    of a finished run
"""

from __future__ import annotations

from pathlib import Path

_INDEX = ".index.jsonl"


class Layout:
    """Paths below one OUT."""

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self.run = self.folder / "run.toml"
        self.items = self.folder / "plan" / "items.parquet"
        self.plan = self.folder / "plan" / "plan.json"
        self.parts = self.folder / "parts"
        self.verdicts = self.folder / "verdicts.jsonl"
        self.manifest = self.folder / "manifest.parquet"
        self.errors = self.folder / "errors.jsonl"
        self.summary = self.folder / "summary.json"

    def lock(self, share: str = "") -> Path:
        """The file a run holds while it is at work, one for each share."""
        return self.folder / (f".lock-{share.replace('/', '-of-')}" if share else ".lock")

    def index(self, part: int) -> Path:
        """Where the part's index is, or will be."""
        return self.parts / f"part-{part:06d}{_INDEX}"

    def own_files(self) -> list[Path]:
        """What a run writes besides results."""
        plan = [self.plan, self.items]  # the plan ends first
        return [*plan, self.run, self.verdicts, self.manifest, self.errors, self.summary]

    def holds_plan(self) -> bool:
        """Whether a plan was finished here."""
        return self.plan.exists()

    def indexed(self) -> list[int]:
        """Parts with an index file, in order; whether it is whole is another question."""
        if not self.parts.is_dir():
            return []
        names = (path.name for path in self.parts.iterdir() if path.name.endswith(_INDEX))
        return sorted(int(name[len("part-") : -len(_INDEX)]) for name in names)

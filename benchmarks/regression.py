# SPDX-License-Identifier: Apache-2.0
"""Has lapped become slower beside the others? `python -m benchmarks.regression`.

Times the main sizes beside torch and torchaudio and compares the ratios with the committed result
of the same machine class. A ratio counts as lower when the spreads of the two runs do not meet.
Where lapped does not agree with float64 nothing is compared: that is a failure.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from .measure import Effort, Ratio
from .results import committed, machine_class
from .rivals import OURS
from .run import Report, Row, Settings, run
from .suites import NEAREST, Block

_SETTINGS = Settings((Block("sizes", libraries=NEAREST, effort=Effort(seconds=0.2)),), extras=())
_FAILED = 1  # exit code


@dataclass(frozen=True)
class Slower:
    """A row whose ratio fell beyond both spreads."""

    row: Row
    was: Ratio
    now: Ratio

    def __str__(self) -> str:
        was, now = (f"{r.value:.2f}x ({r.low:.2f}-{r.high:.2f})" for r in (self.was, self.now))
        return f"{self.row.op} {self.row.case.name}, {self.row.label}: {was} is now {now}"


def slower(fresh: Report, baseline: Report) -> list[Slower]:
    """Rows of both reports, of libraries whose versions are the same in both."""
    before = {_place(row): row.ratio for row in _compared(baseline, fresh)}
    found = []
    for row in _compared(fresh, baseline):
        was, now = before.get(_place(row)), row.ratio
        if was and now and now.high < was.low:
            found.append(Slower(row, was, now))
    return found


def _place(row: Row) -> tuple[str, str, str]:
    return row.op, row.case.name, row.label


def _compared(report: Report, other: Report) -> Iterator[Row]:
    for row in report.rows:
        if row.ratio and report.versions[row.library] == other.versions.get(row.library):
            yield row


def baseline_of(fresh: Report) -> tuple[Path, Report] | None:
    """The committed result of this machine class."""
    wanted = machine_class(fresh)
    return next((pair for pair in committed() if machine_class(pair[1]) == wanted), None)


def main() -> int:
    """Exit code 1 where something is slower; a missing baseline is said, and is no failure."""
    fresh = run(_SETTINGS)
    wrong = [row for row in fresh.rows if row.library == OURS and row.refused]
    if wrong:
        for row in wrong:
            print(f"{row.op} {row.case.name}: lapped {row.refused}")
        return _FAILED
    found = baseline_of(fresh)
    if found is None:
        print(f"No committed result of {', '.join(machine_class(fresh))}: nothing to compare with.")
        return 0
    path, baseline = found
    name = path.parent.name
    for library in sorted({row.library for row in fresh.rows} - _same_versions(fresh, baseline)):
        print(f"{library} has another version than in {name}: not compared.")
    problems, compared = slower(fresh, baseline), sum(1 for _ in _compared(fresh, baseline))
    print(f"{compared} ratios compared with {name}: {len(problems)} lower beyond the spread.")
    for problem in problems:
        print(f"  {problem}")
    return _FAILED if problems else 0


def _same_versions(fresh: Report, baseline: Report) -> set[str]:
    """Libraries of both; lapped itself is what changes."""
    same = {name for name, v in fresh.versions.items() if baseline.versions.get(name) == v}
    return same | {OURS}


if __name__ == "__main__":
    sys.exit(main())

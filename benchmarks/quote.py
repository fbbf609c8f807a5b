# SPDX-License-Identifier: Apache-2.0
"""The figures that pages quote, made from the committed results: `python -m benchmarks.quote`.

A page marks where they stand with two comments,

    <!-- quoted from benchmarks/results/NAME: KIND -->
    <!-- end of quote -->

and what lies between is written here; a test fails when it differs.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from .report import headline, markdown_table
from .results import from_json
from .run import Report
from .summary import floor_lines, summary_lines

ROOT = Path(__file__).resolve().parent.parent
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
_MARKED = re.compile(
    r"(?P<begin><!-- quoted from (?P<folder>\S+): (?P<kind>\w+) -->\n)"
    r".*?(?P<end><!-- end of quote -->)",
    re.DOTALL,
)
_IN_SHORT = {  # what a first page names
    "torchaudio MelSpectrogram, log",
    "librosa melspectrogram, log",
    "torchaudio Spectrogram",
    "torch.stft",
    "librosa.stft",
    "torch.istft",
    "torchaudio GriffinLim",
    "librosa.griffinlim",
    "torchaudio InverseMelScale (gels)",
}
_PICTURES = {
    "ratios.png": "How many times as long as lapped the other libraries take",
    "roofline.png": "Arithmetic and traffic of each operation under what the machine can do",
    "curves.png": "Time for a frame as the batch, the signal and the frame grow",
}


@dataclass(frozen=True)
class Source:
    """A committed result: where it lies, its path from the page, and what it holds."""

    folder: Path
    link: str

    @cached_property
    def report(self) -> Report:
        return from_json((self.folder / "result.json").read_text(encoding="utf-8"))


def quoted(path: Path) -> str:
    """The text of a page with every quote made anew."""

    def anew(match: re.Match[str]) -> str:
        folder = ROOT / match["folder"]
        link = Path(os.path.relpath(folder, path.parent)).as_posix()
        text = KINDS[match["kind"]](Source(folder, link))
        return f"{match['begin']}{text}\n{match['end']}"

    return _MARKED.sub(anew, path.read_text(encoding="utf-8"))


def unquoted(page: str) -> str:
    """What a page says in its own words."""
    return _MARKED.sub("", page)


def _short(source: Source) -> str:
    """A few rivals at the main sizes, float32."""
    header, *lines = summary_lines(source.report)
    main = [line for line in lines if line[1] in _IN_SHORT and line[4] in ("all four", "4 sizes")]
    kept = [header, *(line for line in main if "float64" not in line[0])]
    return _under_headline(source, [line[:4] for line in kept], words=2)


def _summary(source: Source) -> str:
    return _under_headline(source, summary_lines(source.report), words=2)


def _floors(source: Source) -> str:
    found = source.report.floors
    return _under_headline(source, floor_lines(found), words=1) if found else "Not measured yet."


def _pictures(source: Source) -> str:
    there = [name for name in _PICTURES if (source.folder / name).exists()]
    return "\n\n".join(f"![{_PICTURES[name]}]({source.link}/{name})" for name in there)


def _whole(name: str) -> Callable[[Source], str]:
    def quote(source: Source) -> str:
        """All of it, its headings below those of the page."""
        title, _, text = (source.folder / name).read_text(encoding="utf-8").partition("\n\n")
        return f"{title.lstrip('# ')}. " + text.replace("\n## ", "\n### ").strip()

    return quote


def _under_headline(source: Source, lines: list[list[str]], words: int) -> str:
    return f"{headline(source.report)}\n\n{markdown_table(lines, words)}"


KINDS: dict[str, Callable[[Source], str]] = {
    "short": _short,
    "summary": _summary,
    "floors": _floors,
    "pictures": _pictures,
    "batch": _whole("batch.md"),
    "hosted": _whole("hosted.md"),
}


def main(pages: Iterable[Path] = PAGES) -> None:
    """Rewrite the quotes of all pages."""
    for path in pages:
        path.write_text(quoted(path), encoding="utf-8")


if __name__ == "__main__":
    main()

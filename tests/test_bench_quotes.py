# SPDX-License-Identifier: Apache-2.0
"""No page says how fast something is unless the committed results say the same."""

import re
import shutil
from pathlib import Path

import pytest

from benchmarks import quote
from benchmarks.quote import KINDS, PAGES, quoted, unquoted

SPEED = re.compile(
    r"\b\d+(?:\.\d+)?\s?(?:x\b|times (?:as|faster|slower)|ns\b|[GM]B/s|[Gg]flop)", re.IGNORECASE
)
PAGE = """Before.

<!-- quoted from results/one: {kind} -->
{text}
<!-- end of quote -->

After."""


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Writes a page beside a copy of committed results of every kind and returns its path."""
    results = quote.ROOT / "benchmarks/results"
    for machine in ("gpu-h100", "epyc-zen3-avx2"):
        shutil.copytree(results / machine, tmp_path / "results" / "one", dirs_exist_ok=True)
    monkeypatch.setattr(quote, "ROOT", tmp_path)

    def write(kind: str, text: str) -> Path:
        path = tmp_path / "page.md"
        path.write_text(PAGE.format(kind=kind, text=text), encoding="utf-8")
        return path

    return write


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_quotes_are_what_the_committed_results_say(path: Path):
    assert path.read_text(encoding="utf-8") == quoted(path), "run python -m benchmarks.quote"


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_no_speed_is_claimed_outside_a_quote(path: Path):
    claims = SPEED.findall(unquoted(path.read_text(encoding="utf-8")))
    assert not claims, f"{path.name}: quote it from benchmarks/results instead: {claims}"


def test_some_page_quotes():
    assert sum("<!-- quoted from" in path.read_text(encoding="utf-8") for path in PAGES) >= 2


@pytest.mark.parametrize("kind", KINDS)
def test_a_quote_is_made_anew_and_the_rest_is_left_alone(page, kind: str):
    path = page(kind, "| log-mel 80 | torchaudio | 99.0x | 99.0x |")
    text = quoted(path)
    assert "99.0x" not in text
    assert text.startswith("Before.\n\n<!-- quoted")
    assert text.endswith("<!-- end of quote -->\n\nAfter.")
    path.write_text(text, encoding="utf-8")
    assert quoted(path) == text


def test_what_is_quoted_does_not_count_as_the_page_s_own_words(page):
    own = unquoted(page("short", "| log-mel 80 | torchaudio | 99.0x |").read_text())
    assert not SPEED.search(own)
    assert SPEED.search("It is 12x faster.")


def test_a_page_may_not_quote_what_is_not_there(page):
    path = page("short", "")
    path.write_text(path.read_text().replace("results/one", "results/two"))
    with pytest.raises(FileNotFoundError):
        quoted(path)

# SPDX-License-Identifier: Apache-2.0
"""The example of docs/learning-from-loss.md, cut short, learns."""

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

torch = pytest.importorskip("torch")

DOCS = Path(__file__).resolve().parent.parent / "docs"


@pytest.fixture(scope="module")
def example() -> ModuleType:
    spec = importlib.util.spec_from_file_location("train_denoiser", DOCS / "train_denoiser.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_denoiser_learns(example: ModuleType):
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        progress = example.train(steps=80)
    finally:
        torch.set_num_threads(before)
    assert sum(progress.losses[-20:]) < 0.9 * sum(progress.losses[:20])
    assert progress.clean_db > progress.noisy_db + 4


def test_si_sdr_does_not_depend_on_the_level(example: ModuleType):
    clean = torch.sin(torch.arange(1000.0))[None]
    noise = torch.cos(torch.arange(1000.0) * 3)[None]
    one, other = (example.si_sdr(gain * (clean + 0.1 * noise), clean) for gain in (1, 7))
    assert one == pytest.approx(other, abs=1e-3)
    assert one == pytest.approx(20, abs=0.1)


def test_page_shows_the_loop_that_runs():
    page, source = (
        (DOCS / name).read_text() for name in ("learning-from-loss.md", "train_denoiser.py")
    )
    shown = re.findall(r"```python\n(loss = .*?)```", page, re.S)[0]
    lines = [line.strip() for line in shown.splitlines()]
    assert all(line in source for line in lines)


def test_page_counts_the_weights(example: ModuleType):
    weights = sum(p.numel() for p in example.Denoiser().parameters())
    thousands = int(
        re.search(r"(\d+) thousand weights", (DOCS / "learning-from-loss.md").read_text())[1]
    )
    assert thousands * 1000 == pytest.approx(weights, rel=0.02)

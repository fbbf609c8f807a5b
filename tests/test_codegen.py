# SPDX-License-Identifier: Apache-2.0
"""What the compiler makes of the butterflies: their values stay in registers.

A stage's loop that keeps vectors on the stack is far slower, and no result is wrong. So this reads
the assembly, compiled as the build compiles it.
"""

from __future__ import annotations

import platform
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
CMAKE = (ROOT / "cmake" / "isa.cmake").read_text()
# By instruction set: the largest radix whose values fit its registers, and what larger ones that
# plans use there may keep on the stack for each butterfly.
ROOM = {"avx512": (8, {16: 8}), "avx2": (4, {5: 3, 8: 10})}
# A radix, or none where stages were short enough to be inlined.
STAGE = re.compile(r"(?:forward|inverse|innermost)_stage<(\d+)|run_stage<")
SPILL = re.compile(r"\s+v?mov[au]p[sd]\s+%[xyz]mm\d+, -?\d*\(%r[sb]p")
JUMP = re.compile(r"\s+j\w+\s+(\.L\w+)")


def flags(isa: str) -> list[str]:
    """Those that cmake/isa.cmake gives, and the build's own."""
    own = re.search(rf"lapped_isa\({isa} (\d+)([^)]*)\)", CMAKE)
    common = re.search(r"\$\{LAPPED_KERNEL_OPTIMIZATION\} ([^)]*)\)", CMAKE)
    assert own
    assert common
    defined = [f"-DLAPPED_ISA={isa}", f"-DLAPPED_VECTOR_BYTES={own[1]}"]
    return ["-std=c++20", "-fPIC", "-O3", *defined, *own[2].split(), *common[1].split()]


def functions(isa: str) -> Iterator[tuple[str, list[str]]]:
    """Names and lines of the FFT's functions."""
    compiler = ["g++", *flags(isa), f"-I{ROOT / 'csrc'}", "-S", "-o", "-"]
    made = subprocess.run(
        [*compiler, str(ROOT / "csrc" / "cpu" / "fft.cc")], check=True, capture_output=True
    )
    named = subprocess.run(["c++filt"], input=made.stdout, check=True, capture_output=True)
    for part in re.split(r"\n(?=[^\s.#][^\n]*:\n)", named.stdout.decode()):
        name, _, body = part.partition(":\n")
        yield name, body.splitlines()


def loops(lines: list[str]) -> list[list[str]]:
    """The innermost: from a label to the jump back to it, none within."""
    labels = {line[:-1]: i for i, line in enumerate(lines) if re.match(r"\.L\w+:$", line)}
    jumps = ((JUMP.match(line), i) for i, line in enumerate(lines))
    spans = [(labels[to[1]], i) for to, i in jumps if to and labels.get(to[1], i) < i]
    inner = [
        (a, b) for a, b in spans if not any((a, b) != s and a <= s[0] and s[1] <= b for s in spans)
    ]
    return [lines[a:b] for a, b in inner]


@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="reads x86 assembly")
@pytest.mark.skipif(not (shutil.which("g++") and shutil.which("c++filt")), reason="needs g++")
@pytest.mark.parametrize("isa", sorted(ROOM))
def test_butterflies_stay_in_registers(isa: str) -> None:
    fitting, allowed = ROOM[isa]
    seen = set()
    for name, lines in functions(isa):
        stage = STAGE.search(name)
        radix = int(stage[1] or 0) if stage else None
        if radix is None or not (radix <= fitting or radix in allowed):
            continue
        seen.add(radix)
        for loop in loops(lines):
            spilled = [line.strip() for line in loop if SPILL.match(line)]
            assert len(spilled) <= allowed.get(radix, 0), (name, spilled)
    assert seen >= {0, 3, 5, 8, *allowed}

# SPDX-License-Identifier: Apache-2.0
"""The command line: what it prints, what it refuses, and with which exit code."""

import subprocess
import sys

import pytest

import lapped
from lapped.cli.versions import LAPPED

pytest.importorskip("click")


def run(*arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "lapped", *arguments], capture_output=True, text=True
    )


def run_code(setup: str, *arguments: str) -> subprocess.CompletedProcess:
    """The command in a Python where `setup` has run before."""
    script = f"import sys; {setup}; sys.argv[0] = 'lapped'; from lapped.cli import main; main()"
    return subprocess.run(
        [sys.executable, "-c", script, *arguments], capture_output=True, text=True
    )


def test_help_lists_the_commands_there_are():
    done = run("--help")
    assert done.returncode == 0
    for name in ("bench", "demo", "info", "presets", "run", "status", "retry", "export"):
        assert f"  {name} " in done.stdout


def test_version():
    assert run("--version").stdout == f"lapped {LAPPED}\n"


def test_wrong_calls_exit_with_2_and_name_what_is_wrong():
    for arguments in (["nonsense"], ["info", "--nonsense"]):
        done = run(*arguments)
        assert done.returncode == 2
        assert "nonsense" in done.stderr


def test_info_names_versions_instruction_sets_and_threads():
    facts = dict(line.split("  ", 1) for line in run("info").stdout.splitlines())
    facts = {name: value.strip() for name, value in facts.items()}
    assert facts["lapped"] == LAPPED
    assert facts["in use"].split()[0] in facts["instruction sets"].split(", ")
    assert int(facts["threads"]) >= 1
    assert facts["CUDA"].startswith(("not built", "built; "))


def test_presets_lists_every_preset_with_its_size():
    text = run("presets").stdout
    for name in lapped.presets():
        mel = lapped.preset(name)
        line = next(line for line in text.splitlines() if line.split()[:1] == [name])
        assert str(mel.stft.n_fft) in line
        assert str(mel.n_mels) in line


def test_without_click_the_extra_is_named():
    done = run_code("sys.modules['click'] = None", "info")
    assert done.returncode == 5
    assert "pip install 'lapped[cli]'" in done.stderr


def test_without_the_benchmarks_the_way_to_them_is_named():
    done = run_code("sys.modules['lapped.benchmarks'] = None", "bench")
    assert done.returncode == 5
    assert "python -m benchmarks" in done.stderr


def test_what_a_command_lacks_is_named():
    done = run_code("sys.modules['lapped.cli.demo'] = None", "demo")
    assert done.returncode == 5
    assert "lapped demo cannot start" in done.stderr


def test_help_loads_no_command():
    script = (
        "import sys, lapped.cli.group as g; "
        "g.group.main(['--help'], standalone_mode=False); "
        "sys.exit(any(name in sys.modules for name in ('torch', 'lapped.cli.demo', 'tqdm')))"
    )
    assert subprocess.run([sys.executable, "-c", script], capture_output=True).returncode == 0


def test_an_interrupt_exits_with_130():
    setup = (
        "import click, lapped.cli.group as g; "
        "g.group.callback = lambda: (_ for _ in ()).throw(KeyboardInterrupt)"
    )
    done = run_code(setup, "info")
    assert done.returncode == 130
    assert "interrupted" in done.stderr

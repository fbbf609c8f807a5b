# SPDX-License-Identifier: Apache-2.0
"""House rules: which layer may use which, what an import costs, how every source file looks."""

import ast
import doctest
import importlib.metadata
import inspect
import json
import operator
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import lapped

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "python" / "lapped"
MAX_LINES = 400

# From the roof to the ground: a module imports only what stands below it, or its own package.
PYTHON_LAYERS = [
    {"__main__"},
    {"cli"},
    {"demo", "ray"},
    {"batch"},
    {"pipelines"},
    {"nn"},
    {"_operators"},
    {"_adjoint"},
    {"_mel_to_audio"},
    {"_griffin_lim", "_presets", "_spectral_loss"},
    {"_mel"},
    {"_stft", "_mel_filters", "_weighting", "_compression"},
    {"_framing", "_windows", "_arrays", "_value", "_threads"},
    {"_validate", "_malloc"},
    {"_cpu", "_cuda"},
]
# Where torch records a call, a value hands it to the operators above, through one function.
UPWARD = {("_arrays", "_operators")}
# What a folder of csrc/, or a file right in it, may include of the project's own.
CPP_MAY_INCLUDE = {
    "core": {"core/"},
    "backend.h": {"core/"},
    "cpu": {"core/", "backend.h", "cpu/"},
    "cuda": {"core/", "backend.h", "cuda/", "emulator/cuda.h"},
    "bind": {
        "core/",
        "backend.h",
        "bind/",
        "cpu/parallel.h",
        "cpu/dispatch.h",
        "cpu/tables.h",
        "cuda/device.h",
    },
}
# Only the bindings know Python, only the back ends know their machine.
CPP_MAY_USE = {
    "pybind11/": {"bind"},
    "Python.h": {"bind"},
    "immintrin.h": {"cpu"},
    "cuda": {"cuda"},
}

SOURCE_SUFFIXES = {".py", ".h", ".cc", ".cu", ".cuh", ".cmake", ".sh", ".yaml"}
SOURCE_NAMES = {"CMakeLists.txt", "Makefile", "run"}
TEXT_SUFFIXES = SOURCE_SUFFIXES | {".md", ".toml", ".txt"}


def files(*suffixes: str) -> list[Path]:
    """Return the project's own files, without what builds, environments and caches leave behind."""
    built = {"build", "dist", "demo-output", "bench-output", "__pycache__"}
    hidden = {".ci", ".pre-commit-config.yaml", ".clang-format"}
    found = []
    for path in ROOT.rglob("*"):
        parts = path.relative_to(ROOT).parts
        if any(p in built or (p.startswith(".") and p not in hidden) for p in parts):
            continue
        if path.is_file() and (path.suffix in suffixes or path.name in SOURCE_NAMES):
            found.append(path)
    return sorted(found)


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


SOURCES = files(*SOURCE_SUFFIXES)
TEXTS = files(*TEXT_SUFFIXES)
PYTHON_SOURCES = [p for p in SOURCES if p.suffix == ".py"]
CPP = [p for p in SOURCES if p.is_relative_to(ROOT / "csrc")]


# ---- layers


def rank(module: str) -> int:
    for level, names in enumerate(PYTHON_LAYERS):
        if module in names:
            return level
    raise AssertionError(f"lapped.{module} has no place in PYTHON_LAYERS")


def imported_modules(path: Path) -> Iterator[str]:
    """Yield the first name below `lapped` of every import of the project's own."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{name_of(path)}:{node.lineno} relative import"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        yield from (name.split(".")[1] for name in names if name.startswith("lapped."))


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=name_of)
def test_python_imports_flow_down(path: Path):
    own = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    if own == "__init__":
        return
    submodules = {m for level in PYTHON_LAYERS for m in level}
    for other in imported_modules(path):
        if other == own or (own, other) in UPWARD:
            continue
        if other not in submodules and hasattr(
            lapped, other
        ):  # a public name: defined where it may be
            other = sys.modules[lapped.__name__].__dict__[other].__module__.split(".")[1]
        assert rank(other) > rank(own), f"{name_of(path)} must not import lapped.{other}"


@pytest.mark.parametrize("path", CPP, ids=name_of)
def test_cpp_includes_flow_down(path: Path):
    folder = path.relative_to(ROOT / "csrc").parts[0]
    allowed = CPP_MAY_INCLUDE[folder]
    for target in re.findall(r'#include "([^"]+)"', path.read_text()):
        ok = target in allowed or (target.split("/")[0] + "/" in allowed and "/" in target)
        assert ok, f'{name_of(path)} must not include "{target}"'
    for target in re.findall(r"#include <([^>]+)>", path.read_text()):
        for library, folders in CPP_MAY_USE.items():
            assert not target.startswith(library) or folder in folders, (
                f"{name_of(path)}: <{target}>"
            )


def test_host_code_calls_no_function_of_the_device():
    """nvcc lets templates do so and makes of the call an exit(1), which ends the process."""
    objects = sorted(ROOT.glob("build/**/lapped_cuda.dir/csrc/cuda/*.o"))
    if not objects or not shutil.which("nm"):
        pytest.skip("no CUDA build here, or no nm to look into it")
    for path in objects:
        undefined = subprocess.run(["nm", "-u", path], capture_output=True, text=True, check=True)
        assert "exit" not in undefined.stdout.split(), name_of(path)


@pytest.mark.parametrize("path", [p for p in CPP if p.suffix == ".cu"], ids=name_of)
def test_cuda_files_name_their_twin(path: Path):
    said = path.read_text().splitlines()[1]
    twins = re.findall(r"\b(?:cpu|core)/\w+\.(?:cc|h)", said)
    assert twins or said.startswith("// No twin: "), f"{name_of(path)} must name its twin"
    for twin in twins:
        assert (ROOT / "csrc" / twin).exists(), f"{name_of(path)}: there is no {twin}"


def kernel_objects() -> list[Path]:
    found = (ROOT / "build").glob("**/lapped_kernels_*.dir/**/*.o")
    return sorted(path for path in found if "asan" not in path.parts)  # -O1 inlines less


@pytest.mark.skipif(not shutil.which("nm"), reason="nm is not installed")
@pytest.mark.skipif(not kernel_objects(), reason="no build tree here")
def test_kernel_objects_share_no_symbols():
    """The linker keeps one copy of a weak symbol for every machine: it might be the AVX-512 one.

    So each weak symbol stands in the namespace of its own instruction set.
    """
    for path in kernel_objects():
        isa = re.search(r"lapped_kernels_(\w+)\.dir", str(path))[1]
        command = ["nm", "-C", "--defined-only", path]
        listed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        weak = [line for line in listed.splitlines() if re.search(r" [WVu] ", line)]
        shared = [line for line in weak if f"lapped::cpu::{isa}::" not in line]
        assert not shared, f"{path.name} for {isa} defines weak symbols: {shared[:5]}"


# ---- what an import costs

IMPORT_PROBE = """
import json, sys, time
import numpy
before = set(sys.modules)
start = time.process_time()
import lapped
seconds = time.process_time() - start
new = {name.partition(".")[0] for name in set(sys.modules) - before}
print(json.dumps([seconds, sorted(new - set(sys.stdlib_module_names) - {"lapped"})]))
"""


def import_once() -> tuple[float, list[str]]:
    done = subprocess.run(
        [sys.executable, "-c", IMPORT_PROBE], check=True, capture_output=True, text=True
    )
    seconds, modules = json.loads(done.stdout)
    return seconds, modules


def test_import_loads_numpy_alone():
    _, modules = import_once()
    assert modules == []


def test_import_is_quick():
    """Processor time, best of three, so that a busy machine does not decide."""
    assert min(import_once()[0] for _ in range(3)) < 0.1


def test_import_prints_nothing():
    done = subprocess.run([sys.executable, "-c", "import lapped"], capture_output=True, check=True)
    assert (done.stdout, done.stderr) == (b"", b"")


# ---- how every file looks


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_source_file(path: Path):
    text = path.read_text()
    lines = text.splitlines()
    assert any("SPDX-License-Identifier: Apache-2.0" in line for line in lines[:2]), "no SPDX line"
    if path.suffix in (".h", ".cuh"):
        assert "#pragma once" in lines, "a header without #pragma once"
    assert len(lines) <= MAX_LINES, f"{len(lines)} lines: split it by step"
    assert "\t" not in text or path.name == "Makefile", "a tab"


OPEN_ENDS = re.compile(
    r"\b(" + "|".join(["TO" + "DO", "FIX" + "ME", "X" * 3, "HA" + "CK"]) + r")\b"
)
MACHINE_PATH = re.compile(r"(?<![\w.~])/(work|tmp|root|home|Users|opt|mnt)" + r"/\w")
REGISTRY_HOST = re.compile(
    "|".join(["py" + r"pi\.org", "python" + "hosted", r"download\.py" + "torch"])
)


@pytest.mark.parametrize("path", TEXTS, ids=name_of)
def test_text_says_nothing_of_this_machine(path: Path):
    for number, line in enumerate(path.read_text().splitlines(), 1):
        for rule in (OPEN_ENDS, MACHINE_PATH, REGISTRY_HOST):
            assert not rule.search(line), f"{name_of(path)}:{number}: {line.strip()}"


def test_version_is_written_once():
    version = re.search(r'^version = "(.+)"', (ROOT / "pyproject.toml").read_text(), re.M)[1]
    for path in SOURCES:
        assert f'"{version}"' not in path.read_text(), f"{name_of(path)} repeats the version"
    assert f"## {version}" in (ROOT / "CHANGELOG.md").read_text()
    try:
        installed = importlib.metadata.version("lapped")
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("lapped is not installed here")
    assert lapped.__version__ == installed == version


def test_formatters_are_pinned_once():
    pins = re.findall(r"(?:ruff|clang-format)==[\d.]+", (ROOT / "Makefile").read_text())
    hooks = re.findall(
        r"(?:ruff|clang-format)==[\d.]+", (ROOT / ".pre-commit-config.yaml").read_text()
    )
    assert set(pins) == set(hooks)


# ---- what users read


def public_objects() -> Iterator[tuple[str, object]]:
    for name in lapped.__all__:
        value = getattr(lapped, name)
        if inspect.isclass(value) or inspect.isroutine(value):
            yield f"lapped.{name}", value


PUBLIC = dict(public_objects())


@pytest.mark.parametrize("name", PUBLIC)
def test_public_name_is_documented(name: str):
    doc = inspect.getdoc(PUBLIC[name]) or ""
    assert len(doc.splitlines()) > 3, f"{name} has no docstring worth the name"
    assert doctest.DocTestParser().get_examples(doc), f"{name} has no example that runs"


def public_members() -> Iterator[tuple[str, object]]:
    for name, value in PUBLIC.items():
        if inspect.isclass(value):
            for member, inner in vars(value).items():
                if not member.startswith("_") and (
                    inspect.isroutine(inner) or isinstance(inner, property)
                ):
                    yield f"{name}.{member}", inner


MEMBERS = dict(public_members())


@pytest.mark.parametrize("name", MEMBERS)
def test_public_method_is_documented(name: str):
    assert inspect.getdoc(MEMBERS[name]), f"{name} has no docstring"


def written_signatures() -> list[tuple[str, str]]:
    """Return name and arguments of every `lapped.name(...)` in the code of docs/api.md."""
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "api.md").read_text(), re.S)
    return re.findall(r"^lapped\.([\w.]+)\((.*?)\)$", "\n".join(blocks), re.M | re.S)


def parameters(function: object) -> list[tuple]:
    found = inspect.signature(function).parameters.values()
    return [(p.name, p.kind, p.default) for p in found if p.name != "self"]


@pytest.mark.parametrize(("name", "arguments"), written_signatures())
def test_written_signature_is_the_real_one(name: str, arguments: str):
    if name.startswith("pipelines."):
        pytest.importorskip("torch")
    space: dict = {}
    exec(f"def written({arguments}): ...", space)
    assert parameters(space["written"]) == parameters(operator.attrgetter(name)(lapped))


def test_every_public_name_has_a_written_signature():
    written = {name for name, _ in written_signatures()}
    assert {n for n in lapped.__all__ if n != "PresetInfo"} <= written


def test_commands_in_the_pages_exist():
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.M))
    for page in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")]:
        for command in re.findall(r"(?:`|^|\s)make ([a-z]+)\b", page.read_text(), re.M):
            assert command in targets, f"{page.name} names `make {command}`"


def test_links_between_pages_lead_somewhere():
    for page in [p for p in TEXTS if p.suffix == ".md"]:
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
            assert (page.parent / target).exists(), f"{name_of(page)} links to {target}"


# ---- formatters


@pytest.mark.parametrize("command", [["check"], ["format", "--check"]], ids=" ".join)
def test_ruff_is_content(command: list[str]):
    pytest.importorskip("ruff")
    done = subprocess.run(
        [sys.executable, "-m", "ruff", *command, *PYTHON_SOURCES], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_clang_format_is_content():
    tool = shutil.which("clang-format", path=Path(sys.executable).parent)
    if not tool:
        pytest.skip("clang-format is not installed beside this Python")
    done = subprocess.run([tool, "--dry-run", "--Werror", *CPP], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]

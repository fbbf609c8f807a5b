# SPDX-License-Identifier: Apache-2.0
"""Fixtures (library x dtype), the header line, and how long hypothesis may search."""

from __future__ import annotations

from importlib import metadata

import numpy as np
import pytest

import lapped
from lapped import _cpu
from tests import libraries

try:
    import hypothesis
except ImportError:  # tests that need it skip; the fuzz test runs with NumPy and pytest alone
    hypothesis = None
else:
    hypothesis.settings.register_profile(
        "lapped", max_examples=60, deadline=None, derandomize=True, database=None
    )
    hypothesis.settings.load_profile("lapped")


def version() -> str:
    """The installed version; a source tree on PYTHONPATH has none."""
    try:
        return metadata.version("lapped")
    except metadata.PackageNotFoundError:
        return "(not installed)"


def pytest_report_header() -> str:
    return (
        f"lapped {version()}, instruction set {_cpu.isa()} of {_cpu.available_isas()}, "
        f"{lapped.get_num_threads()} threads"
    )


@pytest.fixture(params=libraries.NAMES)
def library(request: pytest.FixtureRequest) -> libraries.NumPy | libraries.Torch:
    """Each array library that is installed."""
    return libraries.library_named(request.param)


@pytest.fixture(params=["float32", "float64"])
def dtype(request: pytest.FixtureRequest) -> np.dtype:
    """Each precision that is computed in."""
    return np.dtype(request.param)


@pytest.fixture(scope="session")
def librosa():
    return pytest.importorskip("librosa")


@pytest.fixture(scope="session")
def torch():
    return pytest.importorskip("torch")


@pytest.fixture(scope="session")
def torchaudio():
    pytest.importorskip("torch")
    rivals = pytest.importorskip("benchmarks.rivals.torchaudio")
    try:
        return rivals.import_torchaudio()
    except ImportError:
        return pytest.skip("could not import 'torchaudio'")


@pytest.fixture
def thread_counts():
    """Sets the number of threads; afterwards it is what it was."""
    before = lapped.get_num_threads()
    yield lapped.set_num_threads
    lapped.set_num_threads(before)

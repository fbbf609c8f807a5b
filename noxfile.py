# SPDX-License-Identifier: Apache-2.0
"""The matrix: the suite on every Python, a plain installation, the sanitizers, the benchmark."""

import nox

nox.options.sessions = ["tests", "install"]
nox.options.error_on_missing_interpreters = False
PYTHONS = ["3.10", "3.11", "3.12", "3.13"]


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """Run the suite in an environment of its own, without torch: `nox -s tests -- -k stft`."""
    arguments = " ".join(session.posargs)
    venv = session.virtualenv.location
    session.run("make", "test", f"VENV={venv}", "TORCH=", f"ARGS={arguments}", external=True)


@nox.session(python=PYTHONS)
def install(session: nox.Session) -> None:
    """Install as a user does, with an isolated build, and use the library once from elsewhere."""
    session.install(".")
    session.chdir(session.create_tmp())
    session.run(
        "python",
        "-c",
        "import lapped, numpy as np; assert lapped.STFT(400, 160)(np.ones(800)).shape == (201, 6)",
    )


@nox.session(python=False)
def asan(session: nox.Session) -> None:
    """Run the fuzz and edge-case tests under AddressSanitizer and UBSan."""
    session.run("make", "asan", external=True)


@nox.session(python=False)
def bench_check(session: nox.Session) -> None:
    """Compare the ratios of a fresh run with the committed ones of this machine class."""
    session.run("make", "benchcheck", external=True)

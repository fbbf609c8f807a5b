# SPDX-License-Identifier: Apache-2.0
"""Versions as the packages' metadata give them, so that nothing heavy is imported."""

from importlib.metadata import PackageNotFoundError, version


def installed_version(package: str) -> str | None:
    """None where it is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


LAPPED = installed_version("lapped") or "from a source tree"

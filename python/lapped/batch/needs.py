# SPDX-License-Identifier: Apache-2.0
"""Optional packages, imported when they are needed and named when they are missing."""

from __future__ import annotations

import importlib
from types import ModuleType

from lapped.batch.codes import EnvironmentFailed

_EXTRAS = {"ray": "ray", "torch": "torch", "onnxruntime": "onnx"}


def needed(module: str) -> ModuleType:
    """The module; an error that says what to install where there is none.

    Examples
    --------
    >>> needed("json").__name__
    'json'
    >>> needed("lapped_needs_no_such_package")
    Traceback (most recent call last):
    lapped.batch.codes.EnvironmentFailed: this needs lapped_needs_no_such_package: pip install ...
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        package = module.split(".")[0]
        if error.name and error.name.split(".")[0] != package:
            raise
        extra = _EXTRAS.get(package, "batch")
        message = f"this needs {package}: pip install 'lapped[{extra}]'"
        raise EnvironmentFailed(message) from error

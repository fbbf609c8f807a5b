# SPDX-License-Identifier: Apache-2.0
"""Files of other file systems, through fsspec."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from typing import Any

from lapped.batch.items import Item
from lapped.batch.needs import needed
from lapped.batch.sources.found import Broken, Found, Selection


def expand(url: str, selection: Selection) -> Iterator[Found]:
    """The file of a URL, the files below it, or those that match it."""
    fsspec = needed("fsspec")
    try:
        system, path = fsspec.core.url_to_fs(url)
        paths = _paths(system, path, selection)
        for each, about in paths:
            yield Item(uri=system.unstrip_protocol(each), name=_name(each, path), size=about)
    except ImportError:
        raise
    except Exception as error:  # every file system has its own
        broken = Item(uri=url, name=posixpath.basename(url) or url)
        yield Broken(broken, "not_found", f"{type(error).__name__}: {error}")


def _paths(system: Any, path: str, selection: Selection) -> Iterator[tuple[str, int | None]]:
    if any(magic in path for magic in "*?["):
        found = system.glob(path, detail=True)
    elif system.isdir(path):
        found = system.find(path, detail=True)
        found = {
            each: about
            for each, about in found.items()
            if posixpath.splitext(each)[1].lower() in selection.suffixes
        }
    else:
        found = {path: system.info(path)}
    for each in sorted(found):
        yield each, found[each].get("size")


def _name(path: str, base: str) -> str:
    folder = base.rstrip("/") + "/"
    return path[len(folder) :] if path.startswith(folder) else posixpath.basename(path)

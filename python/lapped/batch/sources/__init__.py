# SPDX-License-Identifier: Apache-2.0
"""From what a person names to items: files, folders, globs, lists, manifests, archives, URLs."""

from lapped.batch.sources.expanding import expand
from lapped.batch.sources.found import Broken, Selection

__all__ = ["Broken", "Selection", "expand"]

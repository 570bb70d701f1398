"""Which release this is. Asked of the installed metadata, so that it stands in one place only."""

from __future__ import annotations

import importlib.metadata
from functools import lru_cache


@lru_cache(maxsize=1)
def version() -> str:
    """The installed version, as ``1.2.3``; ``unknown`` when run from a tree never installed."""
    try:
        return importlib.metadata.version("nnviz_tb")
    except importlib.metadata.PackageNotFoundError:
        return "unknown"

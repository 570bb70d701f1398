"""A process in which only some frameworks can be imported, as where only those are installed.

An environment for every framework would be gigabytes of downloads. What it would show is that no
other framework can be found, and that is what is done here: every finder in ``sys.meta_path`` finds
nothing under their names, so that ``import`` and ``importlib.util.find_spec`` answer to every
package as on a machine without them.
"""

from __future__ import annotations

import sys
from importlib.machinery import ModuleSpec
from typing import Any

FRAMEWORKS = ("tensorflow", "keras", "torch", "jax", "jaxlib", "flax", "equinox", "optax")


class _Blind:
    """A finder that does not see what is below some names."""

    def __init__(self, finder: Any, names: frozenset[str]) -> None:
        self._finder = finder
        self._names = names

    def __getattr__(self, name: str) -> Any:
        return getattr(self._finder, name)

    def find_spec(self, name: str, *rest: Any, **named: Any) -> ModuleSpec | None:
        if name.partition(".")[0] in self._names:
            return None
        found: ModuleSpec | None = self._finder.find_spec(name, *rest, **named)
        return found


def allow_only(*frameworks: str) -> None:
    """From now on, of the frameworks only these can be imported."""
    forbidden = frozenset(FRAMEWORKS) - set(frameworks)
    loaded = sorted(forbidden & set(sys.modules))
    assert not loaded, f"already imported: {loaded}"
    sys.meta_path[:] = [_Blind(finder, forbidden) for finder in sys.meta_path]

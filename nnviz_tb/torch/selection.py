"""Which layers are watched: by patterns of their names."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase
from typing import Any

from nnviz_tb.errors import ArgumentError

Patterns = str | Sequence[str] | None


def selection(include: Patterns, exclude: Patterns) -> Callable[[str], bool]:
    """Whether a layer of a name is watched.

    Args:
      include: patterns as ``"encoder/*"``, where ``*`` also spans ``/``; None for all layers.
      exclude: patterns of layers that are left out though included.

    Raises:
      ArgumentError: an argument is not a pattern or several.
    """
    included, excluded = _patterns(include, "include"), _patterns(exclude, "exclude")

    def wanted(name: str) -> bool:
        if included is not None and not any(fnmatchcase(name, one) for one in included):
            return False
        return not any(fnmatchcase(name, one) for one in excluded or ())

    return wanted


def _patterns(given: Any, argument: str) -> tuple[str, ...] | None:
    if given is None:
        return None
    patterns = (given,) if isinstance(given, str) else given
    if not isinstance(patterns, (list, tuple)) or not all(isinstance(p, str) for p in patterns):
        raise ArgumentError(
            f"{argument} must be a pattern of layer names as 'encoder/*', or a list of them, "
            f"got {given!r:.80}"
        )
    return tuple(patterns)

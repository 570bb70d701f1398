"""Layer names: unique within a model, bounded in length."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import replace

from nnviz_tb.layers import Layer
from nnviz_tb.schema import MAX_LAYER_NAME_LENGTH

_DIGEST_LENGTH = 8


def unique_name(name: str, taken: set[str]) -> str:
    """``name``, or the first of ``name_1``, ``name_2``, … not in ``taken``; adds it there."""
    candidate, count = name, 0
    while candidate in taken:
        count += 1
        candidate = f"{name}_{count}"
    taken.add(candidate)
    return candidate


def bounded_name(name: str) -> str:
    """``name``, cut to the longest that a tag may hold; a digest keeps two cut names apart."""
    if len(name) <= MAX_LAYER_NAME_LENGTH:
        return name
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGEST_LENGTH]
    return f"{name[: MAX_LAYER_NAME_LENGTH - _DIGEST_LENGTH - 1]}…{digest}"


def with_distinct_names(layers: Iterable[Layer]) -> list[Layer]:
    """The layers in their order, each under a name of its own that fits in a tag."""
    taken: set[str] = set()
    distinct = []
    for layer in layers:
        name = unique_name(bounded_name(layer.name), taken)
        distinct.append(layer if name == layer.name else replace(layer, name=name))
    return distinct

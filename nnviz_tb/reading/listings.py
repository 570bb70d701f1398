"""What TensorBoard lists, and what is read off it without reading a series. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import NamedTuple

from nnviz_tb.reading.descriptions import described
from nnviz_tb.reading.stored import Listed
from nnviz_tb.schema import MAX_LAYER_NAME_LENGTH, LayerMetadata, parse_tag

Tags = Mapping[str, Listed]


class Listing(NamedTuple):
    """All that TensorBoard lists.

    Attributes:
      runs: ``{name: wall time of its first event}``, in the order of their start.
      ours: ``{run: {tag: Listed}}`` of our series.
      scalars: the same of scalars.
    """

    runs: Mapping[str, float | None]
    ours: Mapping[str, Tags]
    scalars: Mapping[str, Tags]


def stamp(*listings: Tags) -> bytes:
    """16 bytes that change with the listings: a small key for what is made of them."""
    digest = hashlib.blake2b(digest_size=16)
    for tags in listings:
        for tag, listed in sorted(tags.items()):
            when = f"{tag!r} {listed.last_step} {listed.last_wall_time!r} {len(listed.content)} "
            digest.update(when.encode("utf-8", "surrogatepass"))
            digest.update(listed.content)
        digest.update(b"\n")
    return digest.digest()


def layers_in(tags: Tags) -> list[str]:
    """Paths of the described layers among a run's tags, in model order."""
    found = []
    for tag, listed in tags.items():
        place = parse_tag(tag)
        if place is None or place[0] != "layer" or len(place[1]) > MAX_LAYER_NAME_LENGTH:
            continue
        metadata = described(listed.content)
        if isinstance(metadata, LayerMetadata):
            found.append((metadata.order, place[1]))
    return [layer for _, layer in sorted(found)]

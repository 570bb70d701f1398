"""Metadata parsed once, however many runs, polls and requests meet the same bytes."""

from __future__ import annotations

from functools import lru_cache

from nnviz_tb.errors import SchemaError
from nnviz_tb.schema import Metadata, metadata_from_bytes

MAX_KEPT_BYTES = 4096
"""Ours take about 200 bytes. Longer ones, of which a hostile log may hold many, are parsed anew
each time, so that at most 16 MiB of them are kept."""


def described(content: bytes) -> Metadata | SchemaError:
    """What the bytes of a tag's metadata say, or why they say nothing."""
    return _kept(content) if len(content) <= MAX_KEPT_BYTES else _parsed(content)


@lru_cache(maxsize=4096)
def _kept(content: bytes) -> Metadata | SchemaError:
    return _parsed(content)


def _parsed(content: bytes) -> Metadata | SchemaError:
    try:
        return metadata_from_bytes(content)
    except SchemaError as error:
        return error.with_traceback(None)

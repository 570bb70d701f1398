"""Metadata parsed once, however many runs, polls and requests meet the same bytes."""

from __future__ import annotations

from functools import lru_cache

from nnviz_tb.errors import SchemaError
from nnviz_tb.schema import Metadata, metadata_from_bytes


@lru_cache(maxsize=4096)
def described(content: bytes) -> Metadata | SchemaError:
    """What the bytes of a tag's metadata say, or why they say nothing.

    Bounded by 4,096 times 64 KiB at the very worst; ours take about 200 bytes.
    """
    try:
        return metadata_from_bytes(content)
    except SchemaError as error:
        return error.with_traceback(None)

"""A record as pieces of memory that are written in one call, so that large tensors are not copied.

Joining a record of a megabyte costs as much as writing it: fresh memory of that size has to be
mapped first. Small values are joined all the same, since a call takes only so many pieces.
"""

from __future__ import annotations

from collections.abc import Container, Sequence
from typing import Any

import google_crc32c
import numpy as np

from nnviz_tb.recording import events
from nnviz_tb.recording.events import Value

Piece = bytes | memoryview

_LARGE_BYTES = 1 << 16


def _reads_arrays() -> bool:
    """Whether the checksum can be taken of an array where it is; not with every implementation."""
    try:
        array = np.array([1, 2, 3], np.uint8)
        return bool(google_crc32c.extend(0, array) == google_crc32c.value(b"\1\2\3"))
    except Exception:
        return False


_LARGEST_COPY = _LARGE_BYTES if _reads_arrays() else 1 << 62


def framed_event(
    wall_time: float, step: int, values: Sequence[Value], known_tags: Container[str]
) -> list[Piece]:
    """One event as a TFRecord, in pieces to be written one after the other.

    Args:
      wall_time: seconds since 1970.
      step: 0 to 2**63 - 1.
      values: what to encode.
      known_tags: of the file; readers must be told what the other tags are.
    """
    pieces: list[Piece] = []
    summed: list[Any] = []  # the same, in the types that the checksum is taken of
    small: list[bytes] = []
    size = 0
    for head, tensor in events.encoded_parts(values, known_tags):
        small.append(head)
        size += len(head) + tensor.nbytes
        if tensor.nbytes < _LARGEST_COPY:
            small.append(tensor.tobytes())
        else:
            content = np.ascontiguousarray(tensor).reshape(-1).view(np.uint8)
            summed += [b"".join(small), content]
            pieces += [summed[-2], content.data]
            small = []
    if small:
        summed.append(b"".join(small))
        pieces.append(summed[-1])
    start = events.event_head(wall_time, step, size)
    crc = google_crc32c.value(start)
    for piece in summed:
        crc = google_crc32c.extend(crc, piece)
    head = events.frame_head(len(start) + size)
    return [head + start, *pieces, events.frame_tail(crc)]

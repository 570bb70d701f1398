"""A record as pieces of memory that are written in one call, so that large tensors are not copied.

Joining a record of a megabyte costs as much as writing it: fresh memory of that size has to be
mapped first. Small values are joined all the same, since a call takes only so many pieces.
"""

from __future__ import annotations

from collections.abc import Container, Sequence
from typing import Any, NamedTuple

import google_crc32c
import numpy as np

from nnviz_tb.recording import events
from nnviz_tb.recording.events import Value

_LARGE_BYTES = 1 << 16


class Record(NamedTuple):
    """A TFRecord in pieces to be written one after the other.

    Attributes:
      pieces: bytes, and C-contiguous arrays whose memory is meant.
      size: bytes of all of them.
    """

    pieces: list[Any]
    size: int


def _reads_arrays() -> bool:
    """Whether the checksum can be taken of an array where it is; not with every implementation."""
    try:
        array = np.array([[1.0, 2.0], [3.0, 4.0]], "<f4")
        return bool(google_crc32c.extend(0, array) == google_crc32c.value(array.tobytes()))
    except Exception:
        return False


READS_ARRAYS = _reads_arrays()
_LARGEST_COPY = _LARGE_BYTES if READS_ARRAYS else 1 << 62


def framed_event(
    wall_time: float, step: int, values: Sequence[Value], known_tags: Container[str]
) -> Record:
    """One event as a TFRecord.

    Args:
      wall_time: seconds since 1970.
      step: 0 to 2**63 - 1.
      values: what to encode.
      known_tags: of the file; readers must be told what the other tags are.
    """
    pieces: list[Any] = []
    small: list[bytes] = []
    size = 0
    for head, tensor in events.encoded_parts(values, known_tags):
        small.append(head)
        content_bytes = tensor.nbytes
        size += len(head) + content_bytes
        if content_bytes < _LARGEST_COPY:
            small.append(tensor.tobytes())
        else:
            pieces += (b"".join(small), np.ascontiguousarray(tensor))
            small = []
    if small or not pieces:
        pieces.append(b"".join(small))
    start = events.event_head(wall_time, step, size)
    size += len(start)
    pieces[0] = start + pieces[0]
    crc = 0
    for piece in pieces:
        crc = google_crc32c.extend(crc, piece)
    pieces[0] = events.frame_head(size) + pieces[0]
    pieces.append(events.frame_tail(crc))
    return Record(pieces, size + events.FRAME_BYTES)

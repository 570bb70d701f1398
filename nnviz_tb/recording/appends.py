"""One event appended to an open file: by Python, or in one call of compiled code.

Python's way is the definition, and takes all events. A step is logged when the caches are full of
the training's own data, so that its 25 µs are a fifth of what 256 KiB take; the compiled way, which
takes events whose tags are known and whose tensors are stored as they are, needs 3.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from types import ModuleType

import google_crc32c

from nnviz_tb.recording import pieces
from nnviz_tb.recording.events import Value

compiled: ModuleType | None
try:
    from nnviz_tb.recording import _records as compiled
except ImportError:  # no compiler when the package was installed, or Windows
    compiled = None

_MAX_PIECES = 512 if hasattr(os, "writev") else 0
"""Of memory in one call: half of what POSIX systems take. Windows has no such call."""


def append_event(
    fd: int, wall_time: float, step: int, values: Sequence[Value], plugins: dict[str, str]
) -> int:
    """Bytes that an event takes as a TFRecord, all of which are with the operating system.

    Args:
      fd: descriptor of a file that is open for appending.
      wall_time: seconds since 1970.
      step: 0 to 2**63 - 1.
      values: what the event holds.
      plugins: of the tags that the file knows; the event's are added once it is there.

    Raises:
      OSError: a part of the record may have been written.
      TypeError: a tensor is of a dtype that no reader decodes.
    """
    record = pieces.framed_event(wall_time, step, values, plugins)
    written = 0
    # Nearly always one call; after a short write the next one says why.
    if len(record.pieces) <= _MAX_PIECES:
        written = os.writev(fd, record.pieces)
    rest = b"".join(record.pieces) if written < record.size else b""
    while written < record.size:
        written += os.write(fd, rest[written:])
    plugins.update({value.tag: value.plugin for value in values})
    return written


def append_like_before(
    fd: int,
    identity: tuple[int, int],
    wall_time: float,
    step: int,
    values: Sequence[Value],
    plugins: dict[str, str],
) -> int:
    """As :func:`append_event`, but 0 where that must look closer, and nothing is written then.

    Args:
      identity: device and inode of the file that is meant, which may have been removed or closed.
      fd, wall_time, step, values, plugins: as there.

    Raises:
      OSError: a part of the record may have been written.
    """
    if compiled is None or not pieces.READS_ARRAYS:
        return 0
    extend = google_crc32c.extend
    written: int = compiled.append(fd, identity, wall_time, step, values, plugins, extend)
    return written

"""Records of one scalar each, with everything made in advance that a tag's records share.

A training loop may log a scalar in every iteration, so this is the one hot path of writing: between
two values of a tag only the time, the step and the number change. The tests hold every byte against
:mod:`nnviz_tb.recording.events`, which puts the same record together from its parts.
"""

from __future__ import annotations

import struct

import google_crc32c

from nnviz_tb.recording import events

_CHECKSUM = struct.Struct("<I")
_crc32c = google_crc32c.value


class ScalarRecords:
    """Makes the records of one scalar tag that the file already knows."""

    __slots__ = ("_head", "_high", "_low_flag", "_middle", "_pack", "_suffix")

    def __init__(self, tag: str) -> None:
        """
        Args:
          tag: name of the series.
        """
        value = events.bytes_field(b"\x0a", events.encode_tag(tag))
        value += b"\x42\x0a\x08\x01\x12\x00\x22\x04"  # a float32 of rank 0, in four bytes
        summary = b"\x0a" + events.varint(len(value) + 4) + value
        self._suffix = b"\x2a" + events.varint(len(summary) + 4) + summary
        self._prepare(0)

    def record(self, wall_time: float, step: int, value: float) -> bytes:
        """The framed event of one value.

        Args:
          wall_time: seconds since 1970.
          step: 0 to 2**63 - 1.
          value: stored as float32, so what is too large becomes infinite.
        """
        if step >> 7 != self._high:
            self._prepare(step >> 7)
        low = step & 0x7F | self._low_flag
        try:
            message = self._pack(9, wall_time, 16, low, self._middle, value)
        except OverflowError:
            value = float("inf") if value > 0 else float("-inf")
            message = self._pack(9, wall_time, 16, low, self._middle, value)
        crc = _crc32c(message)
        # `events.frame_tail` written out: a call would cost a tenth of it all.
        return (
            self._head
            + message
            + _CHECKSUM.pack(((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)
        )

    def _prepare(self, high: int) -> None:
        """Makes what the records of 128 steps share: all of the step but its lowest seven bits."""
        self._high = high
        self._low_flag = 0x80 if high else 0
        self._middle = (events.varint(high) if high else b"") + self._suffix
        layout = struct.Struct(f"<BdBB{len(self._middle)}sf")
        self._pack = layout.pack
        self._head = events.frame_head(layout.size)

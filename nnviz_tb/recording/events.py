"""Arrays as the bytes of TensorFlow event records, without TensorFlow and without protobuf.

A record is one ``Event`` message in the TFRecord frame: its length, a checksum of the length, the
message, a checksum of the message. Only a dozen fields of four message types are ever written, so
they are put down by hand: that is measured one and a half times as fast as building the protobuf
objects, and keeps protobuf and TensorBoard out of the training process. The tests hold every byte
against the protobuf classes.

Source: tensorflow/core/util/event.proto, framework/summary.proto, framework/tensor.proto and
lib/io/record_writer.h; https://protobuf.dev/programming-guides/encoding.
"""

from __future__ import annotations

import math
import struct
import sys
from collections.abc import Container, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import google_crc32c
import numpy as np
from numpy.typing import NDArray

FILE_VERSION = b"brain.Event:2"
SCALARS_PLUGIN = "scalars"
HISTOGRAMS_PLUGIN = "histograms"
FRAME_BYTES = 16
"""What the frame adds to a message."""

DATA_CLASS_SCALAR = 1
DATA_CLASS_TENSOR = 2

# Tensor types of tensorflow/core/framework/types.proto that every reader of event files decodes.
# bfloat16 and float8 are missing on purpose: one such tensor makes TensorBoard fail on the tag.
_DATA_TYPES: dict[np.dtype[Any], int] = {
    np.dtype("<f4"): 1,
    np.dtype("<f8"): 2,
    np.dtype("<i4"): 3,
    np.dtype("u1"): 4,
}

_FOREIGN_ORDERS = ">" if sys.byteorder == "little" else ">="

_DOUBLE = struct.Struct("<d")
_FLOAT = struct.Struct("<f")
_LENGTH = struct.Struct("<Q")
_CHECKSUM = struct.Struct("<I")
_crc32c = google_crc32c.value


class Value(NamedTuple):
    """One tensor of a logged step.

    Attributes:
      tag: name of the series.
      tensor: little-endian float32, float64, int32 or uint8; a scalar has rank 0 and is float32.
      plugin: which TensorBoard plugin shows it.
      content: that plugin's own metadata; stored with the first value of a tag in a file.
    """

    tag: str
    tensor: NDArray[Any]
    plugin: str
    content: bytes = b""


def scalar(tag: str, number: float) -> Value:
    """One number for TensorBoard's own Scalars and Time Series dashboards."""
    return Value(tag, np.frombuffer(pack_float(number), "<f4").reshape(()), SCALARS_PLUGIN)


def encode_tag(tag: str) -> bytes:
    """The tag as UTF-8; a lone surrogate, which UTF-8 cannot hold, escaped as ``\\udc80`` is."""
    return tag.encode("utf-8", "backslashreplace")


def encode_values(values: Sequence[Value], known_tags: Container[str]) -> bytes:
    """``Summary.value`` entries, one after the other.

    Args:
      values: what to encode.
      known_tags: of the file; readers must be told what the other tags are.
    """
    parts = encoded_parts(values, known_tags)
    return b"".join([part for head, tensor in parts for part in (head, tensor.tobytes())])


def encoded_parts(
    values: Sequence[Value], known_tags: Container[str]
) -> list[tuple[bytes, NDArray[Any]]]:
    """Of every ``Summary.value`` entry: its head, and the little-endian content that follows.

    Args:
      values, known_tags: as of :func:`encode_values`.
    """
    parts = []
    for value in values:
        tensor = value.tensor
        if tensor.dtype.byteorder in _FOREIGN_ORDERS:
            tensor = tensor.astype(tensor.dtype.newbyteorder("<"))
        if value.tag in known_tags:
            head = _value_head(value.tag, tensor.dtype, tensor.shape, b"")
        else:
            metadata = _metadata(value.plugin, value.content)
            head = _value_head.__wrapped__(value.tag, tensor.dtype, tensor.shape, metadata)
        parts.append((head, tensor))
    return parts


def encode_value(value: Value, with_metadata: bool) -> bytes:
    """One ``Summary.value`` entry, ready to be joined with others.

    Args:
      value: what to encode.
      with_metadata: the tag is new to the file, so readers must be told what it is.
    """
    return encode_values([value], () if with_metadata else (value.tag,))


def encode_event(wall_time: float, step: int, values: bytes) -> bytes:
    """An ``Event`` with a summary.

    Args:
      wall_time: seconds since 1970.
      step: 0 to 2**63 - 1.
      values: joined results of :func:`encode_value`.
    """
    return event_head(wall_time, step, len(values)) + values


def event_head(wall_time: float, step: int, values_bytes: int) -> bytes:
    """The bytes of an ``Event`` before its values, of which there are so many."""
    time_and_step = b"\x09" + _DOUBLE.pack(wall_time) + b"\x10" + varint(step)
    return time_and_step + b"\x2a" + varint(values_bytes)


def encode_file_version(wall_time: float, writer: str) -> bytes:
    """The ``Event`` that opens every event file, naming the writer in its source metadata."""
    head = b"\x09" + _DOUBLE.pack(wall_time) + bytes_field(b"\x1a", FILE_VERSION)
    return head + bytes_field(b"\x52", bytes_field(b"\x0a", writer.encode()))


def pack_float(value: float) -> bytes:
    """Four little-endian bytes of the nearest float32; infinite beyond its range, as in NumPy."""
    try:
        return _FLOAT.pack(value)
    except OverflowError:
        return _FLOAT.pack(float("inf") if value > 0 else float("-inf"))


def frame(message: bytes) -> bytes:
    """The message as one TFRecord."""
    return frame_head(len(message)) + message + frame_tail(_crc32c(message))


def frame_head(length: int) -> bytes:
    """What stands in a TFRecord before a message of that length."""
    packed = _LENGTH.pack(length)
    return packed + frame_tail(_crc32c(packed))


def frame_tail(crc: int) -> bytes:
    """What stands behind a message with that CRC-32C: the checksum, masked."""
    return _CHECKSUM.pack(((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)


def varint(number: int) -> bytes:
    """Base-128 bytes of an integer >= 0, lowest seven bits first."""
    if number < 0x80:
        return _ONE_BYTE[number]
    if number < 0x4000:
        return bytes((number & 0x7F | 0x80, number >> 7))
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


_ONE_BYTE = tuple(bytes((number,)) for number in range(0x80))


def varint_size(number: int) -> int:
    """Bytes that :func:`varint` needs."""
    return max(1, (number.bit_length() + 6) // 7)


def value_size(tag_bytes: int, shape: tuple[int, ...], item_bytes: int) -> int:
    """Exact length of :func:`encode_value` without metadata, from shapes alone.

    Args:
      tag_bytes: length of the encoded tag.
      shape: of the tensor.
      item_bytes: 4 for float32 and int32, 8 for float64.
    """
    content = item_bytes
    shape_bytes = 0
    for size in shape:
        content *= size
        shape_bytes += _field_size(1 + varint_size(size)) if size else 2
    tensor = 2 + _field_size(shape_bytes) + (_field_size(content) if content else 0)
    return _field_size(_field_size(tag_bytes) + _field_size(tensor))


def _field_size(length: int) -> int:
    return 1 + varint_size(length) + length


def bytes_field(key: bytes, content: bytes) -> bytes:
    """A field of bytes, text or a message: its key, its length, its content."""
    return key + varint(len(content)) + content


@lru_cache(maxsize=1 << 16)
def _value_head(tag: str, dtype: np.dtype[Any], shape: tuple[int, ...], metadata: bytes) -> bytes:
    """All bytes of a value before its tensor's content, which comes last.

    A tag's are the same from step to step: making them costs ten times as much as the content.
    """
    try:
        data_type = _DATA_TYPES[dtype.newbyteorder("<")]
    except KeyError:
        raise TypeError(f"no reader decodes tensors of dtype {dtype}") from None
    content_bytes = math.prod(shape) * dtype.itemsize
    tensor = b"\x08" + varint(data_type) + bytes_field(b"\x12", b"".join(map(_dim, shape)))
    if content_bytes:
        tensor += b"\x22" + varint(content_bytes)
    body = bytes_field(b"\x0a", encode_tag(tag))
    if metadata:
        body += bytes_field(b"\x4a", metadata)
    body += b"\x42" + varint(len(tensor) + content_bytes) + tensor
    return b"\x0a" + varint(len(body) + content_bytes) + body


def _dim(size: int) -> bytes:
    return bytes_field(b"\x12", b"\x08" + varint(size) if size else b"")


def _metadata(plugin: str, content: bytes) -> bytes:
    data = bytes_field(b"\x0a", plugin.encode())
    if content:
        data += bytes_field(b"\x12", content)
    data_class = DATA_CLASS_SCALAR if plugin == SCALARS_PLUGIN else DATA_CLASS_TENSOR
    return bytes_field(b"\x0a", data) + b"\x20" + varint(data_class)

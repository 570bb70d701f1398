"""Rows as TensorBoard stores them, checked before they are expanded. Pure.

:mod:`beneath` gets them. Twenty bytes of a damaged or hostile log may stand for as many gigabytes
as they like, so nothing here takes more memory than was stored.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple, overload

import numpy as np
from numpy.typing import NDArray
from tensorboard.compat.proto import types_pb2

from nnviz_tb.errors import SchemaError

_DTYPES: dict[int, tuple[np.dtype[Any], str]] = {
    types_pb2.DT_FLOAT: (np.dtype("<f4"), "float_val"),
    types_pb2.DT_INT32: (np.dtype("<i4"), "int_val"),
}
"""The two that the schema knows, and where a tensor keeps them when not in ``tensor_content``."""


class StoredRow:
    """One row as it is stored; expanded, and checked, when :attr:`numpy` is asked for."""

    __slots__ = ("_tensor", "step", "wall_time")

    def __init__(self, step: int, wall_time: float, tensor: Any) -> None:
        self.step, self.wall_time, self._tensor = step, wall_time, tensor

    @property
    def numpy(self) -> NDArray[Any]:
        """The row, read-only; a single value that stands for many takes no memory for them.

        Raises:
          SchemaError: it is of another type, or contradicts itself.
        """
        return array_of(self._tensor)


def array_of(tensor: Any) -> NDArray[Any]:
    """A ``TensorProto`` of float32 or int32 as a read-only array.

    Raises:
      SchemaError: another type, or a shape that the stored values do not fill.
    """
    known = _DTYPES.get(tensor.dtype)
    if known is None:
        raise SchemaError(f"a row of {_name_of(tensor.dtype)}, not float32 or int32")
    dtype, field = known
    shape = tuple([axis.size for axis in tensor.tensor_shape.dim])
    count = math.prod(shape)
    if len(shape) > 32 or count < 0 or any(size < 0 for size in shape):
        raise SchemaError("a row of a shape that does not exist")
    content = tensor.tensor_content
    if content:
        if len(content) != count * dtype.itemsize:
            raise SchemaError(f"a row of {len(content)} bytes for {count} numbers")
        return np.frombuffer(content, dtype).reshape(shape)
    listed = getattr(tensor, field)
    if len(listed) == count:
        values = np.array(listed, dtype).reshape(shape)
        values.flags.writeable = False
        return values
    if len(listed) != 1:
        raise SchemaError(f"a row of {len(listed)} values for {count} numbers")
    try:
        return np.broadcast_to(np.array(listed[0], dtype), shape)
    except ValueError:
        raise SchemaError("a row of a shape that no memory holds") from None


def _name_of(dtype: int) -> str:
    name = types_pb2.DataType.Name(dtype) if dtype in types_pb2.DataType.values() else "DT_?"
    return {"DT_DOUBLE": "float64", "DT_HALF": "float16"}.get(name, name[3:].lower())


class StoredRows(Sequence[StoredRow]):
    """The rows of one tag in the order of the log, as columns; taken apart only where they must be.

    Attributes:
      steps, wall_times: of each row.
      tensors: ``TensorProto`` of each row.
    """

    __slots__ = ("_message", "steps", "tensors", "wall_times")

    def __init__(
        self,
        steps: Sequence[int],
        wall_times: Sequence[float],
        tensors: Sequence[Any],
        message: Any = None,
    ) -> None:
        """Takes columns of equal length.

        Args:
          message: a protocol buffer whose last field, number 3, is ``tensors``; None without one.
        """
        self.steps, self.wall_times, self.tensors = steps, wall_times, tensors
        self._message = message

    def __len__(self) -> int:
        return len(self.steps)

    @overload
    def __getitem__(self, place: int) -> StoredRow: ...
    @overload
    def __getitem__(self, place: slice) -> StoredRows: ...
    def __getitem__(self, place: int | slice) -> StoredRow | StoredRows:
        kind = StoredRows if isinstance(place, slice) else StoredRow
        return kind(self.steps[place], self.wall_times[place], self.tensors[place])  # type: ignore[arg-type]

    def alike(self) -> NDArray[Any] | None:
        """``[rows, …]`` all rows at once, read-only; None unless all are of one type and shape.

        Row by row, the calls into NumPy take five times as long as the rest of reading a short row.
        """
        if not len(self.tensors):
            return None
        first = self.tensors[0]
        try:
            row = array_of(first)
        except SchemaError:
            return None
        if not first.tensor_content:
            return None
        content = self._joined(first) if self._message is None else self._cut_out(first)
        if content is None:
            return None
        return np.frombuffer(content, row.dtype).reshape(len(self), *row.shape)

    def _joined(self, first: Any) -> bytes | None:
        """The contents of all tensors, when nothing else tells them from the first."""
        dtype, shape, size = first.dtype, first.tensor_shape, len(first.tensor_content)
        contents = [
            content
            for tensor in self.tensors
            if len(content := tensor.tensor_content) == size
            and tensor.dtype == dtype
            and tensor.tensor_shape == shape
        ]
        return b"".join(contents) if len(contents) == len(self.tensors) else None

    def _cut_out(self, first: Any) -> bytes | None:
        """The same from the message's own bytes, without an object for each tensor.

        Tensors that differ in nothing but their contents are serialized to records of one length,
        which begin with the same bytes.
        """
        content = first.tensor_content
        bare = type(first)(dtype=first.dtype, tensor_shape=first.tensor_shape)
        head = bare.SerializeToString() + _field(4, len(content))
        if head + content != first.SerializeToString():
            return None
        head = _field(3, len(head) + len(content)) + head
        raw, size = self._message.SerializeToString(), len(head) + len(content)
        start = len(raw) - len(self) * size
        if start < 0:
            return None
        records = np.frombuffer(raw, np.uint8, offset=start).reshape(len(self), size)
        if (records[:, : len(head)] != np.frombuffer(head, np.uint8)).any():
            return None
        return records[:, len(head) :].tobytes()


def _field(number: int, length: int) -> bytes:
    """How a field of so many bytes begins (protobuf.dev, "Encoding", length-delimited records)."""
    begin = bytearray([number << 3 | 2])
    while length >= 0x80:
        begin.append(length & 0x7F | 0x80)
        length >>= 7
    begin.append(length)
    return bytes(begin)


class Listed(NamedTuple):
    """What TensorBoard says about one tag without reading it.

    It changes whenever a row is added, replaced or dropped, unless the row lies below the largest
    step and is older than the latest: a run resumed on a machine whose clock is behind.

    Attributes:
      last_step, last_wall_time: the largest it holds; 0 while it holds none. A wall time that is
        not finite counts as 0, so that equal rows compare equal.
      content: the bytes of our metadata, not yet checked; empty for scalars.
    """

    last_step: int
    last_wall_time: float
    content: bytes

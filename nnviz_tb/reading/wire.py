"""Arrays to response bytes and back: the container of ``http_api.md``."""

from __future__ import annotations

import io
import itertools
import json
import struct
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnviz_tb.errors import WireError

MAGIC = b"NNVZ"
CONTAINER_VERSION = 1
ALIGNMENT = 8
MAX_HEADER_BYTES = 16 * 1024 * 1024
MAX_RANK = 8

_BAND = 8
"""Columns of a transposed array that are put into place at a time."""

_PREFIX = struct.Struct("<4sII")
_DTYPES: dict[str, np.dtype[Any]] = {
    "float32": np.dtype("<f4"),
    "float64": np.dtype("<f8"),
    "int32": np.dtype("<i4"),
    "uint8": np.dtype("u1"),
}
Array = NDArray[Any]


def encode(meta: Mapping[str, Any], arrays: Mapping[str, Array]) -> bytes:
    """The container that holds ``meta`` and the arrays, in the order given.

    Args:
      meta: what JSON can hold, numbers finite.
      arrays: float32, float64, int32 or uint8 of any shape and strides.

    Raises:
      WireError: a dtype that the container does not know, or ``meta`` that is not JSON.
    """
    *offsets, size = itertools.accumulate((_padded(a.nbytes) for a in arrays.values()), initial=0)
    entries = []
    for (name, array), offset in zip(arrays.items(), offsets, strict=True):
        dtype = array.dtype.name
        if dtype not in _DTYPES:
            raise WireError(f"array {name!r} is {dtype}; allowed are {', '.join(_DTYPES)}")
        entries.append({"name": name, "dtype": dtype, "shape": list(array.shape), "offset": offset})
    try:
        header = json.dumps(
            {"meta": dict(meta), "arrays": entries}, allow_nan=False, separators=(",", ":")
        ).encode()
    except (TypeError, ValueError) as error:
        raise WireError(f"meta is not JSON: {error}") from None
    header += b" " * (-(_PREFIX.size + len(header)) % ALIGNMENT)
    start = _PREFIX.size + len(header)
    # Arrays go straight to their place, in memory that is the result: that of an answer of 16 MiB
    # costs more to get than to fill.
    container = io.BytesIO(bytes(start + size))
    container.write(_PREFIX.pack(MAGIC, CONTAINER_VERSION, len(header)) + header)
    with container.getbuffer() as memory:
        for array, offset in zip(arrays.values(), offsets, strict=True):
            with memory[start + offset : start + offset + array.nbytes] as place:
                _fill(place, array)
    return container.getvalue()


def _fill(place: memoryview, array: Array) -> None:
    """Puts the array into its place, little-endian and in C order."""
    little = np.frombuffer(place, _DTYPES[array.dtype.name]).reshape(array.shape)
    if array.ndim == 2 and array.strides[0] < array.strides[1]:
        # Transposed: at a width like 4,096 all of a row to be written lies where the cache has room
        # for eight; the others would be fetched again for each of their numbers.
        for start in range(0, array.shape[1], _BAND):
            little[:, start : start + _BAND] = array[:, start : start + _BAND]
    else:
        little[...] = array


def decode(body: bytes) -> tuple[dict[str, Any], dict[str, Array]]:
    """``(meta, arrays)`` of a container; the arrays are read-only views into ``body``.

    Raises:
      WireError: not a container, one of a newer version, or one whose header lies.
    """
    if len(body) < _PREFIX.size:
        raise WireError(f"{len(body)} bytes are too few for a container")
    magic, version, length = _PREFIX.unpack_from(body)
    if magic != MAGIC:
        raise WireError(f"not a container: it begins with {magic!r}")
    if version != CONTAINER_VERSION:
        raise WireError(f"container of version {version}; this release reads {CONTAINER_VERSION}")
    start = _PREFIX.size + length
    if start % ALIGNMENT or length > MAX_HEADER_BYTES or start > len(body):
        raise WireError(f"header of {length} bytes in a container of {len(body)}")
    try:
        header = json.loads(body[_PREFIX.size : start])
        meta, entries = header["meta"], header["arrays"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise WireError(f"header is not ours: {error}") from None
    if not isinstance(meta, dict) or not isinstance(entries, list):
        raise WireError("header is not ours: meta must be an object, arrays a list")
    arrays: dict[str, Array] = {}
    for entry in entries:
        name, array = _decode_array(entry, body, start)
        if name in arrays:
            raise WireError(f"array {name!r} occurs twice")
        arrays[name] = array
    return meta, arrays


def _decode_array(entry: Any, body: bytes, start: int) -> tuple[str, Array]:
    if not isinstance(entry, dict):
        raise WireError("an array's entry is not an object")
    name, dtype = entry.get("name"), _DTYPES.get(str(entry.get("dtype")))
    shape, offset = entry.get("shape"), entry.get("offset")
    if not isinstance(name, str) or dtype is None:
        raise WireError(f"array {str(name)[:80]!r} has no dtype that the container knows")
    if not isinstance(shape, list) or len(shape) > MAX_RANK:
        raise WireError(f"array {name[:80]!r} has no shape of at most {MAX_RANK} axes")
    if any(type(size) is not int or size < 0 for size in shape):
        raise WireError(f"array {name[:80]!r} has a shape that is not made of counts")
    if type(offset) is not int or offset < 0 or offset % ALIGNMENT:
        raise WireError(f"array {name[:80]!r} has an offset that is not a multiple of {ALIGNMENT}")
    count = 1
    for size in shape:
        count *= size
    if start + offset + count * dtype.itemsize > len(body):
        raise WireError(f"array {name[:80]!r} ends beyond the container")
    if count == 0:
        return name, np.zeros(_bounded(name, shape), dtype)
    return name, np.frombuffer(body, dtype, count, start + offset).reshape(shape)


def _bounded(name: str, shape: list[int]) -> list[int]:
    if max(shape) >= 1 << 31:
        raise WireError(f"array {name[:80]!r} is empty, but has an axis of {max(shape)}")
    return shape


def _padded(size: int) -> int:
    return size + -size % ALIGNMENT

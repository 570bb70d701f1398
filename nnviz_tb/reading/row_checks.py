"""What a row of each kind of series must look like, by what its tag's metadata declares. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnviz_tb import buckets
from nnviz_tb.definitions import LAYER_FIELDS, RUN_FIELDS, SUMMARY_FIELDS
from nnviz_tb.errors import SchemaError
from nnviz_tb.schema import (
    DENSITY_HEADER_LENGTH,
    SKETCH_DIMENSIONS,
    LayerMetadata,
    Metadata,
    RunMetadata,
    SeriesMetadata,
)

MAX_GRID = 65536
MAX_NEURONS = (1 << 31) - 1

Array = NDArray[Any]


def row_bytes(kind: str, metadata: Metadata) -> int:
    """Bytes of one row of the series as its metadata declares it; the usual size where it is free.

    Raises:
      SchemaError: the metadata is not of this kind of series, or contradicts itself.
    """
    if kind in ("layer", "run"):
        return 4 * len(LAYER_FIELDS if kind == "layer" else RUN_FIELDS)
    series = _series_metadata(kind, metadata)
    if kind == "summary":
        return 4 * len(SUMMARY_FIELDS)
    if kind in ("density", "output"):
        return 4 * (DENSITY_HEADER_LENGTH + 2 * buckets.BUCKETS_PER_SIGN)
    if kind == "curve":
        return 4 * 7 * 257
    if kind == "weights":
        return 4 * series.tracked * series.columns
    if kind == "sketch":
        return 4 * series.tracked * SKETCH_DIMENSIONS
    return 4 * series.row_length


def _series_metadata(kind: str, metadata: Metadata) -> SeriesMetadata:
    if not isinstance(metadata, SeriesMetadata):
        raise SchemaError(f"metadata of kind {metadata.kind} on a {kind} series")
    if metadata.tracked > metadata.neurons or metadata.neurons > MAX_NEURONS:
        raise SchemaError(f"{metadata.tracked} neurons tracked of {metadata.neurons}")
    if kind == "weights" and not 0 < metadata.columns <= metadata.fan_in <= MAX_NEURONS:
        raise SchemaError(f"{metadata.columns} incoming weights kept of {metadata.fan_in}")
    if metadata.extremes % 2 or metadata.extremes > MAX_NEURONS:
        raise SchemaError(f"{metadata.extremes} extremes, which is not two halves")
    return metadata


RowCheck = Callable[[Array], str]


def row_check(kind: str, metadata: Metadata) -> RowCheck:
    """A function that says why a row is no good, or ``""``."""
    if kind == "layer":
        if not isinstance(metadata, LayerMetadata):
            raise SchemaError(f"metadata of kind {metadata.kind} on a layer series")
        return _vector_check(None)
    if kind == "run":
        if not isinstance(metadata, RunMetadata):
            raise SchemaError(f"metadata of kind {metadata.kind} on a run series")
        return _vector_check(None)
    series = _series_metadata(kind, metadata)
    if kind == "summary":
        return _vector_check(None)
    if kind in ("density", "output"):
        return _density_fault
    if kind == "curve":
        return _curve_fault
    if kind == "weights":
        return _shape_check((series.tracked, series.columns))
    if kind == "sketch":
        return _shape_check((series.tracked, SKETCH_DIMENSIONS))
    return _vector_check(series.row_length)


def _vector_check(length: int | None) -> RowCheck:
    """Of a vector; ``None`` allows any length: a later schema appends fields."""
    if length is not None:
        return _shape_check((length,))

    def fault(row: Array) -> str:
        if row.dtype != np.float32:
            return f"a row of {row.dtype.name}, not float32"
        return "" if row.ndim == 1 and row.size else f"a row of shape {_shape(row)}, not a vector"

    return fault


def _shape_check(shape: tuple[int, ...]) -> RowCheck:
    def fault(row: Array) -> str:
        if row.dtype != np.float32:
            return f"a row of {row.dtype.name}, not float32"
        return "" if row.shape == shape else f"a row of shape {_shape(row)}, declared as {shape}"

    return fault


def _density_fault(row: Array) -> str:
    if row.dtype != np.int32:
        return f"a row of {row.dtype.name}, not int32"
    if row.ndim != 1 or row.size < DENSITY_HEADER_LENGTH:
        return f"a row of shape {_shape(row)}, too short for a density"
    level, first, count = int(row[0]), int(row[4]), row.size - DENSITY_HEADER_LENGTH
    if not 0 <= level <= buckets.BUCKETS_PER_SIGN.bit_length():
        return f"merge level {level}, which does not exist"
    lowest = -buckets.BUCKETS_PER_SIGN >> level
    highest = (buckets.BUCKETS_PER_SIGN - 1) >> level
    if count and not lowest <= first <= first + count - 1 <= highest:
        return f"buckets {first} to {first + count - 1}, which do not exist at level {level}"
    if row[1:4].min() < 0 or (count and row[DENSITY_HEADER_LENGTH:].min() < 0):
        return "negative counts"
    return ""


def _curve_fault(row: Array) -> str:
    if row.dtype != np.float32:
        return f"a row of {row.dtype.name}, not float32"
    if row.ndim != 2 or row.shape[0] not in (3, 7) or not 2 <= row.shape[1] <= MAX_GRID:
        return f"a row of shape {_shape(row)}, not that of a curve"
    return ""


def _shape(row: Array) -> str:
    return str(row.shape) if row.ndim <= 4 else f"{row.ndim} axes"

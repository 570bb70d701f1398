"""The rows of one tag, as TensorBoard holds them, checked against the schema. Pure.

What does not fit is left out and said in a sentence: a log is other people's data, may be damaged,
and may come from a run that was restarted with another shape.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from nnviz_tb import buckets
from nnviz_tb.definitions import LAYER_FIELDS, RUN_FIELDS, SUMMARY_FIELDS
from nnviz_tb.errors import SchemaError
from nnviz_tb.reading.stored import StoredRows
from nnviz_tb.schema import (
    DENSITY_HEADER_LENGTH,
    SKETCH_DIMENSIONS,
    LayerMetadata,
    Metadata,
    RunMetadata,
    SeriesMetadata,
)

MAX_STEP = 1 << 53
MAX_GRID = 65536
MAX_NEURONS = (1 << 31) - 1
MAX_SERIES_BYTES = 64 * 1024 * 1024

Array = NDArray[Any]


class Datum(Protocol):
    """One row as TensorBoard's data provider hands it over."""

    @property
    def step(self) -> int: ...
    @property
    def wall_time(self) -> float: ...
    @property
    def numpy(self) -> Array: ...


@dataclass(frozen=True)
class Series:
    """What TensorBoard holds of one tag. Immutable; shared between requests.

    Attributes:
      steps: ``float64[steps]`` ascending and unique, whole numbers from 0.
      wall_times: ``float64[steps]`` seconds since 1970.
      values: ``[steps, …]``, float32, or int32 for densities; one row per step.
      metadata: of the tag.
      skipped: sentences on rows that were left out.
      serial: tells apart all series of a process, so that what is made of one can be kept under it.
    """

    steps: NDArray[np.float64]
    wall_times: NDArray[np.float64]
    values: Array
    metadata: Metadata | None = None
    skipped: tuple[str, ...] = ()
    serial: int = field(default_factory=count().__next__, compare=False)

    @property
    def byte_count(self) -> int:
        """Bytes that the series holds in memory."""
        return self.steps.nbytes + self.wall_times.nbytes + self.values.nbytes + 1024


def in_step_order(data: Iterable[Datum], skipped: Counter[str]) -> list[Datum]:
    """The rows by ascending step; of rows of the same step the one that came last."""
    by_step: dict[int, Datum] = {}
    for datum in data:
        if not 0 <= datum.step <= MAX_STEP:
            skipped["a step that is negative or beyond 2^53"] += 1
        else:
            by_step[datum.step] = datum
    return [by_step[step] for step in sorted(by_step)]


def series_of(
    kind: str, data: Iterable[Datum], metadata: Metadata, max_bytes: int = MAX_SERIES_BYTES
) -> Series:
    """The series that the rows make.

    Args:
      kind: the series name of the tag, or ``run``.
      max_bytes: what all rows together may take.

    Raises:
      SchemaError: the metadata is not of this kind of series, or contradicts itself; or the rows,
        each of them allowed, are too much together.
    """
    check = _row_check(kind, metadata)
    if isinstance(data, StoredRows) and kind not in _PADDED:
        whole = _whole(kind, data, check, metadata)
        if whole is not None:
            return whole
    longest = 0
    skipped: Counter[str] = Counter()
    kept: list[Datum] = []
    rows: list[Array] = []
    for datum in in_step_order(data, skipped):
        try:
            row = datum.numpy
            reason = check(row)
        except SchemaError as error:
            reason = str(error)
        if reason:
            skipped[reason] += 1
        else:
            kept.append(datum)
            rows.append(row)
            longest = max(longest, row.nbytes)
    # A few bytes may stand for a long row, and a padded row is as long as the longest.
    if kind in _PADDED and longest * len(rows) > max_bytes:
        raise SchemaError(f"{len(rows)} rows of up to {longest} bytes are too much to read at once")
    if kind == "curve":
        kept, rows = _of_the_last_shape(kept, rows, skipped)
    return Series(
        np.array([datum.step for datum in kept], np.float64),
        np.array([datum.wall_time for datum in kept], np.float64),
        _stacked(kind, rows),
        metadata,
        sentences(skipped),
    )


def _whole(kind: str, data: StoredRows, check: RowCheck, metadata: Metadata) -> Series | None:
    """The series of rows in order and all alike, as nearly every log holds them; None of others."""
    steps = np.array(data.steps, np.int64)
    if not steps.size or steps[0] < 0 or steps[-1] > MAX_STEP or (steps[1:] <= steps[:-1]).any():
        return None
    values = data.alike()
    # Rows of one type and shape are all good when the first is: such a check looks at nothing else.
    if values is None or check(values[0]):
        return None
    width = _FIELD_COUNTS.get(kind)
    if width is not None and values.shape[1] != width:
        # A later schema may append fields, an earlier one lacks some.
        fitted = np.full((steps.size, width), np.nan, np.float32)
        fitted[:, : values.shape[1]] = values[:, :width]
        values = fitted
    return Series(steps.astype(np.float64), np.array(data.wall_times, np.float64), values, metadata)


def scalars_of(data: Iterable[Any]) -> Series:
    """The series of a TensorBoard scalar, values ``float32[steps]``."""
    skipped: Counter[str] = Counter()
    kept = in_step_order(data, skipped)
    values: list[float] = [datum.value for datum in kept]  # type: ignore[attr-defined]
    return Series(
        np.array([datum.step for datum in kept], np.float64),
        np.array([datum.wall_time for datum in kept], np.float64),
        np.array(values, np.float32),
        None,
        sentences(skipped),
    )


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


def _row_check(kind: str, metadata: Metadata) -> RowCheck:
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


def _of_the_last_shape(
    kept: list[Datum], rows: list[Array], skipped: Counter[str]
) -> tuple[list[Datum], list[Array]]:
    pairs = [(d, row) for d, row in zip(kept, rows, strict=True) if row.shape == rows[-1].shape]
    if len(pairs) < len(rows):
        skipped["a grid other than the last one's"] += len(rows) - len(pairs)
    return [datum for datum, _ in pairs], [row for _, row in pairs]


def _stacked(kind: str, rows: list[Array]) -> Array:
    if kind in _FIELD_COUNTS:
        values = np.full((len(rows), _FIELD_COUNTS[kind]), np.nan, np.float32)
        for place, row in zip(values, rows, strict=True):
            # A later schema may append fields.
            place[: row.size] = row[: place.size]
        return values
    if kind in ("density", "output"):
        longest = max((row.size for row in rows), default=DENSITY_HEADER_LENGTH)
        counts = np.zeros((len(rows), longest), np.int32)
        for index, row in enumerate(rows):
            counts[index, : row.size] = row
        return counts
    if rows:
        return np.stack(rows)
    # Not the declared sizes: without a row that bears them out they are worth nothing.
    return np.empty(_NO_ROWS.get(kind, (0, 0)), np.float32)


_FIELD_COUNTS = {
    "layer": len(LAYER_FIELDS),
    "run": len(RUN_FIELDS),
    "summary": len(SUMMARY_FIELDS),
}
_PADDED = ("density", "output", "curve")
"""Series whose rows have no declared length."""
_NO_ROWS = {"curve": (0, 3, 0), "weights": (0, 0, 0), "sketch": (0, 0, 0)}


def _shape(row: Array) -> str:
    return str(row.shape) if row.ndim <= 4 else f"{row.ndim} axes"


def sentences(skipped: Counter[str]) -> tuple[str, ...]:
    """One sentence per reason, the most frequent first, at most eight."""
    common = skipped.most_common(9)
    told = [f"{n} {'row' if n == 1 else 'rows'} left out: {reason}" for reason, n in common[:8]]
    if len(common) > 8:
        told.append(f"{sum(skipped.values()) - sum(n for _, n in common[:8])} more rows left out")
    return tuple(told)

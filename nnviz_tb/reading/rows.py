"""The rows of one tag, as TensorBoard holds them, checked against the schema. Pure.

What does not fit is left out and said in a sentence: a log is other people's data, may be damaged,
and may come from a run that was restarted with another shape.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from nnviz_tb.definitions import LAYER_FIELDS, RUN_FIELDS, SUMMARY_FIELDS
from nnviz_tb.errors import SchemaError
from nnviz_tb.reading.row_checks import RowCheck, row_check
from nnviz_tb.schema import (
    DENSITY_HEADER_LENGTH,
    Metadata,
)

MAX_STEP = 1 << 53
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


class _Checked(NamedTuple):
    """A row that is known to be good."""

    step: int
    wall_time: float
    numpy: Array


@runtime_checkable
class Columns(Protocol):
    """Rows that may be read all at once: ``stored.StoredRows``, by what is needed of it here."""

    @property
    def steps(self) -> Sequence[int]: ...
    @property
    def wall_times(self) -> Sequence[float]: ...
    def alike(self) -> Array | None: ...


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

    def holds_the_same(self, other: Series) -> bool:
        """Whether the two have the same rows."""
        return (
            np.array_equal(self.steps, other.steps)
            and np.array_equal(self.wall_times, other.wall_times, equal_nan=True)
            and np.array_equal(self.values, other.values, equal_nan=True)
            and self.skipped == other.skipped
        )


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
    check = row_check(kind, metadata)
    if isinstance(data, Columns) and kind not in _PADDED:
        whole = _whole(kind, data, check, metadata)
        if whole is not None:
            return whole
    skipped: Counter[str] = Counter()
    good: list[_Checked] = []
    for datum in data:
        try:
            row = datum.numpy
            reason = check(row)
        except SchemaError as error:
            reason = str(error)
        if reason:
            # It takes the place of no row of the same step that is good.
            skipped[reason] += 1
        else:
            good.append(_Checked(datum.step, datum.wall_time, row))
    kept = in_step_order(good, skipped)
    rows = [datum.numpy for datum in kept]
    longest = max((row.nbytes for row in rows), default=0)
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


def _whole(kind: str, data: Columns, check: RowCheck, metadata: Metadata) -> Series | None:
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


def sentences(skipped: Counter[str]) -> tuple[str, ...]:
    """One sentence per reason, the most frequent first, at most eight."""
    common = skipped.most_common(9)
    told = [f"{n} {'row' if n == 1 else 'rows'} left out: {reason}" for reason, n in common[:8]]
    if len(common) > 8:
        told.append(f"{sum(skipped.values()) - sum(n for _, n in common[:8])} more rows left out")
    return tuple(told)

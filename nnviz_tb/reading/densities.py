"""Densities of different steps brought to the same borders. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnviz_tb import buckets
from nnviz_tb.reading.parameters import Selection
from nnviz_tb.reading.queries import Answer, in_range, pick
from nnviz_tb.reading.rows import Series
from nnviz_tb.schema import DENSITY_HEADER_LENGTH

Array = NDArray[Any]


@dataclass(frozen=True)
class Frame:
    """Borders that several densities share.

    Attributes:
      level: how many times neighbouring buckets were merged in pairs.
      first: the lowest bucket, at that level.
      count: how many neighbouring buckets.
    """

    level: int
    first: int
    count: int

    @property
    def edges(self) -> NDArray[np.float64]:
        """``float64[count + 1]`` ascending borders."""
        return buckets.edges(self.first, self.count, self.level)


def frame_of(rows: Array) -> Frame:
    """The narrowest frame around all the rows, in the widest buckets that occur among them.

    Args:
      rows: ``int32[steps, 5 + n]`` as stored, padded with zero counts.
    """
    level, low, high = 0, None, None
    if rows.size:
        level = int(rows[:, 0].max())
        counts = rows[:, DENSITY_HEADER_LENGTH:] > 0
        filled = counts.any(axis=1)
        if filled.any():
            begin = counts[filled].argmax(axis=1)
            end = counts.shape[1] - 1 - counts[filled][:, ::-1].argmax(axis=1)
            shift = level - rows[filled, 0]
            low = int(((rows[filled, 4] + begin) >> shift).min())
            high = int(((rows[filled, 4] + end) >> shift).max())
    if low is None or high is None:
        return Frame(level, 0, 0)
    return Frame(level, low, high - low + 1)


def aligned(rows: Array, frame: Frame) -> NDArray[np.float32]:
    """``float32[steps, frame.count]`` counts of the rows in the buckets of the frame."""
    counts = rows[:, DENSITY_HEADER_LENGTH:]
    result = np.zeros((rows.shape[0], frame.count), np.float64)
    step, place = np.nonzero(counts)
    bucket = (rows[step, 4] + place) >> (frame.level - rows[step, 0])
    np.add.at(result, (step, bucket - frame.first), counts[step, place])
    return result.astype(np.float32)


def density(series: Series, selection: Selection) -> Answer:
    """Counts over steps on common borders: see ``http_api.md``, ``density``."""
    chosen = in_range(series, selection)
    rows = series.values[chosen]
    frame = frame_of(rows)
    same_frame = True
    if selection.after is not None:
        same_frame = frame == frame_of(rows[series.steps[chosen] <= selection.after])
    picked = pick(series, selection, lambda: _ends(series.values), same_frame)
    kept = series.values[picked.rows]
    return Answer(
        picked.meta,
        {
            "steps": series.steps[picked.rows],
            "wall_times": series.wall_times[picked.rows],
            "edges": frame.edges.astype(np.float32),
            "counts": aligned(kept, frame),
            "nonfinite": kept[:, 1:4].astype(np.float32),
        },
    )


def _ends(rows: Array) -> NDArray[np.float64]:
    """``float64[2, steps]`` lower and upper end of each density; NaN where it is empty."""
    result = np.full((2, rows.shape[0]), np.nan)
    for place, row in enumerate(rows):
        frame = frame_of(row[np.newaxis])
        if frame.count:
            result[:, place] = frame.edges[[0, -1]]
    return result


BINS = 64


def outline(row: Array) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """``(float32[64] heights with a maximum of 1, float32[2] the range they span)`` of one row.

    Heights are counts per unit of width, spread evenly inside every bucket; the 64 bins are of
    equal width, so that the shape is that of a histogram on a linear axis. All zero, and NaN, for
    an empty density.
    """
    frame = frame_of(row[np.newaxis])
    if not frame.count:
        return np.zeros(BINS, np.float32), np.full(2, np.nan, np.float32)
    edges = frame.edges
    below = np.concatenate([[0.0], np.cumsum(aligned(row[np.newaxis], frame)[0], dtype=np.float64)])
    borders = np.linspace(edges[0], edges[-1], BINS + 1)
    heights = np.diff(np.interp(borders, edges, below))
    return (
        (heights / heights.max()).astype(np.float32),
        np.array([edges[0], edges[-1]], np.float32),
    )

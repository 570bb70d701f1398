"""One layer being served within its limit of bytes, in a fixed order of what people look at first.

Its figures come first, then a coarse histogram, the trajectories that people look at first for a
few neurons, densities, the other statistics; then each of these grows, the first trajectories
first; then sketches, then raw weights.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from nnviz_tb.definitions import LAYER_FIELDS, QUANTILES, SUMMARY_FIELDS
from nnviz_tb.recording.events import value_size
from nnviz_tb.schema import (
    DENSITY_HEADER_LENGTH,
    MAX_EXTREME_INDEX,
    SKETCH_DIMENSIONS,
    TAG_PREFIX,
)

MAX_WEIGHTS_BYTES = 64 * 1024
"""Of the raw weights of one layer: up to here all of them are kept, beyond it a sample."""

PRIMARY = ("weight_norm", "bias", "displacement", "activity")
TRACKED_ONLY = ("displacement", "distance")
"""Statistics known of the tracked neurons only, so their quantiles over all stay NaN."""

CURVE_GRIDS = (257, 129, 65)
"""Odd numbers of points, so that zero is one of them."""

_FEW, _SOME, _MANY, _ALL = 8, 64, 1024, 1 << 60
_COARSE_ROWS, _FINE_ROWS = 8, 48
_HISTOGRAM_ITEM_BYTES = 8
_COARSE_BUCKETS, _FINE_BUCKETS = 32, 512
_WEIGHT_COLUMNS = (64, 32, 16, 8)


@dataclass(frozen=True)
class LayerShape:
    """What the size of a layer's record depends on.

    Attributes:
      name_bytes: length of the layer's name in UTF-8.
      neurons, fan_in: of the kernel; 0 without one.
      arrays: length in bytes of the name, and number of entries, of every array that gets a
        histogram, the kernel first when there is one.
      statistics: name and population of every per-neuron series.
      curve_rows: of an activation curve that may be stored again when it changes.
      has_density, has_output: the activation's inputs and outputs may be counted.
      has_figures: the ``layer`` series is wanted too.
    """

    name_bytes: int
    neurons: int = 0
    fan_in: int = 0
    arrays: tuple[tuple[int, int], ...] = ()
    statistics: tuple[tuple[str, int], ...] = ()
    curve_rows: int = 0
    has_density: bool = False
    has_output: bool = False
    has_figures: bool = True


@dataclass
class LayerShare:
    """What of a layer is recorded; 0 and absence mean: not at all.

    Attributes:
      bytes: at most so many the layer's values take in a record.
      tracked: neurons in each row, by statistic.
      extremes: most extreme neurons in each row, by statistic; even.
      histogram_rows: at most so many, for each of :attr:`LayerShape.arrays`.
      summaries: for each of them, whether its summary is stored; a kernel's is in ``layer``.
      density_bytes, output_bytes: at most so many in the row.
      sketches: neurons with a sketch.
      weight_rows, weight_columns: neurons with raw weights, and how many of each.
      curve_grid: points of the curve; 0 when there is room for it at the first step only.
      has_figures: the ``layer`` series is recorded.
    """

    bytes: int = 0
    tracked: dict[str, int] = field(default_factory=dict)
    extremes: dict[str, int] = field(default_factory=dict)
    histogram_rows: list[int] = field(default_factory=list)
    summaries: list[bool] = field(default_factory=list)
    density_bytes: int = 0
    output_bytes: int = 0
    sketches: int = 0
    weight_rows: int = 0
    weight_columns: int = 0
    curve_grid: int = 0
    has_figures: bool = False


class Serving:
    """One layer being served within its limit. The shares are never changed once handed out."""

    def __init__(self, shape: LayerShape, limit: int, state_bytes: int) -> None:
        self.shape = shape
        self.limit = limit
        self.share = LayerShare(
            histogram_rows=[0] * len(shape.arrays), summaries=[False] * len(shape.arrays)
        )
        self.extremes = 8 if limit >= 4096 else 4
        self.most_tracked = dict(shape.statistics)
        for name in TRACKED_ONLY:
            if name in self.most_tracked and shape.fan_in:
                # Two float32 copies of every tracked neuron's weights are kept.
                affordable = max(1, state_bytes // (8 * shape.fan_in))
                self.most_tracked[name] = min(self.most_tracked[name], affordable)

    def least(self) -> None:
        """What a layer is never recorded without, as long as anything fits."""
        if self.shape.has_figures:
            if not self._take(self._size("layer", (len(LAYER_FIELDS),))):
                return
            self.share.has_figures = True
        if self.shape.neurons:
            self._grow_histogram(0, _COARSE_ROWS)
        self._grow_statistics(("weight_norm", "activity"), _FEW)

    def rest(self) -> None:
        """Everything else, in the order of service."""
        shape = self.shape
        self._grow_statistics(PRIMARY, _FEW)
        self._grow_densities(_COARSE_BUCKETS)
        for i in range(len(shape.arrays)):
            self._grow_histogram(i, _COARSE_ROWS)
            self._add_summary(i)
        others = tuple(name for name, _ in shape.statistics if name not in PRIMARY)
        self._grow_statistics(others, _FEW)
        self._add_curve()
        self._grow_statistics(PRIMARY, _SOME)
        for i in range(len(shape.arrays)):
            self._grow_histogram(i, _FINE_ROWS)
        self._grow_densities(_FINE_BUCKETS)
        self._grow_statistics(others, _SOME)
        # A thousand lines are more than anyone tells apart: before more of them, some of the rest.
        self._grow_statistics(PRIMARY, _MANY)
        self._grow_sketches(_SOME)
        self._grow_weights(MAX_WEIGHTS_BYTES // 8)
        self._grow_statistics(others, _MANY)
        self._grow_statistics(PRIMARY, _ALL)
        self._grow_statistics(others, _ALL)
        self._grow_sketches(_ALL)
        self._grow_weights(MAX_WEIGHTS_BYTES)

    def _take(self, count: int) -> bool:
        if self.share.bytes + count > self.limit:
            return False
        self.share.bytes += count
        return True

    def _size(self, series: str, shape: tuple[int, ...], name_bytes: int = -1) -> int:
        layer_bytes = self.shape.name_bytes if name_bytes < 0 else name_bytes
        return value_size(len(TAG_PREFIX) + len(series) + 1 + layer_bytes, shape, 4)

    def _grow_histogram(self, i: int, rows: int) -> None:
        name_bytes, entries = self.shape.arrays[i]
        # A handful of numbers needs no more intervals than there can be gaps between them.
        rows = min(rows, max(_COARSE_ROWS, 2 * entries))
        tag_bytes = self.shape.name_bytes + 1 + name_bytes
        new = value_size(tag_bytes, (rows, 3), _HISTOGRAM_ITEM_BYTES)
        held = self.share.histogram_rows[i]
        old = value_size(tag_bytes, (held, 3), _HISTOGRAM_ITEM_BYTES) if held else 0
        if rows > held and self._take(new - old):
            self.share.histogram_rows[i] = rows

    def _add_summary(self, i: int) -> None:
        if i == 0 and self.shape.neurons:
            return
        name_bytes = self.shape.name_bytes + 1 + self.shape.arrays[i][0]
        if self._take(self._size("summary", (len(SUMMARY_FIELDS),), name_bytes)):
            self.share.summaries[i] = True

    def _add_curve(self) -> None:
        if self.shape.curve_rows:
            for grid in CURVE_GRIDS:
                if self._take(self._size("curve", (self.shape.curve_rows, grid))):
                    self.share.curve_grid = grid
                    break

    def _grow_densities(self, buckets: int) -> None:
        row_bytes = 4 * (DENSITY_HEADER_LENGTH + buckets)
        for series, wanted in (
            ("density", self.shape.has_density),
            ("output", self.shape.has_output),
        ):
            held = self.share.density_bytes if series == "density" else self.share.output_bytes
            if not wanted or held >= row_bytes:
                continue
            old = self._size(series, (held // 4,)) if held else 0
            if not self._take(self._size(series, (row_bytes // 4,)) - old):
                continue
            if series == "density":
                self.share.density_bytes = row_bytes
            else:
                self.share.output_bytes = row_bytes

    def _statistic_bytes(self, name: str, population: int, tracked: int) -> int:
        if tracked <= 0:
            return 0
        length = tracked
        if tracked < population:
            length += len(QUANTILES) + 2 * self._extremes_of(name, population)
        return self._size(name, (length,))

    def _extremes_of(self, name: str, population: int) -> int:
        if name in TRACKED_ONLY or population < 4 * self.extremes or population > MAX_EXTREME_INDEX:
            return 0
        return self.extremes

    def _grow_statistics(self, names: Iterable[str], target: int) -> None:
        """Raises the tracked neurons of a group of statistics together, as far as they fit."""
        group = [(name, pop) for name, pop in self.shape.statistics if name in names and pop]
        if not group:
            return
        share = self.share
        held = sum(self._statistic_bytes(n, pop, share.tracked.get(n, 0)) for n, pop in group)
        room = self.limit - share.bytes + held

        def cost(count: int) -> int:
            return sum(
                self._statistic_bytes(name, pop, self._count(name, count)) for name, pop in group
            )

        most = min(target, max(self.most_tracked[name] for name, _ in group))
        if cost(most) > room:
            # Tracking all needs no tail, so the cost is not quite monotonic; below `most` it is.
            low, high = 0, most - 1
            while low < high:
                middle = (low + high + 1) // 2
                low, high = (middle, high) if cost(middle) <= room else (low, middle - 1)
            most = low
        share.bytes += cost(most) - held
        for name, pop in group:
            count = self._count(name, most)
            if count:
                share.tracked[name] = count
                share.extremes[name] = self._extremes_of(name, pop) if count < pop else 0

    def _count(self, name: str, count: int) -> int:
        return max(self.share.tracked.get(name, 0), min(count, self.most_tracked[name]))

    def _grow_sketches(self, target: int) -> None:
        most = min(target, self.share.tracked.get("weight_norm", 0))
        held = self._sketch_bytes(self.share.sketches)
        room = self.limit - self.share.bytes + held
        fixed = self._sketch_bytes(most) - 4 * SKETCH_DIMENSIONS * most
        count = min(most, (room - fixed) // (4 * SKETCH_DIMENSIONS))
        if count > self.share.sketches and self._take(self._sketch_bytes(count) - held):
            self.share.sketches = count

    def _sketch_bytes(self, count: int) -> int:
        return self._size("sketch", (count, SKETCH_DIMENSIONS)) if count > 0 else 0

    def _grow_weights(self, most_bytes: int) -> None:
        neurons, fan_in = self.shape.neurons, self.shape.fan_in
        tracked = self.share.tracked.get("weight_norm", 0)
        if not tracked or not fan_in:
            return
        held = self._weights_bytes(self.share.weight_rows, self.share.weight_columns)
        room = min(self.limit - self.share.bytes + held, most_bytes)
        rows, columns = neurons, fan_in
        if tracked < neurons or self._weights_bytes(rows, columns) > room:
            overhead = self._weights_bytes(tracked, fan_in) - 4 * tracked * fan_in
            for wanted in _WEIGHT_COLUMNS:
                columns = min(fan_in, wanted)
                rows = min(tracked, (room - overhead) // (4 * columns))
                if rows >= min(tracked, 2 * _FEW):
                    break
        if rows * columns <= self.share.weight_rows * self.share.weight_columns:
            return
        if self._take(self._weights_bytes(rows, columns) - held):
            self.share.weight_rows, self.share.weight_columns = rows, columns

    def _weights_bytes(self, rows: int, columns: int) -> int:
        return self._size("weights", (rows, columns)) if rows > 0 else 0

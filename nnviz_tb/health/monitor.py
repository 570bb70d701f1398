"""Findings while a run lasts, step by step."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nnviz_tb.errors import ArgumentError
from nnviz_tb.health.assess import assess
from nnviz_tb.health.findings import SEVERITIES, Assessment, Finding, Severity
from nnviz_tb.health.series import LayerSeries, NeuronSeries, RunSeries, ScalarSeries, Steps
from nnviz_tb.health.thresholds import Thresholds
from nnviz_tb.health.weight_rules import MAX_COMPARED, duplicates
from nnviz_tb.schema import LayerMetadata

_KEPT_ROWS = 128
_KEPT_SCALARS = 512
_KEPT_WINDOWS = 16
"""At least so many windows are kept: of a long window, more rows."""
_RECENT = {"activity", "dormancy"}
"""Of these, the rows of the window say which neurons a finding is about."""

NeuronRow = tuple[NDArray[np.int64], NDArray[Any]]
"""Which neurons, and their values at one step."""


class HealthMonitor:
    """Judges a run while it trains: feed it every logged step, it says what is new.

    Args:
      on_finding: called once for each new finding of at least ``at_least``, and again when one
        becomes more severe, or comes back after it was over.
      thresholds: the limits, or those that differ from the defaults, by name.
      run: name that findings carry.
      at_least: ``info``, ``warning`` or ``severe``.

    Raises:
      ArgumentError: an argument is not as described.

    By the same rules as the report of the log: given the same steps, both say the same, but for
    the date of what began long ago. What it keeps is bounded: the first rows, by which growth and
    gain are measured, stay; the newest are all there; those between lie evenly, further apart as
    the run grows. Of sketches, it keeps which neurons had a near-duplicate. Several threads may
    feed it.

    Attributes:
      assessment: by the last call of :meth:`judge`.
      raised: what ``on_finding`` raised last, so that who guards a training against errors of
        logging lets this one through; None when it never did.
    """

    def __init__(
        self,
        on_finding: Callable[[Finding], object] | None = None,
        thresholds: Thresholds | Mapping[str, float] | None = None,
        *,
        run: str = "",
        at_least: Severity = "warning",
    ) -> None:
        if on_finding is not None and not callable(on_finding):
            raise ArgumentError(
                f"on_finding must be a function that is given a Finding, got {on_finding!r:.80}; "
                '"warn" and "stop" are for callbacks and watches'
            )
        if at_least not in SEVERITIES:
            raise ArgumentError(f"at_least must be one of {', '.join(SEVERITIES)}")
        if thresholds is not None and not isinstance(thresholds, Thresholds):
            thresholds = Thresholds().changed(thresholds)
        self.thresholds = thresholds or Thresholds()
        self.run = run
        self.assessment = Assessment(run, (), (), {})
        self._on_finding = on_finding
        self._at_least = SEVERITIES.index(at_least)
        self._layers: dict[str, _Rows] = {}
        self._metadata: dict[str, LayerMetadata] = {}
        self._neurons: dict[str, dict[str, _NeuronRows]] = {}
        self._scalars: dict[str, _Rows] = {}
        self._told: dict[tuple[str, str, str], int] = {}
        self.raised: BaseException | None = None
        self._lock = threading.Lock()

    def update(
        self,
        step: int,
        layers: Mapping[str, tuple[LayerMetadata, Mapping[str, float]]] | None = None,
        scalars: Mapping[str, float] | None = None,
        neurons: Mapping[str, Mapping[str, NeuronRow]] | None = None,
    ) -> tuple[Finding, ...]:
        """The findings that are new, or more severe, after this step.

        Args:
          step: the logged step; one that goes back forgets what came at or after it.
          layers: ``{name: (metadata, {field: value})}``, fields of ``LAYER_FIELDS`` and of
            ``DERIVED_FIELDS``.
          scalars: ``{tag: value}``.
          neurons: ``{layer: {statistic: (which neurons, their values)}}``, of ``activity``,
            ``dormancy`` and ``sketch``.
        """
        self.observe(step, layers, scalars, neurons)
        return self.judge()

    def observe(
        self,
        step: int,
        layers: Mapping[str, tuple[LayerMetadata, Mapping[str, float]]] | None = None,
        scalars: Mapping[str, float] | None = None,
        neurons: Mapping[str, Mapping[str, NeuronRow]] | None = None,
    ) -> None:
        """Keep a step without judging; cheap enough for every batch's loss."""
        twins = self._twins(neurons or {})
        with self._lock:
            for name, (metadata, fields) in (layers or {}).items():
                self._metadata[name] = metadata
                if name not in self._layers:
                    self._layers[name] = self._rows_of_run()
                self._layers[name].add(step, fields)
            for tag, value in (scalars or {}).items():
                if tag not in self._scalars:
                    self._scalars[tag] = self._rows_of_run(_KEPT_SCALARS)
                self._scalars[tag].add(step, {tag: float(value)})
            for name, statistics in (neurons or {}).items():
                kept = self._neurons.setdefault(name, {})
                for statistic in _RECENT & statistics.keys():
                    self._keep(kept, statistic, self._recent_rows, step, statistics[statistic])
                if name in twins:
                    self._keep(kept, "twin", self._rows_of_run, step, twins[name])

    def judge(self) -> tuple[Finding, ...]:
        """The findings that are new, or more severe, by all steps kept so far."""
        with self._lock:
            self.assessment = assess(self._run(), self.thresholds)
            fresh = self._untold()
        if self._on_finding is not None:
            try:
                for finding in fresh:
                    self._on_finding(finding)
            except BaseException as error:
                self.raised = error
                raise
        return tuple(fresh)

    def _untold(self) -> list[Finding]:
        """What the assessment holds that nobody was told, or was told as less severe."""
        fresh = []
        told: dict[tuple[str, str, str], int] = {}
        for finding in self.assessment:
            # The field as well: each loss of a run speaks for itself.
            key = finding.kind, finding.layer, finding.field
            rank = SEVERITIES.index(finding.severity)
            before = self._told.get(key, -1)
            if rank >= self._at_least and rank > max(before, told.get(key, -1)):
                fresh.append(finding)
            # One that is over counts as told for no more than it is now: it may come back.
            told[key] = max(rank, told.get(key, -1), before if finding.ongoing else -1)
        self._told.update(told)
        return fresh

    def _rows_of_run(self, limit: int = _KEPT_ROWS) -> _Rows:
        """An empty table of rows by which a whole run is judged."""
        limit = max(limit, _KEPT_WINDOWS * self.thresholds.window)
        return _Rows(limit, first=2 * self.thresholds.window, newest=limit // 2)

    def _recent_rows(self) -> _Rows:
        """An empty table of rows of which only those of the last window are looked at."""
        window = self.thresholds.window
        return _Rows(2 * window, first=0, newest=window)

    def _twins(self, neurons: Mapping[str, Mapping[str, NeuronRow]]) -> dict[str, NeuronRow]:
        """Which neurons have a near-duplicate, of each layer whose sketches came."""
        distance = self.thresholds.duplicate_distance
        twins = {}
        with np.errstate(all="ignore"):
            for name, statistics in neurons.items():
                if "sketch" in statistics:
                    which, rows = statistics["sketch"]
                    twins[name] = which[:MAX_COMPARED], duplicates(rows[:MAX_COMPARED], distance)
        return twins

    @staticmethod
    def _keep(
        kept: dict[str, _NeuronRows],
        statistic: str,
        rows: Callable[[], _Rows],
        step: int,
        row: NeuronRow,
    ) -> None:
        which, values = row
        known = kept.get(statistic)
        if known is None or not np.array_equal(known.neurons, which):
            # A restarted run may track others.
            known = kept[statistic] = _NeuronRows(which, rows())
        known.rows.add(step, {statistic: values})

    def _run(self) -> RunSeries:
        return RunSeries(
            self.run,
            tuple(
                LayerSeries(
                    name,
                    self._metadata[name],
                    rows.steps(),
                    rows.columns(),
                    {
                        statistic: NeuronSeries(
                            kept.rows.steps(), kept.neurons, kept.rows.columns()[statistic].T
                        )
                        for statistic, kept in self._neurons.get(name, {}).items()
                    },
                )
                for name, rows in self._layers.items()
            ),
            tuple(
                ScalarSeries(tag, rows.steps(), rows.columns()[tag])
                for tag, rows in self._scalars.items()
            ),
        )


class _NeuronRows(NamedTuple):
    """One statistic of a layer's tracked neurons: which, and a row for each step."""

    neurons: NDArray[np.int64]
    rows: _Rows


class _Rows:
    """A bounded table of rows by step, ascending.

    A column holds numbers, or arrays of one shape; NaN where a row came without.

    Args:
      limit: so many rows at most.
      first: so many from the beginning are never let go.
      newest: nor so many from the end; with ``first``, less than three quarters of ``limit``.
    """

    def __init__(self, limit: int, *, first: int, newest: int) -> None:
        self._limit = limit
        self._first = first
        self._newest = newest
        self._count = 0
        self._stride = 1
        self._steps: Steps = np.empty(limit + 1, dtype=np.int64)
        self._ordinals = np.empty(limit + 1, dtype=np.int64)
        self._columns: dict[str, NDArray[Any]] = {}

    def add(self, step: int, values: Mapping[str, Any]) -> None:
        """Append a row; rows at or after its step are forgotten first."""
        place = int(np.searchsorted(self._steps[: self._count], step))
        self._steps[place] = step
        self._ordinals[place] = self._ordinals[place - 1] + 1 if place else 0
        for name in values.keys() - self._columns.keys():
            value = np.asarray(values[name])
            dtype = value.dtype if value.ndim else np.dtype(np.float64)
            nothing = np.nan if dtype.kind == "f" else 0
            self._columns[name] = np.full((self._limit + 1, *value.shape), nothing, dtype)
        for name, column in self._columns.items():
            column[place] = values.get(name, np.nan)
        self._count = place + 1
        if self._count > self._limit:
            self._thin()

    def _thin(self) -> None:
        """Lets rows between the first and the newest go, until a quarter of the room is free.

        What stays are those that came as a multiple of the stride, which doubles: so they lie
        evenly over the run, however often this is done.
        """
        place = np.arange(self._count)
        stays = (place < self._first) | (place >= self._count - self._newest)
        while True:
            kept = np.flatnonzero(stays | (self._ordinals[: self._count] % self._stride == 0))
            if 4 * kept.size <= 3 * self._limit:
                break
            self._stride *= 2
        for column in (self._steps, self._ordinals, *self._columns.values()):
            column[: kept.size] = column[kept]
        self._count = kept.size

    def steps(self) -> Steps:
        """``int64[rows]``; a view, until the next row."""
        return self._steps[: self._count]

    def columns(self) -> dict[str, NDArray[Any]]:
        """``{name: float64[rows, …]}``; views, until the next row."""
        return {name: column[: self._count] for name, column in self._columns.items()}

"""Findings while a run lasts, step by step."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from nnviz_tb.health.assess import assess
from nnviz_tb.health.findings import SEVERITIES, Assessment, Finding, Severity
from nnviz_tb.health.series import LayerSeries, RunSeries, ScalarSeries, Steps
from nnviz_tb.health.thresholds import Thresholds
from nnviz_tb.schema import LayerMetadata

_KEPT_ROWS = 128
_KEPT_SCALARS = 512


class HealthMonitor:
    """Judges a run while it trains: feed it every logged step, it says what is new.

    Args:
      on_finding: called once for each new finding of at least ``at_least``, and again when one
        becomes more severe.
      thresholds: the limits; None for the defaults.
      run: name that findings carry.
      at_least: ``info``, ``warning`` or ``severe``.

    It sees what is recorded of each layer as a whole. Near-duplicate neurons and inputs out of
    range need per-neuron series and densities, which the report of the log reads.

    What it keeps is bounded: when :data:`_KEPT_ROWS` rows are held, every second one of the older
    half is let go, so the start of a run stays in sight. Several threads may feed it.

    Attributes:
      assessment: by the last call of :meth:`judge`.
      raised: what ``on_finding`` raised last, so that who guards a training against errors of
        logging lets this one through; None when it never did.
    """

    def __init__(
        self,
        on_finding: Callable[[Finding], object] | None = None,
        thresholds: Thresholds | None = None,
        *,
        run: str = "",
        at_least: Severity = "warning",
    ) -> None:
        self.thresholds = thresholds or Thresholds()
        self.run = run
        self.assessment = Assessment(run, (), (), {})
        self._on_finding = on_finding
        self._at_least = SEVERITIES.index(at_least)
        self._layers: dict[str, _Rows] = {}
        self._metadata: dict[str, LayerMetadata] = {}
        self._scalars: dict[str, _Rows] = {}
        self._told: dict[tuple[str, str], int] = {}
        self.raised: BaseException | None = None
        self._lock = threading.Lock()

    def update(
        self,
        step: int,
        layers: Mapping[str, tuple[LayerMetadata, Mapping[str, float]]] | None = None,
        scalars: Mapping[str, float] | None = None,
    ) -> tuple[Finding, ...]:
        """The findings that are new, or more severe, after this step.

        Args:
          step: the logged step; one that goes back forgets what came at or after it.
          layers: ``{name: (metadata, {field: value})}``, fields of ``LAYER_FIELDS``.
          scalars: ``{tag: value}``.
        """
        self.observe(step, layers, scalars)
        return self.judge()

    def observe(
        self,
        step: int,
        layers: Mapping[str, tuple[LayerMetadata, Mapping[str, float]]] | None = None,
        scalars: Mapping[str, float] | None = None,
    ) -> None:
        """Keep a step without judging; cheap enough for every batch's loss."""
        with self._lock:
            for name, (metadata, fields) in (layers or {}).items():
                self._metadata[name] = metadata
                self._layers.setdefault(name, _Rows(_KEPT_ROWS)).add(step, fields)
            for tag, value in (scalars or {}).items():
                self._scalars.setdefault(tag, _Rows(_KEPT_SCALARS)).add(step, {tag: float(value)})

    def judge(self) -> tuple[Finding, ...]:
        """The findings that are new, or more severe, by all steps kept so far."""
        with self._lock:
            self.assessment = assess(self._run(), self.thresholds)
            fresh = []
            for finding in self.assessment:
                key = finding.kind, finding.layer
                rank = SEVERITIES.index(finding.severity)
                if rank >= self._at_least and rank > self._told.get(key, -1):
                    self._told[key] = rank
                    fresh.append(finding)
        if self._on_finding is not None:
            try:
                for finding in fresh:
                    self._on_finding(finding)
            except BaseException as error:
                self.raised = error
                raise
        return tuple(fresh)

    def _run(self) -> RunSeries:
        return RunSeries(
            self.run,
            tuple(
                LayerSeries(name, self._metadata[name], rows.steps(), rows.columns())
                for name, rows in self._layers.items()
            ),
            tuple(
                ScalarSeries(tag, rows.steps(), rows.columns()[tag])
                for tag, rows in self._scalars.items()
            ),
        )


class _Rows:
    """A bounded table of rows by step, ascending; the newest are dense, the older thinned."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._count = 0
        self._steps: Steps = np.empty(limit + 1, dtype=np.int64)
        self._columns: dict[str, NDArray[np.float64]] = {}

    def add(self, step: int, values: Mapping[str, float]) -> None:
        """Append a row; rows at or after its step are forgotten first."""
        place = int(np.searchsorted(self._steps[: self._count], step))
        self._steps[place] = step
        for name in values.keys() - self._columns.keys():
            self._columns[name] = np.full(self._limit + 1, np.nan)
        for name, column in self._columns.items():
            column[place] = values.get(name, np.nan)
        self._count = place + 1
        if self._count > self._limit:
            self._thin()

    def _thin(self) -> None:
        half = self._limit // 2
        kept = np.r_[np.arange(0, half, 2), np.arange(half, self._count)]
        for column in (self._steps, *self._columns.values()):
            column[: kept.size] = column[kept]
        self._count = kept.size

    def steps(self) -> Steps:
        """``int64[rows]``; a view, until the next row."""
        return self._steps[: self._count]

    def columns(self) -> dict[str, NDArray[np.float64]]:
        """``{name: float64[rows]}``; views, until the next row."""
        return {name: column[: self._count] for name, column in self._columns.items()}

"""Findings: what is wrong with a run, where, since when. Pure functions over arrays.

:func:`assess` judges a :class:`RunSeries` by :class:`Thresholds`; :class:`HealthMonitor` does so
while the run lasts. ``docs/findings.md`` lists every kind with its definition.
"""

from nnviz_tb.health.assess import assess
from nnviz_tb.health.findings import SEVERITIES, Assessment, Finding, NotMeasured, Severity
from nnviz_tb.health.kinds import KINDS, REASONS, Kind
from nnviz_tb.health.monitor import HealthMonitor
from nnviz_tb.health.series import (
    LayerSeries,
    NeuronSeries,
    RunSeries,
    ScalarSeries,
    density_outside,
    nonfinite_outputs,
    outside_share,
)
from nnviz_tb.health.telling import OnFinding, monitor_for, reaction
from nnviz_tb.health.thresholds import Thresholds

__all__ = [
    "KINDS",
    "REASONS",
    "SEVERITIES",
    "Assessment",
    "Finding",
    "HealthMonitor",
    "Kind",
    "LayerSeries",
    "NeuronSeries",
    "NotMeasured",
    "OnFinding",
    "RunSeries",
    "ScalarSeries",
    "Severity",
    "Thresholds",
    "assess",
    "density_outside",
    "monitor_for",
    "nonfinite_outputs",
    "outside_share",
    "reaction",
]

"""What becomes of a finding while a run trains: a warning, the end of the training, or a call."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import Literal

from nnviz_tb.errors import ArgumentError, HealthWarning
from nnviz_tb.health.findings import Finding
from nnviz_tb.health.monitor import HealthMonitor
from nnviz_tb.health.thresholds import Thresholds

OnFinding = Literal["warn", "stop"] | Callable[[Finding], object]


def reaction(on_finding: OnFinding, stop: Callable[[], object]) -> Callable[[Finding], object]:
    """The function that is called with each finding.

    Args:
      on_finding: ``"warn"`` with a :class:`~nnviz_tb.errors.HealthWarning`; ``"stop"`` the training
        when a finding is severe, and warn of it; or a function of the caller's.
      stop: asks whoever trains to end soon.

    Raises:
      ArgumentError: ``on_finding`` is neither.
    """
    if callable(on_finding):
        return on_finding
    if on_finding == "warn":
        return _warn
    if on_finding != "stop":
        raise ArgumentError(
            f'on_finding must be "warn", "stop", a function or None, got {on_finding!r:.80}'
        )

    def stop_if_severe(finding: Finding) -> None:
        if finding.severity == "severe":
            stop()
            _warn(finding)

    return stop_if_severe


def monitor_for(
    on_finding: OnFinding | None,
    thresholds: Thresholds | Mapping[str, float] | None,
    stop: Callable[[], object],
) -> HealthMonitor | None:
    """The monitor behind the arguments of a callback; None when nobody wants to be told.

    Args:
      on_finding: see :func:`reaction`.
      thresholds: the limits, or those that differ from the defaults, by name.
      stop: see :func:`reaction`.

    Raises:
      ArgumentError: an argument is not as described, or there are thresholds for nobody.
    """
    if not isinstance(thresholds, Thresholds) and thresholds is not None:
        thresholds = Thresholds().changed(thresholds)
    if on_finding is not None:
        return HealthMonitor(reaction(on_finding, stop), thresholds)
    if thresholds is not None:
        raise ArgumentError("thresholds are those of on_finding, which is None")
    return None


def _warn(finding: Finding) -> None:
    # The line of the training is too many calls away to be named; the text says where it is wrong.
    warnings.warn(
        f"{finding.severity}: {finding.sentence} {finding.advice}", HealthWarning, stacklevel=2
    )

"""What the rules answer: findings, and what could not be judged."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

Severity = Literal["info", "warning", "severe"]
SEVERITIES: tuple[Severity, ...] = ("info", "warning", "severe")
"""From harmless to grave."""

Status = Literal["not_measured", "healthy", "info", "warning", "severe"]

MAX_NEURONS = 64
"""At most so many neurons are listed in a finding; their number is in its figures."""


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong, where, and since when.

    Attributes:
      kind: key of :data:`nnviz_tb.health.kinds.KINDS`; stable across releases.
      severity: ``info`` (worth knowing, or over), ``warning`` or ``severe``.
      run: name of the run.
      layer: path of the layer; "" when it concerns the whole run.
      neurons: the neurons concerned, as far as known, at most :data:`MAX_NEURONS`.
      first_step: first logged step that gave evidence.
      last_step: last logged step at which it held.
      ongoing: it held at the last step that was judged.
      figure: what was measured at ``last_step``.
      threshold: the limit that it is beyond.
      field: the layer field or the tag of the scalar in which it shows.
      sentence: one plain sentence with the figures.
      advice: what usually helps.
      definition: ``docs/findings.md`` with the anchor of the kind.
      source: where the definition comes from.
      figures: all numbers and names of the sentence, so that others can phrase it.
    """

    kind: str
    severity: Severity
    run: str
    layer: str
    neurons: tuple[int, ...]
    first_step: int
    last_step: int
    ongoing: bool
    figure: float
    threshold: float
    field: str
    sentence: str
    advice: str
    definition: str
    source: str
    figures: Mapping[str, float | int | str] = dataclasses.field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Fit for JSON: numbers that are not finite as the strings ``NaN``, ``Infinity``."""
        content = dataclasses.asdict(self)
        content["neurons"] = list(self.neurons)
        content["figures"] = {key: _plain(value) for key, value in self.figures.items()}
        content["figure"] = _plain(self.figure)
        return content


@dataclass(frozen=True)
class NotMeasured:
    """A kind of finding that could not be judged, and why; it says nothing about health.

    Attributes:
      kind: the kind of finding.
      run: name of the run.
      layers: paths of the layers; empty when it concerns the whole run.
      reason: key of :data:`nnviz_tb.health.kinds.REASONS`; stable across releases.
      sentence: one plain sentence.
      advice: what to call so that it is measured.
    """

    kind: str
    run: str
    layers: tuple[str, ...]
    reason: str
    sentence: str
    advice: str

    def as_dict(self) -> dict[str, Any]:
        """Fit for JSON."""
        return {**dataclasses.asdict(self), "layers": list(self.layers)}


@dataclass(frozen=True)
class Assessment:
    """What is known of a run's health. Iterating gives the findings, worst first.

    Attributes:
      run: name of the run.
      findings: severe before warning before info; then by first step and model order.
      not_measured: what could not be judged.
      judged: ``{layer: kinds}`` that were judged; "" stands for the whole run.
    """

    run: str
    findings: tuple[Finding, ...]
    not_measured: tuple[NotMeasured, ...]
    judged: Mapping[str, tuple[str, ...]]

    def __iter__(self) -> Iterator[Finding]:
        return iter(self.findings)

    def __len__(self) -> int:
        return len(self.findings)

    def status(self, layer: str) -> Status:
        """The worst severity found in a layer; ``healthy`` only where something was judged."""
        severities = [item.severity for item in self.findings if item.layer == layer]
        if severities:
            return max(severities, key=SEVERITIES.index)
        return "healthy" if self.judged.get(layer) else "not_measured"

    def as_dict(self) -> dict[str, Any]:
        """Fit for JSON."""
        layers = sorted({*self.judged, *(item.layer for item in self.findings)} - {""})
        layers += sorted({name for item in self.not_measured for name in item.layers} - {*layers})
        return {
            "run": self.run,
            "findings": [item.as_dict() for item in self.findings],
            "not_measured": [item.as_dict() for item in self.not_measured],
            "judged": {layer: list(kinds) for layer, kinds in self.judged.items()},
            "status": {layer: self.status(layer) for layer in layers},
        }


def _plain(value: Any) -> Any:
    if not isinstance(value, float) or math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def percent(value: float) -> str:
    """A share in per cent, fit for a sentence."""
    return f"{100 * value:.3g} %"


def number(value: float) -> str:
    """A number with three digits, fit for a sentence."""
    return f"{value:.3g}"

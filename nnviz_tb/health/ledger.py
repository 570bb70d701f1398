"""Where the rules write down what they found, judged and could not judge."""

from __future__ import annotations

from collections.abc import Sequence

from nnviz_tb.health.findings import (
    MAX_NEURONS,
    SEVERITIES,
    Assessment,
    Finding,
    NotMeasured,
    Severity,
)
from nnviz_tb.health.kinds import KINDS, REASONS
from nnviz_tb.health.thresholds import Thresholds


class Ledger:
    """Collects what the rules say of one run; :meth:`close` orders it."""

    def __init__(self, run: str, thresholds: Thresholds) -> None:
        self.run = run
        self.limits = thresholds
        self._findings: list[Finding] = []
        self._judged: dict[str, dict[str, None]] = {}
        self._missing: dict[tuple[str, str], dict[str, None]] = {}

    def judged(self, kind: str, layer: str) -> None:
        """A kind was judged for a layer ("" for the run), whatever the outcome."""
        self._judged.setdefault(layer, {})[kind] = None

    def missing(self, kind: str, layer: str, reason: str | None = None) -> None:
        """A kind could not be judged for a layer ("" for the run)."""
        key = kind, reason or KINDS[kind].missing
        self._missing.setdefault(key, {})[layer] = None

    def without_layers(self) -> None:
        """The log holds no layers: one reason for all that scalars and histograms did not tell."""
        told = {kind for kinds in self._judged.values() for kind in kinds}
        self._missing = {
            (kind, reason): names
            for (kind, reason), names in self._missing.items()
            if reason != KINDS[kind].missing or reason == "no_loss"
        }
        known = told | {kind for kind, _ in self._missing}
        for kind in KINDS.keys() - known:
            self.missing(kind, "", "no_layers")

    def has_found(self, kind: str, layer: str) -> bool:
        """Whether a kind that still holds was found in a layer."""
        return any(
            item.kind == kind and item.layer == layer and item.ongoing for item in self._findings
        )

    def find(
        self,
        kind: str,
        severity: Severity,
        sentence: str,
        *,
        steps: tuple[int, int],
        figure: float,
        threshold: float,
        layer: str = "",
        ongoing: bool = True,
        field: str = "",
        neurons: Sequence[int] = (),
        figures: dict[str, float | int | str] | None = None,
    ) -> None:
        """Add a finding; one that is over is worth knowing, no more."""
        definition = KINDS[kind]
        first, last = steps
        self._findings.append(
            Finding(
                kind=kind,
                severity=severity if ongoing else "info",
                run=self.run,
                layer=layer,
                neurons=tuple(int(neuron) for neuron in neurons[:MAX_NEURONS]),
                first_step=int(first),
                last_step=int(last),
                ongoing=ongoing,
                figure=float(figure),
                threshold=float(threshold),
                field=field or definition.needs,
                sentence=sentence if ongoing else f"{sentence} It last held at step {last}.",
                advice=definition.advice,
                definition=f"docs/findings.md#{kind}",
                source=definition.source,
                figures={
                    "figure": float(figure),
                    "threshold": float(threshold),
                    "first_step": int(first),
                    "last_step": int(last),
                    **(figures or {}),
                },
            )
        )

    def close(self, order: Sequence[str]) -> Assessment:
        """Everything so far, worst first.

        Args:
          order: the layers in model order.
        """
        place = {layer: index for index, layer in enumerate(order)}
        findings = sorted(
            self._findings,
            key=lambda item: (
                -SEVERITIES.index(item.severity),
                not item.ongoing,
                item.first_step,
                place.get(item.layer, -1),
                list(KINDS).index(item.kind),
            ),
        )
        return Assessment(
            run=self.run,
            findings=tuple(findings),
            not_measured=tuple(self._not_measured(place)),
            judged={layer: tuple(kinds) for layer, kinds in self._judged.items()},
        )

    def _not_measured(self, place: dict[str, int]) -> list[NotMeasured]:
        entries = []
        for (kind, reason), names in self._missing.items():
            layers = tuple(sorted((name for name in names if name), key=lambda n: place.get(n, -1)))
            clause, advice = REASONS[reason]
            where = f"{len(layers)} layers" if len(layers) > 1 else "".join(layers) or "the run"
            sentence = f"“{KINDS[kind].label}” was not judged for {where}: {clause}."
            entries.append(NotMeasured(kind, self.run, layers, reason, sentence, advice))
        return sorted(entries, key=lambda entry: list(KINDS).index(entry.kind))

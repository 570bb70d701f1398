"""All rules over one run."""

from __future__ import annotations

import numpy as np

from nnviz_tb.health.findings import Assessment
from nnviz_tb.health.gradient_rules import judge_gradients
from nnviz_tb.health.layer_rules import judge_layers
from nnviz_tb.health.ledger import Ledger
from nnviz_tb.health.loss import judge_loss
from nnviz_tb.health.nonfinite import judge_nonfinite
from nnviz_tb.health.series import RunSeries
from nnviz_tb.health.thresholds import Thresholds
from nnviz_tb.health.weight_rules import judge_inputs, judge_weights


def assess(run: RunSeries, thresholds: Thresholds | None = None) -> Assessment:
    """What is wrong with a run, worst first, and what could not be judged.

    Args:
      run: the run's series, as far as they were recorded.
      thresholds: the limits; None for the defaults.
    """
    # A log of a sick run holds infinities, whose sums and quotients are as IEEE 754 has them.
    with np.errstate(all="ignore"):
        return _assess(run, thresholds or Thresholds())


def _assess(run: RunSeries, thresholds: Thresholds) -> Assessment:
    ledger = Ledger(run.name, thresholds)
    spoilt_from = judge_nonfinite(run, ledger)
    if spoilt_from is not None:
        # What follows is all of the same cause.
        run = run.before(spoilt_from)
    judge_layers(run, ledger)
    judge_weights(run, ledger)
    judge_inputs(run, ledger)
    judge_gradients(run, ledger)
    judge_loss(run, ledger)
    _judge_outputs(run, ledger)
    if run.of_histograms or not run.layers:
        ledger.without_layers()
    return ledger.close([layer.name for layer in run.in_order()])


def _judge_outputs(run: RunSeries, ledger: Ledger) -> None:
    for layer in run.layers:
        activation = layer.metadata.activation
        if activation is None or not activation.function.lower().endswith("softmax"):
            continue
        if layer.metadata.neurons < 1 or layer.steps.size == 0:
            continue
        ledger.judged("constant_output", layer.name)
        if layer.metadata.neurons == 1:
            ledger.find(
                "constant_output",
                "severe",
                f"{layer.name} applies a softmax to a single neuron, which is 1 for every input.",
                steps=(int(layer.steps[0]), int(layer.steps[-1])),
                figure=1.0,
                threshold=1.0,
                layer=layer.name,
                field="entropy",
                figures={"neurons": 1},
            )

"""What every recorded figure means: one definition each, with its source.

The writer fills these figures, the panel shows these sentences beside them. Order matters: it is
the order of the vectors that are stored, and a later schema only appends.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

QUANTILES = (0.0, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 1.0)


@dataclass(frozen=True)
class Definition:
    """What one recorded figure means, shown where the figure is shown.

    Attributes:
      label: a short name for axes and menus.
      text: the definition, one or two sentences, with its formula.
      source: paper, RFC or "—" for plain arithmetic.
      unit: unit of the figure, "" for pure numbers.
      share: the figure is a share, 0 to 1, shown as per cent.
    """

    label: str
    text: str
    source: str = "—"
    unit: str = ""
    share: bool = False


NEURON_STATISTICS: dict[str, Definition] = {
    "weight_norm": Definition(
        "weight norm", "Euclidean norm ‖w‖₂ of the weights that enter the neuron."
    ),
    "bias": Definition("bias", "The neuron's bias."),
    "displacement": Definition(
        "displacement",
        "‖w_t − w_p‖ / ‖w_p‖: how far the neuron's weights moved since the previous logged step p. "
        "Many optimizer steps may lie between; it is not the update ratio.",
    ),
    "distance": Definition(
        "distance from start",
        "‖w_t − w_0‖ / ‖w_0‖: how far the neuron's weights are from the first step that "
        "this process logged; a resumed run begins at 0 again.",
    ),
    "activity": Definition(
        "activity",
        "Share of the samples that reached the neuron outside its activation's zone of death "
        "(for ReLU: the share of positive inputs). Only for functions that have such a zone.",
        share=True,
    ),
    "weight_mean": Definition("weight mean", "Arithmetic mean of the neuron's incoming weights."),
    "weight_std": Definition(
        "weight std", "Population standard deviation of the neuron's incoming weights."
    ),
    "weight_min": Definition("weight minimum", "Smallest of the neuron's incoming weights."),
    "weight_max": Definition("weight maximum", "Largest of the neuron's incoming weights."),
    "gradient_norm": Definition(
        "gradient norm", "‖∂L/∂w‖₂ of the weights that enter the neuron, as given or observed."
    ),
    "update_ratio": Definition(
        "update ratio",
        "‖Δw‖ / ‖w‖ of one optimizer step, from the weights right before and right after it. "
        "About 1e-3 is healthy; above 1e-1 or below 1e-4 is flagged.",
        "Karpathy, CS231n notes, “Ratio of weights:updates”",
    ),
    "dormancy": Definition(
        "dormancy score",
        "s = E|h| / mean over the layer's neurons of E|h|. A neuron with s ≤ 0.025 is dormant.",
        "Sokar et al., “The Dormant Neuron Phenomenon” (ICML 2023)",
    ),
    "saturation": Definition(
        "saturation",
        "Share of the samples with |f′(x)| < 0.05·max|f′|, but for those in a zone of death. Only "
        "for bounded functions.",
        share=True,
    ),
}
"""Per-neuron series in the order in which the byte budget serves them."""

DORMANCY_THRESHOLD = 0.025
DEAD_ACTIVITY = 0.01
SATURATED_SLOPE = 0.05

SUMMARY_FIELDS = (
    "min", "q1", "q5", "q25", "median", "q75", "q95", "q99", "max",
    "mean", "std", "norm",
    "count", "zero_count", "nan_count", "posinf_count", "neginf_count",
)  # fmt: skip
"""One array in numbers. Quantiles and moments are over the finite values; NaN where there are none.
``norm`` is Euclidean; ``count`` includes what is not finite."""

LAYER_FIELDS: dict[str, Definition] = {
    **{
        f"weight_{name}": Definition(f"weights: {name}", f"{name} over all weights of the kernel.")
        for name in SUMMARY_FIELDS
    },
    "displacement": Definition(
        "displacement",
        "‖W_t − W_p‖ / ‖W_p‖ over the tracked neurons since the previous logged step p.",
    ),
    "distance": Definition(
        "distance from start", "‖W_t − W_0‖ / ‖W_0‖ over the tracked neurons since the first step."
    ),
    "update_ratio": dataclasses.replace(
        NEURON_STATISTICS["update_ratio"],
        text="‖ΔW‖ / ‖W‖ of one optimizer step over the whole kernel. "
        "About 1e-3 is healthy; above 1e-1 or below 1e-4 is flagged.",
    ),
    "gradient_norm": Definition("gradient norm", "‖∂L/∂W‖₂ over the finite entries."),
    "gradient_nonfinite_count": Definition(
        "non-finite gradients", "How many entries of the gradient are NaN or infinite."
    ),
    "dead_share": Definition(
        "dead",
        "Share of the layer's neurons that were active for less than 1 % of all the samples seen "
        "in the last 10 logged steps. Above 20 % a warning, above 50 % a flag.",
        share=True,
    ),
    "saturated_share": Definition(
        "saturated",
        "Share of all samples, over all neurons, with |f′(x)| < 0.05·max|f′|, but for those in a "
        "zone of death. Bounded functions.",
        share=True,
    ),
    "dormant_share": Definition(
        "dormant",
        "Share of the layer's neurons with a dormancy score ≤ 0.025.",
        "Sokar et al., “The Dormant Neuron Phenomenon” (ICML 2023)",
        share=True,
    ),
    "entropy": Definition(
        "entropy",
        "Mean Shannon entropy −Σ p·ln p of softmax outputs, divided by ln of their number: "
        "0 is certain, 1 is uniform. Only for softmax.",
        "Shannon (1948)",
    ),
    "sample_count": Definition("samples", "Inputs of the activation seen at this step."),
    "window_sample_count": Definition(
        "samples in window", "Inputs per neuron seen in the window over which dead is judged."
    ),
    "input_mean": Definition("input mean", "Mean of the activation's finite inputs."),
    "input_std": Definition("input std", "Population standard deviation of the finite inputs."),
    "input_nonfinite_count": Definition(
        "non-finite inputs", "How many inputs of the activation are NaN or infinite."
    ),
    "dead_below": Definition("dead below", "Inputs up to here are in the zone of death."),
    "dead_above": Definition("dead above", "Inputs from here on are in the zone of death."),
    "saturated_below": Definition("saturated below", "Inputs up to here saturate the function."),
    "saturated_above": Definition("saturated above", "Inputs from here on saturate the function."),
}
"""Fields of the ``layer`` series, in the order of its vector; NaN where one was not measured. A
later schema only appends."""

RUN_FIELDS: dict[str, Definition] = {
    "cost_seconds": Definition("logging cost", "Wall time that this logged step took.", unit="s"),
    "probe_seconds": Definition(
        "probe cost", "Part of it spent in the forward pass over the probe batch.", unit="s"
    ),
    "record_bytes": Definition("record size", "Bytes of the previous logged record.", unit="B"),
    "dropped_count": Definition(
        "dropped records", "Records that could not be written since the writer was made."
    ),
    "overhead_share": Definition(
        "overhead", "Time spent logging since the first step, over all time since.", share=True
    ),
}
"""Fields of the ``nnviz/run`` series."""

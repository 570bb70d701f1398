"""Where NaN and infinity came in first: the step, and the layer that is to blame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nnviz_tb.health.ledger import Ledger
from nnviz_tb.health.loss import losses_of
from nnviz_tb.health.series import LayerSeries, RunSeries, stacked

_FIELDS = {
    "outputs": "output_nonfinite_count",
    "inputs": "input_nonfinite_count",
    "gradient": "gradient_nonfinite_count",
    "weights": "weight_nan_count",
}
_INFINITE_WEIGHTS = ("weight_posinf_count", "weight_neginf_count")


@dataclass(frozen=True)
class Origin:
    """The layer to blame, and by what.

    Attributes:
      layer: path of the layer.
      what: ``inputs``, ``outputs``, ``gradient`` or ``weights``.
    """

    layer: str
    what: str


def judge_nonfinite(run: RunSeries, ledger: Ledger) -> int | None:
    """The step from which on nothing else is worth judging; None when there is no such step.

    Writes down the first step at which something was not finite, and the layer it began in. A
    gradient that overflows once, as with loss scaling, is over at the next logged step.
    """
    layers = run.in_order()
    known = np.zeros(len(layers), dtype=np.bool_)
    suspect = np.zeros(len(layers), dtype=np.bool_)
    for name in (*_FIELDS.values(), *_INFINITE_WEIGHTS):
        counts = stacked(layers, name)
        suspect |= (counts > 0).any(axis=1)
        if name not in _INFINITE_WEIGHTS:
            known |= np.isfinite(counts).any(axis=1)
    ill = {
        layer.name: _ill(layer) if is_suspect else {}
        for layer, is_suspect in zip(layers, suspect.tolist(), strict=True)
    }
    for layer, is_known in zip(layers, known.tolist(), strict=True):
        if is_known:
            ledger.judged("nonfinite", layer.name)
        elif layer.metadata.parameters or layer.metadata.neurons or layer.metadata.activation:
            # A layer of none of these, as one that flattens, has nothing that could be judged.
            ledger.missing("nonfinite", layer.name)
    losses = losses_of(run)
    if losses:
        ledger.judged("nonfinite", "")
    if not layers and not losses:
        ledger.missing("nonfinite", "")
    loss_marks = sorted(
        (int(step), series.tag)
        for series in losses
        for step in series.steps[~np.isfinite(series.values)]
    )
    row_steps = sorted({step for marks in ill.values() for step in marks})
    if not loss_marks and not row_steps:
        return None
    first = min([step for step, _ in loss_marks[:1]] + row_steps[:1])
    # Layers that were seen in between and were clean had no part in it.
    rows_since = [int(step) for layer in layers for step in layer.steps if step >= first]
    at_row = min(rows_since, default=None)
    origin = None
    if at_row is not None:
        origin = blame(layers, {name: marks.get(at_row, ()) for name, marks in ill.items()})
    affected = sum(bool(marks) for marks in ill.values())
    last = max([step for step, _ in loss_marks[-1:]] + row_steps[-1:])
    ongoing = any(not np.isfinite(series.values[-1:]).all() for series in losses) or any(
        int(layer.steps[-1]) in ill[layer.name] for layer in layers if layer.steps.size
    )
    loss = "" if origin else loss_marks[0][1]
    where = f"in the {origin.what} of {origin.layer}" if origin else f"in {loss}"
    known_good = [int(step) for layer in layers for step in layer.steps if step < first]
    since = f", after step {max(known_good)} was still clean" if known_good else ""
    passing = not loss_marks and _is_of_gradients_alone(layers, ill, ledger.limits.window)
    ledger.find(
        "nonfinite",
        "warning" if passing else "severe",
        f"NaN or infinity appeared at step {first}, first {where}{since}.",
        steps=(first, last),
        figure=float(affected),
        threshold=0.0,
        layer=origin.layer if origin else "",
        ongoing=ongoing,
        field=_FIELDS[origin.what] if origin else loss,
        figures={
            "what": origin.what if origin else "loss",
            "layers_affected": affected,
            "last_clean_step": max(known_good) if known_good else -1,
        },
    )
    at_end = [ill[layer.name].get(int(layer.steps[-1]), ()) for layer in layers if layer.steps.size]
    broken = [not np.isfinite(series.values[-1:]).all() for series in losses]
    # Infinity in some activation may be meant; bad weights or a bad loss end the training.
    return first if any("weights" in marks for marks in at_end) or any(broken) else None


def _is_of_gradients_alone(
    layers: Sequence[LayerSeries], ill: dict[str, dict[int, tuple[str, ...]]], window: int
) -> bool:
    """Whether only gradients overflowed, and not over a whole window: loss scaling does that to
    find its scale, and leaves such steps out."""
    if any(
        what != "gradient" for marks in ill.values() for each in marks.values() for what in each
    ):
        return False
    lately = [(ill[layer.name], layer.steps[-window:].tolist()) for layer in layers]
    return not any(len(steps) == window and set(steps) <= set(marks) for marks, steps in lately)


def _ill(layer: LayerSeries) -> dict[int, tuple[str, ...]]:
    """``{step: what of the layer is not finite}``; steps at which nothing is are left out."""
    counts = {what: layer.values(name) for what, name in _FIELDS.items()}
    activation = layer.metadata.activation
    if activation is not None and activation.function.lower().endswith("softmax"):
        # Masked attention hands −inf to its softmax on purpose; what comes out is what counts.
        counts["inputs"] = np.zeros(layer.steps.size)
    for name in _INFINITE_WEIGHTS:
        counts["weights"] = np.fmax(counts["weights"], layer.values(name))
    marked = np.stack(list(counts.values())) > 0
    return {
        int(layer.steps[row]): tuple(
            what for what, mark in zip(_FIELDS, marked[:, row], strict=True) if mark
        )
        for row in np.flatnonzero(marked.any(axis=0))
    }


def blame(layers: Sequence[LayerSeries], ill: dict[str, tuple[str, ...]]) -> Origin | None:
    """The layer in which it began, from what is not finite at one step.

    Forward, values pass from the first layer to the last, backward, gradients the other way, so
    the first layer with bad activations but clean weights is the origin, or else the last one with
    a bad gradient, or with bad weights. Once all weights are bad nothing tells them apart, and it
    is the first layer that is named.

    Args:
      layers: in model order.
      ill: ``{layer: what is not finite}``.
    """
    clean_so_far = True
    for layer in layers:
        marks = ill.get(layer.name, ())
        clean_so_far = clean_so_far and "weights" not in marks
        if clean_so_far and ("inputs" in marks or "outputs" in marks):
            return Origin(layer.name, "inputs" if "inputs" in marks else "outputs")
    bad = [layer for layer in layers if "weights" in ill.get(layer.name, ())]
    for layer in reversed(layers):
        marks = ill.get(layer.name, ())
        if "gradient" in marks and "weights" not in marks:
            return Origin(layer.name, "gradient")
    if bad and "weights" not in ill.get(layers[-1].name, ()):
        # Clean behind it: the gradient went bad on its way back, in the last that it spoilt.
        return Origin(bad[-1].name, "weights")
    for what in ("weights", "inputs", "outputs", "gradient"):
        for layer in layers:
            if what in ill.get(layer.name, ()):
                return Origin(layer.name, what)
    return None

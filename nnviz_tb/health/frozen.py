"""The rule over layers that do not move though an optimizer steps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nnviz_tb.health.hysteresis import Limit
from nnviz_tb.health.layer_rules import any_beyond, measured
from nnviz_tb.health.ledger import Ledger
from nnviz_tb.health.series import LayerSeries, stacked
from nnviz_tb.health.thresholds import Thresholds


def judge_frozen(layers: Sequence[LayerSeries], ledger: Ledger) -> None:
    """Write down which of the trainable layers do not move at all."""
    limits = ledger.limits
    limit = Limit.lower(limits.frozen_layer, limits.leave)
    known = ~np.isnan(stacked(layers, "displacement"))
    seen = known & _step_seen(layers)
    rows, steps_seen = (np.count_nonzero(block, axis=1) for block in (known, seen))
    short = (rows > 0) & (rows < limits.frozen_rows) & (steps_seen < limits.window)
    for place in np.flatnonzero(short).tolist():
        ledger.missing("frozen_layer", layers[place].name, "too_few_steps")
    long = [layers[place] for place in np.flatnonzero(~short).tolist()]
    picked, judged = measured(long, "displacement", "frozen_layer", ledger, any_beyond(limit))
    still = []
    for layer, steps, values in picked:
        at = np.isin(layer.steps, steps)
        rests = limit.beyond(values) & ~_whole_moved(layer)[at]
        found = _rest(rests, _step_seen([layer])[0, at], limits)
        if found is not None:
            still.append((layer, steps, found, float(values[found.first : found.last + 1].max())))
    if judged > 1 and len(still) == judged and all(rest.ongoing for _, _, rest, _ in still):
        first = max(int(steps[rest.first]) for _, steps, rest, _ in still)
        last = max(int(steps[rest.last]) for _, steps, rest, _ in still)
        ledger.find(
            "frozen_layer",
            "severe" if all(rest.is_severe for _, _, rest, _ in still) else "warning",
            f"None of the {len(still)} trainable layers has moved since step {first}.",
            steps=(first, last),
            figure=max(figure for *_, figure in still),
            threshold=limit.enter,
            field="displacement",
            figures={"layers": len(still)},
        )
        return
    for layer, steps, rest, figure in still:
        first = int(steps[rest.first])
        ledger.find(
            "frozen_layer",
            "severe" if rest.is_severe else "warning",
            f"{layer.name} is trainable but has not moved since step {first}, while "
            f"{judged - len(still)} other layers have.",
            steps=(first, int(steps[rest.last])),
            figure=figure,
            threshold=limit.enter,
            layer=layer.name,
            ongoing=rest.ongoing,
            field="displacement",
            figures={"moving_layers": judged - len(still)},
        )


def _step_seen(layers: Sequence[LayerSeries]) -> NDArray[np.bool_]:
    """``bool[layers, rows]`` whether the optimizer was seen to step; not one that a loss scaler
    left out, since gradients overflowed."""
    overflowed = stacked(layers, "gradient_nonfinite_count") > 0
    return np.isfinite(stacked(layers, "update_ratio")) & ~overflowed


class _Rest(NamedTuple):
    """Rows in a row at which a layer did not move.

    Attributes:
      first, last: the first and the last of them.
      ongoing: there is no row after it.
      is_severe: long enough to be sure.
    """

    first: int
    last: int
    ongoing: bool
    is_severe: bool


def _rest(
    rests: NDArray[np.bool_], step_seen: NDArray[np.bool_], limits: Thresholds
) -> _Rest | None:
    """The last stretch of rows that is too long for the weights to be waiting for their step.

    Args:
      rests: ``bool[rows]`` the layer did not move.
      step_seen: ``bool[rows]`` an optimizer step was seen at it.
    """
    borders = np.flatnonzero(np.diff(np.r_[False, rests, False]))
    starts, ends = borders[::2], borders[1::2]
    steps_until = np.r_[0, np.cumsum(step_seen)]
    is_sure = steps_until[ends] - steps_until[starts] >= limits.window
    lengths = ends - starts
    # Gradients that are accumulated let the weights rest for as long each time.
    usual = np.r_[0, np.maximum.accumulate(lengths)][:-1]
    too_long = np.flatnonzero(is_sure | ((lengths >= limits.frozen_rows) & (lengths > usual)))
    if too_long.size == 0:
        return None
    place = int(too_long[-1])
    return _Rest(
        int(starts[place]),
        int(ends[place]) - 1,
        int(ends[place]) == rests.size,
        bool(is_sure[place] or lengths[place] >= limits.frozen_rows_severe),
    )


def _whole_moved(layer: LayerSeries) -> NDArray[np.bool_]:
    """``bool[steps]`` whether the figures of the whole kernel changed since the row before.

    Displacement is that of the tracked neurons. Of a large embedding they may all rest while rows
    of more frequent words move.
    """
    moved = np.zeros(layer.steps.size, dtype=np.bool_)
    for name in ("weight_norm", "weight_mean", "weight_std"):
        change = np.diff(layer.values(name), prepend=np.nan)
        moved |= np.abs(change) > 0  # NaN: not known to have moved
    return moved

"""Neurons × steps as a heat map."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Normalize, TwoSlopeNorm
from numpy.typing import NDArray

from nnviz_tb.definitions import NEURON_STATISTICS
from nnviz_tb.errors import ArgumentError
from nnviz_tb.plot.look import canvas, look_of, step_axis, title
from nnviz_tb.plot.sources import as_rows, as_steps, is_log, layer_with, opened
from nnviz_tb.reading.evidence import neurons_of
from nnviz_tb.schema import SeriesMetadata

SORTS = ("index", "value", "movement")

Floats = NDArray[np.float64]


def neurons(
    source: Any,
    values: Any = None,
    *,
    run: str | None = None,
    layer: str | None = None,
    statistic: str = "weight_norm",
    sort: str = "index",
    ax: Axes | None = None,
    dark: bool = False,
) -> Axes:
    """A statistic of each neuron over steps as a heat map.

    Args:
      source: a log directory, an opened log, or steps.
      values: ``[neurons, steps]`` when ``source`` is steps.
      run, layer: which; the first layer with the statistic by default.
      statistic: a per-neuron series, as ``weight_norm``, ``bias``, ``activity``.
      sort: rows by ``index``, by ``value`` at the last step, or by ``movement`` over all steps.
      ax: axes to draw on.
      dark: light on dark.

    Raises:
      ArgumentError: no such run, layer, statistic or sort.
    """
    if sort not in SORTS:
        raise ArgumentError(f"sort must be one of {', '.join(SORTS)}, got {sort!r}")
    look = look_of(dark)
    if is_log(source):
        if statistic not in NEURON_STATISTICS:
            known = ", ".join(NEURON_STATISTICS)
            raise ArgumentError(f"statistic must be one of {known}, got {statistic!r}")
        log = opened(source)
        name = log.only_run(run)
        where = layer_with(log, name, statistic, layer)
        series = log.series(name, statistic, where)
        found = neurons_of(series)
        rows, steps = found.values.astype(np.float64), series.steps
        names = found.neurons
        label = NEURON_STATISTICS[statistic].label
        heading = f"{label.capitalize()} of {where}"
        detail = f"{name} · {_count(rows.shape[0], series.metadata)} neurons"
    else:
        rows = as_rows(source if values is None else values, "values")
        steps = as_steps(None if values is None else source, rows.shape[1])
        names = np.arange(rows.shape[0])
        heading, detail, label = "Neurons", "", ""
    order = ordered(rows, sort)
    ax = canvas(ax, look)
    ax.grid(False)
    mesh = ax.pcolormesh(
        _borders(steps),
        np.arange(rows.shape[0] + 1),
        np.ma.masked_invalid(rows[order]),
        norm=_norm(rows),
        cmap="RdBu_r" if _is_signed(rows) else look.sequence,
        rasterized=True,
    )
    ax.set_facecolor(look.rule)  # shows through where nothing was measured
    ax.invert_yaxis()
    # Of a wide layer only some neurons are recorded: their numbers are not those of the rows.
    ax.yaxis.set_major_formatter(
        lambda row, _: f"{names[order[int(row)]]:,}" if 0 <= row < order.size else ""
    )
    bar = ax.figure.colorbar(mesh, ax=ax, pad=0.015, fraction=0.05, aspect=30)
    bar.set_label(label, color=look.faint, fontsize=10)
    bar.ax.tick_params(colors=look.faint, labelsize=9, length=3)
    bar.outline.set_visible(False)
    title(ax, look, heading, detail)
    step_axis(ax, look, "neuron" if sort == "index" else f"neurons by {sort}")
    return ax


def _count(shown: int, metadata: object) -> str:
    neurons = metadata.neurons if isinstance(metadata, SeriesMetadata) else shown
    return f"{shown:,}" if shown == neurons else f"{shown:,} of {neurons:,}"


def ordered(rows: Floats, sort: str) -> NDArray[np.int64]:
    """``int64[neurons]`` the rows from top to bottom; rows without a number last."""
    if sort == "index":
        return np.arange(rows.shape[0])
    if sort == "value":
        key = rows[:, -1]
    else:
        steps = np.abs(np.diff(rows, axis=1))
        key = np.where(np.isfinite(steps).any(axis=1), np.nansum(steps, axis=1), np.nan)
    return np.argsort(-key, kind="stable")  # NaN sorts last


def _borders(steps: Floats) -> Floats:
    """``[steps + 1]`` borders half way between the steps."""
    if steps.size == 1:
        return np.array([steps[0] - 0.5, steps[0] + 0.5])
    middle = (steps[:-1] + steps[1:]) / 2
    return np.concatenate([[2 * steps[0] - middle[0]], middle, [2 * steps[-1] - middle[-1]]])


def _is_signed(rows: Floats) -> bool:
    finite = rows[np.isfinite(rows)]
    return bool(finite.size and finite.min() < 0 < finite.max())


def _norm(rows: Floats) -> Normalize:
    """Colours over the 0.5 to 99.5 % of the values; white is zero where there are both signs."""
    finite = rows[np.isfinite(rows)]
    if not finite.size:
        return Normalize(0, 1)
    low, high = (float(end) for end in np.quantile(finite, (0.005, 0.995)))
    if _is_signed(rows):
        reach = max(abs(low), abs(high), 1e-12)
        return TwoSlopeNorm(0, -reach, reach)
    return Normalize(low, high if high > low else low + 1)

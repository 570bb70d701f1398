"""Lines over steps: the loss; weights and biases of a layer."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from numpy.typing import NDArray

from nnviz_tb.errors import ArgumentError
from nnviz_tb.plot.look import CYCLE, canvas, legend, look_of, step_axis, title
from nnviz_tb.plot.sources import as_rows, as_steps, is_log, layer_with, loss_tag, opened
from nnviz_tb.reading.evidence import neurons_of

_MANY_LINES = 48
"""From here on a fan of percentiles carries the picture, and a few lines stand for the rest."""
_PICKED_LINES = 10
_FAN = ((1, 99, 0.14), (5, 95, 0.16), (25, 75, 0.24))

Floats = NDArray[np.float64]


def loss(
    source: Any,
    values: Any = None,
    *,
    run: str | None = None,
    tag: str | None = None,
    smoothing: float = 0.0,
    ax: Axes | None = None,
    dark: bool = False,
) -> Axes:
    """The loss over steps, one line for each run.

    Args:
      source: a log directory, an opened log, or steps; steps may be left out: ``loss(values)``.
      values: ``[steps]`` when ``source`` is steps.
      run: only this run.
      tag: the scalar; by default the one whose tag names a loss.
      smoothing: 0 to below 1, TensorBoard's: weight of the past in a debiased moving average. What
        was measured stays faint behind it.
      ax: axes to draw on.
      dark: light on dark.

    Raises:
      ArgumentError: no such run or scalar, or an argument that is not allowed.
    """
    if not 0.0 <= smoothing < 1.0:
        raise ArgumentError(f"smoothing must be 0 to below 1, got {smoothing!r}")
    lines = _loss_lines(source, values, run, tag)
    look = look_of(dark)
    ax = canvas(ax, look)
    for (name, steps, line), colour in zip(lines, itertools.cycle(CYCLE), strict=False):
        if smoothing:
            ax.plot(steps, line, color=colour, linewidth=0.8, alpha=0.3)
        ax.plot(steps, smoothed(line, smoothing), color=colour, linewidth=1.8, label=name)
        broken = np.flatnonzero(~np.isfinite(line))
        if broken.size:
            ax.axvline(float(steps[broken[0]]), color=colour, linewidth=1, linestyle=":")
            ax.annotate(
                "NaN or infinity",
                (float(steps[broken[0]]), 1),
                xycoords=("data", "axes fraction"),
                xytext=(4, -10),
                textcoords="offset points",
                color=colour,
                fontsize=9,
            )
    if _wants_logarithm([line for _, _, line in lines]):
        ax.set_yscale("log")
    title(ax, look, tag or "Loss")
    step_axis(ax, look, tag or "loss")
    if len(lines) > 1:
        legend(ax, look, loc="center left", bbox_to_anchor=(1.0, 0.5))
    return ax


def _loss_lines(
    source: Any, values: Any, run: str | None, tag: str | None
) -> list[tuple[str, Floats, Floats]]:
    if not is_log(source):
        numbers = as_rows(source if values is None else values, "values")
        steps = as_steps(None if values is None else source, numbers.shape[1])
        names = [""] if numbers.shape[0] == 1 else [str(row) for row in range(numbers.shape[0])]
        return [(name, steps, row) for name, row in zip(names, numbers, strict=True)]
    log = opened(source)
    lines = []
    for name in log.runs if run is None else [log.only_run(run)]:
        found = loss_tag(log, name, tag)
        if found is not None:
            series = log.scalar(name, found)
            lines.append((name, series.steps, series.values.astype(np.float64)))
    if not lines:
        what = f"scalar {tag!r}" if tag else "scalar that is named as a loss (pass tag=…)"
        raise ArgumentError(f"no {what} in {run or log.path}")
    return lines


def smoothed(values: Floats, weight: float) -> Floats:
    """``float64[steps]`` debiased exponential moving average; values not finite are passed over."""
    result = np.full(values.size, np.nan)
    total, share = 0.0, 0.0
    for place, value in enumerate(values):
        if np.isfinite(value):
            total = weight * total + (1 - weight) * value
            share = weight * share + (1 - weight)
            result[place] = total / share
    return result


def _wants_logarithm(lines: list[Floats]) -> bool:
    finite = np.concatenate([line[np.isfinite(line)] for line in lines])
    return bool(finite.size and finite.min() > 0 and finite.max() > 200 * finite.min())


def weights(
    source: Any,
    values: Any = None,
    *,
    run: str | None = None,
    layer: str | None = None,
    ax: Axes | None = None,
    dark: bool = False,
) -> Axes:
    """The raw weights of a layer over steps, coloured by neuron.

    Few weights are drawn one by one; of many, a fan of percentiles over all of them (1–99, 5–95,
    25–75 %, median) and a few lines evenly taken.

    Args:
      source: a log directory, an opened log, or steps.
      values: ``[weights, steps]`` when ``source`` is steps.
      run, layer: which; the first that fits by default.
      ax: axes to draw on.
      dark: light on dark.

    Raises:
      ArgumentError: no such run or layer, or arrays that do not fit together.
    """
    if not is_log(source):
        return _trajectories(ax, dark, "Weights", "", *_given(source, values), "weight")
    log = opened(source)
    name = log.only_run(run)
    where = layer_with(log, name, "weights", layer)
    series = log.series(name, "weights", where)
    steps, tracked, columns = series.values.shape
    flat = series.values.reshape(steps, tracked * columns).T.astype(np.float64)
    groups = np.repeat(np.arange(tracked), columns)
    detail = f"{name} · {tracked * columns} weights of {tracked} neurons"
    return _trajectories(
        ax, dark, f"Weights of {where}", detail, series.steps, flat, "weight", groups
    )


def biases(
    source: Any,
    values: Any = None,
    *,
    run: str | None = None,
    layer: str | None = None,
    ax: Axes | None = None,
    dark: bool = False,
) -> Axes:
    """The biases of a layer over steps, one line or one part of a fan for each neuron.

    Args: as :func:`weights`; ``values`` is ``[neurons, steps]``.

    Raises:
      ArgumentError: no such run or layer, or arrays that do not fit together.
    """
    if not is_log(source):
        return _trajectories(ax, dark, "Biases", "", *_given(source, values), "bias")
    log = opened(source)
    name = log.only_run(run)
    where = layer_with(log, name, "bias", layer)
    series = log.series(name, "bias", where)
    rows = neurons_of(series)
    detail = f"{name} · {rows.neurons.size} neurons"
    flat = rows.values.astype(np.float64)
    return _trajectories(ax, dark, f"Biases of {where}", detail, series.steps, flat, "bias")


def _given(source: Any, values: Any) -> tuple[Floats, Floats]:
    rows = as_rows(source if values is None else values, "values")
    return as_steps(None if values is None else source, rows.shape[1]), rows


def _trajectories(
    ax: Axes | None,
    dark: bool,
    heading: str,
    detail: str,
    steps: Floats,
    rows: Floats,
    label: str,
    groups: NDArray[np.int64] | None = None,
) -> Axes:
    look = look_of(dark)
    ax = canvas(ax, look)
    colour_of = groups if groups is not None else np.arange(rows.shape[0])
    picked = np.arange(rows.shape[0])
    if rows.shape[0] > _MANY_LINES:
        _fan(ax, steps, rows, CYCLE[0])
        picked = np.unique(np.linspace(0, rows.shape[0] - 1, _PICKED_LINES).astype(np.int64))
    lines = LineCollection(
        [np.column_stack([steps, rows[place]]) for place in picked],
        colors=[CYCLE[int(colour_of[place]) % len(CYCLE)] for place in picked],
        linewidths=1.1,
        alpha=0.85,
    )
    ax.add_collection(lines)
    ax.autoscale_view()
    if np.nanmin(rows, initial=np.inf) < 0 < np.nanmax(rows, initial=-np.inf):
        ax.axhline(0, color=look.faint, linewidth=0.8)
    title(ax, look, heading, detail)
    step_axis(ax, look, label)
    if rows.shape[0] > _MANY_LINES and np.isfinite(rows).any():
        legend(ax, look, loc="center left", bbox_to_anchor=(1.0, 0.5))
    return ax


def _fan(ax: Axes, steps: Floats, rows: Floats, colour: str) -> None:
    known = np.isfinite(rows).any(axis=0)
    if not known.any():
        return
    shown = np.where(np.isfinite(rows), rows, np.nan)[:, known]
    for low, high, alpha in _FAN:
        bottom, top = np.nanpercentile(shown, (low, high), axis=0)
        ax.fill_between(
            steps[known],
            bottom,
            top,
            color=colour,
            alpha=alpha,
            linewidth=0,
            label=f"{low}–{high} %",
        )
    middle = np.nanmedian(shown, axis=0)
    ax.plot(steps[known], middle, color=colour, linewidth=2.2, label="median")

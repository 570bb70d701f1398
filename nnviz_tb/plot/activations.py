"""An activation function with the inputs that really reached it."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from nnviz_tb.definitions import LAYER_FIELDS
from nnviz_tb.errors import ArgumentError
from nnviz_tb.health import outside_share
from nnviz_tb.offline.logdir import Log
from nnviz_tb.plot.look import CYCLE, canvas, labels, legend, look_of, title
from nnviz_tb.plot.sources import is_log, layer_with, opened
from nnviz_tb.reading import densities
from nnviz_tb.reading.rows import Series
from nnviz_tb.schema import LayerMetadata
from nnviz_tb.statistics.curves import DEFAULT_LIMIT, sample_curve

_ZONES = ("dead_below", "dead_above", "saturated_below", "saturated_above")
_INPUTS, _VALUE, _SLOPE, _DEAD, _SATURATED = CYCLE[2], CYCLE[0], CYCLE[1], CYCLE[6], CYCLE[4]
_BINS = 96

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class _Picture:
    """All that is drawn.

    Attributes:
      x: ``[grid]``.
      f, slope: ``[bands, grid]``, one band, or lowest, median and highest channel.
      edges, counts: of the inputs; empty when none were seen.
      zones: borders, NaN where there is none.
    """

    heading: str
    detail: str
    x: Floats
    f: Floats
    slope: Floats
    edges: Floats
    counts: Floats
    zones: Mapping[str, float]


def activation(
    source: Any,
    inputs: Any = None,
    *,
    run: str | None = None,
    layer: str | None = None,
    step: int | None = None,
    ax: Axes | None = None,
    dark: bool = False,
) -> Axes:
    """f and f′ with the density of the inputs below, and the zones of death and saturation.

    Args:
      source: a log directory, an opened log, or a function of ``float64[n]``.
      inputs: the pre-activations that reached the function, any shape; without them only the
        curve is drawn.
      run, layer: which; the first layer with a curve by default.
      step: the last logged step at or before it; the last of all by default.
      ax: axes to draw on.
      dark: light on dark.

    Raises:
      ArgumentError: no such run, layer or step, or ``source`` is neither.
    """
    if is_log(source):
        picture = _logged(opened(source), run, layer, step)
    elif callable(source):
        picture = _sampled(source, inputs)
    else:
        raise ArgumentError(
            f"source must be a log directory or a function, got {type(source).__name__}"
        )
    look = look_of(dark)
    ax = canvas(ax, look)
    picture = _cropped(picture)
    ax.set_xlim(float(picture.x[0]), float(picture.x[-1]))
    _draw_zones(ax, picture)
    _draw_inputs(ax, picture)
    for rows, colour, style, label in (
        (picture.f, _VALUE, "-", "f(x)"),
        (picture.slope, _SLOPE, "--", "f′(x)"),
    ):
        middle = rows[rows.shape[0] // 2]
        ax.plot(picture.x, middle, style, color=colour, linewidth=2, label=label, zorder=4)
        if rows.shape[0] == 3:
            ax.fill_between(picture.x, rows[0], rows[2], color=colour, alpha=0.2, linewidth=0)
    ax.axhline(0, color=look.faint, linewidth=0.8)
    ax.axvline(0, color=look.faint, linewidth=0.8)
    title(ax, look, picture.heading, picture.detail)
    labels(ax, look, "pre-activation x", "f(x), f′(x)")
    legend(ax, look, loc="center left", bbox_to_anchor=(1.0, 0.5))
    return ax


def _logged(log: Log, run: str | None, layer: str | None, step: int | None) -> _Picture:
    name = log.only_run(run)
    where = layer_with(log, name, "curve", layer)
    curve = log.series(name, "curve", where)
    figures = log.series(name, "layer", where)
    row = _row_at(figures, step, where)
    at = float(figures.steps[row])
    lines = curve.values[max(int(np.searchsorted(curve.steps, at, "right")) - 1, 0)]
    bands = (lines.shape[0] - 1) // 2
    zones = {zone: float(figures.values[row, list(LAYER_FIELDS).index(zone)]) for zone in _ZONES}
    edges, counts = np.empty(0), np.empty(0)
    if f"nnviz/density/{where}" in log.listing().ours.get(name, {}):
        density = log.series(name, "density", where)
        # Before a first probe batch there is none yet.
        if density.steps[0] <= at:
            seen = density.values[_row_at(density, int(at), where)][np.newaxis]
            frame = densities.frame_of(seen)
            edges = frame.edges
            counts = densities.aligned(seen, frame)[0].astype(np.float64)
    metadata = figures.metadata
    function = "activation"
    if isinstance(metadata, LayerMetadata) and metadata.activation is not None:
        function = metadata.activation.function
    return _Picture(
        f"{function} in {where}",
        f"{name} · step {int(at):,}{_outside(edges, counts, zones)}",
        lines[0].astype(np.float64),
        lines[1 : 1 + bands].astype(np.float64),
        lines[1 + bands :].astype(np.float64),
        edges,
        counts,
        zones,
    )


def _cropped(picture: _Picture) -> _Picture:
    """The picture around the inputs: a curve sampled far beyond them would be all that is seen."""
    if not picture.counts.size or picture.counts.sum() == 0:
        return picture
    passed = np.cumsum(picture.counts) / picture.counts.sum()
    low = float(picture.edges[:-1][passed > 0.001][0])
    high = float(picture.edges[1:][np.argmax(passed >= 0.999)])
    limit = max(1.15 * max(abs(low), abs(high)), 3.0)
    inside = np.abs(picture.x) <= limit
    return dataclasses.replace(
        picture, x=picture.x[inside], f=picture.f[:, inside], slope=picture.slope[:, inside]
    )


def _row_at(series: Series, step: int | None, layer: str) -> int:
    if series.steps.size == 0:
        raise ArgumentError(f"no step of {layer!r} can be read")
    if step is None:
        return int(series.steps.size) - 1
    row = int(np.searchsorted(series.steps, step, "right")) - 1
    if row < 0:
        raise ArgumentError(f"step must be at least {int(series.steps[0])}, got {step}")
    return row


def _sampled(function: Callable[[Any], Any], inputs: Any) -> _Picture:
    seen = np.asarray([] if inputs is None else inputs, dtype=np.float64).ravel()
    seen = seen[np.isfinite(seen)]
    limit = DEFAULT_LIMIT
    if seen.size:
        limit = max(float(np.quantile(np.abs(seen), 0.999)), DEFAULT_LIMIT)
    curve = sample_curve(function, limit)
    counts, edges = np.histogram(seen, _BINS, (-limit, limit)) if seen.size else ([], [])
    zones = {zone: float(getattr(curve.zones, zone)) for zone in _ZONES}
    numbers, borders = np.asarray(counts, np.float64), np.asarray(edges, np.float64)
    name = str(getattr(function, "__name__", type(function).__name__))
    detail = f"{seen.size:,} inputs{_outside(borders, numbers, zones)}" if seen.size else ""
    return _Picture(name, detail, curve.x, curve.f, curve.slope, borders, numbers, zones)


def _outside(edges: Floats, counts: Floats, zones: Mapping[str, float]) -> str:
    if not counts.size:
        return ""
    borders = {zone: np.array([value]) for zone, value in zones.items()}
    share = float(outside_share(counts[np.newaxis], edges, borders)[0])
    return "" if math.isnan(share) else f" · {100 * share:.3g} % of the inputs in a flat zone"


def _draw_zones(ax: Axes, picture: _Picture) -> None:
    low, high = float(picture.x[0]), float(picture.x[-1])
    for kind, colour, text in (("dead", _DEAD, "dead"), ("saturated", _SATURATED, "saturated")):
        below, above = picture.zones[f"{kind}_below"], picture.zones[f"{kind}_above"]
        # Where a function is dead it is flat as well: one shade, not two on one another.
        if kind == "saturated":
            below = math.nan if picture.zones["dead_below"] >= below else below
            above = math.nan if picture.zones["dead_above"] <= above else above
        for start, end in ((low, min(below, high)), (max(above, low), high)):
            if math.isnan(start) or math.isnan(end) or start >= end:
                continue
            ax.axvspan(start, end, color=colour, alpha=0.09, linewidth=0, zorder=1)
            ax.annotate(
                text,
                ((start + end) / 2, 0.3),
                xycoords=("data", "axes fraction"),
                xytext=(0, 0),
                textcoords="offset points",
                ha="center",
                color=colour,
                fontsize=9,
                zorder=5,
            )


def _draw_inputs(ax: Axes, picture: _Picture) -> None:
    """The inputs as a filled silhouette, a third of the height, on a scale of its own."""
    if not picture.counts.size or picture.counts.sum() == 0:
        return
    # Stored buckets are fine near zero and wide far out; the eye wants them alike. Inputs are taken
    # as spread evenly inside each.
    edges = np.linspace(float(picture.x[0]), float(picture.x[-1]), _BINS + 1)
    below = np.concatenate([[0.0], np.cumsum(picture.counts)])
    height = np.diff(np.interp(edges, picture.edges, below))
    # Many equal inputs, as a bias alone makes, pile up in one bin; the picture is of the others.
    ceiling = float(np.quantile(height[height > 0], 0.98)) if (height > 0).any() else 1.0
    shown = np.minimum(height / ceiling, 1.25)
    scale: Axes = ax.twinx()
    scale.stairs(shown, edges, fill=True, color=_INPUTS, alpha=0.35, label="inputs")
    scale.set_ylim(0, 3.2)
    scale.set_axis_off()
    ax.set_zorder(scale.get_zorder() + 1)
    ax.patch.set_visible(False)
    # Into the legend of the axes that are returned.
    ax.fill_between([], [], [], color=_INPUTS, alpha=0.35, label="inputs seen")

"""Every layer of a run side by side, from the ``layer`` series and the densities. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from nnviz_tb.definitions import LAYER_FIELDS
from nnviz_tb.reading import densities
from nnviz_tb.reading.faults import RequestError
from nnviz_tb.reading.parameters import Selection
from nnviz_tb.reading.queries import Answer, pick, unit_profile
from nnviz_tb.reading.rows import Series

FIELDS = (
    "weight_q5",
    "weight_median",
    "weight_q95",
    "displacement",
    "update_ratio",
    "gradient_norm",
    "dead_share",
    "saturated_share",
    "dormant_share",
    "weight_nan_count",
    "input_nonfinite_count",
    "gradient_nonfinite_count",
)
MAX_SKIPPED = 20

Read = Mapping[str, Series | RequestError]


def overview(
    layers: Sequence[str], series: Read, density: Read, selection: Selection, step: int | None
) -> Answer:
    """All layers over steps, and what holds at one of them: ``http_api.md``, ``overview``.

    Args:
      layers: in the order of the rows.
      series: the ``layer`` series of each; a fault where it could not be read.
      density: the input densities; layers without one are absent.
      step: the one looked at; None for the last.
    """
    merged = _merged(layers, series)
    # Not -1: there may be no steps at all.
    flat = merged.values.reshape(merged.steps.size, len(layers) * len(FIELDS)).T
    picked = pick(merged, selection, lambda: unit_profile(flat))
    heights = np.zeros((len(layers), densities.BINS), np.float32)
    ranges = np.full((len(layers), 2), np.nan, np.float32)
    for place, layer in enumerate(layers):
        inputs = density.get(layer)
        if isinstance(inputs, Series):
            row = _at(inputs, step)
            if row is not None:
                heights[place], ranges[place] = densities.outline(row)
    skipped = [*merged.skipped, *_faults(layers, density)][:MAX_SKIPPED]
    return Answer(
        {**picked.meta, "layers": list(layers), "fields": list(FIELDS), "skipped": skipped},
        {
            "steps": merged.steps[picked.rows],
            "wall_times": merged.wall_times[picked.rows],
            "values": merged.values[picked.rows].transpose(1, 2, 0),
            "at": _holding(merged, step),
            "density": heights,
            "density_range": ranges,
        },
    )


def _merged(layers: Sequence[str], series: Read) -> Series:
    """One series over the union of all layers' steps, ``values float32[steps, layers, fields]``."""
    columns = [list(LAYER_FIELDS).index(name) for name in FIELDS]
    present = [(place, series.get(layer)) for place, layer in enumerate(layers)]
    read = [(place, found) for place, found in present if isinstance(found, Series)]
    steps = _union([found.steps for _, found in read])
    wall_times = np.full(steps.size, np.nan)
    values = np.full((steps.size, len(layers), len(columns)), np.nan, np.float32)
    skipped = _faults(layers, series)
    for place, found in read:
        at = np.searchsorted(steps, found.steps)
        wall_times[at] = np.fmax(wall_times[at], found.wall_times)
        values[at, place] = found.values[:, columns]
        skipped += [f"{layers[place]}: {sentence}" for sentence in found.skipped]
    return Series(steps, wall_times, values, None, tuple(skipped))


def _holding(merged: Series, step: int | None) -> NDArray[np.float32]:
    """What holds at ``step``, float32[layers, fields]: the last that was measured until then.

    Layers need not be recorded at every step, nor a field in every row.
    """
    values = merged.values[: _rows_until(merged, step)]
    if values.shape[0] == 0:
        return np.full(merged.values.shape[1:], np.nan, np.float32)
    measured = ~np.isnan(values[::-1])
    last = values.shape[0] - 1 - np.argmax(measured, axis=0)
    found: NDArray[np.float32] = np.take_along_axis(values, last[np.newaxis], axis=0)[0]
    return found


def _union(all_steps: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Every step that is in one of them, ascending."""
    first, *others = all_steps or [np.empty(0)]
    # Nearly always the layers have the same ones; np.unique imports all of numpy.ma at first.
    if all(np.array_equal(first, other) for other in others):
        return first
    return np.unique(np.concatenate(all_steps))


def _faults(layers: Sequence[str], read: Read) -> list[str]:
    found = ((layer, read.get(layer)) for layer in layers)
    return [f"{layer}: {fault}" for layer, fault in found if isinstance(fault, RequestError)]


def _at(series: Series, step: int | None) -> NDArray[np.int32] | None:
    """The row that holds at ``step``: the last one not after it."""
    end = _rows_until(series, step)
    return series.values[end - 1] if end else None


def _rows_until(series: Series, step: int | None) -> int:
    return series.steps.size if step is None else int(series.steps.searchsorted(step, "right"))

"""What a chart asks of a series: which steps, reduced how, aligned to what. Pure.

Every query takes a :class:`~nnviz_tb.reading.rows.Series` and gives an :class:`Answer`; nothing
here reads, waits or knows of HTTP.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnviz_tb.definitions import QUANTILES
from nnviz_tb.reading.faults import NotFoundError
from nnviz_tb.reading.parameters import Selection
from nnviz_tb.reading.quantiles import finite_quantiles
from nnviz_tb.reading.rows import Series
from nnviz_tb.sampling import spread_sample
from nnviz_tb.schema import SeriesMetadata

Array = NDArray[Any]


@dataclass(frozen=True)
class Answer:
    """What goes over the wire: a JSON object and named arrays."""

    meta: Mapping[str, Any]
    arrays: Mapping[str, Array]


@dataclass(frozen=True)
class Picked:
    """The steps of a series that an answer holds.

    Attributes:
      rows: ``int64[steps]`` ascending places in the series; a slice where they are neighbours, so
        that an array over steps is not copied for it.
      meta: the entries that every answer over steps has.
    """

    rows: NDArray[np.int64] | slice
    meta: dict[str, Any] = field(default_factory=dict)


def pick(
    series: Series, selection: Selection, profile: Callable[[], Array], same_frame: bool = True
) -> Picked:
    """Which rows of a series answer a selection: those after the client's own, or all, reduced.

    Args:
      profile: gives ``float[profiles, steps]``, what a reduction keeps the highs and lows of; asked
        only where there is something to reduce.
      same_frame: the rows after ``selection.after`` share the frame (borders of buckets) of those
        before, so the client can append them.
    """
    chosen = in_range(series, selection)
    meta = {
        "kept_steps": int(series.steps.size),
        "first_step": int(series.steps[0]) if series.steps.size else None,
        "last_step": int(series.steps[-1]) if series.steps.size else None,
        "key": key_of(series, selection, chosen),
        "delta": False,
        "skipped": list(series.skipped),
    }
    if selection.after is not None and same_frame:
        before = chosen[series.steps[chosen] <= selection.after]
        after = chosen[before.size :]
        follows = before.size > 0 and series.steps[before[-1]] == selection.after
        # A reduced answer cannot be continued: its next step would move the stretches.
        room = after.size == 0 or chosen.size <= selection.limit
        if follows and room and key_of(series, selection, before) == selection.have:
            return Picked(_neighbours(after), {**meta, "delta": True})
    if chosen.size <= selection.limit:
        return Picked(_neighbours(chosen), meta)
    return Picked(chosen[reduced(profile()[:, chosen], selection.limit)], meta)


def _neighbours(rows: NDArray[np.int64]) -> slice:
    """The slice of ascending neighbouring places."""
    return slice(int(rows[0]), int(rows[-1]) + 1) if rows.size else slice(0, 0)


def in_range(series: Series, selection: Selection) -> NDArray[np.int64]:
    """``int64`` places of the steps inside the closed range of the selection."""
    low = 0 if selection.first is None else np.searchsorted(series.steps, selection.first, "left")
    high = (
        series.steps.size
        if selection.last is None
        else np.searchsorted(series.steps, selection.last, "right")
    )
    return np.arange(low, high, dtype=np.int64)


def key_of(series: Series, selection: Selection, rows: NDArray[np.int64]) -> str:
    """A name for the set of steps held, 16 hexadecimal digits.

    Two answers have the same key when they hold the same steps, written at the same times, in rows
    of the same shape, out of the same question.
    """
    question = (selection.limit, selection.first, selection.last, series.values.shape[1:])
    digest = hashlib.blake2b(repr(question).encode(), digest_size=8)
    digest.update(series.steps[rows].tobytes())
    digest.update(series.wall_times[rows].tobytes())
    return digest.hexdigest()


def reduced(profile: Array, limit: int) -> NDArray[np.int64]:
    """``int64`` at most ``limit`` ascending places: the first, the last, and what stands out.

    The places between are cut into stretches of equal length; of each stretch the one with the
    lowest and the one with the highest value of any profile is kept, so no peak is lost between
    the pixels of a chart. NaN is neither high nor low.

    Args:
      profile: ``float[profiles, steps]``.
      limit: at least 2.
    """
    count = profile.shape[1]
    if count <= limit:
        return np.arange(count, dtype=np.int64)
    stretches = (limit - 2) // 2
    kept = np.zeros(count, np.bool_)
    kept[[0, -1]] = True
    if stretches:
        finite = np.isfinite(profile)
        low = np.where(finite, profile, np.inf).min(axis=0, initial=np.inf)[1:-1]
        high = np.where(finite, profile, -np.inf).max(axis=0, initial=-np.inf)[1:-1]
        borders = np.linspace(0, count - 2, stretches + 1).astype(np.int64)
        for start, end in itertools.pairwise(borders):
            kept[start + 1 + low[start:end].argmin()] = True
            kept[start + 1 + high[start:end].argmax()] = True
    return np.flatnonzero(kept)


def unit_profile(values: Array) -> Array:
    """``float64[rows, steps]``: each row moved and scaled to 0…1, so that none drowns the others.

    Args:
      values: ``float[rows, steps]``; a row without a finite value stays NaN.
    """
    finite = np.isfinite(values)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        wide = np.where(finite, values, np.nan).astype(np.float64)
        low = np.where(finite, wide, np.inf).min(axis=1, initial=np.inf, keepdims=True)
        high = np.where(finite, wide, -np.inf).max(axis=1, initial=-np.inf, keepdims=True)
        scaled: Array = (wide - low) / np.where(high > low, high - low, 1.0)
    return scaled


def scalars(series: Series, selection: Selection) -> Answer:
    """A scalar over steps, ``values float32[steps]``."""
    picked = pick(series, selection, lambda: series.values[np.newaxis])
    return Answer(picked.meta, {**_times(series, picked), "values": series.values[picked.rows]})


def fields(series: Series, selection: Selection, names: list[str]) -> Answer:
    """Named figures over steps, ``values float32[fields, steps]``."""
    columns = series.values.T
    picked = pick(series, selection, lambda: unit_profile(columns))
    return Answer(
        {**picked.meta, "fields": names},
        {**_times(series, picked), "values": columns[:, picked.rows]},
    )


def neurons(series: Series, selection: Selection) -> Answer:
    """A per-neuron statistic over steps: see ``http_api.md``, ``neurons``."""
    metadata = series.metadata
    assert isinstance(metadata, SeriesMetadata)
    partly = metadata.tracked < metadata.neurons
    tracked = metadata.tracked if series.steps.size else 0
    every = series.values[:, :tracked]
    stored = series.values[:, tracked : tracked + len(QUANTILES)] if partly else every[:, :0]
    picked = pick(series, selection, lambda: _outline(every if tracked else stored).T)
    arrays = {
        **_times(series, picked),
        "neurons": spread_sample(metadata.neurons, tracked, metadata.seed).astype(np.int32),
        "values": every[picked.rows].T,
    }
    if partly and series.steps.size:
        arrays["quantiles"] = stored[picked.rows].T
        extremes = series.values[picked.rows, tracked + len(QUANTILES) :].T
        arrays["extreme_neurons"] = _neuron_indexes(extremes[: metadata.extremes], metadata.neurons)
        arrays["extreme_values"] = extremes[metadata.extremes :]
    else:
        arrays["quantiles"] = finite_quantiles(every[picked.rows])
    return Answer({**picked.meta, "neurons": metadata.neurons}, arrays)


def _outline(values: Array) -> Array:
    """``float32[steps, 2]`` lowest and highest finite value of every row."""
    if 0 in values.shape:
        return np.full((values.shape[0], 2), [np.inf, -np.inf], np.float32)
    ends = np.stack([values.min(axis=1), values.max(axis=1)], axis=1)
    odd = np.flatnonzero(~np.isfinite(ends).all(axis=1))
    if odd.size:
        rest = values[odd]
        finite = np.isfinite(rest)
        ends[odd, 0] = np.where(finite, rest, np.float32(np.inf)).min(axis=1)
        ends[odd, 1] = np.where(finite, rest, np.float32(-np.inf)).max(axis=1)
    return ends


def _neuron_indexes(stored: Array, count: int) -> NDArray[np.int32]:
    """Indexes that travelled as float32; -1 where the row holds none that exists."""
    valid = np.isfinite(stored) & (stored >= 0) & (stored < count)
    return np.where(valid, stored, -1.0).astype(np.int32)


def weights(series: Series, selection: Selection, neuron: int | None) -> Answer:
    """Raw incoming weights of one neuron over steps; without one, only what was kept.

    Raises:
      NotFoundError: the neuron's weights were not kept.
    """
    metadata = series.metadata
    assert isinstance(metadata, SeriesMetadata)
    held = series.steps.size > 0
    kept = spread_sample(metadata.neurons, metadata.tracked if held else 0, metadata.seed)
    columns = spread_sample(metadata.fan_in, metadata.columns if held else 0, metadata.seed)
    values = None
    if neuron is not None:
        place = int(np.searchsorted(kept, neuron))
        if place >= kept.size or kept[place] != neuron:
            raise NotFoundError(
                f"the weights of neuron {neuron} were not kept; those of {kept.size} of "
                f"{metadata.neurons} neurons were"
            )
        values = series.values[:, place]

    def profile() -> Array:
        return np.zeros((1, series.steps.size)) if values is None else _outline(values).T

    picked = pick(series, selection, profile)
    arrays = {
        **_times(series, picked),
        "columns": columns.astype(np.int32),
        "neurons": kept.astype(np.int32),
    }
    if values is not None:
        arrays["values"] = values[picked.rows].T
    return Answer({**picked.meta, "neurons": metadata.neurons, "fan_in": metadata.fan_in}, arrays)


def curve(series: Series) -> Answer:
    """Activation curves of the steps at which they were logged, reduced to 1,000 of them."""
    grid = series.values.shape[2]
    bands = (series.values.shape[1] - 1) // 2
    # Not -1: there may be no steps at all.
    shape = series.steps.size, 2 * bands * grid
    picked = pick(series, Selection(), lambda: _outline(series.values[:, 1:].reshape(shape)).T)
    values = series.values[picked.rows]
    return Answer(
        picked.meta,
        {
            **_times(series, picked),
            "x": values[:, 0],
            "f": values[:, 1 : 1 + bands],
            "slope": values[:, 1 + bands :],
        },
    )


def _times(series: Series, picked: Picked) -> dict[str, Array]:
    return {
        "steps": series.steps[picked.rows],
        "wall_times": series.wall_times[picked.rows],
    }

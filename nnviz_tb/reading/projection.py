"""The plane in which a layer's neurons moved most, from the sketches of their weights. Pure."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nnviz_tb.reading.parameters import Selection
from nnviz_tb.reading.queries import Answer, pick
from nnviz_tb.reading.rows import Series
from nnviz_tb.sampling import spread_sample
from nnviz_tb.schema import SeriesMetadata


def path(series: Series, selection: Selection) -> Answer:
    """Every tracked neuron's way through the two principal components: ``http_api.md``, ``path``.

    The components are those of all steps held, so that a zoomed or reduced answer lies in the same
    plane.
    """
    metadata = series.metadata
    assert isinstance(metadata, SeriesMetadata)
    points, explained = principal_plane(series.values)
    # Not -1: there may be no rows at all.
    shape = points.shape[0], 2 * points.shape[1]
    picked = pick(series, selection, lambda: points.reshape(shape).T)
    tracked = metadata.tracked if series.steps.size else 0
    return Answer(
        {**picked.meta, "neurons": metadata.neurons, "explained": explained},
        {
            "steps": series.steps[picked.rows],
            "wall_times": series.wall_times[picked.rows],
            "neurons": spread_sample(metadata.neurons, tracked, metadata.seed).astype(np.int32),
            "points": points[picked.rows].transpose(1, 0, 2),
        },
    )


def principal_plane(
    sketches: NDArray[np.float32],
) -> tuple[NDArray[np.float32], list[float]]:
    """``(float32[steps, neurons, 2] points, share of variance of the two axes)``.

    The sign of an axis is not determined by the data; it is chosen so that the component that is
    largest in magnitude is positive, hence the picture does not flip between two polls. A sketch
    with a number that is not finite takes no part in finding the plane and gives NaN points.

    Args:
      sketches: ``float32[steps, neurons, dimensions]``.

    Source: Pearson, "On lines and planes of closest fit" (1901); by QR and then a singular value
    decomposition of the small triangle, in float64 (Golub & Van Loan, section 8.6).
    """
    steps, neurons, dimensions = sketches.shape
    rows = sketches.reshape(steps * neurons, dimensions).astype(np.float64)
    finite = np.isfinite(rows).all(axis=1)
    points = np.full((rows.shape[0], 2), np.nan)
    explained = [0.0, 0.0]
    if finite.any() and dimensions:
        centred = rows[finite] - rows[finite].mean(axis=0)
        # Scaled first: squares of float32 extremes fit float64, their sums' products need not.
        largest = np.abs(centred).max()
        unit = centred / largest if largest > 0 else centred
        _, spread, axes = np.linalg.svd(np.linalg.qr(unit, mode="r"), full_matrices=False)
        axes = axes[:2]
        signs = np.sign(axes[np.arange(len(axes)), np.abs(axes).argmax(axis=1)])
        axes = axes * np.where(signs == 0, 1.0, signs)[:, np.newaxis]
        points[finite] = 0.0
        points[finite, : len(axes)] = centred @ axes.T
        total = float((spread**2).sum())
        if total > 0:
            shares = (spread[:2] ** 2 / total).tolist()
            explained = [*shares, 0.0][:2]
    return points.reshape(steps, neurons, 2).astype(np.float32), explained

"""What can be judged of histograms that other writers made: weights that grow, what is not finite.

A histogram knows no neurons, no zones and no optimizer steps, so nothing else is claimed of it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnviz_tb.health import LayerSeries
from nnviz_tb.schema import LayerMetadata

_WORD = re.compile(r"[a-z]+")
_WEIGHTS = {"kernel", "weight", "weights", "w", "embeddings", "embedding"}
_GRADIENTS = {"grad", "grads", "gradient", "gradients"}


def layers_of(
    histograms: Mapping[str, Sequence[tuple[int, NDArray[Any]]]],
) -> tuple[LayerSeries, ...]:
    """One layer for each histogram of weights or gradients, named as its tag.

    Args:
      histograms: ``{tag: [(step, [k, 3] left, right, count), …]}``.
    """
    return tuple(
        _layer(tag, order, rows)
        for order, (tag, rows) in enumerate(histograms.items())
        if rows and _words(tag) & (_WEIGHTS | _GRADIENTS)
    )


def _words(tag: str) -> set[str]:
    return set(_WORD.findall(tag.lower()))


def _layer(tag: str, order: int, rows: Sequence[tuple[int, NDArray[Any]]]) -> LayerSeries:
    by_step = dict(rows)  # a restarted run repeats steps; the last row counts
    steps = sorted(step for step in by_step if step >= 0)
    summaries = np.array([summary(by_step[step]) for step in steps]).reshape(len(steps), 2)
    gradient = bool(_words(tag) & _GRADIENTS)
    names = (
        ("gradient_norm", "gradient_nonfinite_count")
        if gradient
        else ("weight_norm", "weight_nan_count")
    )
    metadata = LayerMetadata(
        type="histogram",
        order=order,
        neurons=0 if gradient else 1,
        notes=("Read from a histogram of another writer; its norm is that of bucket centres.",),
    )
    fields = {name: summaries[:, place] for place, name in enumerate(names)}
    return LayerSeries(tag, metadata, np.array(steps, dtype=np.int64), fields)


def summary(histogram: NDArray[Any]) -> tuple[float, float]:
    """Norm from the centres of the buckets, and how many values lie in buckets that are not finite.

    NaN, NaN for what is no histogram.
    """
    if histogram.ndim != 2 or histogram.shape[1] != 3:
        return np.nan, np.nan
    left, right, count = np.asarray(histogram, np.float64).T
    finite = np.isfinite(left) & np.isfinite(right) & np.isfinite(count)
    # An empty bucket says nothing, even one that reaches to infinity.
    broken = ~finite & ~(count == 0)
    centre = (left[finite] + right[finite]) / 2
    norm = float(np.sqrt(np.sum(centre**2 * count[finite])))
    lost = np.where(np.isfinite(count[broken]), count[broken], 1.0)
    return norm, float(lost.sum())

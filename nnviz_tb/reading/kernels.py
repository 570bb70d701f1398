"""The raw weights of a whole layer at one step, for kernels that are looked at as images. Pure."""

from __future__ import annotations

import numpy as np

from nnviz_tb.reading.parameters import Selection
from nnviz_tb.reading.queries import Answer, pick
from nnviz_tb.reading.rows import Series
from nnviz_tb.sampling import spread_sample
from nnviz_tb.schema import SeriesMetadata


def kernels(series: Series, step: int | None) -> Answer:
    """``values float32[tracked, columns]`` at the last step that is not after ``step``.

    At the first one held where all are after it, at the last one without ``step``. Of a series
    without rows every array is empty.
    """
    metadata = series.metadata
    assert isinstance(metadata, SeriesMetadata)
    held = series.steps.size > 0
    behind = series.steps.size if step is None else np.searchsorted(series.steps, step, "right")
    row = max(0, int(behind) - 1)
    at = int(series.steps[row]) if held else 0
    picked = pick(series, Selection(first=at, last=at), lambda: np.zeros((1, series.steps.size)))
    tracked, columns = (metadata.tracked, metadata.columns) if held else (0, 0)
    return Answer(
        {**picked.meta, "neurons": metadata.neurons, "fan_in": metadata.fan_in},
        {
            "steps": series.steps[picked.rows],
            "wall_times": series.wall_times[picked.rows],
            "columns": spread_sample(metadata.fan_in, columns, metadata.seed).astype(np.int32),
            "neurons": spread_sample(metadata.neurons, tracked, metadata.seed).astype(np.int32),
            "values": series.values[row] if held else np.zeros((0, 0), np.float32),
        },
    )

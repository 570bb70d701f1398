"""Ways and sketches, which are taken a few rows at a time, against the whole kernel at once."""

from __future__ import annotations

import numpy as np
import pytest
from logs import rows

import nnviz_tb
from nnviz_tb.recording import way_record
from nnviz_tb.recording.tracked import tracked_neurons
from nnviz_tb.statistics.sketch import sketch

RNG = np.random.default_rng(0)


def logged(directory, kernels, **options):
    with nnviz_tb.SummaryWriter(directory, **options) as writer:
        for step, kernel in enumerate(kernels):
            writer.log_model({"dense/kernel": kernel}, step)
    return {
        name: [row for _, row in rows(directory, f"nnviz/{name}/dense")]
        for name in ("displacement", "distance", "sketch")
    }


@pytest.mark.parametrize("numbers", [1, 100, 1 << 20])
@pytest.mark.parametrize("order", ["C", "F"])
def test_ways_and_sketches_do_not_depend_on_how_many_rows_are_taken_at_a_time(
    tmp_path, monkeypatch, numbers, order
):
    monkeypatch.setattr(way_record, "_NUMBERS_COPIED", numbers)
    steps = np.cumsum(RNG.normal(size=(4, 37, 30)), axis=0).astype(np.float32)
    found = logged(tmp_path, [np.asarray(kernel, order=order) for kernel in steps])

    wide = steps.astype(np.float64)
    norm = np.linalg.norm
    for step in range(1, 4):
        moved = norm(wide[step] - wide[step - 1], axis=0) / norm(wide[step - 1], axis=0)
        np.testing.assert_allclose(found["displacement"][step - 1], moved, rtol=1e-6)
    for step in range(4):
        went = norm(wide[step] - wide[0], axis=0) / norm(wide[0], axis=0)
        np.testing.assert_allclose(found["distance"][step], went, rtol=1e-6)
        whole = sketch(wide[step])  # in another type, so by NumPy
        np.testing.assert_allclose(found["sketch"][step], whole, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("dtype", ["f4", "f2", "f8"])
def test_of_a_wide_layer_the_tracked_neurons_ways_are_taken(tmp_path, monkeypatch, dtype):
    monkeypatch.setattr(way_record, "_NUMBERS_COPIED", 500)
    steps = np.cumsum(RNG.normal(size=(3, 21, 2000)), axis=0).astype(dtype)
    found = logged(tmp_path, steps, max_step_bytes=16 * 1024)

    count = len(found["sketch"][0])
    assert 0 < count < 2000
    chosen = tracked_neurons(2000, count, 0)
    np.testing.assert_allclose(
        found["sketch"][2], sketch(steps[2].astype(np.float64)[:, chosen]), rtol=1e-5, atol=1e-5
    )
    wide = steps.astype(np.float32).astype(np.float64)
    went = np.linalg.norm(wide[2] - wide[0], axis=0) / np.linalg.norm(wide[0], axis=0)
    stored = found["distance"][2]
    # Quantiles over all stand behind the tracked neurons in the row; they are not known here.
    tracked = np.flatnonzero(~np.isnan(stored))
    assert tracked.size > 8
    np.testing.assert_allclose(
        stored[tracked], went[tracked_neurons(2000, tracked.size, 0)], rtol=1e-6
    )

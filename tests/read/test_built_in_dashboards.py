"""TensorBoard's own Scalars, Histograms, Distributions and Time Series show what was logged.

Asked over the routes their pages use, with both of TensorBoard's readers, with TensorFlow and in a
process where it cannot be imported.
"""

from __future__ import annotations

import json
import urllib.parse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorboard_process
from tensorboard_process import TensorBoard

import nnviz_tb

STEPS = (0, 3, 4, 9)


def kernel_at(step: int) -> np.ndarray:
    """``float32[20, 30]`` with a NaN and an infinity in it."""
    kernel = np.random.default_rng(step).standard_normal((20, 30)).astype(np.float32)
    kernel[0, 0], kernel[1, 1] = np.nan, np.inf
    return kernel


@pytest.fixture(scope="module")
def logdir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dashboards")
    with nnviz_tb.SummaryWriter(str(folder / "a run")) as writer:
        for step in STEPS:
            writer.log_model(
                {"dense/kernel": kernel_at(step)}, step, scalars={"loss": 1.0 / (1 + step)}
            )
    return folder


@pytest.fixture(scope="module", params=["with TensorFlow", "without TensorFlow"])
def board(
    request: pytest.FixtureRequest,
    loader: str,
    logdir: Path,
) -> Iterator[TensorBoard]:
    with_it = request.param == "with TensorFlow"
    server = tensorboard_process.start(loader, logdir, tensorflow=with_it)
    try:
        missing = "TensorFlow installation not found" in server.output
        assert missing != with_it, server.output
        server.wait_for_step("a run", STEPS[-1])
        yield server
    finally:
        server.close()


def asked(board: TensorBoard, route: str, tag: str) -> Any:
    query = urllib.parse.urlencode({"run": "a run", "tag": tag})
    return board.fetch(f"{board.address}/data/plugin/{route}?{query}").json


def finite_weights(step: int) -> np.ndarray:
    kernel = kernel_at(step).ravel()
    return kernel[np.isfinite(kernel)]


def test_the_scalars_dashboard_gets_every_loss(board: TensorBoard) -> None:
    points = asked(board, "scalars/scalars", "loss")

    assert [step for _, step, _ in points] == list(STEPS)
    np.testing.assert_array_equal(
        np.float32([value for _, _, value in points]), np.float32([1 / (1 + s) for s in STEPS])
    )


def test_the_histograms_dashboard_counts_every_finite_weight(board: TensorBoard) -> None:
    points = asked(board, "histograms/histograms", "dense/kernel")

    assert [step for _, step, _ in points] == list(STEPS)
    for _, step, buckets in points:
        weights = finite_weights(step)
        left, right, count = np.asarray(buckets).T
        assert count.sum() == weights.size
        np.testing.assert_allclose([left[0], right[-1]], [weights.min(), weights.max()], rtol=1e-6)
        # Cumulative counts at every border agree with counting the weights themselves.
        below = [(weights < border).sum() for border in left[1:].astype(np.float32)]
        np.testing.assert_array_equal(np.cumsum(count)[:-1], below)


def test_the_distributions_dashboard_spans_the_weights(board: TensorBoard) -> None:
    points = asked(board, "distributions/distributions", "dense/kernel")

    assert [step for _, step, _ in points] == list(STEPS)
    for _, step, percentiles in points:
        values = [value for _, value in percentiles]
        weights = finite_weights(step)
        np.testing.assert_allclose(
            [values[0], values[-1]], [weights.min(), weights.max()], rtol=1e-6
        )
        assert values == sorted(values)


def test_the_time_series_dashboard_gets_both(board: TensorBoard) -> None:
    wanted = [
        {"plugin": "scalars", "tag": "loss"},
        {"plugin": "histograms", "tag": "dense/kernel", "run": "a run"},
    ]
    answer = board.fetch(
        f"{board.address}/experiment/defaultExperimentId/data/plugin/timeseries/timeSeries",
        method="POST",
        headers={"Content-Type": "application/x-www-form-urlencoded"},
        body=urllib.parse.urlencode({"requests": json.dumps(wanted)}).encode(),
    ).json

    loss, kernel = answer
    assert [p["step"] for p in loss["runToSeries"]["a run"]] == list(STEPS)
    steps = kernel["runToSeries"]["a run"]
    assert [p["step"] for p in steps] == list(STEPS)
    for point in steps:
        counted = sum(bucket["count"] for bucket in point["bins"])
        assert counted == finite_weights(point["step"]).size

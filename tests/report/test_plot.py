"""The pictures: what their axes hold, from logs and from arrays. Looks are for eyes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from matplotlib.collections import LineCollection, QuadMesh
from matplotlib.text import Text
from reported_logs import FAN_IN, NEURONS, STEPS, inputs_at, kernel_at, relu

from nnviz_tb import SummaryWriter, plot
from nnviz_tb.errors import ArgumentError
from nnviz_tb.offline.logdir import Log, open_log
from nnviz_tb.plot.curves import smoothed
from nnviz_tb.plot.heat import ordered
from nnviz_tb.reading.evidence import neurons_of

matplotlib.use("Agg")


@pytest.fixture(autouse=True)
def _figures() -> Iterator[None]:
    yield
    from matplotlib import pyplot

    pyplot.close("all")


def test_the_loss_of_every_run_is_one_line_of_the_logged_values(log: Log) -> None:
    ax = plot.loss(log)
    assert [line.get_label() for line in ax.lines] == ["sick", "sound"]
    expected = 2.0 * np.exp(-np.arange(STEPS.stop) / 80) + 0.1
    assert ax.lines[0].get_xdata() == pytest.approx(np.arange(STEPS.stop))
    assert ax.lines[0].get_ydata() == pytest.approx(expected, rel=1e-6)
    assert ax.get_legend() is not None


def test_a_log_directory_does_as_well_as_an_opened_log(runs: Path) -> None:
    assert len(plot.loss(str(runs), run="sick").lines) == 1


def test_a_loss_of_arrays_marks_where_it_breaks() -> None:
    ax = plot.loss([0, 10, 20], [2.0, 1.0, np.nan])
    assert [line.get_xdata()[0] for line in ax.lines] == [0, 20]
    assert [text.get_text() for text in ax.texts] == ["NaN or infinity"]


def test_smoothing_is_a_debiased_moving_average_step_by_step() -> None:
    values = np.array([4.0, np.nan, 2.0, 8.0])
    weight, expected = 0.6, []
    for end in range(4):
        seen = [value for value in values[: end + 1] if np.isfinite(value)]
        shares = np.array([weight**age for age in range(len(seen))][::-1])
        expected.append(float(shares @ seen / shares.sum()))
    expected[1] = np.nan
    assert smoothed(values, weight) == pytest.approx(expected, nan_ok=True)
    with pytest.raises(ArgumentError, match="smoothing"):
        plot.loss([1.0], smoothing=1.0)


def test_many_weights_become_the_percentiles_that_numpy_finds(log: Log) -> None:
    ax = plot.weights(log, run="sound", layer="hidden")
    median = next(line for line in ax.lines if line.get_label() == "median")
    expected = [np.median(kernel_at(step)) for step in STEPS]
    assert median.get_xdata() == pytest.approx(list(STEPS))
    assert median.get_ydata() == pytest.approx(expected, abs=1e-6)
    assert f"{FAN_IN * NEURONS} weights" in ax.texts[0].get_text()


def test_few_biases_are_drawn_one_by_one(log: Log) -> None:
    ax = plot.biases(log, run="sound", layer="hidden")
    lines = next(item for item in ax.collections if isinstance(item, LineCollection))
    assert len(lines.get_segments()) == NEURONS
    assert lines.get_segments()[0][-1] == pytest.approx([290, -0.1 * 2.9])


def test_the_activation_shows_the_function_its_slope_and_the_share_in_the_dead_zone(
    log: Log,
) -> None:
    ax = plot.activation(log, run="sick", layer="hidden")
    f, slope = (next(x for x in ax.lines if x.get_label() == name) for name in ("f(x)", "f′(x)"))
    x = np.asarray(f.get_xdata())
    assert f.get_ydata() == pytest.approx(relu(x), abs=1e-5)
    assert slope.get_ydata() == pytest.approx((x > 0).astype(float), abs=1e-5)
    share = 100 * np.mean(inputs_at(290, True) <= 0)
    shown = next(text.get_text() for text in ax.texts if "step" in text.get_text())
    assert "step 290" in shown
    assert float(shown.split(" · ")[2].split(" %")[0]) == pytest.approx(share, abs=1)
    assert "dead" in {text.get_text() for text in ax.texts}


def test_an_activation_of_arrays_needs_no_log() -> None:
    ax = plot.activation(np.tanh, np.random.default_rng(0).normal(size=2000))
    line = next(line for line in ax.lines if line.get_label() == "f(x)")
    assert line.get_ydata() == pytest.approx(np.tanh(np.asarray(line.get_xdata())), abs=1e-6)
    assert ax.get_title(loc="left") == "tanh"


def test_the_heat_map_holds_every_neuron_and_step(log: Log) -> None:
    ax = plot.neurons(log, run="sound", layer="hidden")
    mesh = next(item for item in ax.collections if isinstance(item, QuadMesh))
    values = np.asarray(mesh.get_array()).reshape(NEURONS, len(STEPS))
    expected = np.array([np.linalg.norm(kernel_at(step), axis=0) for step in STEPS]).T
    assert values == pytest.approx(expected, rel=1e-5)


def test_rows_of_a_layer_that_is_only_sampled_have_the_numbers_of_their_neurons(
    tmp_path: Path,
) -> None:
    with SummaryWriter(tmp_path / "run", max_step_bytes=16_384) as writer:
        for step in range(3):
            writer.log_model({"wide/kernel": np.ones((2, 4000), np.float32)}, step)
    series = open_log(tmp_path).series("run", "weight_norm", "wide")
    tracked = neurons_of(series).neurons
    axes = plot.neurons(tmp_path, statistic="weight_norm")

    assert 1 < tracked.size < 4000
    shown = axes.yaxis.get_major_formatter()
    assert [shown(row) for row in (0, 1, tracked.size - 1)] == [
        f"{tracked[row]:,}" for row in (0, 1, -1)
    ]
    texts = " ".join(text.get_text() for text in axes.figure.findobj(Text))
    assert f"{tracked.size:,} of 4,000 neurons" in texts


def test_weights_that_are_nan_from_the_first_step_make_a_picture() -> None:
    axes = plot.weights(np.arange(3), np.full((100, 3), np.nan))
    assert axes.get_title(loc="left") is not None


def test_rows_are_sorted_by_value_or_movement_with_the_unmeasured_last() -> None:
    rows = np.array([[0.0, 1.0], [np.nan, np.nan], [9.0, 3.0], [2.0, 2.0]])
    assert ordered(rows, "index").tolist() == [0, 1, 2, 3]
    assert ordered(rows, "value").tolist() == [2, 3, 0, 1]
    assert ordered(rows, "movement").tolist() == [2, 0, 3, 1]


def test_the_axes_that_are_given_are_drawn_on_and_returned() -> None:
    from matplotlib import pyplot

    _, ax = pyplot.subplots()
    assert plot.biases(np.zeros((3, 5)), ax=ax) is ax
    assert plot.neurons(np.ones((3, 5)), ax=ax, dark=True) is ax


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda log: plot.weights(log), "run must be named"),
        (lambda log: plot.weights(log, run="sick", layer="x"), "layers that have one: hidden"),
        (lambda log: plot.activation(log, run="sick", layer="out"), "layers that have one: hidden"),
        (lambda log: plot.neurons(log, run="sick", statistic="x"), "statistic must be one of"),
        (lambda log: plot.neurons([[1.0]], sort="x"), "sort must be one of"),
        (lambda log: plot.activation(3), "a function, got int"),
        (lambda log: plot.loss([1, 2], [1.0]), "steps must be 1"),
        (lambda log: plot.loss(log, tag="x"), "no scalar 'x'"),
        (lambda log: plot.activation(log, run="sick", step=-1), "step must be at least 0"),
    ],
)
def test_what_cannot_be_drawn_is_said_with_what_can(log: Log, call: object, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        call(log)  # type: ignore[operator]


def test_without_matplotlib_the_extra_is_named() -> None:
    program = (
        "import sys; sys.modules['matplotlib'] = None\n"
        "try:\n import nnviz_tb.plot\nexcept ImportError as error:\n print(error)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert "nnviz_tb[plot]" in done.stdout

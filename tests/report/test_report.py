"""The report over real event files: of our writer, of TensorFlow's, of the older protocol."""

from __future__ import annotations

import html
import json
import math
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
import tensorflow as tf
from reported_logs import SICK_NEURONS, STEPS, inputs_at, write_faulty_run, write_run
from tensorboard.compat.proto import event_pb2, summary_pb2
from tensorboard.summary.writer.event_file_writer import EventFileWriter

import nnviz_tb
from nnviz_tb.errors import ArgumentError
from nnviz_tb.health import KINDS, Finding, HealthMonitor, assess
from nnviz_tb.offline.foreign import summary
from nnviz_tb.offline.logdir import Log
from nnviz_tb.offline.reporting import as_text, report


def test_the_sick_layer_is_named_with_its_neurons_and_the_step_and_the_sound_run_is_not(
    runs: Path,
) -> None:
    made = report(runs)
    assert [item.run for item in made.assessments] == ["sick", "sound"]
    worst = made.findings[0]
    assert (worst.kind, worst.severity, worst.run, worst.layer) == (
        "dead_units", "severe", "sick", "hidden",
    )  # fmt: skip
    assert worst.neurons == SICK_NEURONS
    # The window over which dead is judged must first forget the samples in which they lived.
    assert 100 <= worst.first_step <= 250
    assert worst.figure == pytest.approx(len(SICK_NEURONS) / 12)
    assert made.assessments[1].findings == ()
    assert made.assessments[1].status("hidden") == "healthy"
    assert made.worst == "severe"


def test_everything_a_complete_log_holds_was_judged(log: Log) -> None:
    assessment = assess(log.run_series("sound"))
    assert assessment.not_measured == ()


def test_the_share_outside_that_is_read_is_that_of_the_inputs_that_were_logged(log: Log) -> None:
    hidden = next(layer for layer in log.run_series("sick").layers if layer.name == "hidden")
    share = hidden.values("outside_share")
    expected = [float(np.mean(inputs_at(step, True) <= 0)) for step in STEPS]
    assert share == pytest.approx(expected, abs=0.01)


def test_a_threshold_of_the_caller_decides(runs: Path) -> None:
    lax = report(runs, thresholds={"dead_units": 0.9, "dead_units_severe": 0.95})
    assert "dead_units" not in {item.kind for item in lax}
    with pytest.raises(ArgumentError, match="no threshold is called"):
        report(runs, thresholds={"dead": 1.0})


def test_runs_are_chosen_by_a_regular_expression(runs: Path) -> None:
    assert [item.run for item in report(runs, runs="^so").assessments] == ["sound"]
    with pytest.raises(ArgumentError, match="no run matches"):
        report(runs, runs="nothing")
    with pytest.raises(ArgumentError, match="regular expression"):
        report(runs, runs="(")


def test_a_directory_that_is_none_or_holds_no_runs_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match="must be a directory"):
        report(tmp_path / "missing")
    with pytest.raises(ArgumentError, match="no event files"):
        report(tmp_path)


def test_the_text_names_what_matters_and_fits_the_width(runs: Path) -> None:
    text = as_text(report(runs), width=60)
    assert "severe" in text
    assert "dead" in text
    assert max(len(line) for line in text.splitlines()) <= 60
    assert "\x1b" not in text
    assert "\x1b[31m" in as_text(report(runs), colour=True)


def test_a_hostile_run_name_is_escaped_for_notebooks(tmp_path: Path) -> None:
    write_run(tmp_path / "<img src=x onerror=alert(1)>", sick=True)
    made = report(tmp_path)._repr_html_()
    assert "<img" not in made
    assert "&lt;img" in made


def test_a_notebook_shows_what_was_found_and_what_was_not_measured(runs: Path) -> None:
    made = report(runs)
    assert repr(made) == f"<Report on {str(runs)!r}: {str(made).splitlines()[-1]}>"
    content = made._repr_html_()
    for item in made:
        assert html.escape(item.sentence) in content
    sound = report(runs, runs="sound")
    assert len(sound) == 0
    assert "1 run: 0 severe, 0 warning, 0 info" in sound._repr_html_()
    scarce = report(runs, thresholds={"window": 1000})._repr_html_()
    assert "too few logged steps so far" in scarce
    for text in (content, scarce):
        ElementTree.fromstring(f"<div>{text}</div>")  # closed and nested as it should be


def test_the_report_is_strict_json(runs: Path) -> None:
    content = report(runs).as_dict()
    assert json.loads(json.dumps(content, allow_nan=False)) == content
    assert content["runs"][0]["status"] == {"hidden": "severe", "out": "healthy"}


# Logs of other writers


def test_a_tensorflow_log_is_judged_by_its_loss_and_its_histograms(tmp_path: Path) -> None:
    writer = tf.summary.create_file_writer(str(tmp_path))
    with writer.as_default():
        for step in range(40):
            tf.summary.scalar("epoch_loss", 2.3, step)
            kernel = np.random.default_rng(0).normal(size=500) * (1 + 2.0 * step)
            tf.summary.histogram("dense/kernel_0", kernel, step)
            tf.summary.histogram("dense/activations", kernel * 10, step)
    writer.close()
    made = report(tmp_path)
    found = {(item.kind, item.layer) for item in made}
    assert found == {("loss_stalled", ""), ("weights_growing", "dense/kernel_0")}
    gaps = {(entry.kind, entry.reason) for entry in made.not_measured}
    assert {reason for _, reason in gaps} == {"no_layers"}
    assert {kind for kind, _ in gaps} == KINDS.keys() - {
        *("nonfinite", "weights_growing", "loss_stalled", "loss_diverged", "loss_oscillates")
    }


def test_a_histogram_of_the_older_protocol_with_infinity_is_found(tmp_path: Path) -> None:
    writer = EventFileWriter(str(tmp_path))
    for step in range(10):
        top = math.inf if step >= 6 else 2.0
        histogram = summary_pb2.HistogramProto(
            min=-1, max=top, num=10, sum=1, sum_squares=4,
            bucket_limit=[0.0, 1.0, top], bucket=[5, 4, 1],
        )  # fmt: skip
        value = summary_pb2.Summary.Value(tag="layer.0/weight", histo=histogram)
        writer.add_event(
            event_pb2.Event(step=step, wall_time=1.0, summary=summary_pb2.Summary(value=[value]))
        )
    writer.close()
    found = [item for item in report(tmp_path) if item.kind == "nonfinite"]
    assert [(item.layer, item.first_step) for item in found] == [("layer.0/weight", 6)]


def test_the_norm_of_a_histogram_is_that_of_its_buckets_in_a_loop() -> None:
    histogram = np.array([[-2.0, -1.0, 3], [-1.0, 1.0, 4], [1.0, 3.0, 2]])
    total = 0.0
    for left, right, count in histogram:
        total += ((left + right) / 2) ** 2 * count
    assert summary(histogram) == (pytest.approx(math.sqrt(total)), 0.0)
    broken = np.array([[0.0, 1.0, 3], [1.0, math.inf, 2], [math.nan, math.nan, 0]])
    assert summary(broken)[1] == 2.0


def test_a_scalar_that_is_a_loss_by_the_callers_word_is_judged(tmp_path: Path) -> None:
    writer = tf.summary.create_file_writer(str(tmp_path))
    with writer.as_default():
        for step in range(40):
            tf.summary.scalar("objective", 1.0, step)
    writer.close()
    assert len(report(tmp_path)) == 0
    assert [item.kind for item in report(tmp_path, losses=["objective"])] == ["loss_stalled"]


# The same findings live


def test_a_writer_with_a_monitor_tells_while_it_writes(runs: Path, tmp_path: Path) -> None:
    told: list[Finding] = []
    write_run(tmp_path, sick=True, monitor=nnviz_tb.HealthMonitor(told.append))
    dead = [item for item in told if item.kind == "dead_units"]
    assert [item.severity for item in dead] in (["warning", "severe"], ["severe"])
    assert {item.layer for item in told} == {"hidden"}
    later = [item for item in report(runs, runs="sick") if item.kind == "dead_units"]
    assert dead[-1].first_step == later[0].first_step


def test_what_on_finding_raises_stops_the_loop_that_logs(tmp_path: Path) -> None:
    def stop(finding: Finding) -> None:
        raise RuntimeError(finding.kind)

    with pytest.raises(RuntimeError):
        write_run(tmp_path, sick=True, monitor=nnviz_tb.HealthMonitor(stop))


def test_the_names_that_the_documents_use_are_the_packages() -> None:
    assert nnviz_tb.report is report
    assert nnviz_tb.HealthMonitor is HealthMonitor
    assert callable(nnviz_tb.plot.loss)


@pytest.mark.parametrize("fault", ["dead", "twins", "beyond", "outputs", "none"])
def test_a_monitor_in_the_writer_says_the_same_as_the_report_of_its_log(
    tmp_path: Path, fault: str
) -> None:
    monitor = HealthMonitor(run=".")
    write_faulty_run(tmp_path, fault, monitor)
    live = monitor.assessment
    (later,) = report(tmp_path).assessments
    assert [item.as_dict() for item in live] == [item.as_dict() for item in later]
    assert live.judged == later.judged
    assert live.not_measured == later.not_measured
    expected = {
        "dead": {"dead_units", "dormant_units"},
        "twins": {"duplicate_neurons"},
        "beyond": {"inputs_out_of_range", "saturated_units"},
        "outputs": {"nonfinite"},
        "none": set(),
    }
    assert {item.kind for item in live} == expected[fault]
    assert {item.layer for item in live} <= {"hidden", "bounded"}

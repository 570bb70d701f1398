"""Every kind of finding on figures that are exactly known: raised, not raised, not measured."""

from __future__ import annotations

import dataclasses
import json
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from synthetic_runs import HEALTHY, RELU, SOFTMAX, TANH, layer, run

from nnviz_tb.errors import ArgumentError
from nnviz_tb.health import (
    KINDS,
    REASONS,
    Finding,
    RunSeries,
    Thresholds,
    assess,
    nonfinite_outputs,
    outside_share,
)
from nnviz_tb.health.loss import is_loss, swing
from nnviz_tb.health.weight_rules import duplicates, input_rms
from nnviz_tb.schema import ActivationMetadata

FALLING = [2.3 * math.exp(-index / 15) + 0.1 for index in range(60)]


def only(series: RunSeries, kind: str, limits: Thresholds | None = None) -> Finding:
    found = [item for item in assess(series, limits) if item.kind == kind]
    assert len(found) == 1, [item.sentence for item in found]
    return found[0]


def kinds(series: RunSeries) -> set[str]:
    return {item.kind for item in assess(series)}


def healthy_but(order: int = 0, name: str = "dense", **changed: Any) -> Any:
    return layer(name, order, **{**HEALTHY, **changed})


def two(**changed: Any) -> RunSeries:
    """A run of a hidden layer with changes, and a healthy layer after it."""
    head = healthy_but(1, "head", activation=None)
    return run(healthy_but(0, "hidden", **changed), head, scalars={"loss": FALLING})


def test_nothing_is_found_in_a_healthy_run() -> None:
    assessment = assess(two())
    assert len(assessment) == 0
    assert assessment.status("hidden") == assessment.status("head") == "healthy"


@pytest.mark.parametrize(
    ("kind", "field", "figure", "severity", "activation"),
    [
        ("dead_units", "dead_share", 0.25, "warning", RELU),
        ("dead_units", "dead_share", 0.6, "severe", RELU),
        ("saturated_units", "saturated_share", 0.6, "warning", TANH),
        ("saturated_units", "saturated_share", 0.95, "severe", TANH),
        ("dormant_units", "dormant_share", 0.6, "warning", RELU),
        ("inputs_out_of_range", "outside_share", 0.95, "warning", RELU),
        ("inputs_out_of_range", "outside_share", 0.995, "severe", TANH),
        ("update_too_large", "update_ratio", 0.2, "warning", RELU),
        ("update_too_large", "update_ratio", 2.0, "severe", RELU),
        ("update_too_large", "update_ratio", math.inf, "severe", RELU),
        ("update_too_small", "update_ratio", 5e-5, "warning", RELU),
        ("frozen_layer", "displacement", 0.0, "severe", RELU),
        ("zero_weights", "weight_zero_count", 128, "warning", RELU),
    ],
)
def test_a_figure_beyond_its_limit_is_found_in_its_layer(
    kind: str, field: str, figure: float, severity: str, activation: Any
) -> None:
    found = only(two(activation=activation, **{field: figure}), kind)
    assert (found.layer, found.severity, found.field) == ("hidden", severity, field)
    assert (found.first_step, found.last_step, found.ongoing) == (0, 190, True)
    assert "hidden" in found.sentence
    assert found.advice
    assert found.definition == f"docs/findings.md#{kind}"


@pytest.mark.parametrize(
    ("field", "good", "bad", "kind"),
    [
        ("dead_share", 0.0, 0.9, "dead_units"),
        ("update_ratio", 1e-3, 0.5, "update_too_large"),
        ("displacement", 1e-2, 0.0, "frozen_layer"),
    ],
)
def test_a_state_is_dated_from_its_first_evidence_and_ends_as_information(
    field: str, good: float, bad: float, kind: str
) -> None:
    since = only(two(**{field: [good] * 8 + [bad] * 12}), kind)
    assert (since.first_step, since.ongoing) == (80, True)
    over = only(two(**{field: [bad] * 12 + [good] * 8}), kind)
    assert (over.severity, over.ongoing) == ("info", False)
    assert over.last_step < 190


def test_fewer_rows_than_the_window_raise_nothing_and_are_not_called_healthy() -> None:
    short = run(layer("hidden", steps=4, **{**HEALTHY, "dead_share": 1.0}))
    assessment = assess(short)
    assert "dead_units" not in {item.kind for item in assessment}
    reasons = {(item.kind, item.reason) for item in assessment.not_measured}
    assert ("dead_units", "too_few_steps") in reasons


def test_units_are_not_called_dead_before_enough_samples_were_seen() -> None:
    assessment = assess(two(dead_share=1.0, window_sample_count=299))
    assert "dead_units" not in {item.kind for item in assessment}
    assert ("dead_units", "too_few_samples") in {
        (item.kind, item.reason) for item in assessment.not_measured
    }
    assert "dead_units" in kinds(two(dead_share=1.0, window_sample_count=300))


@pytest.mark.parametrize(
    ("field", "kind", "reason"),
    [
        ("dead_share", "dead_units", "no_inputs"),
        ("outside_share", "inputs_out_of_range", "no_inputs"),
        ("update_ratio", "update_too_large", "no_updates"),
        ("update_ratio", "update_too_small", "no_updates"),
        ("gradient_norm", "vanishing_gradient", "no_gradients"),
        ("input_std", "unscaled_inputs", "no_inputs"),
        ("weight_norm", "weights_growing", "no_weights"),
    ],
)
def test_what_was_not_recorded_is_not_measured_and_never_healthy(
    field: str, kind: str, reason: str
) -> None:
    assessment = assess(two(**{field: np.nan}))
    assert (kind, reason) in {(item.kind, item.reason) for item in assessment.not_measured}
    assert kind not in assessment.judged.get("hidden", ())


def test_a_layer_of_which_nothing_was_recorded_is_not_measured() -> None:
    assessment = assess(run(layer("hidden")))
    judged = set(assessment.judged.get("hidden", ()))
    assert judged == set()
    assert assessment.status("hidden") == "not_measured"


@pytest.mark.parametrize("window", [1, 2, 19, 21, 59, 61, 1000])
def test_a_window_of_any_length_judges_what_there_is(window: int) -> None:
    assessment = assess(two(), Thresholds(window=window))
    assert len(assessment) == 0
    missing = {entry.kind for entry in assessment.not_measured}
    assert ("loss_stalled" in missing) == (window > len(FALLING))
    assert ("update_too_large" in missing) == (window > 20)


def test_a_layer_without_weights_or_activation_has_no_gap_and_is_not_called_healthy() -> None:
    flatten = layer("flatten", activation=None, neurons=0, fan_in=0)
    flatten = replace(flatten, metadata=replace(flatten.metadata, parameters=0))
    assessment = assess(run(flatten, healthy_but(1, "dense")))
    assert not any("flatten" in entry.layers for entry in assessment.not_measured)
    assert assessment.status("flatten") == "not_measured"


def test_a_layer_that_may_not_train_is_not_called_frozen() -> None:
    assert "frozen_layer" not in kinds(two(trainable=False, displacement=0.0, update_ratio=0.0))


def test_an_embedding_whose_tracked_rows_rest_while_others_move_is_not_frozen() -> None:
    norms = 3.0 + 0.001 * np.arange(20)
    assert "frozen_layer" not in kinds(two(displacement=0.0, weight_norm=norms))


def test_a_run_in_which_nothing_moves_is_one_finding_for_the_run() -> None:
    series = run(healthy_but(0, "a", displacement=0.0), healthy_but(1, "b", displacement=0.0))
    found = only(series, "frozen_layer")
    assert found.layer == ""
    assert found.figures["layers"] == 2


def test_weights_that_wait_for_accumulated_gradients_are_not_frozen() -> None:
    def micro(every: int, rows: int) -> set[str]:
        moved = np.where(np.arange(rows) % every == every - 1, 1e-3, 0.0)
        waits = {"displacement": moved, "update_ratio": np.nan}
        return kinds(
            run(*(healthy_but(place, str(place), steps=rows, **waits) for place in range(2)))
        )

    assert micro(8, 80) == set()
    assert micro(16, 80) == set()
    assert micro(24, 24 + 20) == {"frozen_layer"}  # over, once: then it is known to be usual
    frozen = two(steps=31, displacement=0.0, update_ratio=np.nan)
    assert only(frozen, "frozen_layer").severity == "warning"
    frozen = two(steps=32, displacement=0.0, update_ratio=np.nan)
    assert only(frozen, "frozen_layer").severity == "severe"
    short = assess(two(steps=15, displacement=0.0, update_ratio=np.nan))
    assert ("frozen_layer", "too_few_steps") in {
        (item.kind, item.reason) for item in short.not_measured
    }


def test_steps_that_a_loss_scaler_leaves_out_freeze_nothing() -> None:
    skipped = two(steps=12, displacement=0.0, update_ratio=0.0, gradient_nonfinite_count=3.0)
    assert "frozen_layer" not in kinds(skipped)


def test_a_layer_that_moves_now_and_then_is_not_frozen() -> None:
    assert "frozen_layer" not in kinds(two(displacement=([0.0] * 4 + [1e-3]) * 4))


def test_what_is_over_says_when_it_last_held() -> None:
    over = only(two(dead_share=[0.9] * 10 + [0.0] * 10), "dead_units")
    assert over.last_step < 190
    assert over.sentence.endswith(f"It last held at step {over.last_step}.")


def test_a_single_step_that_replaces_the_weights_is_named_though_it_never_came_again() -> None:
    found = only(two(update_ratio=[3.0] + [1e-3] * 19), "update_too_large")
    assert (found.severity, found.first_step, found.last_step) == ("warning", 0, 0)
    assert "update_too_large" not in kinds(two(update_ratio=[math.inf, 1.0] + [1e-3] * 18))
    tiny = two(update_ratio=[3.0] + [1e-3] * 19, weight_norm=1e-3)
    assert "update_too_large" not in kinds(tiny)


def test_zero_weights_that_get_no_gradient_are_severe() -> None:
    stuck = two(weight_zero_count=128, gradient_norm=0.0)
    assert only(stuck, "zero_weights").severity == "severe"


def lora(norms: Any, ratios: Any, rows: int) -> RunSeries:
    """A layer and its two factors, of which the second begins at zero."""
    norms, ratios = np.asarray(norms), np.asarray(ratios)
    return run(
        healthy_but(0, "a", steps=rows, gradient_norm=1e-3 * norms),
        healthy_but(
            1, "b", steps=rows, neurons=64, weight_norm=norms, update_ratio=ratios,
            gradient_norm=0.3,
        ),
        healthy_but(2, "out", steps=rows, activation=None),
    )  # fmt: skip


def test_a_layer_that_begins_at_zero_and_grows_to_a_usual_length_is_sound() -> None:
    norms = 0.01 * np.arange(1, 101)
    ratios = np.r_[np.nan, 1.0 / np.arange(1, 100)]
    assert kinds(lora(norms[:10], ratios[:10], 10)) == set()
    assert kinds(lora(norms, ratios, 100)) == set()


def test_a_layer_that_begins_at_zero_and_grows_beyond_a_usual_length_is_not() -> None:
    norms = 20.0 * np.arange(1, 101)
    found = kinds(lora(norms, np.full(100, 0.3), 100))
    assert {"weights_growing", "update_too_large"} <= found


def test_small_updates_at_the_end_of_a_schedule_are_information() -> None:
    found = only(two(update_ratio=[1e-3] * 10 + [1e-6] * 10), "update_too_small")
    assert found.severity == "info"


def test_an_output_that_becomes_certain_is_information_and_one_born_saturated_is_not() -> None:
    def output(share: list[float]) -> RunSeries:
        return run(
            healthy_but(0, "hidden"),
            healthy_but(1, "out", activation=TANH, saturated_share=share),
        )

    assert only(output([0.0] * 10 + [0.95] * 10), "saturated_units").severity == "info"
    born = only(output([0.95] * 20), "saturated_units")
    assert born.severity == "warning"
    assert "unless the loss is a cross-entropy" in born.sentence


def test_the_dead_neurons_are_listed() -> None:
    activity = np.full((8, 20), 0.5)
    activity[[2, 5, 6]] = 0.001
    found = only(two(dead_share=3 / 8, activity=activity), "dead_units")
    assert found.neurons == (2, 5, 6)


# NaN and infinity


def test_nan_from_an_activation_names_the_first_layer_forward() -> None:
    broken = [0.0] * 7 + [3.0] * 13
    series = run(
        healthy_but(0, "a"),
        healthy_but(1, "log", input_nonfinite_count=broken, gradient_nonfinite_count=broken),
        healthy_but(2, "c", input_nonfinite_count=broken, gradient_nonfinite_count=broken),
    )
    found = only(series, "nonfinite")
    assert (found.layer, found.first_step, found.figures["what"]) == ("log", 70, "inputs")
    assert found.figures["last_clean_step"] == 60


def test_a_nan_gradient_names_the_last_layer_from_which_it_came_back() -> None:
    broken = [0.0] * 7 + [3.0] * 13
    series = run(
        healthy_but(0, "a", gradient_nonfinite_count=broken),
        healthy_but(1, "b", gradient_nonfinite_count=broken),
        healthy_but(2, "c"),
    )
    found = only(series, "nonfinite")
    assert (found.layer, found.figures["what"]) == ("b", "gradient")


def test_nan_weights_name_the_first_layer_that_has_them() -> None:
    broken = [0.0] * 7 + [1.0] * 13
    series = run(healthy_but(0, "a"), healthy_but(1, "b", weight_nan_count=broken))
    assert only(series, "nonfinite").layer == "b"


def test_a_nan_loss_alone_is_found_for_the_run() -> None:
    found = only(run(scalars={"loss": [*FALLING, math.nan, math.inf]}), "nonfinite")
    assert (found.layer, found.first_step, found.severity) == ("", 60, "severe")


def test_a_layer_that_broke_long_after_the_loss_is_not_blamed_for_it() -> None:
    late = [0.0] * 15 + [3.0] * 5
    loss = [1.0] * 42 + [math.nan] + [1.0] * 150
    series = run(healthy_but(0, "a", output_nonfinite_count=late), scalars={"loss": loss})
    found = only(series, "nonfinite")
    assert (found.layer, found.first_step, found.figures["what"]) == ("", 42, "loss")
    soon = run(
        healthy_but(0, "a", output_nonfinite_count=[0.0] * 5 + [3.0] * 15), scalars={"loss": loss}
    )
    assert only(soon, "nonfinite").layer == "a"


def test_of_several_losses_the_one_that_broke_first_is_named() -> None:
    scalars = {"a_loss": [1.0] * 9 + [math.nan], "b_loss": [1.0] * 6 + [math.inf] * 4}
    assert only(run(scalars=scalars), "nonfinite").field == "b_loss"


def test_duplicates_before_a_nan_that_stays_are_found() -> None:
    sketch = np.random.default_rng(0).normal(size=(8, 20, 8))
    sketch[4:] = sketch[:4]
    broken = [0.0] * 12 + [1.0] * 8
    assert "duplicate_neurons" in kinds(two(weight_nan_count=broken, sketch=sketch))
    early = assess(two(weight_nan_count=1.0, sketch=sketch))
    assert ("duplicate_neurons", "no_sketches", ("hidden",)) not in {
        (item.kind, item.reason, item.layers) for item in early.not_measured
    }


def test_nan_weights_before_clean_ones_name_the_layer_where_the_gradient_went_bad() -> None:
    broken = [0.0] * 7 + [1.0] * 13
    series = run(
        healthy_but(0, "a", weight_nan_count=broken),
        healthy_but(1, "b", weight_nan_count=broken),
        healthy_but(2, "c"),
    )
    assert only(series, "nonfinite").layer == "b"


def test_what_follows_a_nan_that_stays_is_not_judged() -> None:
    broken = [0.0] * 7 + [1.0] * 13
    dead = [0.0] * 7 + [1.0] * 13
    assert kinds(two(weight_nan_count=broken, dead_share=dead)) == {"nonfinite"}


def test_a_gradient_that_overflows_once_is_information() -> None:
    once = [0.0] * 7 + [4.0] + [0.0] * 12
    found = only(two(gradient_nonfinite_count=once), "nonfinite")
    assert (found.severity, found.ongoing, found.last_step) == ("info", False, 70)


@pytest.mark.parametrize(("rows", "severity"), [(1, "warning"), (4, "warning"), (5, "severe")])
def test_gradients_that_overflow_are_a_warning_until_they_did_for_a_window(
    rows: int, severity: str
) -> None:
    lately = [0.0] * (20 - rows) + [4.0] * rows
    assert only(two(gradient_nonfinite_count=lately), "nonfinite").severity == severity
    spoilt = two(gradient_nonfinite_count=lately, weight_nan_count=[0.0] * 19 + [1.0])
    assert only(spoilt, "nonfinite").severity == "severe"


def test_the_mask_of_an_attention_softmax_is_no_finding() -> None:
    masked = run(healthy_but(0, "attention", activation=SOFTMAX, input_nonfinite_count=40))
    assert "nonfinite" not in kinds(masked)
    assert "nonfinite" in kinds(
        run(healthy_but(0, "attention", activation=SOFTMAX, output_nonfinite_count=40))
    )


@pytest.mark.parametrize(
    ("function", "expected"),
    [("log_softmax", 5.0), ("LogSoftmax", 5.0), ("softmax", 9.0), ("log_sigmoid", 9.0)],
)
def test_minus_infinity_is_an_answer_of_a_log_softmax_alone(function: str, expected: float) -> None:
    density = np.array([[0, 3, 2, 4, -8, 100, 100]], np.int32)
    activation = ActivationMetadata(function, elementwise=False)
    assert nonfinite_outputs(density, activation).tolist() == [expected]


# Gradients of all layers


def deep(norms: list[float], **changed: Any) -> RunSeries:
    return run(
        *(
            healthy_but(place, f"layer{place}", gradient_norm=norm, **changed)
            for place, norm in enumerate(norms)
        )
    )


def test_a_vanishing_gradient_names_the_first_layer() -> None:
    found = only(deep([1e-7, 1e-4, 1e-1]), "vanishing_gradient")
    assert (found.layer, found.severity) == ("layer0", "severe")
    assert found.figure == pytest.approx(1e-6)


def test_a_small_gradient_with_a_small_one_behind_it_has_not_vanished() -> None:
    assert "vanishing_gradient" not in kinds(deep([1e-6, 1e-5, 1e-4]))
    assert "vanishing_gradient" not in kinds(deep([1e-3, 1.0, 1e3]))


def heads(steps: int, backbone: float, head: float) -> RunSeries:
    """Two heads that are trained in turn on one backbone."""
    turn = np.arange(steps) % 2 == 0
    return run(
        healthy_but(0, "backbone", steps=steps, gradient_norm=backbone),
        healthy_but(1, "cats", steps=steps, gradient_norm=np.where(turn, head, np.nan)),
        healthy_but(2, "dogs", steps=steps, gradient_norm=np.where(turn, np.nan, head)),
        healthy_but(3, "once", steps=steps, gradient_norm=[1e9] + [np.nan] * (steps - 1)),
    )


def test_layers_that_have_a_gradient_in_turn_silence_no_rule() -> None:
    found = only(heads(40, 1e-7, 1.0), "vanishing_gradient")
    assert (found.layer, found.figures["last_layer"]) == ("backbone", "dogs")
    exploded = only(heads(40, 90.0, 1.0), "exploding_gradient")
    assert (exploded.layer, exploded.figures["of_weights"]) == ("backbone", 0)
    assert kinds(heads(40, 0.5, 1.0)) == set()


def test_an_exploding_gradient_names_the_layer_in_which_it_is_largest() -> None:
    found = only(deep([0.8, 0.9, 0.01]), "exploding_gradient")
    assert (found.layer, found.severity, found.figure) == ("layer1", "warning", 90.0)
    assert "exploding_gradient" not in kinds(deep([0.6, 0.3, 0.01]))


def test_gradients_far_longer_than_the_weights_explode_though_the_last_layer_does_too() -> None:
    found = only(deep([900.0, 600.0, 600.0]), "exploding_gradient")
    assert (found.layer, found.severity, found.figure) == ("layer0", "warning", 300.0)
    assert only(deep([9e5, 6e5, 6e5]), "exploding_gradient").severity == "severe"


# Weights


def test_weights_that_grow_linearly_are_found_and_those_that_settle_are_not() -> None:
    steps = np.arange(40)
    linear = 1.0 + 3.0 * steps
    settled = 1.0 + 100.0 * (1 - np.exp(-steps / 5))
    found = only(two(steps=40, weight_norm=linear), "weights_growing")
    assert (found.layer, found.severity) == ("hidden", "warning")
    assert "weights_growing" not in kinds(two(steps=40, weight_norm=settled))
    assert only(two(steps=40, weight_norm=1.2**steps), "weights_growing").severity == "severe"


@given(data=st.data(), neurons=st.integers(1, 24), dimensions=st.integers(1, 8))
@settings(max_examples=60, deadline=None)
def test_duplicates_are_those_that_a_double_loop_finds(
    data: st.DataObject, neurons: int, dimensions: int
) -> None:
    rng = np.random.default_rng(data.draw(st.integers(0, 10_000)))
    rows = rng.normal(size=(neurons, dimensions))
    for _ in range(data.draw(st.integers(0, 6))):
        a, b = rng.integers(neurons, size=2)
        rows[a] = rows[b] * (1 + rng.choice([0.0, 1e-3, 3e-2]))
    rows[rng.random(neurons) < 0.1] = data.draw(st.sampled_from([0.0, np.nan, np.inf]))
    expected = []
    for i in range(neurons):
        twin = False
        for j in range(neurons):
            if i == j or not (np.isfinite(rows[i]).all() and np.isfinite(rows[j]).all()):
                continue
            longest = max(np.linalg.norm(rows[i]), np.linalg.norm(rows[j]))
            twin = twin or bool(np.linalg.norm(rows[i] - rows[j]) <= 1e-2 * longest)
        expected.append(twin)
    assert duplicates(rows, 1e-2).tolist() == expected


def test_duplicates_across_blocks_are_found() -> None:
    rows = np.random.default_rng(0).normal(size=(600, 8))
    rows[590] = rows[3]
    assert np.flatnonzero(duplicates(rows, 1e-2)).tolist() == [3, 590]


def test_near_duplicate_neurons_are_found_and_listed() -> None:
    rng = np.random.default_rng(1)
    sketch = rng.normal(size=(8, 20, 8))
    sketch[4:, 10:] = sketch[:4, 10:]
    found = only(two(sketch=sketch), "duplicate_neurons")
    assert (found.severity, found.neurons) == ("severe", tuple(range(8)))
    assert 60 <= found.first_step <= 130
    assert "duplicate_neurons" not in kinds(two(sketch=rng.normal(size=(8, 20, 8))))


@given(
    scale=st.floats(1e-4, 1e4),
    offset=st.floats(-1, 1),
    bias=st.floats(-20, 20),
    seed=st.integers(0, 1000),
)
@settings(max_examples=30, deadline=None)
def test_the_scale_of_inputs_is_recovered_from_pre_activations(
    scale: float, offset: float, bias: float, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    inputs = (rng.normal(size=(256, 64)) + offset) * scale
    weights = rng.normal(size=(64, 256)) * 0.1
    z = inputs @ weights + bias
    first = layer(
        "first",
        fan_in=64,
        input_mean=z.mean(),
        input_std=z.std(),
        weight_mean=weights.mean(),
        weight_std=weights.std(),
    )
    estimate = input_rms(first)
    assert estimate is not None
    assert estimate[0] == pytest.approx(np.sqrt(np.mean(inputs**2)), rel=0.35)


@pytest.mark.parametrize(("std", "severity"), [(130.0, "warning"), (5000.0, "severe")])
def test_badly_scaled_inputs_are_found_in_the_first_layer_with_weights(
    std: float, severity: str
) -> None:
    assert only(two(input_std=std), "unscaled_inputs").severity == severity


def test_the_inputs_of_a_recurrent_layer_are_not_guessed_from_pre_activations() -> None:
    series = run(healthy_but(0, "rnn", input_std=5000.0), healthy_but(1, "rnn/recurrent_kernel"))
    assert "unscaled_inputs" not in kinds(series)


def test_a_softmax_over_one_neuron_is_found() -> None:
    series = run(healthy_but(0, "out", activation=SOFTMAX, neurons=1))
    assert only(series, "constant_output").layer == "out"
    assert "constant_output" not in kinds(run(healthy_but(0, "out", activation=SOFTMAX)))


# Loss


def test_a_loss_that_rises_beyond_its_start_has_diverged() -> None:
    found = only(
        run(scalars={"loss": [*FALLING, *(3.0 * i for i in range(1, 20))]}), "loss_diverged"
    )
    assert (found.severity, found.layer, found.field) == ("severe", "", "loss")
    assert 60 <= found.first_step <= 63


def test_a_loss_that_leaps_in_its_first_step_has_diverged() -> None:
    assert "loss_diverged" in kinds(run(scalars={"loss": [2.3, *[1e5] * 40]}))
    assert "loss_diverged" in kinds(run(scalars={"loss": [2.3, 2.2, 2.4, *[1e5] * 40]}))
    assert "loss_diverged" in kinds(run(scalars={"loss": [2.3] * 12 + [1e5] * 40}))
    rng = np.random.default_rng(0)
    noisy = [2.3, *(1e5 * rng.lognormal(0, 1.0, size=40))]
    assert "loss_diverged" in kinds(run(scalars={"loss": noisy}))


def test_a_loss_back_at_its_start_after_a_leap_has_still_diverged() -> None:
    back = [2.3, *[80.0] * 8, *[2.31] * 40]
    assert only(run(scalars={"loss": back}), "loss_diverged").ongoing
    recovered = [2.3, *[80.0] * 8, *[2.31] * 10, *[1.5] * 20]
    assert only(run(scalars={"loss": recovered}), "loss_diverged").severity == "info"


def test_a_negative_loss_that_falls_has_not_diverged() -> None:
    assert kinds(run(scalars={"loss": [-1.0 - index for index in range(60)]})) == set()


def test_a_noisy_loss_that_falls_is_left_alone() -> None:
    rng = np.random.default_rng(0)
    noisy = np.array(FALLING) * rng.lognormal(0, 0.3, size=60)
    assert kinds(run(scalars={"loss": noisy})) == set()


def test_a_loss_that_bounces_without_gain_oscillates() -> None:
    bouncing = [2.3 + 1.5 * (-1) ** index for index in range(60)]
    assert only(run(scalars={"loss": bouncing}), "loss_oscillates").severity == "severe"


def test_the_noise_of_small_batches_is_not_severe_while_the_loss_falls() -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        noisy = np.exp(-np.arange(200) / 150) * rng.lognormal(0, 0.5, size=200)
        assert "severe" not in {item.severity for item in assess(run(scalars={"loss": noisy}))}


def test_a_flat_loss_stalls_and_one_that_fell_before_has_converged() -> None:
    assert only(run(scalars={"loss": [2.3] * 60}), "loss_stalled").severity == "warning"
    assert only(run(scalars={"loss": [2.3] * 200}), "loss_stalled").severity == "severe"
    slow = [2.3 - 0.001 * index for index in range(60)]
    assert only(run(scalars={"loss": slow}), "loss_stalled").severity == "warning"
    assert kinds(run(scalars={"loss": FALLING + [0.1] * 200})) == set()


def warming_up(update_ratio: Any, rows: int) -> RunSeries:
    layers = (
        healthy_but(place, str(place), steps=rows, update_ratio=update_ratio) for place in "01"
    )
    return run(*layers, scalars={"loss": [2.3] * 400})


def test_a_warm_up_is_no_stall_and_its_small_updates_are_not_named() -> None:
    rising = warming_up(1e-6 * np.arange(40), 40)
    assert {item.kind: item.severity for item in assess(rising)} == {"loss_stalled": "info"}
    resting = warming_up(np.r_[1e-6 * np.arange(10), [1e-5] * 30], 40)
    assert {item.kind: item.severity for item in assess(resting)} == {
        "loss_stalled": "severe", "update_too_small": "warning",
    }  # fmt: skip


def test_one_lucky_value_at_the_start_is_no_start() -> None:
    values = [0.3] + [1.0, 0.9, 1.2, 0.8, 1.1] * 12
    assert "loss_diverged" not in kinds(run(scalars={"loss": values}))
    assert "loss_diverged" in kinds(run(scalars={"loss": [0.2, *[1.0] * 60]}))


def test_noise_at_the_start_is_no_size_to_diverge_by() -> None:
    rng = np.random.default_rng(1)
    for _ in range(100):
        noise = rng.lognormal(0.0, 0.5, size=500)
        falling = (0.6 + 0.4 * np.exp(-np.arange(500) / 150)) * noise
        found = [item for item in assess(run(scalars={"loss": falling})) if item.ongoing]
        assert not [item.sentence for item in found if item.kind == "loss_diverged"]


RISES = [0.05 + 6.0 * (1.0 - math.exp(-index / 20)) for index in range(100)]


@pytest.mark.parametrize("tag", ["kl_loss", "g_loss", "losses/value_loss"])
def test_a_loss_that_need_not_fall_is_worth_a_note_at_most(tag: str) -> None:
    assert {item.severity for item in assess(run(scalars={tag: RISES}))} <= {"info"}
    assert only(run(scalars={"loss": RISES}), "loss_diverged").severity == "severe"


def test_beside_a_total_loss_its_parts_are_worth_a_note_at_most() -> None:
    beside = assess(run(scalars={"train/loss": FALLING, "box_loss": RISES}))
    assert [(item.field, item.severity) for item in beside] == [("box_loss", "info")]
    alone = assess(run(scalars={"box_loss": RISES, "class_loss": FALLING}))
    assert [(item.field, item.severity) for item in alone] == [("box_loss", "severe")]


def test_a_loss_that_goes_back_and_forth_across_zero_is_not_judged() -> None:
    around = np.random.default_rng(0).normal(0.0, 0.02, size=300)
    assessment = assess(run(scalars={"policy_loss": around, "actor_loss": around - 0.01}))
    assert len(assessment) == 0
    assert {(item.kind, item.reason) for item in assessment.not_measured} >= {
        (kind, "loss_around_zero") for kind in ("loss_diverged", "loss_oscillates", "loss_stalled")
    }
    below_zero = [*np.linspace(2.0, -2.0, 100), *np.linspace(-2.0, 50.0, 100)]
    assert "loss_diverged" in kinds(run(scalars={"loss": below_zero}))


@pytest.mark.parametrize(
    ("tag", "expected"),
    [
        ("loss", True), ("epoch_loss", True), ("Loss/train", True), ("train/loss_total", True),
        ("val_loss", False), ("Loss/val", False), ("test/loss", False), ("lossless", False),
        ("accuracy", False), ("train/loss_scale", False), ("loss_weight", False),
        ("best_loss", False), ("kl_loss", True),
    ],
)  # fmt: skip
def test_a_training_loss_is_known_by_the_words_of_its_tag(tag: str, expected: bool) -> None:
    assert is_loss(tag) is expected


@pytest.mark.parametrize(
    ("tag", "folder", "expected"),
    [
        ("epoch_loss", "mlp/train", True), ("epoch_loss", "mlp/validation", False),
        ("loss", "runs/loss_train", True), ("loss", "runs/loss_test", False),
        ("loss", "test", True), ("loss", "validation/7", True), ("loss", "eval", False),
        ("epoch_loss", r"mlp\validation", False), ("loss", r"runs\loss_train", True),
    ],
)  # fmt: skip
def test_a_run_whose_name_says_so_holds_no_training_loss(
    tag: str, folder: str, expected: bool
) -> None:
    assert is_loss(tag, folder) is expected


def test_the_swing_is_taken_after_a_straight_line_by_least_squares() -> None:
    rng = np.random.default_rng(2)
    values = 5.0 - 0.3 * np.arange(80) + rng.normal(size=80)
    line = np.polyval(np.polyfit(np.arange(80), values, 1), np.arange(80))
    low, high = np.quantile(values - line, [0.05, 0.95])
    assert swing(values) == pytest.approx(high - low)


# Densities


@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_the_share_outside_is_that_of_a_loop_over_buckets(data: st.DataObject) -> None:
    edges = np.unique(data.draw(st.lists(st.floats(-8, 8, width=16), min_size=3, max_size=12)))
    if edges.size < 2:
        return
    counts = np.array([data.draw(st.lists(st.integers(0, 9), min_size=edges.size - 1,
                                          max_size=edges.size - 1))])  # fmt: skip
    low = data.draw(st.one_of(st.just(math.nan), st.floats(-4, 0)))
    high = data.draw(st.one_of(st.just(math.nan), st.floats(0.5, 4)))
    share = outside_share(
        counts, edges, {"saturated_below": np.array([low]), "saturated_above": np.array([high])}
    )[0]
    if counts.sum() == 0 or (math.isnan(low) and math.isnan(high)):
        assert math.isnan(share)
        return
    outside = 0.0
    for count, left, right in zip(counts[0], edges[:-1], edges[1:], strict=True):
        part = 0.0
        if not math.isnan(low):
            part += max(0.0, min(right, low) - left) / (right - left)
        if not math.isnan(high):
            part += max(0.0, right - max(left, high)) / (right - left)
        outside += count * part
    assert share == pytest.approx(outside / counts.sum(), abs=1e-9)


# The whole

ODD = st.sampled_from([math.nan, math.inf, -math.inf, 0.0, 1.0, -1.0, 1e-30, 1e30, 3e38, 128.0])


@given(data=st.data(), rows=st.integers(0, 30))
@settings(max_examples=80, deadline=None)
def test_whatever_numbers_a_log_holds_the_rules_answer_in_strict_json(
    data: st.DataObject, rows: int
) -> None:
    def layer_of(name: str, order: int, activation: Any) -> Any:
        pool = data.draw(st.lists(ODD, min_size=1, max_size=7))
        fields = {key: np.resize(pool[place % len(pool) :], rows) for place, key in
                  enumerate(HEALTHY)}  # fmt: skip
        sketch = np.resize(np.array(pool), (4, rows, 8))
        return layer(name, order, steps=rows, activation=activation, sketch=sketch, **fields)

    losses = data.draw(st.lists(ODD, max_size=40))
    series = run(
        layer_of("a", 0, RELU), layer_of("b", 1, TANH), layer_of("c", 2, SOFTMAX),
        scalars={"loss": losses},
    )  # fmt: skip
    content = assess(series).as_dict()
    json.dumps(content, allow_nan=False)


def test_every_finding_is_fit_for_json_and_worst_comes_first() -> None:
    series = two(dead_share=1.0, update_ratio=math.inf, dormant_share=1.0, displacement=0.0)
    content = assess(series).as_dict()
    assert json.loads(json.dumps(content, allow_nan=False)) == content
    order = [item["severity"] for item in content["findings"]]
    assert order == sorted(order, key=["severe", "warning", "info"].index)
    assert content["status"] == {"hidden": "severe", "head": "healthy"}


def test_every_kind_and_reason_stands_in_the_definitions() -> None:
    assessment = assess(run(healthy_but(0, "a", dead_share=np.nan)))
    assert {item.kind for item in assessment.not_measured} <= set(KINDS)
    assert {item.reason for item in assessment.not_measured} <= set(REASONS)
    assert {kind.missing for kind in KINDS.values()} <= set(REASONS)


@given(scale=st.floats(0.1, 0.9), seed=st.integers(0, 100))
@settings(max_examples=25, deadline=None)
def test_a_laxer_limit_never_finds_more(scale: float, seed: int) -> None:
    share = np.random.default_rng(seed).uniform(size=20)
    series = two(dead_share=share)
    lax = dataclasses.replace(Thresholds(), dead_units=scale, dead_units_severe=1.0)
    strict = dataclasses.replace(Thresholds(), dead_units=scale / 2, dead_units_severe=1.0)
    found_lax = [item for item in assess(series, lax) if item.kind == "dead_units"]
    found_strict = [item for item in assess(series, strict) if item.kind == "dead_units"]
    assert len(found_lax) <= len(found_strict)


def test_the_order_in_which_layers_are_given_does_not_matter() -> None:
    series = deep([1e-7, 1e-4, 1e-1])
    turned = dataclasses.replace(series, layers=series.layers[::-1])
    assert assess(series).findings == assess(turned).findings


@pytest.mark.parametrize(
    "change", [{"window": 0}, {"leave": 1.5}, {"dead_units": math.nan}, {"samples": math.inf}]
)
def test_a_threshold_that_is_none_is_refused_by_name(change: dict[str, float]) -> None:
    with pytest.raises(ArgumentError, match=next(iter(change))):
        Thresholds().changed(change)


def test_a_threshold_that_does_not_exist_is_refused_with_those_that_do() -> None:
    with pytest.raises(ArgumentError, match=r"no threshold is called 'dead'.*dead_units"):
        Thresholds().changed({"dead": 0.3})

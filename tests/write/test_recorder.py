"""What is recorded of a model, held against NumPy on the adapter's own view."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from logs import accumulated, array, rows

import nnviz_tb
from nnviz_tb.definitions import LAYER_FIELDS, NEURON_STATISTICS, QUANTILES, SUMMARY_FIELDS
from nnviz_tb.errors import LoggingWarning
from nnviz_tb.layers import Activation, Layer
from nnviz_tb.recording import budget
from nnviz_tb.recording.budget import DEFAULT_STEP_BYTES
from nnviz_tb.recording.events import HISTOGRAMS_PLUGIN, encode_event, encode_value, frame
from nnviz_tb.recording.recorder import ModelRecorder
from nnviz_tb.sampling import spread_sample
from nnviz_tb.schema import LayerMetadata, SeriesMetadata, metadata_from_bytes, parse_tag

RNG = np.random.default_rng(1)


def relu(x):
    return np.maximum(x, 0.0)


def softmax(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def dense(name="dense", fan_in=12, neurons=5, function=relu, samples=50, **rest) -> Layer:
    kernel = RNG.normal(size=(fan_in, neurons)).astype("f4")
    inputs = RNG.normal(size=(samples, neurons))
    name_of = function.__name__
    given = {
        "kernel": kernel,
        "kernel_shape": kernel.shape,
        "bias": RNG.normal(size=neurons).astype("f4"),
        "gradient": RNG.normal(size=kernel.shape),
        "bias_gradient": RNG.normal(size=neurons),
        "update": 1e-3 * RNG.normal(size=kernel.shape),
        "parameters": kernel.size + neurons,
        "activation": Activation(name_of, function, inputs=inputs, outputs=function(inputs)),
    }
    return Layer(name, "Dense", **{**given, **rest})


def tensors(recording) -> dict[str, np.ndarray]:
    return {value.tag: value.tensor for value in recording.values}


def figures(recording, layer="dense") -> dict[str, float]:
    return dict(zip(LAYER_FIELDS, tensors(recording)[f"nnviz/layer/{layer}"], strict=True))


def record_bytes(recording) -> int:
    values = b"".join(encode_value(value, False) for value in recording.values)
    return len(frame(encode_event(2.0**30, 2**53 - 1, values)))


def test_every_per_neuron_statistic_is_what_numpy_says():
    recorder = ModelRecorder()
    first, layer = dense(), dense()
    recorder.record([first])
    read = tensors(recorder.record([layer]))
    w, before = layer.kernel.astype("f8"), first.kernel.astype("f8")
    x, h = layer.activation.inputs, layer.activation.outputs

    def norm(array):
        return np.linalg.norm(array, axis=0)

    expected = {
        "weight_norm": norm(w),
        "weight_mean": w.mean(axis=0),
        "weight_std": w.std(axis=0),
        "weight_min": w.min(axis=0),
        "weight_max": w.max(axis=0),
        "bias": layer.bias,
        "gradient_norm": norm(layer.gradient),
        "update_ratio": norm(layer.update) / norm(w - layer.update),
        "displacement": norm(w - before) / norm(before),
        "distance": norm(w - before) / norm(before),
        "activity": (x > 0).mean(axis=0),
        "dormancy": np.abs(h).mean(axis=0) / np.abs(h).mean(axis=0).mean(),
    }
    assert {*expected, "saturation"} == set(NEURON_STATISTICS)
    for name, value in expected.items():
        np.testing.assert_allclose(read[f"nnviz/{name}/dense"], value, rtol=1e-5, err_msg=name)
        assert read[f"nnviz/{name}/dense"].dtype == np.float32
    np.testing.assert_array_equal(read["nnviz/weights/dense"], layer.kernel.T)


def test_a_layer_in_figures_is_what_numpy_says():
    recorder = ModelRecorder()
    first, layer = dense(function=np.tanh), dense(function=np.tanh)
    recorder.record([first])
    read = figures(recorder.record([layer]))
    w, before, x = layer.kernel.astype("f8"), first.kernel.astype("f8"), layer.activation.inputs
    expected = {
        **dict(zip([f"weight_{n}" for n in SUMMARY_FIELDS[:9]], np.quantile(w, QUANTILES),
                   strict=True)),
        "weight_mean": w.mean(), "weight_std": w.std(), "weight_norm": np.linalg.norm(w),
        "weight_count": w.size, "weight_zero_count": 0,
        "displacement": np.linalg.norm(w - before) / np.linalg.norm(before),
        "distance": np.linalg.norm(w - before) / np.linalg.norm(before),
        "update_ratio": np.linalg.norm(layer.update) / np.linalg.norm(w - layer.update),
        "gradient_norm": np.linalg.norm(layer.gradient), "gradient_nonfinite_count": 0,
        "saturated_share": (np.abs(x) > np.arccosh(math.sqrt(20))).mean(),
        "saturated_above": np.arccosh(math.sqrt(20)), "saturated_below": -np.arccosh(math.sqrt(20)),
        "sample_count": x.size, "input_mean": x.mean(), "input_std": x.std(),
        "input_nonfinite_count": 0,
    }  # fmt: skip
    for name, value in expected.items():
        assert read[name] == pytest.approx(value, rel=1e-4, abs=1e-7), name
    for name in ("dead_share", "dead_below", "entropy", "window_sample_count"):
        assert math.isnan(read[name]), name


def test_entropy_is_told_of_softmax_and_no_curve_is_drawn():
    layer = dense()
    inputs = RNG.normal(size=(20, 5))
    outputs = softmax(inputs)
    activation = Activation("softmax", None, softmax=True, inputs=inputs, outputs=outputs)
    recording = ModelRecorder().record([dense(kernel=layer.kernel, activation=activation)])
    entropy = -(outputs * np.log(outputs)).sum(axis=1).mean() / np.log(5)
    assert figures(recording)["entropy"] == pytest.approx(entropy, rel=1e-5)
    series = {parse_tag(tag)[0] for tag in tensors(recording) if parse_tag(tag)}
    assert {"density", "output"} <= series
    assert not {"curve", "activity", "saturation", "dormancy"} & series


def test_dead_is_judged_over_the_window_and_not_over_one_batch():
    recorder = ModelRecorder()
    kernel = np.ones((3, 4), "f4")

    def step(inputs):
        activation = Activation("relu", relu, inputs=inputs, outputs=relu(inputs))
        return figures(recorder.record([dense(kernel=kernel, bias=None, gradient=None,
                                              bias_gradient=None, update=None, neurons=4,
                                              activation=activation)]))  # fmt: skip

    alive, dead = np.ones((20, 4)), -np.ones((20, 4))
    assert step(dead)["dead_share"] == 1.0
    one_alive = dead.copy()
    one_alive[0, 0] = 1.0
    assert step(one_alive)["dead_share"] == 0.75
    for samples in (60, 80, 100):
        assert step(dead)["dead_share"] == 0.75, samples
    assert step(dead)["dead_share"] == 1.0  # one of 120 samples is less than 1 %
    assert step(alive)["dead_share"] == 0.0
    for _ in range(12):
        seen = step(dead)
    assert (seen["dead_share"], seen["window_sample_count"]) == (1.0, 200.0)


def test_what_a_layer_does_not_have_has_no_tag():
    layer = Layer("plain", "Embedding", kernel=RNG.normal(size=(4, 6)).astype("f4"))
    tags = set(tensors(ModelRecorder().record([layer])))
    assert {parse_tag(tag)[0] for tag in tags if parse_tag(tag)} == {
        "layer", "weight_norm", "weight_mean", "weight_std", "weight_min", "weight_max", "distance",
        "sketch", "weights",
    }  # fmt: skip
    assert {tag for tag in tags if not tag.startswith("nnviz/")} == {"plain/kernel"}


def test_a_layer_without_weights_shows_its_activation():
    recording = ModelRecorder().record([
        dense(kernel=None, bias=None, gradient=None, bias_gradient=None, update=None,
              kernel_shape=())
    ])  # fmt: skip
    (content,) = [v.content for v in recording.values if v.tag == "nnviz/layer/dense"]
    metadata = metadata_from_bytes(content)
    assert isinstance(metadata, LayerMetadata)
    assert (metadata.neurons, metadata.fan_in) == (5, 0)
    assert metadata.activation.has_dead_zone
    assert {"nnviz/density/dense", "nnviz/activity/dense", "nnviz/curve/dense"} <= set(
        tensors(recording)
    )


def test_the_curve_is_stored_once_and_again_when_it_changed():
    recorder = ModelRecorder()
    slope = [0.1]

    def prelu(x):
        return np.where(x > 0, x, slope[0] * x)

    def curve(learnable):
        inputs = np.linspace(-2, 2, 60).reshape(20, 3)
        activation = Activation("prelu", prelu, learnable=learnable, inputs=inputs)
        name = f"learnable {learnable}"
        recording = recorder.record([dense(name, neurons=3, activation=activation)])
        return tensors(recording).get(f"nnviz/curve/{name}")

    for learnable in (True, False):
        slope[0] = 0.1
        x, f, derivative = curve(learnable)
        np.testing.assert_allclose(f, prelu(x.astype("f8")), rtol=1e-6)
        assert derivative[0] == pytest.approx(0.1, rel=1e-5)
        assert curve(learnable) is None
        slope[0] = 0.3
        again = curve(learnable)
        assert (again is not None) == learnable
        if learnable:
            assert again[1][0] == pytest.approx(0.3 * -5.0, rel=1e-5)


def test_the_window_of_a_curve_widens_with_the_inputs():
    recorder = ModelRecorder()
    limits = []
    for scale in (1.0, 30.0, 30.0, 1.0):
        inputs = scale * np.linspace(-1, 1, 100).reshape(20, 5)
        activation = Activation("relu", relu, inputs=inputs, outputs=relu(inputs))
        curve = tensors(recorder.record([dense(activation=activation)])).get("nnviz/curve/dense")
        limits.append(None if curve is None else curve[0].max())
    assert limits == [5.0, None, 40.0, None]


def test_a_function_that_raises_costs_only_its_curve_and_is_told():
    def broken(x):
        raise RuntimeError("no gradient here")

    inputs = np.ones((4, 5))
    activation = Activation("broken", broken, inputs=inputs, outputs=inputs)
    recorder = ModelRecorder()
    recording = recorder.record([dense(activation=activation), dense("other")])
    assert any("no gradient here" in problem for problem in recording.problems)
    assert {"nnviz/density/dense", "nnviz/weight_norm/dense", "nnviz/curve/other"} <= set(
        tensors(recording)
    )
    (content,) = [v.content for v in recording.values if v.tag == "nnviz/layer/dense"]
    assert any("broken" in note for note in metadata_from_bytes(content).notes)
    assert recorder.record([dense(activation=activation)]).problems == []


def test_an_array_that_cannot_be_read_costs_only_its_part():
    layer = dense(gradient=np.ones((12, 5), complex))
    recording = ModelRecorder().record([layer])
    assert [p.split(":")[:2] for p in recording.problems] == [["dense", " gradient"]]
    assert "nnviz/weight_norm/dense" in tensors(recording)
    assert "nnviz/gradient_norm/dense" not in tensors(recording)


def test_a_wide_layer_tracks_a_fixed_sample_with_quantiles_and_extremes_of_all():
    kernel = RNG.normal(size=(4, 20_000)).astype("f4") * RNG.uniform(0.5, 2, 20_000).astype("f4")
    layer = Layer("wide", "Dense", kernel=kernel)
    recorder = ModelRecorder(max_step_bytes=32 * 1024, seed=3)
    recording = recorder.record([layer])
    (value,) = [v for v in recording.values if v.tag == "nnviz/weight_norm/wide"]
    metadata = metadata_from_bytes(value.content)
    assert isinstance(metadata, SeriesMetadata)
    assert (metadata.neurons, metadata.seed) == (20_000, 3)
    assert 64 <= metadata.tracked < 20_000
    assert value.tensor.size == metadata.row_length
    norms = np.linalg.norm(kernel.astype("f8"), axis=0)
    tracked = spread_sample(20_000, metadata.tracked, 3)
    row, tail = np.split(value.tensor, [metadata.tracked])
    np.testing.assert_allclose(row, norms[tracked], rtol=1e-6)
    quantiles, extremes, values = np.split(
        tail, [len(QUANTILES), len(QUANTILES) + metadata.extremes]
    )
    np.testing.assert_allclose(quantiles, np.quantile(norms, QUANTILES), rtol=1e-6)
    half = metadata.extremes // 2
    assert set(extremes[:half]) == set(np.argsort(norms)[:half])
    assert set(extremes[half:]) == set(np.argsort(norms)[-half:])
    np.testing.assert_allclose(values, norms[extremes.astype(int)], rtol=1e-6)


def test_quantiles_of_what_is_known_of_tracked_neurons_only_are_not_made_up():
    layer = Layer("wide", "Dense", kernel=RNG.normal(size=(4, 20_000)).astype("f4"))
    recording = ModelRecorder(max_step_bytes=32 * 1024).record([layer])
    (value,) = [v for v in recording.values if v.tag == "nnviz/distance/wide"]
    metadata = metadata_from_bytes(value.content)
    assert (metadata.extremes, value.tensor.size) == (0, metadata.row_length)
    assert np.isnan(value.tensor[metadata.tracked :]).all()
    assert np.isfinite(value.tensor[: metadata.tracked]).all()


def test_kept_arrays_are_not_the_callers():
    kernel = np.ones((3, 4), "f4")
    recorder = ModelRecorder()
    recorder.record([Layer("d", "Dense", kernel=kernel)])
    kernel *= 3.0
    read = tensors(recorder.record([Layer("d", "Dense", kernel=kernel)]))
    np.testing.assert_allclose(read["nnviz/distance/d"], 2.0)
    np.testing.assert_allclose(read["nnviz/displacement/d"], 2.0)


MODELS = {
    "small": lambda: [dense(), dense("b", 5, 3)],
    "wide": lambda: [dense("wide", 64, 20_000, samples=4)],
    "deep": lambda: [dense(f"block_{i}/dense", 16, 24, samples=4) for i in range(60)],
    "very deep": lambda: [dense(f"block_{i}/dense", 4, 6, samples=3) for i in range(200)],
}


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
@pytest.mark.parametrize("limit", [24 * 1024, DEFAULT_STEP_BYTES])
def test_later_records_fit_in_the_budget_and_the_first_is_near_it(model, limit):
    recorder = ModelRecorder(max_step_bytes=limit)
    sizes = []
    turns: list[set[str]] = []
    for _ in range(3):
        recording = recorder.record(model())
        assert recording.problems == []
        sizes.append(record_bytes(recording) + budget.step_overhead())
        turns.append({tag for tag in tensors(recording) if tag.startswith("nnviz/layer/")})
    # A turn's first record has the curves beyond the bound, and metadata.
    if len(turns[0]) == len(model()):
        assert max(sizes[1:]) <= limit + 2 * budget.step_overhead()
        assert sizes[0] <= limit + len(model()) * 2048
    else:
        assert not turns[0] & turns[1]


def test_layers_that_do_not_fit_take_turns_and_that_is_said():
    model = MODELS["very deep"]()
    recorder = ModelRecorder(max_step_bytes=32 * 1024)
    seen: dict[str, int] = {}
    first = recorder.record(model)
    assert "in turn" in first.notes[0]
    turns = recorder._turns
    for recording in [first, *(recorder.record(model) for _ in range(2 * turns - 1))]:
        for tag in tensors(recording):
            if tag.startswith("nnviz/layer/"):
                seen[tag] = seen.get(tag, 0) + 1
    assert set(seen.values()) == {2}
    assert len(seen) == len(model)


def test_what_comes_later_in_a_run_finds_its_place():
    recorder = ModelRecorder()
    bare = dense(gradient=None, bias_gradient=None, update=None, activation=None)
    early = set(tensors(recorder.record([bare])))
    late = set(tensors(recorder.record([dense(kernel=bare.kernel)])))
    assert {
        "nnviz/gradient_norm/dense", "nnviz/update_ratio/dense", "nnviz/activity/dense",
        "dense/kernel_gradient", "nnviz/density/dense",
    } <= late - early  # fmt: skip


def test_a_layer_that_changes_its_width_is_told_and_training_goes_on(tmp_path):
    with nnviz_tb.SummaryWriter(tmp_path) as writer:
        writer.log_model({"d/kernel": np.ones((3, 4), "f4")}, 0)
        with pytest.warns(LoggingWarning, match="of 6 neurons, where there were 4"):
            writer.log_model({"d/kernel": np.ones((3, 6), "f4")}, 1)
        writer.log_model({"d/kernel": np.ones((3, 4), "f4")}, 2)
    assert [step for step, _ in rows(tmp_path, "nnviz/weight_norm/d")] == [0, 2]


def test_histograms_are_tensorboards_and_the_rest_is_ours(tmp_path):
    with nnviz_tb.SummaryWriter(tmp_path) as writer:
        writer.log_layers([dense()], 0, scalars={"loss": 1.0})
        writer.log_layers([dense()], 1, scalars={"loss": 0.5})
    log = accumulated(tmp_path)
    plugins = {t: log.SummaryMetadata(t).plugin_data.plugin_name for t in log.Tags()["tensors"]}
    histograms = {tag for tag, plugin in plugins.items() if plugin == HISTOGRAMS_PLUGIN}
    assert histograms == {f"dense/{n}{g}" for n in ("kernel", "bias") for g in ("", "_gradient")}
    assert all((p == "nnviz") == t.startswith("nnviz/") for t, p in plugins.items())
    assert all(log.SummaryMetadata(t).data_class == 2 for t in plugins if t != "loss")
    for tag, content in log.PluginTagToContent("nnviz").items():
        assert json.loads(content)["v"] == 1, tag
    run = metadata_from_bytes(log.SummaryMetadata("nnviz/run").plugin_data.content)
    assert run.writer == f"nnviz_tb {nnviz_tb.__version__}"
    assert run.step_bytes == DEFAULT_STEP_BYTES
    assert run.frameworks["numpy"] == np.__version__
    cost, _, size, dropped, overhead = array(tmp_path, "nnviz/run")
    assert 0 < cost < 5
    assert size > 1000
    assert dropped == 0
    assert 0 < overhead <= 1


@given(st.integers(1, 40), st.integers(1, 40), st.randoms(use_true_random=False))
@settings(max_examples=25, deadline=None)
def test_permuting_neurons_permutes_their_rows(fan_in, neurons, random):
    kernel = np.random.default_rng(random.getrandbits(32)).normal(size=(fan_in, neurons))
    order = list(range(neurons))
    random.shuffle(order)
    plain = tensors(ModelRecorder().record([Layer("d", "Dense", kernel=kernel)]))
    shuffled = tensors(ModelRecorder().record([Layer("d", "Dense", kernel=kernel[:, order])]))
    for name in ("weight_norm", "weight_mean", "weight_max", "sketch", "weights"):
        tag = f"nnviz/{name}/d"
        np.testing.assert_allclose(shuffled[tag], plain[tag][order], rtol=1e-5, atol=1e-7)

"""The byte budget, from shapes alone: from a thousand parameters to ten thousand million."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nnviz_tb.definitions import NEURON_STATISTICS
from nnviz_tb.recording import budget, serving
from nnviz_tb.recording.budget import DEFAULT_STEP_BYTES, LayerShape, allocate


def dense(fan_in: int, neurons: int, name_bytes: int = 24) -> LayerShape:
    """A dense layer with all that may ever be recorded of one."""
    return LayerShape(
        name_bytes,
        neurons,
        fan_in,
        arrays=((6, fan_in * neurons), (4, neurons), (15, fan_in * neurons), (13, neurons)),
        statistics=tuple((name, neurons) for name in NEURON_STATISTICS),
        curve_rows=3,
        has_density=True,
        has_output=True,
    )


MODELS = {
    "1k parameters": [dense(30, 32), dense(32, 1)],
    "100k parameters": [dense(784, 128), dense(128, 10)],
    "1M parameters": [dense(1024, 512), dense(512, 512), dense(512, 256), dense(256, 10)],
    "25M parameters, 160 layers": [dense(576, 256)] * 160,
    "138M parameters, one layer of most": [
        dense(25088, 4096),
        dense(4096, 4096),
        dense(4096, 1000),
    ],
    "1G parameters": [dense(50257, 1600), *[dense(1600, 6400)] * 96],
    "10G parameters": [dense(4096, 4096)] * 600,
    "3,000 layers": [dense(64, 64)] * 3000,
    "one layer of 2**25 neurons": [dense(8, 1 << 25)],
}


@pytest.mark.parametrize("shapes", MODELS.values(), ids=MODELS)
@pytest.mark.parametrize("limit", [16 * 1024, DEFAULT_STEP_BYTES, 4 * 1024 * 1024])
def test_no_turn_promises_more_than_the_budget(shapes, limit):
    allocation = allocate(shapes, limit)
    for turn in range(allocation.turns):
        promised = sum(share.bytes for share in allocation.shares[turn :: allocation.turns])
        assert promised + budget.step_overhead() <= allocation.step_bytes <= limit


@pytest.mark.parametrize("shapes", MODELS.values(), ids=MODELS)
def test_every_layer_is_recorded_with_figures_histogram_and_some_neurons(shapes):
    for share in allocate(shapes).shares:
        assert share.has_figures
        assert share.histogram_rows[0] >= 8
        assert share.tracked["weight_norm"] >= min(8, shapes[0].neurons, shapes[-1].neurons)


def test_a_small_model_is_recorded_whole():
    for shape, share in zip(
        MODELS["1k parameters"], allocate(MODELS["1k parameters"]).shares, strict=True
    ):
        assert share.tracked == dict(shape.statistics)
        assert not any(share.extremes.values())
        assert (share.weight_rows, share.weight_columns) == (shape.neurons, shape.fan_in)
        assert share.sketches == shape.neurons
        assert share.curve_grid == max(serving.CURVE_GRIDS)


def test_a_model_of_usual_size_has_all_layers_at_every_step():
    assert allocate(MODELS["25M parameters, 160 layers"]).turns == 1


def test_what_small_layers_leave_goes_to_the_large_one():
    small, large = dense(4, 4), dense(4096, 4096)
    alone = allocate([large]).shares[0]
    among = allocate([small] * 5 + [large]).shares[-1]
    assert among.bytes >= alone.bytes - 5 * allocate([small]).shares[0].bytes - 64


def test_layers_of_one_shape_get_the_same():
    shares = allocate([dense(512, 512)] * 40).shares
    assert all(share == shares[0] for share in shares)


@given(st.integers(4096, 1 << 20), st.integers(1, 6), st.integers(1, 3000), st.integers(1, 3000))
@settings(max_examples=60)
def test_more_room_never_means_fewer_bytes_of_content(limit, layers, fan_in, neurons):
    shapes = [dense(fan_in, neurons)] * layers
    less, more = allocate(shapes, limit), allocate(shapes, 2 * limit)
    if less.turns == more.turns == 1:
        assert more.step_bytes >= less.step_bytes - 64 * layers


@given(st.lists(st.tuples(st.integers(0, 5000), st.integers(1, 70_000), st.integers(1, 512)),
                min_size=1, max_size=40), st.integers(4096, 1 << 20))  # fmt: skip
@settings(max_examples=100)
def test_the_budget_holds_for_any_mix_of_layers(sizes, limit):
    shapes = [dense(*size) if size[0] else LayerShape(size[2]) for size in sizes]
    allocation = allocate(shapes, limit)
    for turn in range(allocation.turns):
        promised = sum(share.bytes for share in allocation.shares[turn :: allocation.turns])
        assert promised + budget.step_overhead() <= limit
    for share in allocation.shares:
        assert share.weight_rows <= share.tracked.get("weight_norm", 0)
        assert share.weight_rows * share.weight_columns * 4 <= serving.MAX_WEIGHTS_BYTES


def test_the_memory_for_past_weights_is_bounded():
    shapes = MODELS["10G parameters"]
    held = sum(
        8 * shape.fan_in * max(share.tracked.get(name, 0) for name in serving.TRACKED_ONLY)
        for shape, share in zip(shapes, allocate(shapes).shares, strict=True)
    )
    assert held <= budget.STATE_BYTES


def test_what_comes_later_gets_only_what_is_left():
    first = allocate([dense(512, 512)] * 50)
    taken = first.step_bytes - budget.step_overhead()
    later = allocate([dense(512, 512)] * 50, taken_bytes=taken)
    assert later.step_bytes <= DEFAULT_STEP_BYTES
    assert later.turns == 1

"""Selections, reductions, quantiles and deltas, against NumPy and against their laws."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from nnviz_tb.definitions import QUANTILES
from nnviz_tb.reading import quantiles, queries
from nnviz_tb.reading.faults import NotFoundError
from nnviz_tb.reading.kernels import kernels
from nnviz_tb.reading.parameters import Selection
from nnviz_tb.reading.quantiles import finite_quantiles
from nnviz_tb.reading.rows import Series
from nnviz_tb.sampling import spread_sample
from nnviz_tb.schema import SeriesMetadata

FLOATS = st.floats(width=32, allow_nan=True, allow_infinity=True)


def series_of(values: np.ndarray, metadata: SeriesMetadata | None = None, start: int = 0) -> Series:
    steps = np.arange(start, start + len(values), dtype=np.float64)
    return Series(steps, 1e9 + steps, values, metadata)


def linear(count: int, start: int = 0) -> Series:
    return series_of(np.arange(start, start + count, dtype=np.float32), start=start)


@given(
    hnp.arrays(np.float32, st.tuples(st.integers(1, 4), st.integers(1, 80)), elements=FLOATS),
    st.integers(2, 30),
)
def test_a_reduction_keeps_the_ends_and_every_extreme(profile: np.ndarray, limit: int) -> None:
    kept = queries.reduced(profile, limit)
    assert 1 <= kept.size <= max(limit, 1)
    assert np.array_equal(kept, np.unique(kept))
    assert kept[0] == 0
    assert kept[-1] == profile.shape[1] - 1
    finite = profile[np.isfinite(profile)]
    if finite.size and limit >= 4:
        shown = profile[:, kept]
        shown = shown[np.isfinite(shown)]
        assert shown.min() == finite.min()
        assert shown.max() == finite.max()


def test_one_spike_among_ten_thousand_steps_survives() -> None:
    profile = np.zeros((1, 10_000))
    profile[0, 7_321] = 1e-9
    assert 7_321 in queries.reduced(profile, 10)


@given(hnp.arrays(np.float32, st.tuples(st.integers(1, 6), st.integers(1, 20)), elements=FLOATS))
def test_quantiles_are_those_of_numpy_over_the_finite_values(values: np.ndarray) -> None:
    found = finite_quantiles(values)
    for step, row in enumerate(values):
        finite = row[np.isfinite(row)].astype(np.float64)
        if finite.size:
            expected = np.quantile(finite, QUANTILES).astype(np.float32)
            # One rounding to float32 on each side of a difference taken in float64.
            np.testing.assert_allclose(found[:, step], expected, rtol=3e-7, atol=1e-38)
        else:
            assert np.isnan(found[:, step]).all()


def test_quantiles_of_a_layer_too_wide_for_one_thread_are_the_same() -> None:
    values = np.random.default_rng(0).standard_normal((301, 4096), np.float32)
    values[7, ::3] = np.nan
    values[200, 5] = -np.inf
    whole = finite_quantiles(values)
    assert values.size > quantiles._SHARED_VALUES
    rows = [finite_quantiles(values[step : step + 1]) for step in range(len(values))]
    np.testing.assert_array_equal(whole, np.concatenate(rows, axis=1))


def test_quantiles_of_no_neurons_are_nan() -> None:
    assert np.isnan(finite_quantiles(np.empty((3, 0), np.float32))).all()


def test_a_closed_range_selects_its_ends() -> None:
    answer = queries.scalars(linear(100), Selection(first=10, last=20))
    np.testing.assert_array_equal(answer.arrays["steps"], np.arange(10, 21))
    assert answer.meta["kept_steps"] == 100
    assert (answer.meta["first_step"], answer.meta["last_step"]) == (0, 99)


def test_a_zoomed_range_is_exact_where_the_whole_is_reduced() -> None:
    values = np.random.default_rng(0).standard_normal(5000).astype(np.float32)
    series = series_of(values)
    whole = queries.scalars(series, Selection(limit=50))
    zoomed = queries.scalars(series, Selection(limit=50, first=2000, last=2049))
    assert whole.arrays["steps"].size <= 50
    np.testing.assert_array_equal(zoomed.arrays["values"], values[2000:2050])


def test_an_empty_range_gives_empty_arrays() -> None:
    answer = queries.scalars(linear(5), Selection(first=50, last=60))
    assert answer.arrays["values"].size == 0
    assert answer.meta["last_step"] == 4


def followed(series: Series, known: queries.Answer, limit: int = 1000) -> queries.Answer:
    after = int(known.arrays["steps"][-1])
    return queries.scalars(series, Selection(limit, after=after, have=known.meta["key"]))


def test_a_live_update_brings_only_the_new_steps() -> None:
    first = queries.scalars(linear(10), Selection())
    update = followed(linear(13), first)
    assert update.meta["delta"] is True
    np.testing.assert_array_equal(update.arrays["steps"], [10, 11, 12])
    again = followed(linear(14), update)
    assert again.meta["delta"] is True
    np.testing.assert_array_equal(again.arrays["steps"], [13])


def test_a_live_update_without_news_is_empty_even_when_the_answer_was_reduced() -> None:
    first = queries.scalars(linear(5000), Selection(limit=100))
    update = followed(linear(5000), first, limit=100)
    assert update.meta["delta"] is True
    assert update.arrays["steps"].size == 0


def test_news_beyond_the_limit_bring_everything_again() -> None:
    first = queries.scalars(linear(100), Selection(limit=100))
    update = followed(linear(101), first, limit=100)
    assert update.meta["delta"] is False
    assert update.arrays["steps"].size <= 100


def without(series: Series, gone: int) -> Series:
    keep = series.steps != gone
    return Series(series.steps[keep], series.wall_times[keep], series.values[keep])


def test_a_step_evicted_from_tensorboards_sample_brings_everything_again() -> None:
    first = queries.scalars(linear(10), Selection())
    update = followed(without(linear(12), 4), first)
    assert update.meta["delta"] is False
    np.testing.assert_array_equal(update.arrays["steps"], [0, 1, 2, 3, 5, 6, 7, 8, 9, 10, 11])


def test_a_restarted_run_brings_everything_again() -> None:
    first = queries.scalars(linear(10), Selection())
    restarted = linear(10)
    restarted.wall_times[5:] += 60
    assert followed(restarted, first).meta["delta"] is False
    assert followed(linear(6), first).meta["delta"] is False


def test_another_question_brings_everything_again() -> None:
    first = queries.scalars(linear(10), Selection(limit=500))
    assert followed(linear(10), first, limit=499).meta["delta"] is False
    zoomed = Selection(500, first=2, after=9, have=first.meta["key"])
    assert queries.scalars(linear(10), zoomed).meta["delta"] is False


@given(st.data())
def test_a_client_that_applies_deltas_always_holds_what_a_new_client_gets(
    data: st.DataObject,
) -> None:
    held: dict[int, float] = {}
    series = linear(0)
    rng = np.random.default_rng(data.draw(st.integers(0, 1000)))
    selection = Selection(limit=12)
    clock = 0.0
    for _ in range(6):
        for _ in range(data.draw(st.integers(0, 4))):
            clock += 1
            step = data.draw(st.integers(0, 30))
            keep = series.steps != step
            if data.draw(st.booleans()) and series.steps.size:  # the reservoir evicts one
                keep[rng.integers(series.steps.size)] = False
            steps = np.append(series.steps[keep], step)
            order = np.argsort(steps)
            series = Series(
                steps[order],
                np.append(series.wall_times[keep], clock)[order],
                np.append(series.values[keep], np.float32(clock))[order],
            )
        answer = queries.scalars(series, selection)
        fresh = dict(zip(answer.arrays["steps"], answer.arrays["values"], strict=True))
        if held:
            following = Selection(12, after=int(max(held)), have=key)  # noqa: F821
            answer = queries.scalars(series, following)
        if not answer.meta["delta"]:
            held = {}
        held.update(zip(answer.arrays["steps"], answer.arrays["values"], strict=True))
        key = answer.meta["key"]  # noqa: F841
        assert held == fresh


def test_a_partly_tracked_layer_has_its_stored_quantiles_and_extremes() -> None:
    metadata = SeriesMetadata(neurons=100, tracked=5, extremes=4, seed=3)
    rows = np.arange(2 * metadata.row_length, dtype=np.float32).reshape(2, -1)
    rows[:, 14:18] = [[7, 8, 90, 99], [1, 2, np.nan, 200]]
    answer = queries.neurons(series_of(rows, metadata), Selection())
    np.testing.assert_array_equal(answer.arrays["neurons"], spread_sample(100, 5, 3))
    np.testing.assert_array_equal(answer.arrays["values"], rows[:, :5].T)
    np.testing.assert_array_equal(answer.arrays["quantiles"], rows[:, 5:14].T)
    np.testing.assert_array_equal(
        answer.arrays["extreme_neurons"], [[7, 1], [8, 2], [90, -1], [99, -1]]
    )
    np.testing.assert_array_equal(answer.arrays["extreme_values"], rows[:, 18:].T)
    assert answer.meta["neurons"] == 100


def test_permuting_the_neurons_permutes_the_rows_and_leaves_the_quantiles() -> None:
    metadata = SeriesMetadata(neurons=8, tracked=8)
    values = np.random.default_rng(1).standard_normal((30, 8)).astype(np.float32)
    order = np.random.default_rng(2).permutation(8)
    plain = queries.neurons(series_of(values, metadata), Selection(limit=10)).arrays
    mixed = queries.neurons(series_of(values[:, order], metadata), Selection(limit=10)).arrays
    np.testing.assert_array_equal(plain["steps"], mixed["steps"])
    np.testing.assert_array_equal(plain["values"][order], mixed["values"])
    np.testing.assert_array_equal(plain["quantiles"], mixed["quantiles"])


def test_the_weights_of_a_kept_neuron_come_back_and_others_are_not_found() -> None:
    metadata = SeriesMetadata(neurons=50, tracked=4, fan_in=30, columns=3, seed=1)
    values = np.random.default_rng(0).standard_normal((6, 4, 3)).astype(np.float32)
    kept = spread_sample(50, 4, 1)
    series = series_of(values, metadata)
    answer = queries.weights(series, Selection(), int(kept[2]))
    np.testing.assert_array_equal(answer.arrays["values"], values[:, 2].T)
    np.testing.assert_array_equal(answer.arrays["columns"], spread_sample(30, 3, 1))
    assert "values" not in queries.weights(series, Selection(), None).arrays
    missing = next(neuron for neuron in range(50) if neuron not in kept)
    with pytest.raises(NotFoundError, match="4 of 50"):
        queries.weights(series, Selection(), missing)


def test_the_weights_of_all_kept_neurons_at_a_step_are_those_that_hold_then() -> None:
    metadata = SeriesMetadata(neurons=50, tracked=4, fan_in=30, columns=3, seed=1)
    values = np.random.default_rng(0).standard_normal((6, 4, 3)).astype(np.float32)
    steps = np.arange(0.0, 60.0, 10.0)
    series = Series(steps, 1e9 + steps, values, metadata)
    for asked, row in ((None, 5), (-1, 0), (0, 0), (30, 3), (39, 3), (1 << 40, 5)):
        arrays = kernels(series, asked).arrays
        np.testing.assert_array_equal(arrays["values"], values[row])
        np.testing.assert_array_equal(arrays["steps"], steps[row : row + 1])
        np.testing.assert_array_equal(arrays["neurons"], spread_sample(50, 4, 1))
        np.testing.assert_array_equal(arrays["columns"], spread_sample(30, 3, 1))


def test_a_curve_of_bands_is_taken_apart() -> None:
    rows = np.arange(2 * 7 * 5, dtype=np.float32).reshape(2, 7, 5)
    arrays = queries.curve(series_of(rows, SeriesMetadata())).arrays
    np.testing.assert_array_equal(arrays["x"], rows[:, 0])
    np.testing.assert_array_equal(arrays["f"], rows[:, 1:4])
    np.testing.assert_array_equal(arrays["slope"], rows[:, 4:7])


def test_a_loud_field_does_not_drown_a_quiet_one() -> None:
    values = np.zeros((400, 2), np.float32)
    values[:, 0] = np.linspace(0, 1e6, 400)
    values[123, 1] = 1e-3
    answer = queries.fields(series_of(values), Selection(limit=20), ["loud", "quiet"])
    assert 123 in answer.arrays["steps"]

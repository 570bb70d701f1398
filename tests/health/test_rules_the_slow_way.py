"""The rules over whole series, each against its definition written as a loop over plain numbers.

The oracles follow the text of ``docs/findings.md`` and know the standard library alone.
"""

from __future__ import annotations

import math
import random
import statistics
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from synthetic_runs import HEALTHY, RELU, TANH, layer, run

from nnviz_tb.health import Finding, RunSeries, Thresholds, assess

LIMITS = Thresholds()
WINDOW = LIMITS.window
SEEDS = st.integers(0, 1_000_000)


def found(series: RunSeries, kind: str) -> list[Finding]:
    return [item for item in assess(series) if item.kind == kind]


def medians(values: list[float]) -> list[float]:
    return [statistics.median(values[end - WINDOW : end]) for end in range(WINDOW, len(values) + 1)]


def states(values: list[float], enters: float, leaves: float, above: bool) -> list[bool]:
    """Whether a state holds after each full window: a trigger with two limits."""
    told, state = [], False
    for median in medians(values):
        if (median > enters) if above else (median < enters):
            state = True
        elif (median <= leaves) if above else (median >= leaves):
            state = False
        told.append(state)
    return told


def agrees(item: list[Finding], told: list[bool]) -> None:
    """One finding where the state ever held; over or not as the state is in the end."""
    assert bool(item) == (True in told)
    if item:
        assert item[0].ongoing == told[-1]
        end = max(place for place, state in enumerate(told) if state)
        assert item[0].last_step == (end + WINDOW - 1) * 10


def rises(values: list[float]) -> bool:
    """The last two values are half as large again as the two before the middle."""
    middle = len(values) // 2
    return sum(values[-2:]) > 1.5 * sum(values[middle - 2 : middle])


def wandering(rng: random.Random, count: int, start: float, pace: float) -> list[float]:
    """A series that goes up and down by factors, so that it crosses limits and comes back."""
    values, level = [], start
    for _ in range(count):
        level *= math.exp(rng.gauss(0, pace))
        values.append(level * math.exp(rng.gauss(0, pace / 3)))
    return values


# Figures of one layer


@pytest.mark.parametrize(
    ("kind", "field", "enters", "above"),
    [
        ("update_too_large", "update_ratio", LIMITS.update_too_large, True),
        ("update_too_small", "update_ratio", LIMITS.update_too_small, False),
        ("dead_units", "dead_share", LIMITS.dead_units, True),
        ("saturated_units", "saturated_share", LIMITS.saturated_units, True),
        ("dormant_units", "dormant_share", LIMITS.dormant_units, True),
        ("inputs_out_of_range", "outside_share", LIMITS.inputs_out_of_range, True),
    ],
)
@given(seed=SEEDS, count=st.integers(0, 60))
@settings(max_examples=40, deadline=None)
def test_a_figure_is_judged_by_its_windowed_median_with_two_limits(
    kind: str, field: str, enters: float, above: bool, seed: int, count: int
) -> None:
    values = wandering(random.Random(seed), count, enters, 0.3)
    if field.endswith("share"):
        values = [min(value, 1.0) for value in values]
    activation = TANH if kind == "saturated_units" else RELU
    sick = {**HEALTHY, field: values}
    series = run(
        layer("first", 0, steps=count, activation=activation, **sick),
        layer("last", 1, steps=count, **HEALTHY),
    )
    leaves = enters * LIMITS.leave if above else enters / LIMITS.leave
    told = states(values, enters, leaves, above)
    items = [item for item in found(series, kind) if "leap" not in item.figures]
    if kind == "update_too_small" and told and told[-1] and rises(values):
        assert items == []
        return
    agrees(items, told)
    assert all(item.layer == "first" for item in items)


@given(seed=SEEDS, count=st.integers(0, 60), see_steps=st.booleans())
@settings(max_examples=60, deadline=None)
def test_a_layer_is_frozen_where_it_never_moved_for_long_enough(
    seed: int, count: int, see_steps: bool
) -> None:
    rng = random.Random(seed)
    moves = [rng.random() < rng.choice((0.02, 0.3)) for _ in range(count)]
    values = [1e-3 if moved else 0.0 for moved in moves]
    rests: list[tuple[int, int]] = []
    for place, moved in enumerate(moves):
        if not moved:
            began = rests.pop()[0] if rests and rests[-1][1] == place else place
            rests.append((began, place + 1))
    expected, longest = None, 0
    for began, ended in rests:
        rows = ended - began
        if see_steps and rows >= WINDOW:
            expected = began, ended, "severe"
        elif not see_steps and rows >= LIMITS.frozen_rows and rows > longest:
            expected = began, ended, "severe" if rows >= LIMITS.frozen_rows_severe else "warning"
        longest = max(longest, rows)
    sick = {**HEALTHY, "displacement": values, "update_ratio": 1e-3 if see_steps else math.nan}
    series = run(layer("first", steps=count, **sick), layer("last", 1, steps=count, **HEALTHY))
    items = [
        (item.first_step, item.last_step, item.severity) for item in found(series, "frozen_layer")
    ]
    if expected is None:
        assert items == []
        return
    began, ended, severity = expected
    assert items == [(began * 10, ended * 10 - 10, severity if ended == count else "info")]


# Gradients of all layers


@given(seed=SEEDS, count=st.integers(0, 60))
@settings(max_examples=60, deadline=None)
def test_a_gradient_vanishes_where_both_conditions_hold(seed: int, count: int) -> None:
    rng = random.Random(seed)
    first = wandering(rng, count, LIMITS.vanishing_norm, 0.5)
    last = wandering(rng, count, LIMITS.vanishing_norm / LIMITS.vanishing_ratio, 0.5)
    scores = []
    for first_norm, last_norm in zip(first, last, strict=True):
        by_ratio = first_norm / last_norm / LIMITS.vanishing_ratio
        by_norm = first_norm / LIMITS.vanishing_norm
        scores.append(max(by_ratio, by_norm))  # both hold where even the worse is below 1
    series = run(
        layer("first", 0, steps=count, **{**HEALTHY, "gradient_norm": first}),
        layer("last", 1, steps=count, **{**HEALTHY, "gradient_norm": last}),
    )
    items = found(series, "vanishing_gradient")
    agrees(items, states(scores, 1.0, 1.0 / LIMITS.leave, above=False))
    assert all(item.layer == "first" for item in items)


@given(seed=SEEDS, count=st.integers(0, 60), by_length=st.booleans())
@settings(max_examples=60, deadline=None)
def test_a_gradient_explodes_beside_the_last_layer_s_or_beside_its_weights(
    seed: int, count: int, by_length: bool
) -> None:
    rng = random.Random(seed)
    weight_norm = 0.5 if by_length else 1e9
    limit = LIMITS.exploding_length if by_length else LIMITS.exploding_ratio
    last = [limit * 2.0 if by_length else 1.0] * count  # explodes with it, or does not
    norms = [
        wandering(rng, count, limit * (weight_norm if by_length else 1.0), 0.4) for _ in range(2)
    ]
    if by_length:
        last = [weight_norm * limit / 3.0] * count
    worst = []
    for step in range(count):
        everyone = [norms[0][step], norms[1][step], last[step]]
        below = weight_norm if by_length else last[step]
        worst.append(max(norm / below for norm in everyone))
    given_norms = [*norms, last]
    series = run(
        *(
            layer(
                f"layer{place}",
                place,
                steps=count,
                **{**HEALTHY, "gradient_norm": norm, "weight_norm": weight_norm},
            )
            for place, norm in enumerate(given_norms)
        )
    )
    items = found(series, "exploding_gradient")
    agrees(items, states(worst, limit, limit * LIMITS.leave, above=True))
    if items:
        end = items[0].last_step // 10
        by_layer = [statistics.median(norm[end - WINDOW + 1 : end + 1]) for norm in given_norms]
        assert items[0].layer == f"layer{by_layer.index(max(by_layer))}"


# Weights


def at(place: float, places: list[float], values: list[float]) -> float:
    """The polygon through the points, at a place."""
    for left in range(len(places) - 1):
        if places[left] <= place <= places[left + 1]:
            part = (place - places[left]) / (places[left + 1] - places[left])
            return values[left] + part * (values[left + 1] - values[left])
    return values[-1]


@given(seed=SEEDS, count=st.integers(0, 60), power=st.floats(0.1, 3.0), top=st.floats(2.0, 400.0))
@settings(max_examples=80, deadline=None)
def test_weights_grow_without_bound_where_the_second_half_adds_as_much_as_the_first(
    seed: int, count: int, power: float, top: float
) -> None:
    rng = random.Random(seed)
    norms = [
        (1.0 + (top - 1.0) * (step / max(count - 1, 1)) ** power) * (1.0 + rng.gauss(0, 0.01))
        for step in range(count)
    ]
    expected = None
    of = medians(norms)
    if len(of) >= WINDOW:
        steps = [(place + WINDOW - 1) * 10.0 for place in range(len(of))]
        middle = at((steps[0] + steps[-1]) / 2, steps, of)
        slows = of[-1] - middle < LIMITS.growth_kept * (middle - of[0])
        ratio = of[-1] / of[0]
        if ratio > LIMITS.weights_growing and not slows:
            expected = "severe" if ratio > LIMITS.weights_growing_severe else "warning"
    series = run(layer("dense", steps=count, **{**HEALTHY, "weight_norm": norms}))
    items = found(series, "weights_growing")
    assert [item.severity for item in items] == ([expected] if expected else [])


# The loss


def quantile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    below = math.floor(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (place - below) * (ordered[above] - ordered[below])


def swing_of(values: list[float]) -> float:
    """5 to 95 % of what a straight line by least squares leaves, by the normal equations."""
    count = len(values)
    mean_x = (count - 1) / 2
    mean_y = sum(values) / count
    covariance = sum((x - mean_x) * (y - mean_y) for x, y in enumerate(values))
    slope = covariance / sum((x - mean_x) ** 2 for x in range(count))
    rest = [y - mean_y - slope * (x - mean_x) for x, y in enumerate(values)]
    return quantile(rest, 0.95) - quantile(rest, 0.05)


def diverges(loss: list[float]) -> bool:
    """Rose above its start by the size of the start or of the gain, and not come below since."""
    start, spread = statistics.median(loss[:WINDOW]), swing_of(loss[: LIMITS.loss_samples])
    for leap in range(WINDOW // 2, 0, -1):
        before = max(loss[:leap])
        if min(loss[leap:WINDOW]) - before > 3.0 * abs(before):
            start, spread = statistics.median(loss[:leap]), 0.0
    of = medians(loss)
    rises, lowest = [], math.inf
    for place, median in enumerate(of):
        lowest = min(lowest, median)
        unit = max(abs(start), spread, start - lowest)
        rises.append((loss[place + WINDOW - 1] - start) / unit)
    state = False
    for end in range(WINDOW, len(rises) + 1):
        median = statistics.median(rises[end - WINDOW : end])
        if median > LIMITS.loss_diverged:
            state = True
        elif median <= -LIMITS.loss_stalled:
            state = False
    return state


def oscillates(loss: list[float]) -> str | None:
    half = loss[len(loss) // 2 :]
    start = max(loss[0], statistics.median(loss[:WINDOW]))
    level, size = statistics.median(half), swing_of(half)
    if size / abs(level) <= LIMITS.loss_oscillates or size <= start - level:
        return None
    early = statistics.median(loss[: LIMITS.loss_samples])
    falls = early - level > LIMITS.loss_stalled * abs(early)
    is_sure = size / abs(level) > LIMITS.loss_oscillates_severe and not falls
    return "severe" if is_sure else "warning"


def stalls(loss: list[float]) -> str | None:
    start = max(loss[0], statistics.median(loss[:WINDOW]))
    fall = (start - min(medians(loss))) / abs(start)
    if fall >= LIMITS.loss_stalled:
        return None
    is_sure = len(loss) >= LIMITS.loss_samples_severe and fall < LIMITS.loss_stalled_severe
    return "severe" if is_sure else "warning"


def falls(rng: random.Random, place: float) -> float:
    return 2.0 * math.exp(-3.0 * place) + 0.1 + rng.gauss(0, 0.02)


def rests(rng: random.Random, place: float) -> float:
    return 2.3 + rng.gauss(0, 0.003) - 0.2 * rng.random() * place


def bounces(rng: random.Random, place: float) -> float:
    return 1.0 + rng.uniform(0.05, 0.9) * rng.choice((-1, 1))


def climbs(rng: random.Random, place: float) -> float:
    return math.exp(3.0 * place + rng.gauss(0, 0.2))


def leaps(rng: random.Random, place: float) -> float:
    return 3.0 + rng.gauss(0, 0.2) if place else 1.0


def returns(rng: random.Random, place: float) -> float:
    return 2.0 + 5.0 * rng.random() if 0.25 < place < 0.5 else 1.0 - place / 2


@pytest.mark.parametrize("shape", [falls, rests, bounces, climbs, leaps, returns])
@given(seed=SEEDS, count=st.one_of(st.integers(5, 90), st.integers(190, 220)))
@settings(max_examples=60, deadline=None)
def test_a_loss_diverges_oscillates_or_stalls_as_the_definitions_say(
    shape: Callable[[random.Random, float], float], seed: int, count: int
) -> None:
    rng = random.Random(seed)
    loss = [shape(rng, step / count) for step in range(count)]
    ongoing = {
        item.kind: item.severity
        for item in assess(run(scalars={"loss": loss}))
        if item.ongoing and item.kind != "nonfinite"
    }
    expected: dict[str, str] = {}
    if count >= LIMITS.loss_samples:
        if diverges(loss):
            expected["loss_diverged"] = "severe"
        swings = oscillates(loss)
        if swings:
            expected["loss_oscillates"] = swings
        stalled = stalls(loss)
        if stalled and not expected:
            expected["loss_stalled"] = stalled
    assert ongoing == expected

"""Curves against derivatives written by hand, and zones against what they are defined to be."""

import math

import numpy as np
import pytest
from scipy.special import erf

from nnviz_tb.errors import StatsError
from nnviz_tb.statistics.curves import Curve, curve_limit, sample_curve
from nnviz_tb.statistics.density import density


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def softplus(x):
    return np.logaddexp(x, 0)


def mish_slope(x):
    t = np.tanh(softplus(x))
    return t + x * sigmoid(x) * (1 - t * t)


def gaussian(x):
    return np.exp(-x * x / 2) / math.sqrt(2 * math.pi)


ALPHA, SCALE = 1.6732632423543772, 1.0507009873554805
FUNCTIONS = {
    "relu": (lambda x: np.maximum(x, 0), lambda x: x > 0, [0]),
    "relu6": (lambda x: np.clip(x, 0, 6), lambda x: (x > 0) & (x < 6), [0, 6]),
    "leaky_relu": (lambda x: np.where(x > 0, x, 0.2 * x), lambda x: np.where(x > 0, 1, 0.2), [0]),
    "hard_sigmoid": (lambda x: np.clip(x / 6 + 0.5, 0, 1), lambda x: (abs(x) < 3) / 6, [-3, 3]),
    "tanh": (np.tanh, lambda x: 1 - np.tanh(x) ** 2, []),
    "sigmoid": (sigmoid, lambda x: sigmoid(x) * (1 - sigmoid(x)), []),
    "softsign": (lambda x: x / (1 + abs(x)), lambda x: 1 / (1 + abs(x)) ** 2, []),
    "softplus": (softplus, sigmoid, []),
    "silu": (lambda x: x * sigmoid(x), lambda x: sigmoid(x) * (1 + x * (1 - sigmoid(x))), []),
    "gelu": (
        lambda x: x * (1 + erf(x / math.sqrt(2))) / 2,
        lambda x: (1 + erf(x / math.sqrt(2))) / 2 + x * gaussian(x),
        [],
    ),
    "mish": (lambda x: x * np.tanh(softplus(x)), mish_slope, []),
    "elu": (
        lambda x: np.where(x > 0, x, np.expm1(np.minimum(x, 0))),
        lambda x: np.exp(np.minimum(x, 0)),
        [],
    ),
    "selu": (
        lambda x: SCALE * np.where(x > 0, x, ALPHA * np.expm1(np.minimum(x, 0))),
        lambda x: SCALE * np.where(x > 0, 1, ALPHA * np.exp(np.minimum(x, 0))),
        [0],
    ),
    "exponential": (np.exp, np.exp, []),
    "linear": (lambda x: x, np.ones_like, []),
}
NAN = math.nan


@pytest.mark.parametrize("name", FUNCTIONS)
def test_values_and_slopes_are_those_of_the_function(name):
    function, slope, kinks = FUNCTIONS[name]
    curve = sample_curve(function, name=name)
    away = np.all([np.abs(curve.x - kink) > 1e-3 for kink in kinks], axis=0) | (not kinks)
    np.testing.assert_array_equal(curve.f[0], function(curve.x))
    np.testing.assert_allclose(curve.slope[0][away], slope(curve.x)[away], rtol=1e-5, atol=2e-5)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_that_computes_in_float32_has_good_slopes_too(name):
    function, slope, kinks = FUNCTIONS[name]
    curve = sample_curve(lambda x: function(x.astype(np.float32)).astype(np.float32), name=name)
    # Softsign's and ELU's slopes have a kink at zero, where the difference is of first order.
    away = np.all([np.abs(curve.x - kink) > 5e-3 for kink in (*kinks, 0)], axis=0)
    np.testing.assert_allclose(curve.slope[0][away], slope(curve.x)[away], rtol=1e-3, atol=1e-3)


def test_at_a_kink_the_flatter_side_is_the_slope():
    curve = sample_curve(FUNCTIONS["relu"][0])
    assert curve.slope[0][np.flatnonzero(curve.x == 0)[0]] == 0
    steps = sample_curve(lambda x: np.where(x > 0, 1.0, 0.0))
    assert (steps.slope == 0).all()


TANH = math.atanh(math.sqrt(0.95))
# p(1 − p) = 0.05 / 4
SIGMOID = math.log((1 + math.sqrt(0.95)) / (1 - math.sqrt(0.95)))
SOFTSIGN = math.sqrt(20) - 1


@pytest.mark.parametrize(
    ("name", "bounded", "zones"),
    [
        ("relu", False, (0, NAN, NAN, NAN)),
        ("relu6", True, (0, NAN, NAN, 6)),
        ("hard_sigmoid", True, (-3, NAN, NAN, 3)),
        ("tanh", True, (NAN, NAN, -TANH, TANH)),
        ("sigmoid", True, (NAN, NAN, -SIGMOID, SIGMOID)),
        ("softsign", True, (NAN, NAN, -SOFTSIGN, SOFTSIGN)),
        ("softplus", False, (math.log(0.05 / 0.95), NAN, NAN, NAN)),
        ("leaky_relu", False, (NAN,) * 4),
        ("elu", False, (NAN,) * 4),
        ("selu", False, (NAN,) * 4),
        ("exponential", False, (NAN,) * 4),
        ("linear", False, (NAN,) * 4),
    ],
)
def test_zones_end_where_their_definition_says(name, bounded, zones):
    curve = sample_curve(FUNCTIONS[name][0])
    got = curve.zones
    np.testing.assert_allclose(
        (got.dead_below, got.dead_above, got.saturated_below, got.saturated_above), zones, atol=1e-6
    )
    assert curve.bounded == bounded
    assert curve.has_dead_zone == (not math.isnan(zones[0]))


@pytest.mark.parametrize("name", ["gelu", "silu", "mish"])
def test_smooth_rectifiers_die_where_their_slope_falls_below_a_twentieth(name):
    function, slope, _ = FUNCTIONS[name]
    curve = sample_curve(function)
    border = curve.zones.dead_below
    threshold = 0.05 * np.abs(slope(np.linspace(-10, 10, 400_001))).max()
    assert (np.abs(slope(np.linspace(-50, border - 2e-6, 10_000))) < threshold).all()
    assert abs(slope(border + 2e-6)) > threshold
    assert curve.has_dead_zone
    assert not curve.bounded


def test_zones_are_found_on_the_other_side_and_far_from_the_window():
    mirrored = sample_curve(lambda x: np.maximum(-x, 0)).zones
    assert mirrored.dead_above == 0
    assert math.isnan(mirrored.dead_below)
    wide = sample_curve(lambda x: np.tanh(x / 100)).zones
    assert wide.saturated_above == pytest.approx(100 * TANH, rel=1e-4)


def test_a_sine_is_bounded_and_has_no_tails():
    curve = sample_curve(np.sin)
    assert curve.bounded
    assert all(math.isnan(border) for border in vars(curve.zones).values())


def test_channels_become_a_band():
    slopes = np.array([0.1, 0.3, 0.2, 0.9])
    curve = sample_curve(lambda x: np.where(x > 0, x, slopes * x), channels=4)
    assert curve.f.shape == curve.slope.shape == (3, curve.x.size)
    left = curve.x < 0
    np.testing.assert_allclose(curve.slope[1][left], 0.25, atol=1e-6)
    np.testing.assert_allclose(curve.f[0][left], 0.9 * curve.x[left])
    np.testing.assert_allclose(curve.f[2][left], 0.1 * curve.x[left])
    assert curve.to_rows().shape == (7, curve.x.size)


def test_rows_are_the_grid_then_values_then_slopes():
    curve = sample_curve(np.tanh, grid=33)
    rows = curve.to_rows()
    assert isinstance(curve, Curve)
    assert rows.dtype == np.float32
    np.testing.assert_allclose(rows, [curve.x, curve.f[0], curve.slope[0]], rtol=1e-6)


def test_a_window_is_narrowed_to_where_the_function_gives_numbers():
    curve = sample_curve(np.exp, limit=5120.0)
    assert np.isfinite(curve.f).all()
    assert curve.x[-1] == 640.0


def raising(x):
    raise RuntimeError("no such kernel")


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (raising, "activation f raised RuntimeError: no such kernel"),
        (lambda x: x[:-1], "activation f must map"),
        (lambda x: x.astype(complex), "activation f must map"),
        (lambda x: np.full(x.shape, "a"), "activation f must map"),
        (lambda x: x / 0 * 0, "activation f is not finite near x = -5"),
        (np.log, "activation f is not finite near x = -5"),
    ],
)
def test_a_function_that_misbehaves_is_named(function, message):
    with pytest.raises(StatsError, match=message):
        sample_curve(function, name="f")


@pytest.mark.parametrize("arguments", [{"limit": 0}, {"limit": NAN}, {"grid": 2}, {"channels": -1}])
def test_arguments_out_of_range_are_refused(arguments):
    with pytest.raises(StatsError, match=next(iter(arguments))):
        sample_curve(np.tanh, **arguments)


def test_the_window_grows_until_it_shows_nearly_all_inputs():
    rng = np.random.default_rng(0)
    assert curve_limit(None) == curve_limit(density(np.zeros(0))) == 5.0
    assert curve_limit(density(rng.uniform(-4, 4, 10_000))) == 5.0
    assert curve_limit(density(rng.uniform(-17, 17, 10_000))) == 20.0
    outliers = np.append(rng.uniform(-4, 4, 10_000), [1000.0] * 5)
    assert curve_limit(density(outliers)) == 5.0
    assert curve_limit(density(np.full(10, 1e30))) == 5120.0

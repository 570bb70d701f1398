"""Views of tensors that know of a piece where in the whole it belongs."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from nnviz_tb.adapters.torch.axis_view import (
    BIAS,
    EVERY_ENTRY,
    INPUTS_FIRST,
    NO_NEURONS,
    OUTPUTS_FIRST,
    AxisView,
)

WHOLE = np.arange(2 * 3 * 4 * 5.0).reshape(2, 3, 4, 5)


@pytest.mark.parametrize(
    "view", [OUTPUTS_FIRST, INPUTS_FIRST, EVERY_ENTRY, NO_NEURONS, AxisView((1,)), AxisView((1, 2))]
)
def test_a_piece_lies_at_its_places_in_the_view_of_the_whole(view: AxisView) -> None:
    rng = np.random.default_rng(0)
    for counts in ((2, 3, 4, 5), (1, 2, 3, 4), (2, 0, 1, 1)):
        pairs = zip(WHOLE.shape, counts, strict=True)
        places = [np.sort(rng.choice(size, count, replace=False)) for size, count in pairs]
        rows, neurons = view.places_of(places, WHOLE.shape)
        piece = view.matrix(torch.from_numpy(WHOLE[np.ix_(*places)])).numpy()
        np.testing.assert_array_equal(view(WHOLE)[np.ix_(rows, neurons)], piece)
        assert view.shape_of(WHOLE.shape) == view(WHOLE).shape


def test_a_view_of_some_rows_counts_its_neurons_from_the_first_of_them() -> None:
    view = AxisView((0,), 2, 4)
    whole = np.arange(18).reshape(6, 3)
    np.testing.assert_array_equal(view(whole), whole[2:4].T)
    rows, neurons = view.places_of([np.array([3]), np.arange(3)], (6, 3))
    np.testing.assert_array_equal(view(whole)[np.ix_(rows, neurons)], whole[3:4].T)


def test_the_usual_views_copy_nothing() -> None:
    kernel = np.ones((8, 3, 5, 5), np.float32)
    assert np.shares_memory(OUTPUTS_FIRST(kernel), kernel)
    assert np.shares_memory(INPUTS_FIRST(kernel), kernel)
    assert np.shares_memory(BIAS(kernel[:, 0, 0, 0]), kernel)
    tensor = torch.ones(8, 3, 5, 5)
    assert OUTPUTS_FIRST.matrix(tensor).data_ptr() == tensor.data_ptr()

"""The principal plane against an eigendecomposition of the covariance."""

from __future__ import annotations

import numpy as np
import pytest

from nnviz_tb.reading.parameters import Selection
from nnviz_tb.reading.projection import path, principal_plane
from nnviz_tb.reading.rows import Series
from nnviz_tb.schema import SeriesMetadata


def sketches(seed: int = 0, steps: int = 20, neurons: int = 15) -> np.ndarray:
    rng = np.random.default_rng(seed)
    scale = np.array([5, 3, 1, 0.5, 0.3, 0.2, 0.1, 0.05])
    rotation, _ = np.linalg.qr(rng.standard_normal((8, 8)))
    return ((rng.standard_normal((steps, neurons, 8)) * scale) @ rotation + 7).astype(np.float32)


@pytest.mark.parametrize("seed", range(4))
def test_the_plane_is_that_of_the_two_largest_eigenvalues(seed: int) -> None:
    values = sketches(seed)
    points, explained = principal_plane(values)
    rows = values.reshape(-1, 8).astype(np.float64)
    rows -= rows.mean(axis=0)
    eigenvalues, vectors = np.linalg.eigh(rows.T @ rows)
    expected = rows @ vectors[:, [-1, -2]]
    found = points.reshape(-1, 2)
    np.testing.assert_allclose(np.abs(found), np.abs(expected), rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(explained, eigenvalues[[-1, -2]] / eigenvalues.sum(), rtol=1e-9)


def test_the_picture_does_not_flip_when_a_step_is_added() -> None:
    values = sketches()
    before, _ = principal_plane(values[:-1])
    after, _ = principal_plane(values)
    together = (before * after[:-1]).sum(axis=(0, 1))
    assert (together > 0).all()


def test_a_rotation_of_the_sketches_changes_no_distance() -> None:
    values = sketches()
    rotation, _ = np.linalg.qr(np.random.default_rng(9).standard_normal((8, 8)))
    plain, _ = principal_plane(values)
    turned, _ = principal_plane((values @ rotation).astype(np.float32))
    spread = np.linalg.norm(plain - plain[:1], axis=2)
    np.testing.assert_allclose(
        np.linalg.norm(turned - turned[:1], axis=2), spread, rtol=1e-3, atol=1e-3
    )


def test_what_is_not_finite_gives_nan_points_and_leaves_the_plane() -> None:
    values = sketches()
    values[3, 4, 2] = np.inf
    points, explained = principal_plane(values)
    assert np.isnan(points[3, 4]).all()
    assert np.isfinite(np.delete(points.reshape(-1, 2), 3 * 15 + 4, axis=0)).all()
    assert 0.9 < sum(explained) <= 1


@pytest.mark.parametrize("shape", [(0, 0, 0), (0, 5, 8), (1, 1, 8), (4, 3, 8), (1, 2, 1)])
def test_neurons_that_never_moved_apart_are_all_in_one_point(shape: tuple[int, ...]) -> None:
    points, explained = principal_plane(np.ones(shape, np.float32))
    assert points.shape == (*shape[:2], 2)
    assert not points.any()
    assert explained == [0.0, 0.0]


def test_the_largest_float32_numbers_do_not_overflow() -> None:
    points, explained = principal_plane(sketches() * np.float32(1e37))
    assert np.isfinite(points).all()
    assert 0.9 < sum(explained) <= 1


def test_a_reduced_path_lies_in_the_plane_of_all_steps() -> None:
    values = sketches(steps=200)
    steps = np.arange(200.0)
    series = Series(steps, steps, values, SeriesMetadata(15, 15))
    answer = path(series, Selection(limit=9))
    points, explained = principal_plane(values)
    kept = answer.arrays["steps"].astype(int)
    assert kept.size <= 9
    np.testing.assert_array_equal(answer.arrays["points"], points[kept].transpose(1, 0, 2))
    assert answer.meta["explained"] == explained

"""Watches of several real processes: they log the same steps, and none is left waiting."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from event_log import EventLog
from launched import launch

pytestmark = pytest.mark.slow

WORLD = 2


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("together")
    launch("together_rank.py", WORLD, str(folder))
    return folder


def found(folder: Path, check: str) -> list[Any]:
    """What each process found."""
    return [json.loads((folder / f"found-{rank}.json").read_text())[check] for rank in range(WORLD)]


def test_all_processes_log_the_same_steps_though_their_clocks_differ(folder: Path) -> None:
    first, second = found(folder, "the_same_steps")
    assert first["logged"] == second["logged"]
    assert first["logged"][0] == 1
    assert 2 < len(first["logged"]) < 120
    # The watch of the process that writes wrote just these.
    assert list(EventLog(folder / "auto").figure("hidden", "gradient_norm")) == first["logged"]


def test_all_reduced_activations_are_those_that_one_process_would_see(folder: Path) -> None:
    everyone, one = EventLog(folder / "all"), EventLog(folder / "one")
    assert set(everyone.tags) == set(one.tags)
    for layer, series in (
        ("relu", ("activity", "dormancy")),
        ("tanh", ("saturation", "dormancy")),
        ("softmax", ()),
    ):
        wanted = one.figure(layer, "sample_count")
        assert everyone.figure(layer, "sample_count") == wanted
        for name in series:
            for step, values in one.series(f"nnviz/{name}/{layer}").items():
                ours = everyone.series(f"nnviz/{name}/{layer}")[step]
                np.testing.assert_allclose(ours, values, rtol=1e-4, atol=1e-6)
        for name in ("density", "output"):
            for step, row in one.series(f"nnviz/{name}/{layer}").items():
                ours = everyone.series(f"nnviz/{name}/{layer}")[step]
                assert ours.shape == row.shape
                # A matrix product of half the rows may round a number into the next bucket.
                assert ours[5:].sum() == row[5:].sum()
                assert np.abs(ours - row).sum() <= 4
    for name in ("input_mean", "input_std", "dead_share", "saturated_share", "entropy"):
        for layer in ("relu", "tanh", "softmax"):
            wanted, ours = one.figure(layer, name), everyone.figure(layer, name)
            assert list(ours.values()) == pytest.approx(
                list(wanted.values()), rel=1e-4, nan_ok=True
            )


def test_a_sum_whose_terms_lie_apart_is_read_as_the_sum(folder: Path) -> None:
    whole = np.arange(35.0).reshape(7, 5) * sum(range(1, WORLD + 1))
    for told in found(folder, "sums_of_terms"):
        np.testing.assert_allclose(told["norm"], np.linalg.norm(whole, axis=1), rtol=1e-12)
        np.testing.assert_array_equal(told["entries"], whole.T)


def test_a_step_that_one_process_cannot_read_is_lost_and_the_next_is_not(folder: Path) -> None:
    first, second = found(folder, "one_cannot_read")
    assert any("could not read its part" in text for text in first["told"])
    assert second["told"] == []
    log = EventLog(folder / "lost")
    norms = log.series("nnviz/weight_norm/hidden")
    assert list(norms) == [0, 2]
    assert list(log.figure("hidden", "distance")) == [0, 1, 2]


def test_a_watch_that_fails_ends_those_of_the_others_and_no_training(folder: Path) -> None:
    first, second = found(folder, "one_fails")
    assert any("another process has withdrawn" in text for text in first["told"])
    assert any("this watch is broken" in text for text in second["told"])
    assert first["steps"] == second["steps"] == 8
    # The first step and every second one, until there was one watch less.
    assert list(EventLog(folder / "failing").series("nnviz/weight_norm/hidden")) == [1, 2]


def test_a_process_that_does_not_come_is_not_waited_for_for_ever(folder: Path) -> None:
    first, _ = found(folder, "one_does_not_come")
    assert any("could not agree on what to log" in text for text in first["told"])
    assert list(EventLog(folder / "alone").series("nnviz/weight_norm/hidden")) == [0]

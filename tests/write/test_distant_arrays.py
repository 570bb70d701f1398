"""Arrays that do not lie here are recorded as those that do, and asked before they are read."""

from __future__ import annotations

from typing import Any

import numpy as np

from nnviz_tb.layers import DistantArray, Found, Layer, Wanted
from nnviz_tb.recording.recorder import ModelRecorder
from nnviz_tb.statistics import stats
from nnviz_tb.statistics.sketch import sketch


class Elsewhere(DistantArray):
    """An array that is only read between ``begin`` and ``found``, and tells what was asked."""

    def __init__(self, values: np.ndarray, view: tuple[int, int], events: list[str]) -> None:
        self.shape = values.shape
        self.values = values.reshape(view)
        self.events = events
        self.wanted: Wanted | None = None

    def want(self, wanted: Wanted) -> None:
        self.wanted = wanted
        self.events.append("want")

    def begin(self) -> None:
        self.events.append("begin")

    def found(self) -> Found:
        self.events.append("found")
        wanted, values, answers = self.wanted, self.values, dict[str, Any]()
        assert wanted is not None
        if wanted.followed is not None:
            now = values[:, wanted.followed].astype(np.float32)
            first, previous = wanted.kept or (now, None)
            answers["kept"] = first, now
            answers["distance"] = stats.relative_change(now, first)
            if previous is not None:
                answers["displacement"] = stats.relative_change(now, previous)
        if wanted.sketched is not None:
            answers["sketch"] = sketch(values[:, wanted.sketched], wanted.seed)
        if wanted.rows is not None:
            chosen = values[np.ix_(wanted.rows, wanted.neurons)]
            answers["entries"] = chosen.astype(np.float32)
        if wanted.update is not None:
            assert isinstance(wanted.update, Elsewhere)
            update = wanted.update.values
            answers["update_norm"] = stats.neuron_norms(update)
            answers["norm_before"] = stats.neuron_norms(values - update)
        return Found(stats.kernel_statistics(values), **answers)


def layer_at(step: int, neurons: int, distant: list[str] | None) -> Layer:
    rng = np.random.default_rng(step)
    kernel = rng.normal(size=(6, neurons)).astype(np.float32)
    arrays: dict[str, Any] = {
        "kernel": kernel,
        "gradient": rng.normal(size=(6, neurons)).astype(np.float32),
        "update": (1e-3 * kernel).astype(np.float32),
        "bias": rng.normal(size=neurons).astype(np.float32),
        "bias_gradient": rng.normal(size=neurons).astype(np.float32),
    }
    others: dict[str, Any] = {"running_mean": rng.normal(size=(3, 5)).astype(np.float32)}
    if distant is not None:
        for name, values in arrays.items():
            view = (1, neurons) if values.ndim == 1 else values.shape
            arrays[name] = Elsewhere(values, view, distant)
        mean = others["running_mean"]
        others = {"running_mean": Elsewhere(mean, (mean.size, 1), distant)}
    return Layer("hidden", "Dense", others=others, parameters=kernel.size, **arrays)


def test_what_lies_elsewhere_is_recorded_as_what_lies_here() -> None:
    for neurons in (5, 3000):
        here, there = ModelRecorder(), ModelRecorder()
        for step in range(3):
            wanted = here.record([layer_at(step, neurons, None)]).values
            found = there.record([layer_at(step, neurons, [])])
            assert not found.problems
            tags = {value.tag for value in wanted}
            assert [value.tag for value in found.values] == [value.tag for value in wanted]
            for ours, theirs in zip(wanted, found.values, strict=True):
                assert ours.content == theirs.content, ours.tag
                np.testing.assert_allclose(theirs.tensor, ours.tensor, rtol=1e-6, err_msg=ours.tag)
        assert {f"nnviz/{s}/hidden" for s in ("displacement", "sketch", "update_ratio")} <= tags


def test_everything_is_wanted_and_begun_before_anything_is_waited_for() -> None:
    events: list[str] = []
    recorder = ModelRecorder()

    prepared = recorder.prepare([layer_at(0, 5, events)])
    assert events == ["want"] * 5 + ["begin"] * 5

    recorder.finish(prepared)
    assert set(events[10:]) == {"found"}


def test_an_array_that_fails_where_it_lies_costs_only_its_own_part() -> None:
    class Lost(Elsewhere):
        def found(self) -> Found:
            raise RuntimeError("the device is gone")

    kernel = Lost(np.ones((2, 3), np.float32), (2, 3), [])
    recording = ModelRecorder().record([Layer("a", "Dense", kernel, bias=np.ones(3))])

    assert any("the device is gone" in problem for problem in recording.problems)
    assert "nnviz/bias/a" in {value.tag for value in recording.values}

"""The benchmark of a real fit runs, in small and untimed, and puts together what it should."""

import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("keras")
sys.path.insert(0, str(Path(__file__).parent))

import bench_keras_fit


@pytest.mark.slow
# Keras's own callback reads the learning rate in a way that NumPy 2 means to give up.
@pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy keyword")
def test_every_callback_trains_and_has_its_line(tmp_path, monkeypatch):
    monkeypatch.setattr(bench_keras_fit, "TURN_STEPS", 2)
    lines = bench_keras_fit.table(tmp_path, steps=8, epochs=2)
    assert [line[:36].rstrip() for line in lines[1:]] == list(bench_keras_fit.ways(tmp_path, []))
    assert "too few" not in lines[2] + lines[-1]  # they log at the end of an epoch
    for line in lines[3:6]:
        assert 0.0 < float(line.split()[-2]) < 100.0


def test_a_step_is_logged_in_one_turn_and_may_touch_its_neighbours(monkeypatch):
    monkeypatch.setattr(bench_keras_fit, "TURN_STEPS", 10)
    quiet, busy, places = bench_keras_fit.turns_of([0, 24, 30, 60, 68, 69, 95, 120], 60, 2)
    # Turns of ten: 30 begins turn 3, and so was prepared for in 2, where 24 lies; 68 and 69 lie in
    # one; 60 and 120 are logged at the ends of epochs.
    assert quiet.tolist() == [1, 4, 8, 10]
    assert dict(zip(busy.tolist(), places.tolist(), strict=True)) == {5: 3, 9: 6, 11: 7}


def test_what_is_added_is_found_among_turns_of_which_some_were_interrupted():
    rng = np.random.default_rng(3)
    without = rng.normal(0.2, 0.002, 400)
    mine = without * 1.01 + rng.normal(0.0, 0.001, 400)
    busy = np.arange(5, 400, 10)
    weights = rng.uniform(1.0, 3.0, len(busy))
    mine[busy] += 0.004 * weights
    mine[rng.integers(0, 400, 20)] += 5.0
    quiet = np.setdiff1d(np.arange(400), busy)
    found = bench_keras_fit.added(mine, without, quiet, busy, weights, 2.0 * weights.sum())
    truth = 0.01 + 2.0 * 0.004 * weights.sum() / without.sum()
    assert found.between == pytest.approx(0.01, abs=0.001)
    assert found.logged_s == pytest.approx(0.004 * np.median(weights), rel=0.1)
    assert found.low < truth < found.high
    assert found.share == pytest.approx(truth, rel=0.1)
    assert found.high - found.low < 0.004


@pytest.mark.slow
def test_what_ends_a_training_ends_the_benchmark(tmp_path, monkeypatch):
    class Breaking(bench_keras_fit.keras.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            raise OverflowError("too much")

    monkeypatch.setattr(bench_keras_fit, "ways", lambda *_: {"one": lambda turn: Breaking()})
    with pytest.raises(OverflowError, match="too much"):
        bench_keras_fit.table(tmp_path, steps=1, epochs=1)

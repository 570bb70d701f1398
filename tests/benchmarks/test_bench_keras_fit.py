"""The benchmark of a real fit runs, in small and untimed."""

import sys
from pathlib import Path

import pytest

pytest.importorskip("keras")
sys.path.insert(0, str(Path(__file__).parent))


@pytest.mark.slow
# Keras's own callback reads the learning rate in a way that NumPy 2 means to give up.
@pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy keyword")
def test_every_callback_trains_and_has_its_line(tmp_path):
    import bench_keras_fit

    lines = bench_keras_fit.table(tmp_path, steps=3, epochs=2)
    assert [line[:38].rstrip() for line in lines[1:]] == list(bench_keras_fit.ways(tmp_path, []))
    for line in lines[1:]:
        assert line.count("nan … +nan") == 2  # of three steps in a turn no turn is left to compare
    for line in lines[2:5]:
        logged, share = line.split()[-2:]
        assert int(logged) >= 2
        assert 0.0 < float(share) < 100.0


@pytest.mark.slow
def test_turns_in_which_nothing_was_logged_are_compared(tmp_path, monkeypatch):
    import bench_keras_fit

    monkeypatch.setattr(bench_keras_fit, "TURN_STEPS", 4)
    plain, ours = bench_keras_fit.table(tmp_path, steps=90, epochs=2, chosen=2)[1:]
    assert plain.split()[4:6] == ["0.00", "0.00"]
    assert plain.count("+0.0 … +0.0") == 2
    assert "nan" not in ours


@pytest.mark.slow
def test_what_ends_a_training_ends_the_benchmark(tmp_path, monkeypatch):
    import bench_keras_fit

    class Breaking(bench_keras_fit.keras.callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            raise OverflowError("too much")

    monkeypatch.setattr(bench_keras_fit, "ways", lambda *_: {"one": lambda turn: Breaking()})
    with pytest.raises(OverflowError, match="too much"):
        bench_keras_fit.table(tmp_path, steps=1, epochs=1)

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

    lines = bench_keras_fit.table(tmp_path, steps=3, rounds=1)
    assert len(lines) == 6
    assert int(lines[2].split()[-2]) >= 2

"""The benchmarks of the writing side run, in small and untimed, and hold what needs no clock."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import bench_bytes
import bench_memory
import bench_writing

from nnviz_tb.recording.budget import DEFAULT_STEP_BYTES


def test_every_writer_runs_and_has_its_line(tmp_path, monkeypatch):
    # TensorFlow is left to the timed run: importing it costs more than all other rivals.
    found = bench_writing.installed
    monkeypatch.setattr(bench_writing, "installed", lambda n: n != "tensorflow" and found(n))
    lines = bench_writing.table(tmp_path, scalars=5, megabytes=1, rounds=1)
    told = [line[:32].strip() for line in lines[1:]]
    assert "nnviz_tb add_scalar" in told
    assert "nnviz_tb" in told
    assert [line for line in lines if line.startswith("nnviz_tb") and "yes" in line]


def test_a_logged_step_of_any_model_fits_in_256_kib():
    for layers, fan_in, neurons in bench_bytes.MODELS.values():
        assert bench_bytes.promised(layers, fan_in, neurons) <= DEFAULT_STEP_BYTES


def test_what_is_measured_is_no_more_than_was_promised():
    for name in ("1 k", "10 k", "100 k"):
        shape = bench_bytes.MODELS[name]
        assert 0 < bench_bytes.measured(*shape) <= bench_bytes.promised(*shape)
    assert len(bench_bytes.table(largest=200_000)) == 4


def test_logging_a_large_layer_takes_a_bounded_piece_of_memory_more():
    (_, line) = bench_memory.table(256, ways=("nnviz_tb log_model",))
    assert 0.0 < float(line.split()[-3]) <= 64.0


def test_a_way_that_takes_too_much_memory_is_ended_and_told():
    (_, line) = bench_memory.table(128, ways=("np.histogram",), limit=100)
    assert line.split()[-2:] == ["ended", "there"]

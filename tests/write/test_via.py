"""Writing through a summary writer that exists already, so that a run keeps one event file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from logs import accumulated, rows, scalars

import nnviz_tb
from nnviz_tb.errors import ArgumentError, LoggingWarning

MODEL = {"dense/kernel": np.arange(6, dtype="f4").reshape(3, 2), "dense/bias": np.zeros(2, "f4")}


def torch_writer(directory: Path) -> Any:
    pytest.importorskip("torch")
    from torch.utils.tensorboard import SummaryWriter

    return SummaryWriter(str(directory))


def tensorboardx_writer(directory: Path) -> Any:
    module = pytest.importorskip("tensorboardX")
    return module.SummaryWriter(str(directory))


def tensorflow_writer(directory: Path) -> Any:
    tf = pytest.importorskip("tensorflow")
    return tf.summary.create_file_writer(str(directory))


MAKERS = {"torch": torch_writer, "tensorboardX": tensorboardx_writer, "tf": tensorflow_writer}


@pytest.mark.parametrize("maker", MAKERS.values(), ids=MAKERS)
def test_one_run_directory_keeps_one_event_file(tmp_path, maker):
    theirs = maker(tmp_path / "run")
    ours = nnviz_tb.SummaryWriter(via=theirs)
    for step in range(5):
        if hasattr(theirs, "add_scalar"):
            theirs.add_scalar("theirs", step, step)
        ours.log_model(MODEL, step, scalars={"loss": float(step)})
        ours.add_scalar("ours", step, step)
    ours.close()
    theirs.close()
    files = [path for path in (tmp_path / "run").iterdir() if "tfevents" in path.name]
    assert len(files) == 1
    run = tmp_path / "run"
    expected = [(step, float(step)) for step in range(5)]
    assert scalars(run, "loss") == scalars(run, "ours") == expected
    if hasattr(theirs, "add_scalar"):
        assert [event.step for event in accumulated(run).Scalars("theirs")] == list(range(5))
    for step, row in rows(run, "nnviz/weight_norm/dense"):
        assert row == pytest.approx(np.linalg.norm(MODEL["dense/kernel"], axis=0)), step


@pytest.mark.parametrize("maker", [torch_writer, tensorboardx_writer], ids=["torch", "tbX"])
def test_their_wall_time_and_step_are_ours(tmp_path, maker):
    theirs = maker(tmp_path)
    nnviz_tb.SummaryWriter(via=theirs).add_scalar("a", 1.0, 7, walltime=123.5)
    theirs.close()
    (event,) = accumulated(tmp_path).Tensors("a")
    assert (event.step, event.wall_time) == (7, 123.5)


def test_child_runs_are_beside_it(tmp_path):
    theirs = torch_writer(tmp_path)
    ours = nnviz_tb.SummaryWriter(via=theirs)
    assert ours.log_dir == str(tmp_path)
    ours.add_scalars("loss", {"a": 1.0}, 3)
    ours.close()
    theirs.close()
    assert scalars(tmp_path / "loss_a", "loss") == [(3, 1.0)]


def test_a_writer_that_does_not_tell_its_directory_is_asked_for_it(tmp_path):
    theirs = tensorflow_writer(tmp_path)
    with pytest.raises(ArgumentError, match="give it as logdir too"):
        nnviz_tb.SummaryWriter(via=theirs).add_scalars("loss", {"a": 1.0}, 3)
    ours = nnviz_tb.SummaryWriter(tmp_path, via=theirs)
    ours.add_scalars("loss", {"a": 1.0}, 3)
    ours.close()
    assert scalars(tmp_path / "loss_a", "loss") == [(3, 1.0)]


def test_what_that_writer_cannot_store_is_counted_and_training_goes_on(tmp_path, monkeypatch):
    theirs = torch_writer(tmp_path)
    ours = nnviz_tb.SummaryWriter(via=theirs)

    def fail(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    def log() -> None:
        for step in range(4):
            ours.add_scalar("a", 1.0, step)

    with monkeypatch.context() as patched:
        patched.setattr(type(theirs.file_writer), "add_event", fail)
        with pytest.warns(LoggingWarning, match="No space left on device") as caught:
            log()
        assert len(caught) == 1
    assert ours.dropped_count == 4
    ours.add_scalar("a", 1.0, 4)
    ours.log_model(MODEL, 5)
    theirs.close()
    assert scalars(tmp_path, "a") == [(4, 1.0)]
    assert rows(tmp_path, "nnviz/run")[0][1][3] == 4.0


@pytest.mark.parametrize("via", [3, "runs", object(), open])
def test_another_object_is_refused_by_name(via):
    with pytest.raises(ArgumentError, match="via must be a summary writer of torch, tensorboardX"):
        nnviz_tb.SummaryWriter(via=via)

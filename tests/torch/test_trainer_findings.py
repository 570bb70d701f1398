"""What a watch and the trainers' callbacks say, and do, while a network with a fault trains."""

from __future__ import annotations

import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from event_log import EventLog
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import nnviz_tb
from nnviz_tb.errors import ArgumentError, HealthWarning
from nnviz_tb.health import Finding
from nnviz_tb.torch import Watch, watch

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of the trainers, on things that are not ours
    import lightning.pytorch as pl
    import transformers

    import nnviz_tb.lightning
    import nnviz_tb.transformers

pytestmark = pytest.mark.slow

trainers_talk = pytest.mark.filterwarnings("ignore")
"""The trainers warn of settings that are not ours."""


def network(bias: float = 0.0) -> nn.Sequential:
    """Two layers; with a bias far below zero, the ReLU between them is dead from the start."""
    model = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 2))
    with torch.no_grad():
        model[0].bias += bias
    return model


def dataset() -> TensorDataset:
    x = torch.randn(1024, 6)
    return TensorDataset(x, (x[:, 0] > 0).long())


def train(model: nn.Module, logdir: Path, steps: int = 30, **options: Any) -> tuple[int, Watch]:
    """How many steps a loop made that looks whether it should stop, and its watch."""
    optimizer = torch.optim.Adam(model.parameters(), 3e-3)
    made = 0
    with watch(model, logdir, every=1, **options) as watching:
        for x, y in list(DataLoader(dataset(), 32)) * 2:
            loss = F.cross_entropy(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            watching.log({"loss": loss})
            made += 1
            if watching.should_stop or made == steps:
                break
    return made, watching


# A loop of one's own.


def test_a_watch_calls_the_function_with_the_dead_layer_and_the_loop_goes_on(
    tmp_path: Path,
) -> None:
    found: list[Finding] = []
    made, watching = train(network(-30.0), tmp_path, on_finding=found.append)
    assert made == 30
    dead = [item for item in found if item.kind == "dead_units"]
    assert [(item.layer, item.severity) for item in dead] == [("1", "severe")]
    assert not watching.should_stop
    assert list(EventLog(tmp_path).figure("0", "update_ratio"))[-1] == 30


def test_a_watch_over_a_sound_training_says_nothing(tmp_path: Path) -> None:
    found: list[Finding] = []
    train(network(), tmp_path, on_finding=found.append)
    assert found == []


def test_a_watch_warns_with_the_layer_and_what_helps(tmp_path: Path) -> None:
    with pytest.warns(HealthWarning) as caught:
        train(network(-30.0), tmp_path, on_finding="warn")
    told = [str(item.message) for item in caught]
    assert any("dead" in text and "He for ReLU" in text for text in told)


def test_a_loop_that_looks_at_should_stop_ends_at_the_first_severe_finding(tmp_path: Path) -> None:
    with pytest.warns(HealthWarning) as caught:
        made, watching = train(network(-30.0), tmp_path, on_finding="stop")
    assert watching.should_stop
    assert made < 15
    assert all(str(item.message).startswith("severe: ") for item in caught)


def test_what_the_function_raises_comes_out_of_the_training_and_the_watch_lives_on(
    tmp_path: Path,
) -> None:
    def refuse(finding: Finding) -> None:
        raise RuntimeError(finding.kind)

    model = network(-30.0)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    raised: list[tuple[int, str]] = []
    with watch(model, tmp_path, every=1, on_finding=refuse) as watching:
        for x, y in DataLoader(dataset(), 32):
            optimizer.zero_grad()
            F.cross_entropy(model(x), y).backward()
            try:
                optimizer.step()
            except RuntimeError as error:
                raised.append((watching.step, str(error)))
        assert watching.step == 32
    assert "dead_units" in [kind for _, kind in raised]
    missed = set(range(1, 33)) - set(EventLog(tmp_path).figure("0", "update_ratio"))
    # The hook was left before it could think of the step after.
    assert missed == {step + 1 for step, _ in raised}


def test_thresholds_of_the_caller_decide_in_a_watch(tmp_path: Path) -> None:
    found: list[Finding] = []
    limits = {"update_too_large": 1e-5}
    train(network(), tmp_path, on_finding=found.append, thresholds=limits)
    assert {item.kind for item in found} == {"update_too_large"}


def test_a_writer_of_the_callers_carries_the_monitor(tmp_path: Path) -> None:
    found: list[Finding] = []
    with nnviz_tb.SummaryWriter(tmp_path) as writer:
        train(network(-30.0), writer, on_finding=found.append)  # type: ignore[arg-type]
        assert writer.monitor is not None
        assert writer.monitor.assessment.status("1") == "severe"
    assert found


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"on_finding": "panic"}, "on_finding must be"),
    ({"on_finding": "warn", "thresholds": {"dead": 0.1}}, "no threshold"),
    ({"thresholds": {"dead_units": 0.1}}, "which is None"),
]


@pytest.mark.parametrize(("options", "message"), REFUSED)
def test_what_is_no_way_to_be_told_is_refused_at_once(
    tmp_path: Path, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ArgumentError, match=message):
        watch(network(), tmp_path, **options)
    with pytest.raises(ArgumentError, match=message):
        nnviz_tb.lightning.Callback(tmp_path, **options)
    with pytest.raises(ArgumentError, match=message):
        nnviz_tb.transformers.Callback(tmp_path, **options)


# Lightning.


class Lit(pl.LightningModule):
    def __init__(self, bias: float) -> None:
        super().__init__()
        self.net = network(bias)

    def training_step(self, batch: Any, index: int) -> torch.Tensor:
        loss = F.cross_entropy(self.net(batch[0]), batch[1])
        self.log("loss", loss)
        return loss

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.parameters(), 3e-3)


def fit(bias: float, logdir: Path, **options: Any) -> pl.Trainer:
    """The trainer after a fit of two epochs of 32 batches, if nothing stops it."""
    trainer = pl.Trainer(
        max_epochs=2,
        accelerator="cpu",
        callbacks=[nnviz_tb.lightning.Callback(logdir, every=1, **options)],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        log_every_n_steps=1,
    )
    trainer.fit(Lit(bias), DataLoader(dataset(), 32))
    return trainer


@trainers_talk
def test_lightning_stops_at_the_batch_in_which_something_severe_was_found(tmp_path: Path) -> None:
    with pytest.warns(HealthWarning, match="severe: "):
        trainer = fit(-30.0, tmp_path, on_finding="stop")
    assert trainer.should_stop
    assert trainer.global_step < 15
    assert list(EventLog(tmp_path).figure("net/0", "update_ratio"))[-1] == trainer.global_step


@trainers_talk
def test_lightning_tells_a_function_and_leaves_a_sound_training_alone(tmp_path: Path) -> None:
    found: list[Finding] = []
    assert fit(-30.0, tmp_path / "sick", on_finding=found.append).global_step == 64
    assert ("net/1", "dead_units") in [(item.layer, item.kind) for item in found]
    found.clear()
    assert fit(0.0, tmp_path / "sound", on_finding=found.append).global_step == 64
    assert found == []


@trainers_talk
def test_lightning_s_callback_may_train_again_after_a_stop(tmp_path: Path) -> None:
    callback = nnviz_tb.lightning.Callback(tmp_path, every=1, on_finding="stop")
    steps = []
    for bias in (-30.0, 0.0):
        trainer = pl.Trainer(
            max_epochs=1,
            accelerator="cpu",
            callbacks=[callback],
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
        )
        trainer.fit(Lit(bias), DataLoader(dataset(), 32))
        steps.append(trainer.global_step)
    assert steps[0] < 15
    assert steps[1] == 32


# Hugging Face.


class Classifier(nn.Module):
    """As the Trainer wants its models: keyword arguments in, a dict with the loss out."""

    def __init__(self, bias: float) -> None:
        super().__init__()
        self.net = network(bias)

    def forward(self, x: torch.Tensor, labels: torch.Tensor) -> dict[str, torch.Tensor]:
        logits = self.net(x)
        return {"loss": F.cross_entropy(logits, labels), "logits": logits}


class Examples(torch.utils.data.Dataset[dict[str, torch.Tensor]]):
    def __init__(self) -> None:
        self.x, self.y = dataset().tensors

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        return {"x": self.x[index], "labels": self.y[index]}


def hugging_face(bias: float, folder: Path, **options: Any) -> int:
    """Steps of a training of 64, if nothing stops it."""
    arguments = transformers.TrainingArguments(
        output_dir=str(folder / "output"),
        num_train_epochs=2,
        per_device_train_batch_size=32,
        learning_rate=1e-2,
        use_cpu=True,
        report_to=[],
        logging_steps=1,
        save_strategy="no",
        disable_tqdm=True,
    )
    trainer = transformers.Trainer(
        Classifier(bias),
        arguments,
        train_dataset=Examples(),
        callbacks=[nnviz_tb.transformers.Callback(folder / "run", every=1, **options)],
    )
    trainer.train()
    return int(trainer.state.global_step)


@trainers_talk
def test_hugging_face_s_trainer_stops_at_the_step_in_which_something_severe_was_found(
    tmp_path: Path,
) -> None:
    with pytest.warns(HealthWarning, match="severe: "):
        steps = hugging_face(-30.0, tmp_path, on_finding="stop")
    assert steps < 15
    assert list(EventLog(tmp_path / "run").figure("net/0", "update_ratio"))[-1] == steps


@trainers_talk
def test_hugging_face_s_trainer_tells_a_function_and_leaves_a_sound_training_alone(
    tmp_path: Path,
) -> None:
    found: list[Finding] = []
    assert hugging_face(-30.0, tmp_path / "sick", on_finding=found.append) == 64
    assert ("net/1", "dead_units") in [(item.layer, item.kind) for item in found]
    found.clear()
    assert hugging_face(0.0, tmp_path / "sound", on_finding=found.append) == 64
    assert found == []


# Several processes.


def test_all_processes_of_a_training_stop_at_the_same_step(tmp_path: Path) -> None:
    script = str(Path(__file__).with_name("stopping_rank.py"))
    processes = [
        subprocess.Popen(
            [sys.executable, script, str(rank), "2", str(tmp_path)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    told = [process.communicate(timeout=240) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], told
    # Wished by the first at its fifth step, and by nobody else.
    assert [text for text, _ in told] == ["refused\nstopped at 16\n"] * 2

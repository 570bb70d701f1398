"""The callbacks in real trainings by Lightning's and Hugging Face's trainers."""

from __future__ import annotations

import signal
import sys
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from event_log import EventLog
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch import nn
from torch.nn.modules import module as module_hooks
from torch.optim import optimizer as optimizer_hooks
from torch.utils.data import DataLoader, TensorDataset

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore"),  # of the trainers, on settings that are not ours
]

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import lightning.pytorch as pl
    import transformers
    from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger

    import nnviz_tb.lightning
    import nnviz_tb.transformers


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc1 = nn.Linear(4, 6)
        self.fc2 = nn.Linear(6, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc2(F.relu(self.fc1(x)))


class Lit(pl.LightningModule):
    def __init__(self) -> None:
        super().__init__()
        self.net = Net()

    def training_step(self, batch: Any, index: int) -> torch.Tensor:
        loss = F.cross_entropy(self.net(batch[0]), batch[1])
        self.log("loss", loss)
        return loss

    def validation_step(self, batch: Any, index: int) -> None:
        self.log("val_loss", F.cross_entropy(self.net(batch[0]), batch[1]))

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), 0.1)


def dataset() -> TensorDataset:
    return TensorDataset(torch.randn(32, 4), torch.randint(0, 3, (32,)))


def test_lightning_logs_module_and_metrics_at_its_optimizer_steps(tmp_path: Path) -> None:
    trainer = pl.Trainer(
        max_epochs=2,
        accelerator="cpu",
        accumulate_grad_batches=2,
        callbacks=[nnviz_tb.lightning.Callback(tmp_path / "run", every=1)],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        log_every_n_steps=1,
    )
    trainer.fit(Lit(), DataLoader(dataset(), 8), DataLoader(dataset(), 32))

    log = EventLog(tmp_path / "run")
    assert trainer.global_step == 4
    assert list(log.figure("net/fc1", "update_ratio")) == [1, 2, 3, 4]
    assert set(log.figure("net/relu", "sample_count").values()) == {2 * 8 * 6.0}
    assert list(log.series("loss"))[-1] == 4
    assert list(log.series("val_loss")) == [2, 4]


QUIET: dict[str, Any] = {
    "accelerator": "cpu",
    "enable_checkpointing": False,
    "enable_progress_bar": False,
    "enable_model_summary": False,
    "log_every_n_steps": 1,
}


def hook_counts() -> tuple[int, ...]:
    return (
        len(module_hooks._global_forward_hooks),
        len(optimizer_hooks._global_optimizer_pre_hooks),
        len(optimizer_hooks._global_optimizer_post_hooks),
    )


def fit(lit: pl.LightningModule, callback: Any, batches: int = 4, **options: Any) -> pl.Trainer:
    trainer = pl.Trainer(callbacks=[callback], **{"logger": False, **QUIET, **options})
    trainer.fit(lit, DataLoader(dataset(), -(-32 // batches)), DataLoader(dataset(), 32))
    return trainer


def test_gradients_in_lightning_are_those_that_the_step_used(tmp_path: Path) -> None:
    norms: list[float] = []

    class Telling(Lit):
        def on_before_optimizer_step(self, optimizer: torch.optim.Optimizer) -> None:
            norms.append(float(self.net.fc1.weight.grad.norm()))

    fit(Telling(), nnviz_tb.lightning.Callback(tmp_path / "run", every=1), max_epochs=1,
        accumulate_grad_batches=2)  # fmt: skip
    found = EventLog(tmp_path / "run").figure("net/fc1", "gradient_norm")
    assert found == pytest.approx(dict(enumerate(norms, start=1)), rel=1e-4)
    assert len(norms) == 2


def test_a_resumed_lightning_training_counts_on(tmp_path: Path) -> None:
    trainer = fit(Lit(), nnviz_tb.lightning.Callback(tmp_path / "run", every=1), max_epochs=1)
    trainer.save_checkpoint(tmp_path / "half.ckpt")
    again = pl.Trainer(
        callbacks=[nnviz_tb.lightning.Callback(tmp_path / "run", every=1)],
        max_epochs=2,
        logger=False,
        **QUIET,
    )
    again.fit(Lit(), DataLoader(dataset(), 8), ckpt_path=str(tmp_path / "half.ckpt"))

    log = EventLog(tmp_path / "run")
    assert list(log.figure("net/fc1", "update_ratio")) == [1, 2, 3, 4, 5, 6, 7, 8]
    assert list(log.series("loss")) == [1, 2, 3, 4, 5, 6, 7, 8]


class Adversaries(pl.LightningModule):
    """Two optimizers that take turns in every batch, by hand."""

    def __init__(self) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.generator, self.critic = Net(), Net()

    def training_step(self, batch: Any, index: int) -> None:
        for optimizer, net in zip(self.optimizers(), (self.generator, self.critic), strict=True):
            loss = F.cross_entropy(net(batch[0]), batch[1])
            optimizer.zero_grad()
            self.manual_backward(loss)
            optimizer.step()
        self.log("loss", loss)

    def configure_optimizers(self) -> list[torch.optim.Optimizer]:
        return [torch.optim.SGD(net.parameters(), 0.1) for net in (self.generator, self.critic)]


def test_optimizers_that_take_turns_by_hand_make_one_step_together(tmp_path: Path) -> None:
    trainer = fit(Adversaries(), nnviz_tb.lightning.Callback(tmp_path, every=1), max_epochs=1)

    log = EventLog(tmp_path)
    assert trainer.global_step == 8  # Lightning counts the steps of both
    for name in ("generator/fc1", "critic/fc2"):
        ratios = log.figure(name, "update_ratio")
        assert list(ratios) == [1, 2, 3, 4]
        assert all(ratio > 0 for ratio in ratios.values())
    assert list(log.series("loss")) == [1, 2, 3, 4]


def test_a_batch_that_only_accumulates_does_not_repeat_the_metrics(tmp_path: Path) -> None:
    fit(
        Lit(),
        nnviz_tb.lightning.Callback(tmp_path, every=1),
        max_epochs=1,
        accumulate_grad_batches=2,
        batches=4,
    )

    events = EventAccumulator(str(tmp_path), {"tensors": 0}).Reload()
    assert [event.step for event in events.Tensors("loss")] == [1, 2]


def test_a_trial_run_and_a_sanity_check_write_nothing(tmp_path: Path) -> None:
    fit(Lit(), nnviz_tb.lightning.Callback(tmp_path / "trial", every=1), fast_dev_run=True)
    assert not (tmp_path / "trial").exists()

    fit(
        Lit(),
        nnviz_tb.lightning.Callback(tmp_path / "run", every=1),
        max_epochs=1,
        num_sanity_val_steps=1,
    )
    assert list(EventLog(tmp_path / "run").series("val_loss")) == [4]
    assert hook_counts() == (0, 0, 0)


@pytest.mark.parametrize("stops", [RuntimeError("broken"), KeyboardInterrupt()], ids=type)
def test_a_lightning_training_that_fails_keeps_its_log_and_leaves_no_hook(
    tmp_path: Path, stops: BaseException
) -> None:
    class Broken(Lit):
        def on_train_batch_start(self, batch: Any, index: int) -> None:
            if index == 2:
                raise stops

    before = signal.getsignal(signal.SIGINT)
    try:
        with pytest.raises((RuntimeError, SystemExit)):
            fit(Broken(), nnviz_tb.lightning.Callback(tmp_path, every=1), max_epochs=1)
    finally:
        signal.signal(signal.SIGINT, before)  # Lightning leaves it ignored

    assert hook_counts() == (0, 0, 0)
    assert list(EventLog(tmp_path).figure("net/fc1", "update_ratio")) == [1, 2]


def test_without_a_place_of_its_own_it_writes_where_lightning_logs(tmp_path: Path) -> None:
    board = TensorBoardLogger(tmp_path, name="board")
    fit(Lit(), nnviz_tb.lightning.Callback(every=1), max_epochs=1, logger=board)
    csv = CSVLogger(tmp_path, name="csv")
    fit(Lit(), nnviz_tb.lightning.Callback(every=1), max_epochs=1, logger=csv)

    shared = Path(board.log_dir)
    assert len(list(shared.glob("events.out.tfevents.*"))) == 1
    assert list(EventLog(shared).figure("net/fc1", "update_ratio")) == [1, 2, 3, 4]
    events = EventAccumulator(str(shared)).Reload()
    assert len(events.Scalars("loss")) == 4  # Lightning's own, and not twice
    own = EventLog(Path(csv.log_dir) / "nnviz_tb")
    assert list(own.figure("net/fc1", "update_ratio")) == [1, 2, 3, 4]
    assert list(own.series("loss")) == [1, 2, 3, 4]


class Classifier(nn.Module):
    """As the Trainer wants its models: keyword arguments in, a dict with the loss out."""

    def __init__(self) -> None:
        super().__init__()
        self.net = Net()

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


def test_hugging_face_s_trainer_logs_the_model_at_its_optimizer_steps(tmp_path: Path) -> None:
    arguments = transformers.TrainingArguments(
        output_dir=str(tmp_path / "output"),
        num_train_epochs=1,
        per_device_train_batch_size=8,
        use_cpu=True,
        report_to=[],
        logging_steps=2,
        save_strategy="no",
        disable_tqdm=True,
    )
    trainer = transformers.Trainer(
        Classifier(),
        arguments,
        train_dataset=Examples(),
        callbacks=[nnviz_tb.transformers.Callback(tmp_path / "run", every=1)],
    )
    trainer.train()

    log = EventLog(tmp_path / "run")
    assert list(log.figure("net/fc1", "update_ratio")) == [1, 2, 3, 4]
    assert set(log.figure("net/relu", "sample_count").values()) == {8 * 6.0}
    assert list(log.series("loss")) == [2, 4]
    assert list(log.series("learning_rate")) == [1, 2, 3, 4]


def hugging_face(folder: Path, model: nn.Module, callback: Any, **options: Any) -> Any:
    arguments = transformers.TrainingArguments(
        output_dir=str(folder),
        per_device_train_batch_size=4,
        use_cpu=True,
        report_to=[],
        logging_steps=1,
        disable_tqdm=True,
        **{"save_strategy": "no", "num_train_epochs": 1, **options},
    )
    return transformers.Trainer(model, arguments, train_dataset=Examples(), callbacks=[callback])


def test_accumulated_batches_are_one_step_of_hugging_face_s_trainer(tmp_path: Path) -> None:
    callback = nnviz_tb.transformers.Callback(every=1)
    trainer = hugging_face(tmp_path, Classifier(), callback, gradient_accumulation_steps=2)
    trainer.train()

    log = EventLog(tmp_path / "nnviz_tb")  # by default in its output_dir
    assert list(log.figure("net/fc1", "update_ratio")) == [1, 2, 3, 4]
    assert set(log.figure("net/relu", "sample_count").values()) == {2 * 4 * 6.0}


def test_a_resumed_training_of_hugging_face_counts_on(tmp_path: Path) -> None:
    run = tmp_path / "run"
    first = nnviz_tb.transformers.Callback(run, every=1)
    options = {"save_strategy": "steps", "save_steps": 3}
    hugging_face(tmp_path, Classifier(), first, max_steps=3, **options).train()
    again = nnviz_tb.transformers.Callback(run, every=1)
    trainer = hugging_face(tmp_path, Classifier(), again, max_steps=5, **options)
    trainer.train(resume_from_checkpoint=str(tmp_path / "checkpoint-3"))

    assert list(EventLog(run).figure("net/fc1", "update_ratio")) == [1, 2, 3, 4, 5]


def test_a_training_of_hugging_face_that_fails_keeps_its_log_and_can_be_closed(
    tmp_path: Path,
) -> None:
    class Broken(Classifier):
        calls = 0

        def forward(self, x: torch.Tensor, labels: torch.Tensor) -> dict[str, torch.Tensor]:
            self.calls += 1
            if self.calls == 3:
                raise KeyboardInterrupt
            return super().forward(x, labels)

    callback = nnviz_tb.transformers.Callback(tmp_path / "run", every=1)
    with pytest.raises(KeyboardInterrupt):
        hugging_face(tmp_path, Broken(), callback).train()
    assert list(EventLog(tmp_path / "run").figure("net/fc1", "update_ratio")) == [1, 2]

    callback.close()
    assert hook_counts() == (0, 0, 0)


def test_the_trainers_come_only_with_their_callbacks() -> None:
    import subprocess

    code = "import sys, nnviz_tb.torch; print({'lightning', 'transformers'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"

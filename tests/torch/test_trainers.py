"""The callbacks in real trainings by Lightning's and Hugging Face's trainers."""

from __future__ import annotations

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

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore"),  # of the trainers, on settings that are not ours
]

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import lightning.pytorch as pl
    import transformers

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


def test_the_trainers_come_only_with_their_callbacks() -> None:
    import subprocess

    code = "import sys, nnviz_tb.torch; print({'lightning', 'transformers'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"

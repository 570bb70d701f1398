"""The report on real logs of Keras's own callback, of torch's writer, of Hugging Face's Trainer."""

from __future__ import annotations

import warnings
from pathlib import Path

import keras
import numpy as np
import pytest
import torch
from torch.utils.tensorboard import SummaryWriter

from nnviz_tb.health import Assessment
from nnviz_tb.offline.reporting import report

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]  # of the other writers

LOSS_KINDS = {"loss_diverged", "loss_oscillates", "loss_stalled"}


def judged(item: Assessment) -> set[str]:
    return {kind for kinds in item.judged.values() for kind in kinds}


def gaps(item: Assessment) -> dict[str, str]:
    return {entry.kind: entry.reason for entry in item.not_measured}


def data() -> tuple[np.ndarray, np.ndarray]:
    x = np.random.default_rng(0).normal(size=(256, 8)).astype(np.float32)
    return x, (x[:, :1] > 0).astype(np.float32)


def test_a_log_of_keras_s_callback_is_judged_by_its_training_loss_and_its_kernels(
    tmp_path: Path,
) -> None:
    keras.utils.set_random_seed(0)
    layers = [keras.Input((8,)), keras.layers.Dense(16, "relu"), keras.layers.Dense(1, "sigmoid")]
    model = keras.Sequential(layers)
    model.compile(keras.optimizers.SGD(0.0), "binary_crossentropy")
    callback = keras.callbacks.TensorBoard(str(tmp_path), histogram_freq=1, write_graph=False)
    model.fit(*data(), epochs=25, verbose=0, validation_split=0.2, callbacks=[callback])

    train, validation = report(tmp_path).assessments
    assert [train.run, validation.run] == ["train", "validation"]
    # With a learning rate of zero nothing moves: the loss tells, histograms do not.
    assert [item.kind for item in train] == ["loss_stalled"]
    assert judged(train) == {*LOSS_KINDS, "nonfinite", "weights_growing"}
    assert set(gaps(train).values()) == {"no_layers"}
    assert judged(validation) == set()
    assert {gaps(validation)[kind] for kind in LOSS_KINDS} == {"no_loss"}


def test_a_log_of_torch_s_writer_names_the_histogram_that_is_not_finite(tmp_path: Path) -> None:
    torch.manual_seed(0)
    x, y = (torch.tensor(part) for part in data())
    net = torch.nn.Sequential(torch.nn.Linear(8, 16), torch.nn.ReLU(), torch.nn.Linear(16, 1))
    with SummaryWriter(str(tmp_path)) as writer:
        for step in range(30):
            net.zero_grad()
            loss = torch.nn.functional.binary_cross_entropy_with_logits(net(x), y)
            loss.backward()
            writer.add_scalar("Loss/train", loss.item() if step < 25 else float("nan"), step)
            writer.add_scalars("loss", {"train": loss.item(), "val": 9.0 + step}, step)
            with torch.no_grad():
                for name, parameter in net.named_parameters():
                    parameter -= 0.1 * parameter.grad
                    writer.add_histogram(name, parameter, step)
                    writer.add_histogram(f"{name}.grad", parameter.grad, step)

    of = {item.run: item for item in report(tmp_path).assessments}
    assert [(item.kind, item.first_step) for item in of["."]] == [("nonfinite", 25)]
    assert gaps(of["."])["vanishing_gradient"] == "no_layers"
    assert judged(of["loss_train"]) >= LOSS_KINDS
    assert judged(of["loss_val"]) == set()


def test_a_log_of_hugging_face_s_trainer_is_judged_by_its_training_loss(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import transformers

    class Model(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear = torch.nn.Linear(8, 1)

        def forward(self, x: torch.Tensor, labels: torch.Tensor) -> dict[str, torch.Tensor]:
            logits = self.linear(x)
            loss = torch.nn.functional.binary_cross_entropy_with_logits(logits, labels)
            return {"loss": loss, "logits": logits}

    rows = [{"x": torch.tensor(x), "labels": torch.tensor(y)} for x, y in zip(*data(), strict=True)]
    arguments = transformers.TrainingArguments(
        output_dir=str(tmp_path / "out"),
        num_train_epochs=2,
        per_device_train_batch_size=16,
        learning_rate=1e-12,
        use_cpu=True,
        logging_steps=1,
        save_strategy="no",
        eval_strategy="epoch",
        disable_tqdm=True,
        report_to=[],
    )
    writer = SummaryWriter(str(tmp_path / "runs"))
    callback = transformers.integrations.TensorBoardCallback(writer)
    trainer = transformers.Trainer(
        Model(), arguments, train_dataset=rows, eval_dataset=rows, callbacks=[callback]
    )
    trainer.train()
    writer.close()

    (item,) = report(tmp_path / "runs").assessments
    assert judged(item) == {*LOSS_KINDS, "nonfinite"}
    assert {finding.field for finding in item} == {"train/loss"}
    assert set(gaps(item).values()) == {"no_layers"}

"""The sound network of digits.py in PyTorch, watched in its own training passes."""

from __future__ import annotations

from pathlib import Path

import sets
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

import nnviz_tb

EPOCHS = 15
BATCH_SIZE = 32
LOGGED_STEPS = 210


class Network(nn.Module):
    """Two convolutions and two dense layers; its ReLUs are plain functions."""

    def __init__(self) -> None:
        super().__init__()
        self.conv_1 = nn.Conv2d(1, 16, 3)
        self.conv_2 = nn.Conv2d(16, 32, 3)
        self.dense_1 = nn.Linear(32 * 4 * 4, 32)
        self.output = nn.Linear(32, 10)
        for layer in (self.conv_1, self.conv_2, self.dense_1, self.output):
            # As Keras does, to compare the two.
            nn.init.xavier_uniform_(layer.weight)
            nn.init.constant_(layer.get_parameter("bias"), 0.0)

    def forward(self, images: Tensor) -> Tensor:
        """Logits ``[batch, 10]`` of images ``[batch, 1, 8, 8]``."""
        x = F.relu(self.conv_1(images))
        x = F.relu(self.conv_2(x))
        x = F.relu(self.dense_1(x.flatten(1)))
        logits: Tensor = self.output(x)
        return logits


def train(run: str, folder: Path, epochs: int | None) -> str:
    """Trains the run of runs.py into ``folder``; returns its result in words."""
    x_train, y_train, x_val, y_val = map(torch.from_numpy, sets.digits())
    x_train, x_val = x_train.unsqueeze(1), x_val.unsqueeze(1)
    epochs = EPOCHS if epochs is None else epochs
    torch.set_num_threads(1)  # the network is so small that threads would only wait
    generator = torch.manual_seed(1)
    model = Network()
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    steps = epochs * -(-len(x_train) // BATCH_SIZE)
    every = max(1, steps // LOGGED_STEPS)
    with nnviz_tb.torch.watch(model, folder, every=every) as watch:
        for _ in range(epochs):
            for batch in torch.split(torch.randperm(len(x_train), generator=generator), BATCH_SIZE):
                loss = F.cross_entropy(model(x_train[batch]), y_train[batch])
                optimizer.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]
                optimizer.step()
                watch.log({"loss": loss})
    with torch.no_grad():
        accuracy = float((model(x_val).argmax(1) == y_val).float().mean())
    return f"validation accuracy {accuracy:.1%}"

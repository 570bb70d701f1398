"""What the torch benchmark trains: a small ResNet on enlarged digits, a small GPT on Python."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
import torch.nn.functional as F  # noqa: N812
from sklearn.datasets import load_digits
from torch import Tensor, nn

Batches = Iterator[tuple[Tensor, Tensor]]


class Block(nn.Module):
    """Two convolutions with a way around them."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv_1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.norm_1 = nn.BatchNorm2d(channels)
        self.conv_2 = nn.Conv2d(channels, channels, 3, padding=1)
        self.norm_2 = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        inner = F.relu(self.norm_1(self.conv_1(x)))
        return F.relu(x + self.norm_2(self.conv_2(inner)))


class ResNet(nn.Module):
    """A residual network for images ``[batch, 1, 32, 32]`` of ten classes."""

    def __init__(self, channels: int, blocks: int) -> None:
        super().__init__()
        self.stem = nn.Conv2d(1, channels, 3, stride=2, padding=1)
        self.blocks = nn.Sequential(*(Block(channels) for _ in range(blocks)))
        self.head = nn.Linear(channels, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.blocks(F.relu(self.stem(x))).mean((2, 3)))


class GPT(nn.Module):
    """A decoder over the 256 bytes, ``[batch, time]`` to ``[batch, time, 256]``."""

    def __init__(self, width: int, layers: int, time_steps: int) -> None:
        super().__init__()
        self.bytes = nn.Embedding(256, width)
        self.places = nn.Embedding(time_steps, width)
        self.layers = nn.Sequential(
            *(
                nn.TransformerEncoderLayer(
                    width, 4, 4 * width, 0.0, F.gelu, batch_first=True, norm_first=True
                )
                for _ in range(layers)
            )
        )
        self.head = nn.Linear(width, 256)
        mask = nn.Transformer.generate_square_subsequent_mask(time_steps)
        self.register_buffer("mask", mask, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        h = self.bytes(x) + self.places.weight[: x.shape[1]]
        for layer in self.layers:
            h = layer(h, src_mask=self.mask, is_causal=True)
        return self.head(h)


def digits(batch: int) -> Batches:
    """Endless batches of enlarged digits."""
    x, y = load_digits(return_X_y=True)
    images = torch.from_numpy(x / 16).float().reshape(-1, 1, 8, 8)
    images, labels = F.interpolate(images, scale_factor=4), torch.from_numpy(y)
    while True:
        chosen = torch.randint(0, len(labels), (batch,))
        yield images[chosen], labels[chosen]


def text(batch: int, time_steps: int) -> Batches:
    """Endless batches of bytes and the bytes that follow them."""
    content = torch.tensor(list(Path(argparse.__file__).read_bytes()))
    while True:
        starts = torch.randint(0, len(content) - time_steps - 1, (batch, 1))
        places = starts + torch.arange(time_steps)
        yield content[places], content[places + 1]


def networks(
    tiny: bool = False,
) -> dict[str, tuple[Callable[[], nn.Module], Batches]]:
    """The networks with their data."""
    if tiny:
        return {
            "ResNet": (lambda: ResNet(4, 1), digits(4)),
            "GPT": (lambda: GPT(8, 1, 6), text(2, 6)),
        }
    return {
        "ResNet": (lambda: ResNet(32, 4), digits(32)),
        "GPT": (lambda: GPT(128, 4, 64), text(16, 64)),
    }

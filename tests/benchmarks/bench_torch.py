"""What a watch costs a real training in PyTorch, beside what people use instead.

Timed: ``python tests/benchmarks/bench_torch.py``, about a minute. As a test
(``test_bench_torch.py``) the same code runs a few steps on tiny networks, untimed.

Two networks train on the CPU, in one thread: a small residual network on scikit-learn's digits
enlarged to 32×32 pixels, and a small GPT on the source text of Python's standard library. Each way
logs the same steps. What a logged step costs is the median of the logged steps less the median of
the others in the same run. Times are of the processor, which other work on the machine disturbs
little.
"""

from __future__ import annotations

import argparse
import contextlib
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
import torch.nn.functional as F  # noqa: N812
from sklearn.datasets import load_digits
from torch import Tensor, nn

from nnviz_tb.torch import watch

EVERY = 5
AfterStep = Callable[[int], None]


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


def digits(batch: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Endless batches of enlarged digits."""
    x, y = load_digits(return_X_y=True)
    images = torch.from_numpy(x / 16).float().reshape(-1, 1, 8, 8)
    images, labels = F.interpolate(images, scale_factor=4), torch.from_numpy(y)
    while True:
        chosen = torch.randint(0, len(labels), (batch,))
        yield images[chosen], labels[chosen]


def text(batch: int, time_steps: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Endless batches of bytes and the bytes that follow them."""
    content = torch.tensor(list(Path(argparse.__file__).read_bytes()))
    while True:
        starts = torch.randint(0, len(content) - time_steps - 1, (batch, 1))
        places = starts + torch.arange(time_steps)
        yield content[places], content[places + 1]


@contextlib.contextmanager
def nothing(model: nn.Module, folder: str) -> Iterator[AfterStep]:
    """Trains alone."""
    yield lambda step: None


@contextlib.contextmanager
def ours(model: nn.Module, folder: str) -> Iterator[AfterStep]:
    """The watch: weights, gradients, updates, activations."""
    with watch(model, folder, every=EVERY):
        yield lambda step: None


@contextlib.contextmanager
def add_histogram(model: nn.Module, folder: str) -> Iterator[AfterStep]:
    """torch's own writer, with a histogram of every parameter and its gradient."""
    from torch.utils.tensorboard import SummaryWriter

    with SummaryWriter(folder) as writer:  # type: ignore[no-untyped-call]

        def log(step: int) -> None:
            if step != 1 and step % EVERY:
                return
            for name, parameter in model.named_parameters():
                writer.add_histogram(name, parameter, step)  # type: ignore[no-untyped-call]
                if parameter.grad is not None:
                    writer.add_histogram(f"{name}.grad", parameter.grad, step)  # type: ignore[no-untyped-call]

        yield log


WAYS = {"nothing": nothing, "nnviz_tb": ours, "add_histogram": add_histogram}


def networks(
    tiny: bool,
) -> dict[str, tuple[Callable[[], nn.Module], Iterator[tuple[Tensor, Tensor]]]]:
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


def train(
    model: nn.Module,
    batches: Iterator[tuple[Tensor, Tensor]],
    way: Callable[[nn.Module, str], contextlib.AbstractContextManager[AfterStep]],
    steps: int,
    folder: str,
) -> list[float]:
    """Processor seconds of each step."""
    optimizer = torch.optim.AdamW(model.parameters(), 1e-3)
    seconds = []
    with way(model, folder) as after:
        for step in range(1, steps + 1):
            x, y = next(batches)
            began = time.process_time()
            loss = F.cross_entropy(model(x).flatten(0, -2), y.flatten())
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            after(step)
            seconds.append(time.process_time() - began)
    return seconds


def table(steps: int, tiny: bool = False) -> Iterator[str]:
    """A heading, and a line for every network and way."""
    yield f"{'network':8}{'parameters':>11} {'way':14}{'step ms':>9}{'logged step adds ms':>21}"
    for network, (make, batches) in networks(tiny).items():
        for name, way in WAYS.items():
            torch.manual_seed(0)
            model = make()
            with tempfile.TemporaryDirectory() as folder:
                seconds = train(model, batches, way, steps, folder)
            # The first logged step is dearer than all others, and is one of hundreds.
            logged = seconds[EVERY - 1 :: EVERY]
            others = [s for place, s in enumerate(seconds[1:], 2) if place % EVERY]
            plain = statistics.median(others)
            added = statistics.median(logged) - plain
            size = sum(parameter.numel() for parameter in model.parameters())
            yield f"{network:8}{size:11,} {name:14}{plain * 1e3:9.1f}{added * 1e3:21.2f}"


if __name__ == "__main__":
    torch.set_num_threads(1)
    for line in table(steps=40):
        print(line, flush=True)

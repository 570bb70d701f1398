"""Which share of a training is spent on looking for findings while it runs.

Timed: ``python tests/benchmarks/bench_health.py [--seconds S]``, twice so many seconds, 150 by
default. As a test (``test_bench_health.py``) the same code runs on tiny networks, untimed.

Two networks train on the CPU under a watch with ``every="auto"`` and a monitor: a small
convolutional one and a ResNet-50, both on scikit-learn's digits, enlarged. The clock is read around
what the monitor does: taking in what was recorded, and judging. AutoTrainer (Zhang et al., ICSE
2021), which looks for five symptoms in a training by Keras, reports an overhead of about 1 %.
A training of less than 100 s may spend a second at once, so a shorter one shows a larger share.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812
from sklearn.datasets import load_digits
from torch import Tensor, nn

from nnviz_tb import SummaryWriter
from nnviz_tb.health import Finding, HealthMonitor
from nnviz_tb.recording import watching
from nnviz_tb.recording.events import Value
from nnviz_tb.torch import watch


class Bottleneck(nn.Module):
    """Three convolutions with a way around them (He et al., 2016)."""

    def __init__(self, entering: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv_1 = nn.Conv2d(entering, width, 1, bias=False)
        self.norm_1 = nn.BatchNorm2d(width)
        self.conv_2 = nn.Conv2d(width, width, 3, stride, 1, bias=False)
        self.norm_2 = nn.BatchNorm2d(width)
        self.conv_3 = nn.Conv2d(width, 4 * width, 1, bias=False)
        self.norm_3 = nn.BatchNorm2d(4 * width)
        self.around: nn.Module = nn.Identity()
        if stride > 1 or entering != 4 * width:
            self.around = nn.Sequential(
                nn.Conv2d(entering, 4 * width, 1, stride, bias=False), nn.BatchNorm2d(4 * width)
            )

    def forward(self, x: Tensor) -> Tensor:
        inner = F.relu(self.norm_1(self.conv_1(x)))
        inner = F.relu(self.norm_2(self.conv_2(inner)))
        return F.relu(self.around(x) + self.norm_3(self.conv_3(inner)))


class ResNet(nn.Module):
    """The one of 50 layers, for grey images and ten classes."""

    def __init__(self, width: int, blocks: Iterable[int] = (3, 4, 6, 3)) -> None:
        super().__init__()
        self.stem = nn.Conv2d(1, width, 7, 2, 3, bias=False)
        self.norm = nn.BatchNorm2d(width)
        entering, stages = width, []
        for place, count in enumerate(blocks):
            inner = width << place
            for number in range(count):
                stride = 2 if place and not number else 1
                stages.append(Bottleneck(entering, inner, stride))
                entering = 4 * inner
        self.stages = nn.Sequential(*stages)
        self.head = nn.Linear(entering, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool2d(F.relu(self.norm(self.stem(x))), 3, 2, 1)
        return self.head(self.stages(x).mean((2, 3)))


def digits(batch: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Endless batches of digits, enlarged to 32 × 32."""
    x, y = load_digits(return_X_y=True)
    images = F.interpolate(torch.from_numpy(x / 16).float().reshape(-1, 1, 8, 8), scale_factor=4)
    labels = torch.from_numpy(y)
    while True:
        chosen = torch.randint(0, len(labels), (batch,))
        yield images[chosen], labels[chosen]


def small(channels: int) -> nn.Module:
    """Two convolutions and two dense layers."""
    return nn.Sequential(
        nn.Conv2d(1, channels, 3, 2, 1),
        nn.ReLU(),
        nn.Conv2d(channels, 2 * channels, 3, 2, 1),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(2 * channels * 64, 4 * channels),
        nn.ReLU(),
        nn.Linear(4 * channels, 10),
    )


class TimedMonitor(HealthMonitor):
    """A monitor that counts the seconds it takes, with the reading of what was recorded."""

    def __init__(self) -> None:
        self.found: list[Finding] = []
        super().__init__(self.found.append)
        self.seconds = 0.0
        self.layers = 0

    def judge(self) -> tuple[Finding, ...]:
        began = time.perf_counter()
        try:
            return super().judge()
        finally:
            self.seconds += time.perf_counter() - began


@dataclass(frozen=True)
class Shares:
    """What a training took.

    Attributes:
      steps, logged: optimizer steps, and those that were logged.
      layers: that were recorded at a logged step.
      seconds: of the whole training.
      logging_s: of it, as the writer says, with the monitor.
      monitor_s: of it, for the monitor.
      findings: that the monitor told.
    """

    steps: int
    logged: int
    layers: int
    seconds: float
    logging_s: float
    monitor_s: float
    findings: int


def train(model: nn.Module, batches: Iterator[tuple[Tensor, Tensor]], seconds: float) -> Shares:
    """Train for about so many seconds, at least ten steps."""
    optimizer = torch.optim.SGD(model.parameters(), 0.01, momentum=0.9)
    monitor = TimedMonitor()
    steps, counted = set[int](), 0
    original = watching.observe

    def timed(told: HealthMonitor, step: int, values: list[Value]) -> None:
        began = time.perf_counter()
        original(told, step, values)
        monitor.seconds += time.perf_counter() - began
        layers = sum(value.tag.startswith("nnviz/layer/") for value in values)
        if layers:
            steps.add(step)
            monitor.layers = layers

    watching.observe = timed  # type: ignore[assignment]
    try:
        with tempfile.TemporaryDirectory() as folder, SummaryWriter(folder) as writer:
            writer.monitor = monitor
            began = time.perf_counter()
            with watch(model, writer) as watched:
                while time.perf_counter() - began < seconds or counted < 10:
                    x, y = next(batches)
                    loss = F.cross_entropy(model(x), y)
                    optimizer.zero_grad()
                    loss.backward()
                    optimizer.step()
                    watched.log({"loss": loss})
                    counted += 1
                took = time.perf_counter() - began
                spent = watched._cadence.overhead * took
    finally:
        watching.observe = original
    return Shares(
        counted, len(steps), monitor.layers, took, spent, monitor.seconds, len(monitor.found)
    )


def table(seconds: float, tiny: bool = False) -> Iterator[str]:
    """A heading, and a line for each network."""
    networks = {
        "small": (lambda: small(4 if tiny else 16), digits(8 if tiny else 32)),
        "ResNet-50": (lambda: ResNet(4 if tiny else 64), digits(4 if tiny else 16)),
    }
    yield (
        f"{'network':10}{'layers':>7}{'steps':>8}{'logged':>8}{'logging %':>11}{'monitor %':>11}"
        f"{'monitor µs / layer, logged step':>33}{'findings':>10}"
    )
    for name, (make, batches) in networks.items():
        torch.manual_seed(0)
        of = train(make(), batches, seconds)
        each = of.monitor_s / max(of.logged * of.layers, 1)
        yield (
            f"{name:10}{of.layers:7}{of.steps:8}{of.logged:8}"
            f"{100 * of.logging_s / of.seconds:11.2f}{100 * of.monitor_s / of.seconds:11.3f}"
            f"{each * 1e6:33.0f}{of.findings:10}"
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=150.0, help="of each training")
    for line in table(parser.parse_args().seconds):
        print(line, flush=True)

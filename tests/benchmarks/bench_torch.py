"""What a watch costs a real training in PyTorch, beside what people use instead.

Timed: ``python tests/benchmarks/bench_torch.py --seconds 120 --rounds 3``; a run of less than
100 s may spend up to a second, so only a long one tells the share of the whole. ``--every 5
--seconds 10`` tells in a few minutes what a logged step adds. wandb is among the ways where it is
installed (``requirements.txt`` beside this file, best in an environment of its own).
``--between 14`` tells what a watch does to the steps that it does not log: so many turns with and
without it in one process, since whole trainings differ by more from one to the next. As a test
(``test_bench_torch.py``) the same code trains a few steps of tiny networks, untimed.

Each way trains the same network from the same seed for the same number of steps, on the CPU, in one
thread and in a process of its own; the ways take turns, round after round. The watch has its
defaults and chooses its steps itself, unless ``--every`` says which. ``add_histogram`` logs every
parameter and its gradient at the very steps that the watch chose in the same round,
``wandb.watch(log="all")`` the same number of steps, evenly, which is what it can. All of them log
the loss as well.

``adds ms`` is the median logged step less the median other step of the same run, without the
first logged step, which is told apart. ``share`` is what all logged steps added, the first
included, of the run's own time without it. ``clock`` is the time of the whole run beside that with
nothing in the same round, and holds what is done later or in other threads; the machine's own
unrest is in it too. In brackets: least and most of all rounds.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
import torch.nn.functional as F  # noqa: N812
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch import Tensor, nn
from torch_networks import Batches, networks

from nnviz_tb.torch import watch

AfterStep = Callable[[int, Tensor], None]


@dataclass
class Plan:
    """What is to be logged.

    Attributes:
      every: of the watch: so many steps, or its default ``"auto"``.
      logged: the steps that a rival is to log.
    """

    every: int | str = "auto"
    logged: tuple[int, ...] = ()

    @property
    def stride(self) -> int:
        """Steps between two, for a rival that can only log evenly, if it is to log as many."""
        return max(1, round(max(self.logged) / len(self.logged)))


Way = Callable[[nn.Module, str, Plan], contextlib.AbstractContextManager[AfterStep]]


@contextlib.contextmanager
def nothing(model: nn.Module, folder: str, plan: Plan) -> Iterator[AfterStep]:
    """Trains alone."""
    yield lambda step, loss: None


@contextlib.contextmanager
def ours(model: nn.Module, folder: str, plan: Plan) -> Iterator[AfterStep]:
    """The watch: weights, gradients, updates, activations."""
    with watch(model, folder, every=plan.every) as watching:
        yield lambda step, loss: watching.log({"loss": loss})


@contextlib.contextmanager
def add_histogram(model: nn.Module, folder: str, plan: Plan) -> Iterator[AfterStep]:
    """torch's own writer, with a histogram of every parameter and its gradient."""
    from torch.utils.tensorboard import SummaryWriter

    with SummaryWriter(folder) as writer:  # type: ignore[no-untyped-call]

        def log(step: int, loss: Tensor) -> None:
            if step not in plan.logged:
                return
            for name, parameter in model.named_parameters():
                writer.add_histogram(name, parameter, step)  # type: ignore[no-untyped-call]
                if parameter.grad is not None:
                    writer.add_histogram(f"{name}.grad", parameter.grad, step)  # type: ignore[no-untyped-call]
            writer.add_scalar("loss", loss.item(), step)  # type: ignore[no-untyped-call]

        yield log


@contextlib.contextmanager
def wandb_watch(model: nn.Module, folder: str, plan: Plan) -> Iterator[AfterStep]:
    """Weights & Biases without a network: parameters and gradients."""
    os.environ.update(WANDB_SILENT="true", WANDB_ERROR_REPORTING="false")
    import wandb

    every = plan.stride
    with wandb.init(mode="offline", dir=folder) as run:
        run.watch(model, log="all", log_freq=every)
        # Each commit counts the step on; what hooks add meanwhile belongs to the coming one.
        yield lambda step, loss: None if step % every else run.log({"loss": loss.item()})


WAYS: dict[str, Way] = {
    "nothing": nothing,
    "nnviz_tb": ours,
    "add_histogram": add_histogram,
    "wandb.watch": wandb_watch,
}
NEEDS = {"wandb.watch": "wandb"}


@dataclass
class Run:
    """One training one way.

    Attributes:
      seconds: wall time of each step.
      cpu_seconds: processor time of all of them, in all threads of the process.
      logged: the steps that were logged, from 1.
      series: tags that were recorded.
    """

    seconds: list[float]
    cpu_seconds: float
    logged: list[int]
    series: int

    @property
    def plain(self) -> float:
        """Median of the steps that were not logged; of all of them where there is none."""
        logged = set(self.logged)
        others = [s for step, s in enumerate(self.seconds, 1) if step not in logged]
        return statistics.median(others or self.seconds)

    @property
    def adds(self) -> float:
        """What a logged step adds, the first left out."""
        later = [self.seconds[step - 1] for step in self.logged[1:]]
        return statistics.median(later) - self.plain if later else 0.0

    @property
    def first_adds(self) -> float:
        return self.seconds[self.logged[0] - 1] - self.plain if self.logged else 0.0

    @property
    def share(self) -> float:
        """What the logged steps added, of the time without it."""
        added = sum(self.seconds[step - 1] - self.plain for step in self.logged)
        return added / (sum(self.seconds) - added)


def train(
    network: tuple[Callable[[], nn.Module], Batches], way: str, steps: int, folder: str, plan: Plan
) -> Run:
    """Trains a network one way.

    Args:
      network: how it is made, and its batches.
      way: one of :data:`WAYS`.
      steps: how many.
      folder: an empty one for what is logged.
      plan: what is to be logged.
    """
    make, batches = network
    torch.manual_seed(0)
    model = make()
    optimizer = torch.optim.AdamW(model.parameters(), 1e-3)
    for _ in range(3):  # torch's own first steps are slow
        F.cross_entropy(
            model(next(batches)[0]).flatten(0, -2), next(batches)[1].flatten()
        ).backward()
    with WAYS[way](model, folder, plan) as after:
        cpu = time.process_time()
        seconds = [_step(model, optimizer, batches, after, step) for step in range(1, steps + 1)]
        cpu = time.process_time() - cpu
    done, series = recorded(way, folder)
    if way == "wandb.watch":
        done = [step for step in range(1, steps + 1) if step % plan.stride == 0]
        # It logs every parameter and gradient, and the loss.
        series = 1 + 2 * len(list(model.parameters()))
    return Run(seconds, cpu, done, series)


def recorded(way: str, folder: str) -> tuple[list[int], int]:
    """The logged steps and the number of tags, by TensorBoard's reader."""
    if way not in ("nnviz_tb", "add_histogram"):
        return [], 0
    events = EventAccumulator(folder, {"tensors": 0, "scalars": 0, "histograms": 1}).Reload()
    tags = events.Tags()
    found = events.Tensors("loss") if "loss" in tags["tensors"] else events.Scalars("loss")
    return [e.step for e in found], sum(len(tags[k]) for k in ("tensors", "scalars", "histograms"))


def in_process(network: str, way: str, steps: int, plan: Plan) -> Run:
    """The training in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        told = Path(folder, "run.json")
        told.write_text(json.dumps(asdict(plan)))
        place = Path(folder, "log")
        place.mkdir()
        subprocess.run(
            [sys.executable, __file__, "--child", network, way, str(steps), str(told), str(place)],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        return Run(**json.loads(told.read_text()))


def table(
    seconds: float, rounds: int, names: Collection[str], every: int | str = "auto"
) -> Iterator[str]:
    """A heading, and a line for every network and way, as soon as it is known."""
    yield (
        f"{'network':8}{'way':15}{'steps':>6}{'logged':>7}{'series':>7}{'step ms':>9}"
        f"{'adds ms':>9} {'':15}{'first ms':>9}{'share':>8} {'':17}{'clock':>8} {'':17}{'CPU':>8}"
    )
    for network in names:
        probe = in_process(network, "nothing", 20, Plan())
        steps = max(40, round(seconds / probe.plain))
        runs: dict[str, list[Run]] = {way: [] for way in WAYS if is_installed(way)}
        for _ in range(rounds):
            plan = Plan(every)
            for way, done in runs.items():
                done.append(in_process(network, way, steps, plan))
                plan = Plan(every, plan.logged or tuple(done[-1].logged))
        for way in WAYS:
            yield f"{network:8}{way:15}" + (
                line(runs[way], runs["nothing"]) if way in runs else "not installed"
            )


def line(runs: list[Run], plain: list[Run]) -> str:
    """Medians of one way over its rounds."""
    first = runs[0]
    told = (
        f"{len(first.seconds):6}{len(first.logged):7}{first.series:7}"
        f"{statistics.median(run.plain for run in runs) * 1e3:9.1f}"
    )
    if not first.logged:
        return told
    pairs = list(zip(runs, plain, strict=True))
    clock = [sum(run.seconds) / sum(other.seconds) - 1 for run, other in pairs]
    cpu = [run.cpu_seconds / other.cpu_seconds - 1 for run, other in pairs]
    first_adds = statistics.median(run.first_adds for run in runs)
    return told + (
        spread([run.adds * 1e3 for run in runs], 9, 2, 15)
        + f"{first_adds * 1e3:9.1f}"
        + spread([run.share * 100 for run in runs], 7, 2, 17, "%")
        + spread([share * 100 for share in clock], 7, 2, 17, "%")
        + f"{statistics.median(cpu) * 100:7.2f}%"
    )


def between(
    network: tuple[Callable[[], nn.Module], Batches], turns: int, steps: int
) -> list[float]:
    """What a step that is not logged takes under a watch, of one without: medians of each turn."""
    make, batches = network
    torch.manual_seed(0)
    model = make()
    optimizer = torch.optim.AdamW(model.parameters(), 1e-3)

    def median(count: int, after: AfterStep) -> float:
        return statistics.median(_step(model, optimizer, batches, after, 0) for _ in range(count))

    def skip(step: int, loss: Tensor) -> None:
        pass

    median(3, skip)  # torch's own first steps are slow
    ratios = []
    for _ in range(turns):
        without = median(steps, skip)
        with tempfile.TemporaryDirectory() as folder, ours(model, folder, Plan(10**9)) as after:
            median(2, after)  # the first is logged, after the second nothing is left of that
            ratios.append(median(steps, after) / without)
    return ratios


def _step(
    model: nn.Module, optimizer: torch.optim.Optimizer, batches: Batches, after: AfterStep, at: int
) -> float:
    """Seconds of one training step."""
    x, y = next(batches)
    began = time.perf_counter()
    loss = F.cross_entropy(model(x).flatten(0, -2), y.flatten())
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    after(at, loss)
    return time.perf_counter() - began


def spread(values: list[float], width: int, digits: int, room: int, unit: str = "") -> str:
    """The median, and between which values it lies."""
    among = f"[{min(values):.{digits}f} … {max(values):.{digits}f}]"
    return f"{statistics.median(values):{width}.{digits}f}{unit} {among:{room}}"


def is_installed(way: str) -> bool:
    return way not in NEEDS or importlib.util.find_spec(NEEDS[way]) is not None


def main() -> None:
    """The table; or one training of it, in the process that it started."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=10.0, help="of each training alone")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--every", default="auto", help="steps between logged ones")
    parser.add_argument("--networks", nargs="+", default=["ResNet", "GPT"])
    parser.add_argument("--between", type=int, metavar="TURNS", help="the steps not logged instead")
    parser.add_argument("--child", nargs=5, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        network, way, steps, told, place = given.child
        torch.set_num_threads(1)
        plan = Plan(**json.loads(Path(told).read_text()))
        run = train(networks()[network], way, int(steps), place, plan)
        Path(told).write_text(json.dumps(asdict(run)))
        return
    if given.between:
        torch.set_num_threads(1)
        for name in given.networks:
            shares = [100 * (ratio - 1) for ratio in between(networks()[name], given.between, 16)]
            print(f"{name:8}a step that is not logged: {spread(shares, 7, 2, 0, '%')}", flush=True)
        return
    every = given.every if given.every == "auto" else int(given.every)
    for row in table(given.seconds, given.rounds, given.networks, every):
        print(row, flush=True)


if __name__ == "__main__":
    main()

"""A watch over compiled models: compiled once, never broken, uncompiled only when logged."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from event_log import EventLog
from torch import nn

from nnviz_tb.torch import watch

pytestmark = pytest.mark.slow


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc1 = nn.Linear(4, 6)
        self.fc2 = nn.Linear(6, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc2(F.relu(self.fc1(x)))


class CountingBackend:
    """Compiles to what it was given, and counts graphs and their runs."""

    def __init__(self) -> None:
        self.graphs = 0
        self.runs = 0

    def __call__(self, graph: Any, inputs: Any) -> Any:
        self.graphs += 1

        def run(*args: Any) -> Any:
            self.runs += 1
            return graph.forward(*args)

        return run


@pytest.mark.parametrize("in_place", [False, True], ids=["torch.compile", "module.compile"])
def test_a_compiled_model_is_compiled_once_and_seen_at_every_logged_step(
    tmp_path: Path, in_place: bool
) -> None:
    model = Net()
    backend = CountingBackend()
    compiled: Any = model
    if in_place:
        model.compile(backend=backend, fullgraph=True)
    else:
        compiled = torch.compile(model, backend=backend, fullgraph=True)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    runs = []
    with watch(compiled, tmp_path, every=3):
        for _ in range(7):
            compiled(torch.randn(8, 4)).sum().backward()
            runs.append(backend.runs)
            optimizer.step()

    assert backend.graphs == 1
    assert runs == [0, 1, 1, 2, 3, 3, 4]  # not at the logged steps 1, 3 and 6
    assert EventLog(tmp_path).figure("relu", "sample_count") == {1: 48.0, 3: 48.0, 6: 48.0}


def test_a_model_compiled_after_the_watch_began_trains_all_the_same(tmp_path: Path) -> None:
    model = Net()
    backend = CountingBackend()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    with watch(model, tmp_path, every=3):
        model.compile(backend=backend, fullgraph=True)
        for _ in range(4):
            model(torch.randn(8, 4)).sum().backward()
            optimizer.step()

    assert EventLog(tmp_path).figure("relu", "sample_count")[3] == 48.0


def test_watches_that_end_in_any_order_leave_compiled_code_compiled(tmp_path: Path) -> None:
    models, backend = [Net(), Net()], CountingBackend()
    for model in models:
        model.compile(backend=backend)
    watches = [watch(model, tmp_path / str(n), every=9) for n, model in enumerate(models)]
    for model, watching in zip(models, watches, strict=True):
        optimizer = torch.optim.SGD(model.parameters(), 0.1)
        for _ in range(2):
            model(torch.randn(8, 4)).sum().backward()
            optimizer.step()
        watching.close()
        assert torch._dynamo.eval_frame._stance.stance == (
            "force_eager" if model is models[0] else "default"
        )
    models[0](torch.randn(8, 4))
    assert backend.runs == 2

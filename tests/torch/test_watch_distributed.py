"""A watch in real distributed trainings, of several processes that talk through gloo."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rank
import torch
import torch.nn.functional as F  # noqa: N812
from event_log import EventLog
from launched import launch

from nnviz_tb.schema import LayerMetadata, metadata_from_bytes

pytestmark = pytest.mark.slow


def train(kind: str, world: int, folder: Path) -> None:
    launch("rank.py", world, kind, str(folder))


def whole_norms() -> list[float]:
    """Norms of the first weight's gradient, when one process trains on everything."""
    model = rank.network()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    norms = []
    for x, y in rank.batches(0, 1):
        optimizer.zero_grad()
        F.cross_entropy(model(x), y).backward()
        norms.append(float(model[0].weight.grad.norm()))
        optimizer.step()
    return norms


@pytest.mark.parametrize("world", [2, 4])
def test_one_process_writes_the_gradients_that_all_agreed_on(tmp_path: Path, world: int) -> None:
    train("ddp", world, tmp_path)

    assert len(list((tmp_path / "run").iterdir())) == 1
    norms = EventLog(tmp_path / "run").figure("0", "gradient_norm")
    assert list(norms) == [1, 2, 3]
    np.testing.assert_allclose(list(norms.values()), whole_norms(), rtol=1e-4)


@pytest.mark.parametrize("world", [2, 4])
def test_a_watch_over_sharded_weights_tells_of_the_whole(tmp_path: Path, world: int) -> None:
    train("fsdp", world, tmp_path)

    assert len(list((tmp_path / "run").iterdir())) == 1
    log = EventLog(tmp_path / "run")
    metadata = metadata_from_bytes(log.metadata("nnviz/layer/0"))
    assert isinstance(metadata, LayerMetadata)
    assert (metadata.kernel_shape, metadata.neurons, metadata.notes) == ((8, 4), 8, ())
    norms = log.figure("0", "gradient_norm")
    np.testing.assert_allclose(list(norms.values()), whole_norms(), rtol=1e-4)
    ratios = log.figure("0", "update_ratio")
    moved = log.figure("0", "displacement")
    assert [moved[step] for step in (2, 3)] == pytest.approx([ratios[step] for step in (2, 3)])
    assert list(log.figure("1", "sample_count").values()) == [8 / world * 8] * 3

"""A watch in real distributed trainings, of several processes that talk through gloo."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import rank
import torch
import torch.nn.functional as F  # noqa: N812
from event_log import EventLog

from nnviz_tb.schema import LayerMetadata, metadata_from_bytes

pytestmark = pytest.mark.slow


def train(kind: str, world: int, folder: Path) -> None:
    script = str(Path(__file__).with_name("rank.py"))
    processes = [
        subprocess.Popen(
            [sys.executable, script, kind, str(number), str(world), str(folder)],
            stderr=subprocess.PIPE,
            text=True,
        )
        for number in range(world)
    ]
    # One that fails leaves the others waiting for it: its word is what is worth reading.
    deadline = time.monotonic() + 240
    while any(process.poll() is None for process in processes):
        if any(process.poll() for process in processes) or time.monotonic() > deadline:
            break
        time.sleep(0.1)
    for process in processes:
        process.kill()
    told = [process.communicate()[1] for process in processes]
    assert [process.returncode for process in processes] == [0] * world, "\n".join(told)


@pytest.mark.parametrize("world", [2, 4])
def test_one_process_writes_the_gradients_that_all_agreed_on(tmp_path: Path, world: int) -> None:
    train("ddp", world, tmp_path)

    model = rank.network()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    wanted = []
    for x, y in rank.batches(0, 1):
        optimizer.zero_grad()
        F.cross_entropy(model(x), y).backward()
        wanted.append(float(model[0].weight.grad.norm()))
        optimizer.step()
    assert len(list((tmp_path / "run").iterdir())) == 1
    norms = EventLog(tmp_path / "run").figure("0", "gradient_norm")
    assert list(norms) == [1, 2, 3]
    np.testing.assert_allclose(list(norms.values()), wanted, rtol=1e-4)


def test_of_sharded_weights_the_shard_of_the_writer_is_shown_and_said_to_be_one(
    tmp_path: Path,
) -> None:
    train("fsdp", 2, tmp_path)

    log = EventLog(tmp_path / "run")
    metadata = metadata_from_bytes(log.metadata("nnviz/layer/0"))
    assert isinstance(metadata, LayerMetadata)
    assert metadata.kernel_shape == (8, 4)
    assert metadata.neurons == 4
    assert "only the shard of this process is shown" in metadata.notes
    norms = json.loads((tmp_path / "norms-0.json").read_text())
    np.testing.assert_allclose(list(log.figure("0", "gradient_norm").values()), norms, rtol=1e-5)
    assert list(log.figure("1", "sample_count").values()) == [4.0 * 8] * 3

"""Weights on an accelerator are reduced there; where there is none, the CPU's tensors stand in.

A stand-in shows that the numbers are right, that no operation reads a value back, and that the
training goes on while the device is behind. That nothing waits for a device only a device can show:
the last test, marked ``gpu``, is for machines that have one.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from event_log import EventLog
from test_piece_sums import NothingRead
from torch import nn

from nnviz_tb.adapters.torch import merging, pieces
from nnviz_tb.torch import watch

STEPS = 4


def network(device: str = "cpu") -> nn.Module:
    torch.manual_seed(3)
    return nn.Sequential(
        nn.Conv2d(2, 5, 3),
        nn.GELU(),
        nn.Flatten(),
        nn.Linear(5 * 4 * 4, 40),
        nn.Tanh(),
        nn.Linear(40, 3),
    ).to(device)


def train(folder: Path, every: int | str, steps: int = STEPS, device: str = "cpu") -> nn.Module:
    model = network(device)
    optimizer = torch.optim.SGD(model.parameters(), 0.1, momentum=0.9)
    generator = torch.Generator().manual_seed(1)
    batches = [torch.randn(16, 2, 6, 6, generator=generator).to(device) for _ in range(steps)]
    with watch(model, folder, every=every) as watching:
        for batch in batches:
            for half in batch.split(8):  # two passes before each step
                loss = model(half).square().mean()
                loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            watching.log({"loss": loss})
    return model


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """From here on, the CPU's tensors are taken for those of an accelerator."""
    monkeypatch.setattr(pieces, "_REDUCING_DEVICES", ("cpu", "cuda"))


def assert_alike(found: EventLog, wanted: EventLog) -> None:
    assert set(found.tags) == set(wanted.tags)
    for tag in set(wanted.tags) - {"nnviz/run"}:
        assert found.metadata(tag) == wanted.metadata(tag), tag
        pairs = zip(found.series(tag).items(), wanted.series(tag).items(), strict=True)
        for (step, ours), (expected, theirs) in pairs:
            assert step == expected, tag
            if tag.startswith("nnviz/"):
                np.testing.assert_allclose(ours, theirs, rtol=2e-6, atol=1e-7, err_msg=tag)
            else:
                np.testing.assert_array_equal(ours, theirs, err_msg=tag)


def test_what_was_reduced_on_the_device_is_what_the_host_would_have_found(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    train(tmp_path / "host", every=1)
    request.getfixturevalue("stand_in")
    train(tmp_path / "device", every=1)
    assert_alike(EventLog(tmp_path / "device"), EventLog(tmp_path / "host"))


@pytest.mark.usefixtures("stand_in")
def test_training_goes_on_while_the_device_is_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = False
    monkeypatch.setattr(merging.OnTheWay, "is_there", lambda self: done)
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    with watch(model, tmp_path / "run", every="auto") as watching:
        for step in range(1, 6):
            done = step == 5
            if step == 1:
                weight = model[5].weight.detach().clone()
            model(torch.randn(8, 2, 6, 6)).square().mean().backward()
            optimizer.step()
            watching.log({"loss": float(step)})
            # The first step is logged; no other one until its numbers are there.
            steps = list(EventLog(tmp_path / "run").figure("5", "gradient_norm")) if done else []
            assert steps == ([1] if done else [])
            if step == 1:
                weight = model[5].weight.detach().clone()
    norms = EventLog(tmp_path / "run").series("nnviz/weight_norm/5")[1]
    # As the weights were then, not when they came to be written.
    np.testing.assert_allclose(norms, weight.norm(dim=1).numpy(), rtol=1e-5)
    assert list(EventLog(tmp_path / "run").series("loss")) == [1]


@pytest.mark.usefixtures("stand_in")
def test_samples_alone_are_waited_for_as_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(merging.OnTheWay, "is_there", lambda self: False)
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    with watch(model, tmp_path, every="auto", include=["1", "4"]) as watching:
        model(torch.randn(8, 2, 6, 6)).square().mean().backward()
        optimizer.step()
        assert watching._under_way  # the device may not have filled them yet
    assert list(EventLog(tmp_path).figure("4", "sample_count").values()) == [8 * 40]


@pytest.mark.usefixtures("stand_in")
def test_no_operation_of_a_logged_step_reads_a_value_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(merging.OnTheWay, "is_there", lambda self: False)
    # Indexes are numbers here, never masks, whose count would have to be known.
    monkeypatch.setattr(
        NothingRead, "READING", [n for n in NothingRead.READING if n != "index.Tensor"]
    )
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    with watch(model, tmp_path, every="auto") as watching:
        with NothingRead():
            model(torch.randn(8, 2, 6, 6)).square().mean().backward()
            optimizer.step()
        assert watching._under_way
    assert list(EventLog(tmp_path).figure("5", "gradient_norm")) == [1]


@pytest.mark.gpu
def test_no_call_waits_for_the_device_while_a_step_is_logged(tmp_path: Path) -> None:
    assert torch.cuda.is_available(), "an accelerator is here, but this torch cannot use it"
    train(tmp_path / "warm", every=1, device="cuda")  # allocations may wait; they come once
    torch.cuda.synchronize()
    model = network("cuda")
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    batches = [torch.randn(8, 2, 6, 6, device="cuda") for _ in range(STEPS)]
    logged = tmp_path / "logged"
    with watch(model, logged, every="auto") as watching:
        torch.cuda.set_sync_debug_mode("error")
        try:
            for batch in batches:
                loss = model(batch).square().mean()
                loss.backward()
                optimizer.step()
                optimizer.zero_grad()
                watching.log({"loss": loss})
        finally:
            torch.cuda.set_sync_debug_mode("default")
    assert 1 in EventLog(logged).figure("5", "gradient_norm")

    # And the numbers are those of the CPU, for the same weights.
    train(tmp_path / "host", every=1, steps=1)
    train(tmp_path / "device", every=1, steps=1, device="cuda")
    host, device = (EventLog(tmp_path / name) for name in ("host", "device"))
    assert set(host.tags) == set(device.tags)
    for layer in ("0", "3", "5"):
        wanted = host.series(f"nnviz/weight_norm/{layer}")[1]
        np.testing.assert_allclose(
            device.series(f"nnviz/weight_norm/{layer}")[1], wanted, rtol=1e-4
        )

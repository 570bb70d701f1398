"""A watch over real training loops, with torch's own autograd as the oracle."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from event_log import EventLog
from torch import nn
from torch.nn.modules import module as module_hooks
from torch.optim import optimizer as optimizer_hooks
from torch.overrides import _get_current_function_mode_stack
from torch.utils.checkpoint import checkpoint
from torch.utils.tensorboard import SummaryWriter

import nnviz_tb
from nnviz_tb.errors import ArgumentError, LoggingWarning
from nnviz_tb.torch import watch
from nnviz_tb.torch.eager import EAGER


class Net(nn.Module):
    """Two layers with a functional activation, which may be checkpointed."""

    def __init__(self, checkpointed: bool | None = None) -> None:
        super().__init__()
        self.fc1 = nn.Linear(4, 6)
        self.fc2 = nn.Linear(6, 3)
        self.checkpointed = checkpointed

    def hidden(self, x: torch.Tensor) -> torch.Tensor:
        return F.relu(self.fc1(x))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.checkpointed is None:
            return self.fc2(self.hidden(x))
        return self.fc2(checkpoint(self.hidden, x, use_reentrant=self.checkpointed))


def batches(count: int) -> list[tuple[torch.Tensor, torch.Tensor]]:
    generator = torch.Generator().manual_seed(3)
    return [
        (torch.randn(8, 4, generator=generator), torch.randint(0, 3, (8,), generator=generator))
        for _ in range(count)
    ]


def hook_counts() -> tuple[int, ...]:
    return (
        len(module_hooks._global_forward_hooks),
        len(module_hooks._global_forward_pre_hooks),
        len(optimizer_hooks._global_optimizer_pre_hooks),
        len(optimizer_hooks._global_optimizer_post_hooks),
        len(_get_current_function_mode_stack()),
    )


def ratio(after: torch.Tensor, before: torch.Tensor) -> float:
    return float((after - before).norm() / before.norm())


@pytest.mark.parametrize(
    "make",
    [
        lambda p: torch.optim.SGD(p, 0.1, momentum=0.9, nesterov=True, foreach=True),
        lambda p: torch.optim.Adam(p, 0.01),
        lambda p: torch.optim.AdamW(p, 0.01, fused=True),
    ],
    ids=["nesterov", "adam", "fused"],
)
def test_gradients_and_update_ratios_are_those_of_each_logged_step(
    tmp_path: Path, make: Any
) -> None:
    model = Net()
    optimizer = make(model.parameters())
    wanted: dict[int, tuple[float, float]] = {}
    inputs: dict[int, np.ndarray] = {}
    with watch(model, tmp_path, every=2) as watching:
        for step, (x, y) in enumerate(batches(6), start=1):
            optimizer.zero_grad()
            with torch.no_grad():
                inputs[step] = torch.addmm(model.fc1.bias, x, model.fc1.weight.T).numpy()
            loss = F.cross_entropy(model(x), y)
            loss.backward()
            norm = float(model.fc1.weight.grad.norm())
            before = model.fc1.weight.detach().clone()
            optimizer.step()
            watching.log({"loss": loss})
            wanted[step] = (norm, ratio(model.fc1.weight.detach(), before))

    log = EventLog(tmp_path)
    norms, ratios = log.figure("fc1", "gradient_norm"), log.figure("fc1", "update_ratio")
    assert list(norms) == [1, 2, 4, 6]
    for step in norms:
        np.testing.assert_allclose((norms[step], ratios[step]), wanted[step], rtol=1e-4)
        activity = log.series("nnviz/activity/relu")[step]
        np.testing.assert_allclose(activity, (inputs[step] > 0).mean(axis=0))
    assert list(log.series("loss")) == [1, 2, 4, 6]


@pytest.mark.parametrize("by_name", [False, True])
@pytest.mark.parametrize(
    "make",
    [lambda p: torch.optim.SGD(p, 0.1, momentum=0.9), lambda p: torch.optim.LBFGS(p, max_iter=3)],
    ids=["sgd", "lbfgs"],
)
def test_gradients_that_a_closure_makes_are_those_of_its_own_step(
    tmp_path: Path, make: Any, by_name: bool
) -> None:
    torch.manual_seed(4)
    model = Net()
    optimizer = make(model.parameters())
    wanted: dict[int, tuple[float, float]] = {}
    with watch(model, tmp_path, every=1):
        for step, (x, y) in enumerate(batches(4), start=1):
            norms: list[float] = []

            def closure(x: Any = x, y: Any = y, norms: list[float] = norms) -> torch.Tensor:
                optimizer.zero_grad()
                loss = F.cross_entropy(model(x), y)
                loss.backward()
                nn.utils.clip_grad_norm_(model.parameters(), 0.1)
                assert model.fc1.weight.grad is not None
                norms.append(float(model.fc1.weight.grad.norm()))
                return loss

            before = model.fc1.weight.detach().clone()
            returned = optimizer.step(closure=closure) if by_name else optimizer.step(closure)
            assert returned.shape == ()
            # LBFGS asks several times: the first is about the weights before the step.
            wanted[step] = (norms[0], ratio(model.fc1.weight.detach(), before))

    log = EventLog(tmp_path)
    found, ratios = log.figure("fc1", "gradient_norm"), log.figure("fc1", "update_ratio")
    assert list(found) == [1, 2, 3, 4]
    for step in wanted:
        np.testing.assert_allclose((found[step], ratios[step]), wanted[step], rtol=1e-4)


def test_a_closure_that_fails_is_the_trainings_own_affair(tmp_path: Path) -> None:
    model = Net()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)

    def closure() -> torch.Tensor:
        if fails:
            raise OverflowError("of the user")
        loss = model(torch.ones(2, 4)).sum()
        loss.backward()
        return loss

    with watch(model, tmp_path, every=1):
        for fails in (False, True, False):
            if fails:
                with pytest.raises(OverflowError, match="of the user"):
                    optimizer.step(closure)
            else:
                optimizer.step(closure)
    assert list(EventLog(tmp_path).figure("fc1", "update_ratio")) == [1, 2]


@pytest.mark.parametrize("checkpointed", [False, True])
@pytest.mark.filterwarnings("ignore:.*None of the inputs have requires_grad.*:UserWarning")
def test_a_checkpointed_forward_is_counted_once(tmp_path: Path, checkpointed: bool) -> None:
    model = Net(checkpointed)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    with watch(model, tmp_path, every=1):
        for x, y in batches(2):
            F.cross_entropy(model(x.requires_grad_()), y).backward()
            optimizer.step()

    assert list(EventLog(tmp_path).figure("relu", "sample_count").values()) == [8 * 6] * 2


def test_accumulated_gradients_and_all_their_passes_belong_to_the_step(tmp_path: Path) -> None:
    model = Net()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    with watch(model, tmp_path, every=1) as watching:
        for x, y in batches(3):
            F.cross_entropy(model(x), y).backward()
        with torch.no_grad():
            model(torch.randn(50, 4))  # a validation in between
        norm = float(model.fc2.weight.grad.norm())
        optimizer.step()
        assert watching.step == 1

    log = EventLog(tmp_path)
    np.testing.assert_allclose(log.figure("fc2", "gradient_norm")[1], norm, rtol=1e-5)
    assert log.figure("relu", "sample_count")[1] == 3 * 8 * 6


def test_gradients_are_logged_without_the_scaler_s_scale(tmp_path: Path) -> None:
    model = Net()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
    x, y = batches(1)[0]
    with watch(model, tmp_path, every=1) as watching:
        scaler.scale(F.cross_entropy(model(x), y) * float("inf")).backward()
        scaler.step(optimizer)  # skipped: there are infinities
        scaler.update()
        assert watching.step == 0
        optimizer.zero_grad()
        oracle = copy.deepcopy(model)
        F.cross_entropy(oracle(x), y).backward()
        scaler.scale(F.cross_entropy(model(x), y)).backward()
        scaler.step(optimizer)

    norm = EventLog(tmp_path).figure("fc1", "gradient_norm")[1]
    np.testing.assert_allclose(norm, float(oracle.fc1.weight.grad.norm()), rtol=1e-5)


def test_bfloat16_autocast_shows_what_really_reached_the_activation(tmp_path: Path) -> None:
    model = Net()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    x, y = batches(1)[0]
    with watch(model, tmp_path, every=1), torch.autocast("cpu", dtype=torch.bfloat16):
        F.cross_entropy(model(x), y).backward()
        seen = model.fc1(x)
        before = model.fc1.weight.detach().clone()
        optimizer.step()

    log = EventLog(tmp_path)
    assert seen.dtype == torch.bfloat16
    after = log.series("nnviz/activity/relu")[1]
    np.testing.assert_allclose(after, (seen.detach().float().numpy() > 0).mean(axis=0))
    np.testing.assert_allclose(
        log.figure("fc1", "update_ratio")[1], ratio(model.fc1.weight.detach(), before), rtol=1e-4
    )


def test_several_optimizers_of_one_model_are_seen_together(tmp_path: Path) -> None:
    model = Net()
    first = torch.optim.SGD(model.fc1.parameters(), 0.1)
    second = torch.optim.SGD(model.fc2.parameters(), 0.01)
    with watch(model, tmp_path, every=1, optimizer=[first, second]) as watching:
        for x, y in batches(3):
            F.cross_entropy(model(x), y).backward()
            first.step()
            second.step()
        assert watching.step == 3

    log = EventLog(tmp_path)
    for layer in ("fc1", "fc2"):
        ratios = log.figure(layer, "update_ratio")
        assert list(ratios) == [1, 2, 3]
        assert np.isfinite(list(ratios.values())).all()


def test_two_models_in_one_run_are_told_apart(tmp_path: Path) -> None:
    models = {"generator": Net(), "critic": Net()}
    optimizers = {n: torch.optim.SGD(m.parameters(), 0.1) for n, m in models.items()}
    with nnviz_tb.SummaryWriter(tmp_path) as writer:
        watches = [watch(model, writer, every=1, name=n) for n, model in models.items()]
        for name, model in models.items():
            for x, y in batches(2):
                F.cross_entropy(model(x), y).backward()
                optimizers[name].step()
        for watching in watches:
            watching.close()

    log = EventLog(tmp_path)
    for name in models:
        assert list(log.figure(f"{name}/fc1", "gradient_norm")) == [1, 2]
        assert list(log.series(f"{name}/learning_rate")) == [1, 2]


def test_included_and_excluded_layers_are_chosen_by_their_names(tmp_path: Path) -> None:
    model = nn.ModuleDict({"a": Net(), "b": Net()})
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    with watch(model, tmp_path, every=1, include="a/*", exclude=["*/fc2"]):
        x, y = batches(1)[0]
        (F.cross_entropy(model["a"](x), y) + F.cross_entropy(model["b"](x), y)).backward()
        optimizer.step()

    layers = {tag[len("nnviz/layer/") :] for tag in EventLog(tmp_path).tags if "/layer/" in tag}
    assert layers == {"a/fc1", "a/relu"}


def test_between_logged_steps_there_is_no_hook_on_any_module(tmp_path: Path) -> None:
    model = Net()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    none = hook_counts()
    with watch(model, tmp_path, every=3):
        for step, (x, y) in enumerate(batches(5), start=1):
            modules = hook_counts()[:2]
            assert modules == ((1, 1) if step in (1, 3) else (0, 0))
            F.cross_entropy(model(x), y).backward()
            optimizer.step()
            assert hook_counts()[4] == 0
    assert hook_counts() == none


def test_training_gives_the_same_weights_with_a_watch_as_without(tmp_path: Path) -> None:
    watched, plain = Net(), None
    plain = copy.deepcopy(watched)
    watching = watch(watched, tmp_path, every=1)
    for model in (plain, watched):
        optimizer = torch.optim.Adam(model.parameters(), 0.01)
        torch.manual_seed(1)
        for x, y in batches(4):
            optimizer.zero_grad()
            F.cross_entropy(F.dropout(model(x)), y).backward()
            optimizer.step()
    watching.close()
    for one, other in zip(watched.parameters(), plain.parameters(), strict=True):
        assert torch.equal(one, other)


def test_a_watched_model_can_be_copied_pickled_and_saved(tmp_path: Path) -> None:
    model = Net()
    untouched = pickle.dumps(model)
    with watch(model, tmp_path, every=1):
        assert pickle.dumps(model) == untouched
        assert list(model.state_dict()) == list(pickle.loads(untouched).state_dict())
        twin = copy.deepcopy(model)
        assert [len(m._forward_hooks) for m in twin.modules()] == [0, 0, 0]
        optimizer = torch.optim.SGD(model.parameters(), 0.1)
        model(torch.randn(2, 4)).sum().backward()
        optimizer.step()


def test_a_forward_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    model = Net()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    with watch(model, tmp_path, every=1):
        with pytest.raises(RuntimeError, match="cannot be multiplied"):
            model(torch.randn(2, 5))
        assert hook_counts()[4] == 0
        model(torch.randn(2, 4)).sum().backward()
        optimizer.step()
    assert EventLog(tmp_path).figure("relu", "sample_count") == {1: 12.0}


def test_another_library_s_writer_is_refused_with_the_way_to_use_it(tmp_path: Path) -> None:
    with (
        SummaryWriter(str(tmp_path)) as writer,
        pytest.raises(ArgumentError, match=r"SummaryWriter\(via=writer\)"),
    ):
        watch(Net(), writer)  # type: ignore[arg-type]


def test_a_watch_that_saw_no_step_says_so(tmp_path: Path) -> None:
    with pytest.warns(LoggingWarning, match="nothing was logged"):
        watch(Net(), tmp_path).close()


def test_what_goes_wrong_while_logging_is_warned_of_and_training_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = Net()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    watching = watch(model, tmp_path, every=1)

    def broken(*args: Any, **kwargs: Any) -> None:
        raise OSError("no such device")

    monkeypatch.setattr(watching.writer, "begin_layers", broken)
    model(torch.randn(2, 4)).sum().backward()
    with pytest.warns(LoggingWarning, match="training goes on: OSError: no such device"):
        optimizer.step()
    watching.close()
    assert hook_counts() == (0, 0, 0, 0, 0)


def test_a_watch_that_ends_within_a_step_does_not_disturb_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, other = Net(), Net()
    optimizer = torch.optim.SGD([*model.parameters(), *other.parameters()], 0.1)
    first = watch(model, tmp_path / "first", every=1)
    second = watch(other, tmp_path / "second", every=1)

    def broken(*args: Any, **kwargs: Any) -> None:
        raise OSError("no such device")

    monkeypatch.setattr(first.writer, "begin_layers", broken)
    for step in range(3):
        (model(torch.randn(2, 4)).sum() + other(torch.randn(2, 4)).sum()).backward()
        if step:
            optimizer.step()
        else:
            with pytest.warns(LoggingWarning, match="training goes on: OSError: no such device"):
                optimizer.step()
    second.close()
    assert hook_counts() == (0, 0, 0, 0, 0)
    assert list(EventLog(tmp_path / "second").figure("fc1", "update_ratio")) == [1, 2, 3]


def test_parameters_that_are_replaced_while_the_model_trains_are_followed(tmp_path: Path) -> None:
    model = Net()
    with watch(model, tmp_path, every=1):
        for step in range(4):
            if step == 2:
                state = {name: value.clone() for name, value in model.state_dict().items()}
                model.load_state_dict(state, assign=True)
            if step in (0, 2):
                optimizer = torch.optim.SGD(model.parameters(), 0.1)
            model(torch.randn(2, 4)).sum().backward()
            optimizer.step()
    # The third step was prepared for with the parameters that were there before.
    assert set(EventLog(tmp_path).figure("fc1", "update_ratio")) >= {1, 2, 4}


def test_a_training_that_goes_on_with_another_optimizer_is_followed(tmp_path: Path) -> None:
    model = Net()
    first = torch.optim.Adam(model.parameters())
    second = torch.optim.SGD(model.parameters(), 0.01)

    def trained(optimizer: torch.optim.Optimizer, steps: int) -> None:
        for _ in range(steps):
            optimizer.zero_grad()
            model(torch.ones(2, 4)).sum().backward()
            optimizer.step()

    with watch(model, tmp_path, every=50) as watching:
        trained(first, 60)
        with pytest.warns(LoggingWarning, match="steps are those of SGD from here on: Adam"):
            trained(second, 200)
        assert watching.step == 160
    assert list(EventLog(tmp_path).figure("fc1", "update_ratio"))[-2:] == [100, 150]


def test_a_function_in_a_loop_is_told_apart_a_few_times_and_then_seen_together(
    tmp_path: Path,
) -> None:
    class Unrolled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.cell = nn.Linear(4, 4)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            for _ in range(50):
                x = torch.tanh(self.cell(x))
            return x

    model = Unrolled()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    with watch(model, tmp_path, every=1):
        model(torch.randn(3, 4)).sum().backward()
        optimizer.step()
    log = EventLog(tmp_path)
    names = [tag for tag in log.tags if tag.startswith("nnviz/layer/") and "tanh" in tag]
    assert len(names) == 8
    counts = sorted(log.figure(tag[len("nnviz/layer/") :], "sample_count")[1] for tag in names)
    assert counts[:7] == [12.0] * 7
    assert counts[7] > 12.0


@pytest.mark.filterwarnings("ignore")  # of torch, on FSDP1 and on a world of one process
def test_flattened_shards_are_refused_before_the_training(tmp_path: Path) -> None:
    from torch.distributed.fsdp import FullyShardedDataParallel

    torch.distributed.init_process_group(
        "gloo", init_method=f"file://{tmp_path / 'meeting'}", rank=0, world_size=1
    )
    try:
        model = FullyShardedDataParallel(Net(), device_id=torch.device("cpu"))
        with pytest.raises(ArgumentError, match="fully_shard"):
            watch(model, tmp_path / "run")
    finally:
        torch.distributed.destroy_process_group()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_an_optimizer_step_inside_compiled_code_is_left_alone(tmp_path: Path) -> None:
    model = Net()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)

    @torch.compile(backend="eager")
    def step() -> None:
        optimizer.step()

    with watch(model, tmp_path, every=2):
        for _ in range(5):
            model(torch.randn(2, 4)).sum().backward()
            step()
            optimizer.zero_grad()
    assert EAGER._wanted == 0


@pytest.mark.parametrize(
    ("rest", "message"),
    [
        ({"every": "epoch"}, "every"),
        ({"every": 0}, "every"),
        ({"include": 3}, "include"),
        ({"optimizer": "adam"}, "optimizer"),
        ({"max_overhead": 2.0}, "max_overhead"),
        ({"first_step": -1}, "first_step"),
    ],
)
def test_bad_arguments_raise_and_leave_no_hook(
    tmp_path: Path, rest: dict[str, Any], message: str
) -> None:
    with pytest.raises(ArgumentError, match=message):
        watch(Net(), tmp_path, **rest)
    assert hook_counts() == (0, 0, 0, 0, 0)

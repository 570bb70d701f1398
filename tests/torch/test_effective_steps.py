"""Steps of an optimizer on weights that a module computes, with autograd as the oracle."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from event_log import EventLog
from torch import nn
from torch.nn.utils import parametrizations, parametrize

from nnviz_tb.torch import watch

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import peft

pytestmark = pytest.mark.filterwarnings("ignore:.*weight_norm.* is deprecated:FutureWarning")

Weight = Callable[[], torch.Tensor]


class LowRank(nn.Module):
    """LoRA as it is written by hand with torch's parametrizations."""

    def __init__(self) -> None:
        super().__init__()
        self.A, self.B = nn.Parameter(torch.randn(2, 5)), nn.Parameter(torch.randn(4, 2))

    def forward(self, weight: torch.Tensor) -> torch.Tensor:
        return weight + 0.5 * self.B @ self.A


def by_hand(module: nn.Linear) -> nn.Linear:
    module.requires_grad_(False)
    parametrize.register_parametrization(module, "weight", LowRank())
    return module


NORMED = {
    "weight_norm": parametrizations.weight_norm,
    "spectral_norm": parametrizations.spectral_norm,
    "orthogonal": parametrizations.orthogonal,
    "older weight_norm": nn.utils.weight_norm,
    "older spectral_norm": nn.utils.spectral_norm,
    "LoRA by hand": by_hand,
}


class Net(nn.Module):
    def __init__(self, norm: Any) -> None:
        super().__init__()
        self.hidden = norm(nn.Linear(5, 4))
        self.head = nn.Linear(4, 3)
        self.seen: list[torch.Tensor] = []

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        weight = self.hidden.weight if not self.hidden._forward_pre_hooks else None
        if weight is None:  # the older ones compute it when they are called
            y = self.hidden(x)
            weight = self.hidden.weight
        else:
            y = F.linear(x, weight, self.hidden.bias)
        if self.training and weight.requires_grad:
            weight.retain_grad()
            self.seen.append(weight)
        return self.head(torch.tanh(y))


def effective(net: Net) -> torch.Tensor:
    """The weight of the hidden layer, without a step of its own such as a power iteration."""
    net.eval()
    with torch.no_grad():
        net(torch.zeros(1, 5))
        weight = net.hidden.weight.detach().clone()
    net.train()
    return weight


def batch() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(2)
    return torch.randn(8, 5, generator=generator), torch.arange(8) % 3


def norm_of(net: Net) -> float:
    return float(sum(w.grad for w in net.seen if w.grad is not None).norm())  # type: ignore[union-attr]


@pytest.mark.parametrize("norm", NORMED.values(), ids=list(NORMED))
def test_update_and_gradient_are_those_of_the_weight_that_is_used(
    tmp_path: Path, norm: Any
) -> None:
    torch.manual_seed(4)
    net = Net(norm)
    optimizer = torch.optim.Adam(net.parameters(), 0.01)
    x, y = batch()
    wanted = {}
    with watch(net, tmp_path, every=1):
        for step in (1, 2, 3):
            optimizer.zero_grad()
            net.seen.clear()
            F.cross_entropy(net(x), y).backward()
            before = effective(net)
            optimizer.step()
            wanted[step] = (float((effective(net) - before).norm() / before.norm()), norm_of(net))

    log = EventLog(tmp_path)
    ratios, norms = log.figure("hidden", "update_ratio"), log.figure("hidden", "gradient_norm")
    assert list(ratios) == [1, 2, 3]
    for step in wanted:
        np.testing.assert_allclose((ratios[step], norms[step]), wanted[step], rtol=2e-3)


def test_what_scaled_the_loss_and_clipped_the_gradients_is_in_the_gradient(tmp_path: Path) -> None:
    net = Net(parametrizations.weight_norm)
    optimizer = torch.optim.SGD(net.parameters(), 0.1)
    scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
    x, y = batch()
    with watch(net, tmp_path, every=1):
        scaler.scale(F.cross_entropy(net(x), y)).backward()
        scaler.unscale_(optimizer)
        whole = nn.utils.clip_grad_norm_(net.parameters(), 0.01)
        wanted = norm_of(net) / 1024 * 0.01 / (float(whole) + 1e-6)
        scaler.step(optimizer)

    norms = EventLog(tmp_path).figure("hidden", "gradient_norm")
    np.testing.assert_allclose(norms[1], wanted, rtol=1e-3)


def test_accumulated_gradients_of_all_passes_are_in_the_gradient(tmp_path: Path) -> None:
    net = Net(parametrizations.weight_norm)
    optimizer = torch.optim.SGD(net.parameters(), 0.1)
    x, y = batch()
    with watch(net, tmp_path, every=1):
        for part in range(2):
            F.cross_entropy(net(x[part::2]), y[part::2]).backward()
        wanted = norm_of(net)
        optimizer.step()

    norms = EventLog(tmp_path).figure("hidden", "gradient_norm")
    np.testing.assert_allclose(norms[1], wanted, rtol=1e-4)


def test_a_gradient_that_does_not_account_for_its_sources_is_not_shown(tmp_path: Path) -> None:
    net = Net(parametrizations.weight_norm)
    optimizer = torch.optim.SGD(net.parameters(), 0.1)
    x, y = batch()
    with watch(net, tmp_path, every=1):
        F.cross_entropy(net(x), y).backward()
        # Clipped value by value, they come from no gradient of the weight itself.
        nn.utils.clip_grad_value_(net.parameters(), 1e-3)
        optimizer.step()

    log = EventLog(tmp_path)
    assert np.isnan(log.figure("hidden", "gradient_norm")[1])
    assert log.figure("hidden", "update_ratio")[1] > 0
    assert any(tag.endswith("original1_gradient") for tag in log.tags)


def test_weights_whose_sources_two_optimizers_share_have_no_update_of_one_step(
    tmp_path: Path,
) -> None:
    net = Net(parametrizations.weight_norm)
    first = [net.hidden.parametrizations.weight.original0]
    one = torch.optim.SGD(first, 0.1)
    other = torch.optim.SGD([p for p in net.parameters() if p is not first[0]], 0.1)
    x, y = batch()
    with watch(net, tmp_path, every=1, optimizer=[one, other]):
        F.cross_entropy(net(x), y).backward()
        one.step()
        other.step()

    assert np.isnan(EventLog(tmp_path).figure("hidden", "update_ratio")[1])


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_step_of_lora_is_shown_for_its_factors_and_for_the_whole(tmp_path: Path) -> None:
    net = nn.ModuleDict({"head": nn.Linear(5, 3)})
    lora = peft.LoraConfig(r=2, lora_alpha=6, target_modules=["head"], init_lora_weights=False)
    peft.inject_adapter_in_model(lora, net)
    head: Any = net["head"]
    optimizer = torch.optim.Adam([p for p in net.parameters() if p.requires_grad], 0.01)
    factor = head.lora_A["default"].weight
    x, y = batch()

    def whole() -> torch.Tensor:
        weight = head.base_layer.weight + 3 * head.lora_B["default"].weight @ factor
        return weight.detach().clone()

    wanted = []
    with watch(net, tmp_path, every=1):
        for _ in range(3):
            optimizer.zero_grad()
            F.cross_entropy(head(x), y).backward()
            before, factor_before = whole(), factor.detach().clone()
            norm = float(factor.grad.norm())
            optimizer.step()
            change = (factor.detach() - factor_before).norm() / factor_before.norm()
            wanted.append([float((whole() - before).norm() / before.norm()), float(change), norm])

    log = EventLog(tmp_path)
    shown = [
        log.figure("head", "update_ratio"),
        log.figure("head/lora_A/default", "update_ratio"),
        log.figure("head/lora_A/default", "gradient_norm"),
    ]
    np.testing.assert_allclose([[f[step] for f in shown] for step in (1, 2, 3)], wanted, rtol=2e-3)
    assert np.isnan(list(log.figure("head", "gradient_norm").values())).all()

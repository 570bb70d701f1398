"""A probe pass leaves the module, its training and its random numbers exactly as they were."""

from __future__ import annotations

import copy
import random
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn
from torch.nn.modules import module as module_hooks
from torch.overrides import _get_current_function_mode_stack

from nnviz_tb.adapters import layers_of
from nnviz_tb.errors import ArgumentError


class Restless(nn.Module):
    """Draws random numbers and counts its calls in eval mode too; fails when it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("count", torch.zeros((), dtype=torch.int64))
        self.register_buffer("mean", torch.full((4,), float("nan")))
        self.fail = False

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.count += 1
        self.mean = x.detach().mean(0)
        if self.fail:
            raise RuntimeError("told to")
        noise = torch.rand_like(x) + np.random.rand() + random.random()  # noqa: NPY002
        return x + 0 * noise


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(3, 4)
        self.norm = nn.BatchNorm1d(4, momentum=None)
        self.drop = nn.Dropout(0.5)
        self.restless = Restless()
        self.spectral = nn.utils.parametrizations.spectral_norm(nn.Linear(4, 2))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.spectral(self.drop(F.relu(self.restless(self.norm(self.fc(x))), inplace=True)))


@pytest.fixture
def model() -> Net:
    model = Net()
    model.norm.eval()  # a frozen layer in a model that trains
    model(torch.randn(5, 3)).sum().backward()
    return model


def state(model: nn.Module) -> dict[str, Any]:
    modules = list(model.modules())
    return {
        "training": [module.training for module in modules],
        "attributes": [{k: id(v) for k, v in vars(module).items()} for module in modules],
        "hooks": [
            len(module._forward_hooks) + len(module._forward_pre_hooks) for module in modules
        ],
        "buffers": [{k: id(v) for k, v in module._buffers.items()} for module in modules],
        "grad": [id(parameter.grad) for parameter in model.parameters()],
        "versions": [parameter._version for parameter in model.parameters()],
        "global hooks": (
            len(module_hooks._global_forward_hooks),
            len(module_hooks._global_forward_pre_hooks),
        ),
        "modes": len(_get_current_function_mode_stack()),
    }


def random_numbers() -> tuple[float, float, float]:
    return float(torch.rand(())), float(np.random.rand()), random.random()  # noqa: NPY002


@pytest.mark.parametrize("fails", [False, True])
def test_all_is_as_it_was_also_when_the_pass_fails(model: Net, fails: bool) -> None:
    model.restless.fail = fails
    before = state(model)
    values = {name: value.clone() for name, value in model.state_dict().items()}
    gradients = [parameter.grad.clone() for parameter in model.parameters()]
    seeds = torch.get_rng_state(), np.random.get_state(), random.getstate()  # noqa: NPY002
    numbers = random_numbers()
    torch.set_rng_state(seeds[0])
    np.random.set_state(seeds[1])  # noqa: NPY002
    random.setstate(seeds[2])

    if fails:
        with pytest.raises(ArgumentError, match="told to"):
            layers_of(model, inputs=torch.randn(6, 3, generator=torch.Generator()))
    else:
        layers_of(model, inputs=torch.randn(6, 3, generator=torch.Generator()))

    assert state(model) == before
    for name, value in model.state_dict().items():
        assert torch.equal(torch.nan_to_num(value), torch.nan_to_num(values[name])), name
    for parameter, gradient in zip(model.parameters(), gradients, strict=True):
        assert torch.equal(parameter.grad, gradient)
    assert random_numbers() == numbers


def test_a_backward_pass_that_was_begun_before_can_be_finished(model: Net) -> None:
    loss = model(torch.randn(5, 3)).sum()
    layers_of(model, inputs=torch.randn(5, 3))
    loss.backward()


def test_a_module_s_own_train_method_is_not_called(model: Net) -> None:
    def train(mode: bool = True) -> None:
        raise AssertionError("merging weights would change them")

    model.fc.train = train  # type: ignore[method-assign,assignment]
    layers_of(model, inputs=torch.randn(5, 3))
    del model.fc.train


def test_the_probe_sees_inference_not_training(model: Net) -> None:
    x = torch.randn(5, 3)
    layer = next(layer for layer in layers_of(model, inputs=x) if layer.name == "relu")
    other = copy.deepcopy(model).eval()
    with torch.no_grad():
        wanted = other.norm(other.fc(x))
    assert layer.activation is not None
    np.testing.assert_allclose(layer.activation.inputs, wanted.numpy(), rtol=1e-5, atol=1e-6)

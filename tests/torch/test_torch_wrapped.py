"""Scripted, traced, exported, wrapped and hand-adapted modules show what the plain ones show."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn

from nnviz_tb.adapters import layers_of
from nnviz_tb.layers import Layer

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*torch.jit.*:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:.*deprecated.*:DeprecationWarning"),
]


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv1d(2, 4, 3)
        self.norm = nn.BatchNorm1d(4)
        self.deconv = nn.ConvTranspose1d(4, 6, 3, groups=2)
        self.act = nn.GELU()
        self.head = nn.Linear(6, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = self.act(self.deconv(F.relu(self.norm(self.conv(x)))))
        return self.head(h.mean(2))


def batch() -> torch.Tensor:
    return torch.randn(5, 2, 8, generator=torch.Generator().manual_seed(1))


def layers(model: nn.Module, **rest: Any) -> dict[str, Layer]:
    return {layer.name: layer for layer in layers_of(model, **rest)}


SAME = {
    "DataParallel": nn.DataParallel,
    "torch.compile": lambda net: torch.compile(net, backend="eager"),
    "FX": torch.fx.symbolic_trace,
}


@pytest.mark.parametrize("wrap", SAME.values(), ids=list(SAME))
def test_a_wrapped_model_has_the_layers_of_the_one_inside(wrap: Any) -> None:
    net = Net().eval()
    plain, found = layers(net, inputs=batch()), layers(wrap(net), inputs=batch())

    assert list(found) == list(plain)
    for name, layer in plain.items():
        assert (found[name].type, found[name].notes) == (layer.type, layer.notes)
        if layer.kernel is not None:
            np.testing.assert_array_equal(found[name].kernel, layer.kernel)
        if layer.activation is not None:
            shown = found[name].activation
            assert shown is not None
            np.testing.assert_allclose(shown.inputs, layer.activation.inputs, rtol=1e-5)


@pytest.mark.parametrize("way", ["script", "trace"])
def test_a_scripted_model_shows_its_weights_and_says_that_activations_are_not_seen(
    way: str,
) -> None:
    net = Net().eval()
    scripted: Any = torch.jit.script(net) if way == "script" else torch.jit.trace(net, batch())
    before = {name: value.clone() for name, value in scripted.state_dict().items()}
    plain, found = layers(net), layers(scripted, inputs=batch())

    if way == "trace":  # it has lost the number of groups, so what it shows is a guess, and says so
        assert "first axis" in " ".join(found.pop("deconv").notes)
    for name in [name for name in ("conv", "norm", "deconv", "head") if name in found]:
        np.testing.assert_array_equal(found[name].kernel, plain[name].kernel)
        np.testing.assert_array_equal(found[name].bias, plain[name].bias)
        assert found[name].type == plain[name].type
        assert "not seen" in " ".join(found[name].notes)
    assert not any(layer.activation for layer in found.values())
    for name, value in scripted.state_dict().items():
        assert torch.equal(value, before[name])


def test_gradients_of_a_scripted_model_are_those_of_its_backward_pass() -> None:
    net = Net()
    scripted: Any = torch.jit.script(net)
    scripted(batch()).sum().backward()
    gradient = net.head.weight.grad

    assert gradient is not None
    np.testing.assert_array_equal(layers(scripted)["head"].gradient, gradient.numpy().T)


def test_an_exported_program_keeps_the_names_and_says_what_it_lost() -> None:
    net = Net().eval()
    exported = torch.export.export(net, (batch(),)).module()
    plain, found = layers(net), layers(exported)

    for name in ("conv", "head"):
        np.testing.assert_array_equal(found[name].kernel, plain[name].kernel)
        assert "first axis" in " ".join(found[name].notes)


class Beside(nn.Module):
    """LoRA by hand, around a layer: ``x @ A.T @ B.T`` or ``x @ A @ B``."""

    def __init__(self, inputs_first: bool) -> None:
        super().__init__()
        self.linear = nn.Linear(4, 6)
        shapes = ((4, 2), (2, 6)) if inputs_first else ((2, 4), (6, 2))
        self.A, self.B = (nn.Parameter(torch.randn(shape)) for shape in shapes)


class Inherited(nn.Linear):
    """LoRA by hand, as a kind of linear layer."""

    def __init__(self, inputs_first: bool) -> None:
        super().__init__(4, 6)
        shapes = ((4, 2), (2, 6)) if inputs_first else ((2, 4), (6, 2))
        self.A, self.B = (nn.Parameter(torch.randn(shape)) for shape in shapes)


@pytest.mark.parametrize("kind", [Beside, Inherited])
@pytest.mark.parametrize("inputs_first", [False, True])
def test_low_rank_factors_by_hand_are_layers_with_a_word(kind: Any, inputs_first: bool) -> None:
    module = kind(inputs_first)
    (module.A.square().sum() + module.B.sum()).backward()
    found = layers(nn.ModuleDict({"fc": module}))
    base = module if kind is Inherited else module.linear

    shown = found["fc" if kind is Inherited else "fc/linear"]
    np.testing.assert_array_equal(shown.kernel, base.weight.detach().numpy().T)
    for name in "AB":
        factor, layer = getattr(module, name), found[f"fc/{name}"]
        wanted, gradient = factor.detach().numpy(), factor.grad.numpy()
        np.testing.assert_array_equal(layer.kernel, wanted if inputs_first else wanted.T)
        np.testing.assert_array_equal(layer.gradient, gradient if inputs_first else gradient.T)
        assert "low-rank" in " ".join(layer.notes)
    assert sum(layer.parameters for layer in found.values()) == sum(
        parameter.numel() for parameter in module.parameters()
    )


@pytest.mark.filterwarnings("ignore:.*deprecated")
def test_a_quantised_recurrent_layer_is_named_with_a_word() -> None:
    model = torch.ao.quantization.quantize_dynamic(
        nn.ModuleDict({"rnn": nn.LSTM(4, 6), "head": nn.Linear(6, 2)}), {nn.LSTM, nn.Linear}
    )
    found = layers(model)

    assert list(found) == ["rnn", "head"]
    for layer in found.values():
        assert layer.kernel is None
        assert "quantised and packed" in " ".join(layer.notes)


def test_a_recurrent_projection_is_not_said_to_have_gates() -> None:
    found = layers(nn.ModuleDict({"rnn": nn.LSTM(4, 6, proj_size=3)}))

    assert "4 gates" in " ".join(found["rnn/weight_hh_l0"].notes)
    assert "gates" not in " ".join(found["rnn/weight_hr_l0"].notes)
    assert found["rnn/weight_hr_l0"].bias is None

"""Modules of every kind as layers, held against NumPy and against torch's own functions."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import nn

from nnviz_tb.adapters import layers_of
from nnviz_tb.adapters.torch import functions
from nnviz_tb.errors import ArgumentError
from nnviz_tb.layers import Layer


def layers(model: nn.Module, **rest: Any) -> dict[str, Layer]:
    return {layer.name: layer for layer in layers_of(model, **rest)}


def batch(*shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(1))


def outputs_by_view(kernel: Any, patches: torch.Tensor, bias: Any) -> np.ndarray:
    """What a layer must return if its kernel is really ``[fan_in, neurons]``."""
    return patches.numpy() @ kernel + bias


def test_a_linear_kernel_is_seen_without_a_copy() -> None:
    linear = nn.Linear(5, 3)
    layer = layers(nn.Sequential(linear))["0"]

    assert layer.kernel is not None
    assert np.shares_memory(layer.kernel, linear.weight.detach().numpy())
    x = batch(7, 5)
    np.testing.assert_allclose(
        outputs_by_view(layer.kernel, x, layer.bias), linear(x).detach().numpy(), rtol=1e-5
    )
    assert layer.kernel_shape == (3, 5)
    assert (layer.kernel_name, layer.bias_name, layer.parameters) == ("weight", "bias", 18)


@pytest.mark.parametrize("groups", [1, 2])
def test_a_convolution_is_its_kernel_times_the_patches(groups: int) -> None:
    conv = nn.Conv2d(4, 6, 3, groups=groups)
    layer = layers(nn.Sequential(conv))["0"]
    x = batch(2, 4, 3, 3)

    assert layer.kernel is not None
    wanted = conv(x).detach().numpy().reshape(2, 6)
    patches = x.reshape(2, groups, -1).numpy()
    each = 6 // groups
    for neuron in range(6):
        got = patches[:, neuron // each] @ layer.kernel[:, neuron] + layer.bias[neuron]
        np.testing.assert_allclose(got, wanted[:, neuron], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("groups", [1, 2])
def test_a_transposed_convolution_has_its_outputs_as_neurons(groups: int) -> None:
    conv = nn.ConvTranspose1d(4, 6, 3, groups=groups, bias=False)
    layer = layers(nn.Sequential(conv))["0"]

    assert layer.kernel is not None
    assert layer.kernel.shape == (4 // groups * 3, 6)
    for neuron in range(6):
        with torch.no_grad():
            mask = torch.zeros(1, 6, 1)
            mask[0, neuron] = 1.0
            # The sum over an output channel of one-hot inputs is the sum over its weights.
            total = float((conv(torch.ones(1, 4, 1)) * mask).sum())
        assert math.isclose(float(layer.kernel[:, neuron].sum()), total, rel_tol=1e-4, abs_tol=1e-5)


@pytest.mark.parametrize("kind", [nn.RNN, nn.LSTM, nn.GRU])
def test_recurrent_layers_show_every_kernel_with_its_bias(kind: Any) -> None:
    recurrent = kind(3, 4, num_layers=2, bidirectional=True)
    found = layers(nn.ModuleDict({"rnn": recurrent}))

    for name, parameter in recurrent.named_parameters():
        if name.startswith("weight"):
            layer = found[f"rnn/{name}"]
            np.testing.assert_array_equal(layer.kernel, parameter.detach().numpy().T)
            bias = getattr(recurrent, name.replace("weight", "bias"))
            np.testing.assert_array_equal(layer.bias, bias.detach().numpy())
    assert sum(layer.parameters for layer in found.values()) == sum(
        parameter.numel() for parameter in recurrent.parameters()
    )


@pytest.mark.parametrize("sizes", [{}, {"kdim": 5, "vdim": 7}])
def test_attention_shows_its_projections_apart(sizes: dict[str, int]) -> None:
    attention = nn.MultiheadAttention(8, 2, **sizes)
    found = layers(nn.ModuleDict({"attn": attention}))

    assert list(found) == [
        "attn/q_proj", "attn/k_proj", "attn/v_proj", "attn/out_proj"
    ]  # fmt: skip
    if not sizes:
        kernels = [found[f"attn/{letter}_proj"].kernel for letter in "qkv"]
        np.testing.assert_array_equal(
            np.concatenate(kernels, axis=1), attention.in_proj_weight.detach().numpy().T
        )
    assert sum(layer.parameters for layer in found.values()) == sum(
        parameter.numel() for parameter in attention.parameters()
    )


@pytest.mark.parametrize(
    "norm",
    [
        nn.BatchNorm2d(3),
        nn.LayerNorm((2, 3)),
        nn.GroupNorm(1, 3),
        nn.InstanceNorm1d(3, affine=True),
    ],
    ids=lambda norm: type(norm).__name__,
)
def test_a_norm_is_one_weight_for_every_neuron(norm: Any) -> None:
    layer = layers(nn.Sequential(norm))["0"]

    np.testing.assert_array_equal(layer.kernel, norm.weight.detach().numpy().reshape(1, -1))
    np.testing.assert_array_equal(layer.bias, norm.bias.detach().numpy().reshape(-1))
    assert ("running_mean" in layer.others) == (type(norm) is nn.BatchNorm2d)


def test_an_embedding_has_its_rows_as_neurons() -> None:
    for kind in (nn.Embedding, nn.EmbeddingBag):
        embedding = kind(9, 4)
        layer = layers(nn.Sequential(embedding))["0"]
        np.testing.assert_array_equal(layer.kernel, embedding.weight.detach().numpy().T)


class Tied(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(9, 4)
        self.head = nn.Linear(4, 9)
        self.head.weight = self.embedding.weight
        self.again = self.embedding


def test_tied_weights_are_shown_once_and_told_under_both_names() -> None:
    model = Tied()
    found = layers(model)

    assert found["head"].kernel is None
    assert found["head"].bias is not None
    assert "embedding/weight" in " ".join(found["head"].notes)
    assert "head/weight" in " ".join(found["embedding"].notes)
    assert "also again" in " ".join(found["embedding"].notes)
    assert sum(layer.parameters for layer in found.values()) == sum(
        parameter.numel() for parameter in model.parameters()
    )


@pytest.mark.filterwarnings("ignore:.*weight_norm.* is deprecated:FutureWarning")
@pytest.mark.parametrize(
    "normed",
    [
        nn.utils.parametrizations.weight_norm,
        nn.utils.parametrizations.spectral_norm,
        nn.utils.parametrizations.orthogonal,
        nn.utils.weight_norm,
        nn.utils.spectral_norm,
    ],
)
def test_a_parametrized_weight_is_the_effective_one(normed: Any) -> None:
    module = normed(nn.Linear(5, 5))
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.mul_(1.7)
    before = {name: value.clone() for name, value in module.state_dict().items()}
    layer = layers(nn.Sequential(module))["0"]

    for name, value in module.state_dict().items():
        assert torch.equal(value, before[name])
    module.eval()
    with torch.no_grad():
        module(batch(1, 5))  # the older ones compute the weight here
        np.testing.assert_allclose(layer.kernel, module.weight.detach().numpy().T, rtol=1e-5)
    assert layer.type == "Linear"
    assert "effective" in " ".join(layer.notes)
    assert layer.parameters == sum(parameter.numel() for parameter in module.parameters())


class Bare(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Parameter(batch(6, 2))
        self.offset = nn.Parameter(torch.zeros(6))
        self.list = nn.ParameterList([nn.Parameter(batch(3, 2)), nn.Parameter(batch(4, 2))])


def test_bare_parameters_have_their_first_axis_as_neurons_and_say_so() -> None:
    model = Bare()
    found = layers(model)

    np.testing.assert_array_equal(found["Bare"].kernel, model.table.detach().numpy().T)
    assert "first axis" in " ".join(found["Bare"].notes)
    assert list(found["Bare"].others) == ["offset"]
    np.testing.assert_array_equal(found["list/1"].kernel, model.list[1].detach().numpy().T)


def test_what_has_no_values_is_told_apart_in_words() -> None:
    with torch.device("meta"):
        meta = nn.Linear(3, 2)
    sparse = nn.Module()
    sparse.weight = nn.Parameter(torch.eye(3).to_sparse())
    complexes = nn.Module()
    complexes.weight = nn.Parameter(torch.complex(batch(3, 2), batch(3, 2) + 1))
    model = nn.ModuleDict(
        {"meta": meta, "lazy": nn.LazyLinear(2), "sparse": sparse, "complex": complexes}
    )
    found = layers(model)

    assert "meta device" in " ".join(found["meta"].notes)
    assert "not been called" in " ".join(found["lazy"].notes)
    assert "sparse_coo" in " ".join(found["sparse"].notes)
    assert "complex" in " ".join(found["complex"].notes)
    np.testing.assert_array_equal(
        found["complex"].others["weight.imag"], complexes.weight.imag.detach().numpy()
    )


@pytest.mark.filterwarnings("ignore:.*deprecated")
def test_a_quantised_layer_is_named_and_its_activation_still_seen() -> None:
    model = torch.ao.quantization.quantize_dynamic(
        nn.Sequential(nn.Linear(4, 3), nn.ReLU()), {nn.Linear}
    )
    found = layers(model, inputs=batch(5, 4))

    assert list(found) == ["0", "1"]
    assert "quantised" in " ".join(found["0"].notes)
    activation = found["1"].activation
    assert activation is not None
    assert activation.inputs is not None
    assert activation.inputs.shape == (5, 3)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float8_e4m3fn])
def test_narrow_floats_keep_their_values(dtype: torch.dtype) -> None:
    linear = nn.Linear(5, 3).to(dtype)
    layer = layers(nn.Sequential(linear))["0"]

    np.testing.assert_array_equal(
        np.asarray(layer.kernel, np.float32), linear.weight.detach().float().numpy().T
    )


class Functional(nn.Module):
    """Calls its activations as functions, in every way that torch offers."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.norm = nn.BatchNorm2d(4)
        self.fc1 = nn.Linear(4, 6)
        self.fc2 = nn.Linear(6, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = F.relu(self.norm(self.conv(x)), inplace=True)
        x = F.leaky_relu(self.fc1(x.mean((2, 3))), 0.2)
        x = self.fc2(x).tanh()
        x = F.gelu(x, approximate="tanh")
        x.sigmoid_()
        return torch.softmax(x, dim=-1)


def test_functions_called_in_a_forward_are_seen_with_what_reached_them() -> None:
    model = Functional().eval()
    x = batch(2, 3, 6, 6)
    found = layers(model, inputs=x)
    with torch.no_grad():
        maps = model.norm(model.conv(x))
        first = model.fc1(maps.relu().mean((2, 3)))
        second = model.fc2(F.leaky_relu(first, 0.2))

    assert list(found) == [
        "conv", "norm", "relu", "fc1", "leaky_relu", "fc2", "tanh", "gelu", "sigmoid", "softmax"
    ]  # fmt: skip
    wanted = {
        "relu": (maps.movedim(1, -1).reshape(-1, 4), F.relu),
        "leaky_relu": (first, lambda v: F.leaky_relu(v, 0.2)),
        "tanh": (second, torch.tanh),
        "gelu": (second.tanh(), lambda v: F.gelu(v, approximate="tanh")),
    }
    grid = np.linspace(-3, 3, 13)
    for name, (inputs, function) in wanted.items():
        activation = found[name].activation
        assert activation is not None
        assert activation.function is not None
        np.testing.assert_allclose(activation.inputs, inputs.numpy(), rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(
            activation.outputs, function(inputs).numpy(), rtol=1e-5, atol=1e-6
        )
        np.testing.assert_allclose(
            activation.function(grid), function(torch.tensor(grid)).numpy(), rtol=1e-4, atol=1e-5
        )
    assert found["leaky_relu"].activation.function_name == "leaky_relu(negative_slope=0.2)"  # type: ignore[union-attr]
    assert found["softmax"].activation.softmax  # type: ignore[union-attr]


class Swish(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.beta = nn.Parameter(torch.tensor(1.5))
        self.calls = 0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.calls += 1
        return x * torch.sigmoid(self.beta * x)


def test_activation_modules_of_torch_and_of_the_user_have_their_curves() -> None:
    x = batch(16, 4)
    modules = [
        nn.ReLU(), nn.GELU(), nn.SiLU(), nn.Tanh(), nn.Sigmoid(), nn.ELU(2.0), nn.LeakyReLU(0.3),
        nn.PReLU(), nn.PReLU(4), nn.Hardtanh(-2, 1), nn.Softplus(), Swish(),
    ]  # fmt: skip
    grid = np.linspace(-3, 3, 12).reshape(3, 4)
    found = layers(nn.Sequential(*(nn.Sequential(nn.Identity(), m) for m in modules)), inputs=x)
    for place, module in enumerate(modules):
        activation = found[f"{place}/1"].activation
        assert activation is not None
        assert activation.function is not None
        per_channel = activation.channels > 0
        given = grid if per_channel else grid.reshape(-1)
        wanted = module(torch.tensor(grid, dtype=torch.float32)).detach().numpy()
        np.testing.assert_allclose(
            activation.function(given).reshape(3, 4), wanted, rtol=1e-4, atol=1e-5
        )
        with torch.no_grad():
            x = module(x)
        np.testing.assert_allclose(activation.outputs, x.numpy(), rtol=1e-5, atol=1e-6)
    assert found["11/1"].activation.learnable  # type: ignore[union-attr]
    assert modules[-1].calls == 1 + 1 + 1  # the probe pass and the two calls above


def test_a_function_called_alike_is_known_again_and_one_called_otherwise_is_not() -> None:
    first = functions.call_function(F.leaky_relu, (0.2,), {})
    again = functions.call_function(F.leaky_relu, (), {"negative_slope": 0.2, "inplace": True})
    other = functions.call_function(F.leaky_relu, (0.3,), {"inplace": False})

    assert functions.call_function(F.leaky_relu, (0.2, True), {}) is first
    x = np.array([-1.0, 2.0], np.float32)
    for call, slope in ((first, 0.2), (again, 0.2), (other, 0.3)):
        np.testing.assert_allclose(call(x), [-slope, 2.0], rtol=1e-6)


def test_functions_over_an_axis_have_distributions_but_no_curve() -> None:
    found = layers(nn.Sequential(nn.Softmax(dim=1), nn.GLU(dim=1)), inputs=batch(3, 6, 5))
    softmax, glu = found["0"].activation, found["1"].activation

    assert softmax is not None
    assert glu is not None
    assert (softmax.function, glu.function) == (None, None)
    assert softmax.softmax
    assert softmax.outputs is not None
    np.testing.assert_allclose(softmax.outputs.sum(axis=1), 1.0, rtol=1e-5)
    assert glu.inputs is not None
    assert glu.outputs is not None
    assert (glu.inputs.shape, glu.outputs.shape) == ((15, 6), (15, 3))


def test_gradients_are_read_from_the_parameters_or_as_given() -> None:
    model = nn.Sequential(nn.Linear(3, 2), nn.Linear(2, 1))
    model(batch(4, 3)).sum().backward()
    own = layers(model)
    given = layers(model, gradients={"1.weight": np.full((1, 2), 7.0)}, updates=[None] * 4)

    gradient = model[0].weight.grad
    assert gradient is not None
    np.testing.assert_array_equal(own["0"].gradient, gradient.numpy().T)
    np.testing.assert_array_equal(own["0"].bias_gradient, model[0].bias.grad.numpy())
    assert given["0"].gradient is None
    np.testing.assert_array_equal(given["1"].gradient, np.full((2, 1), 7.0))


@pytest.mark.parametrize(
    ("rest", "message"),
    [
        ({"gradients": [None]}, "has 2 parameters"),
        ({"gradients": {"nope": np.zeros(2)}}, "no parameter 'nope'"),
        ({"updates": {"weight": np.zeros((2, 3))}}, r"shape \(1, 3\), got \(2, 3\)"),
        ({"inputs": np.zeros((4, 9))}, r"float64 of shape \(4, 9\)"),
    ],
)
def test_bad_arguments_raise_with_their_names(rest: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        layers_of(nn.Linear(3, 1), **rest)


def test_a_model_with_nothing_to_show_raises() -> None:
    with pytest.raises(ArgumentError, match="no parameters"):
        layers_of(nn.Flatten())


def test_a_kernel_that_rests_is_not_trainable_though_its_bias_or_a_scale_beside_it_is() -> None:
    class Scaled(nn.Linear):
        def __init__(self) -> None:
            super().__init__(5, 3)
            self.scale = nn.Parameter(torch.ones(3))

    model = nn.Sequential(nn.Linear(5, 3), Scaled(), nn.LayerNorm(3), nn.Linear(3, 2))
    for resting in (model[0], model[1]):
        resting.weight.requires_grad_(False)
    found = layers(model)

    assert {name: layer.trainable for name, layer in found.items()} == {
        "0": False, "1": False, "2": True, "3": True,
    }  # fmt: skip

"""Models that PEFT adapts, held against PEFT's own merging and against autograd."""

from __future__ import annotations

import copy
import warnings
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from nnviz_tb.adapters import layers_of
from nnviz_tb.layers import Layer

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import peft
    from transformers.pytorch_utils import Conv1D

# PEFT's remarks on what a checkpoint would need, and on a layer whose axes it turns itself.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


class Net(nn.Module):
    """A layer of every kind that LoRA is for; its input are numbers of tokens."""

    def __init__(self) -> None:
        super().__init__()
        self.tokens = nn.Embedding(9, 6)
        self.conv = nn.Conv1d(6, 8, 3, padding=1)
        self.mix = Conv1D(4, 8)
        self.head = nn.Linear(4, 3)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        x = torch.relu(self.conv(self.tokens(tokens).movedim(1, 2))).movedim(2, 1).contiguous()
        return self.head(torch.tanh(self.mix(x)).mean(1))


WRAPPED = ("tokens", "conv", "mix", "head")


def tokens(count: int = 5) -> torch.Tensor:
    return torch.randint(0, 9, (count, 7), generator=torch.Generator().manual_seed(1))


def adapted(**rest: Any) -> Any:
    options: dict[str, Any] = {"r": 2, "lora_alpha": 6, "target_modules": list(WRAPPED), **rest}
    model = peft.get_peft_model(Net(), peft.LoraConfig(**options))
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_" in name:  # half of them are zeros at first
                parameter.add_(torch.randn_like(parameter))
    return model


def layers(model: nn.Module, **rest: Any) -> dict[str, Layer]:
    return {layer.name: layer for layer in layers_of(model, **rest)}


@pytest.mark.parametrize("rest", [{}, {"use_rslora": True}], ids=["lora", "rslora"])
def test_the_weight_shown_is_the_one_that_merging_would_give(rest: dict[str, Any]) -> None:
    model = adapted(**rest)
    found = layers(model)
    merged = layers(copy.deepcopy(model).merge_and_unload())

    for name in WRAPPED:
        np.testing.assert_allclose(found[name].kernel, merged[name].kernel, rtol=1e-5, atol=1e-6)
        assert found[name].kernel_shape == merged[name].kernel_shape
        assert f"{name}/base_layer" not in found
        base = getattr(model.base_model.model, name).base_layer.weight
        np.testing.assert_array_equal(found[name].others["base_layer.weight"], base.detach())
        assert "effective" in " ".join(found[name].notes)
    assert found["conv"].bias is not None
    np.testing.assert_array_equal(found["conv"].bias, merged["conv"].bias)


def test_both_factors_are_layers_of_their_own_and_every_parameter_is_counted_once() -> None:
    model = adapted()
    found = layers(model)

    for letter in "AB":
        factor = getattr(model.base_model.model.head, f"lora_{letter}")["default"]
        shown = found[f"head/lora_{letter}/default"]
        np.testing.assert_array_equal(shown.kernel, factor.weight.detach().numpy().T)
        assert shown.trainable
    assert sum(layer.parameters for layer in found.values()) == sum(
        parameter.numel() for parameter in model.parameters()
    )


def test_layers_have_the_names_they_had_before_they_were_adapted() -> None:
    plain, found = layers(Net(), inputs=tokens()), layers(adapted(), inputs=tokens())

    assert [name for name in found if "/lora_" not in name] == list(plain)
    activation = found["relu"].activation
    assert activation is not None
    assert activation.inputs is not None
    assert activation.inputs.shape == (5 * 7, 8)


def test_biases_that_adapters_add_are_part_of_the_bias() -> None:
    model = adapted(lora_bias=True, target_modules=["head"])
    with torch.no_grad():
        model.base_model.model.head.lora_B["default"].bias.add_(1.0)
    merged = layers(copy.deepcopy(model).merge_and_unload())
    found = layers(model)

    np.testing.assert_allclose(found["head"].bias, merged["head"].bias, rtol=1e-6)
    assert sum(layer.parameters for layer in found.values()) == sum(
        parameter.numel() for parameter in model.parameters()
    )


def test_several_adapters_switched_off_or_merged_show_what_the_forward_pass_uses() -> None:
    model = adapted()
    model.add_adapter("other", peft.LoraConfig(r=1, target_modules=["head"], lora_alpha=5))
    with torch.no_grad():
        model.base_model.model.head.lora_B["other"].weight.fill_(0.5)
    head = model.base_model.model.head
    base = head.base_layer.weight.detach().numpy().T.copy()
    default, other = (head.get_delta_weight(n).detach().numpy().T for n in ("default", "other"))

    np.testing.assert_allclose(layers(model)["head"].kernel, base + default, rtol=1e-5)
    model.base_model.set_adapter(["default", "other"])
    np.testing.assert_allclose(layers(model)["head"].kernel, base + default + other, rtol=1e-5)
    with model.disable_adapter():
        off = layers(model)["head"]
    np.testing.assert_array_equal(off.kernel, base)
    assert "switched off" in " ".join(off.notes)
    model.merge_adapter()
    shown = layers(model)["head"]
    np.testing.assert_allclose(shown.kernel, base + default + other, rtol=1e-5, atol=1e-6)
    assert "merged" in " ".join(shown.notes)


def test_a_variant_whose_weight_is_another_one_shows_its_parts_with_a_word() -> None:
    found = layers(adapted(use_dora=True, target_modules=["head"]))

    assert found["head"].kernel is None
    assert "variant of LoRA" in " ".join(found["head"].notes)
    assert found["head/base_layer"].kernel is not None
    assert found["head/lora_A/default"].kernel is not None
    assert "weight" in found["head/lora_magnitude_vector/default"].others


def test_a_base_that_cannot_be_read_leaves_its_factors() -> None:
    model = adapted(target_modules=["head"])
    with torch.device("meta"):
        model.base_model.model.head.base_layer = nn.Linear(4, 3)
    found = layers(model)

    assert "meta device" in " ".join(found["head"].notes)
    assert found["head/lora_B/default"].kernel is not None

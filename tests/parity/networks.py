"""One network in every framework, logged: ``networks.py FRAMEWORK LOGDIR``.

A convolution of 2 channels to 8 with ReLU, the mean over space, a dense layer of 12 with tanh and
one of 4. Prints the frameworks that the process has imported.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from alone import FRAMEWORKS, allow_only

Array = Any
NAMES = ("conv", "hidden", "head")


def weights() -> dict[str, tuple[Array, Array]]:
    """Kernels as ``[…, fan_in, neurons]`` and biases, by layer."""
    rng = np.random.default_rng(7)
    shapes = {"conv": (3, 3, 2, 8), "hidden": (8, 12), "head": (12, 4)}
    return {
        name: (
            rng.normal(0, 0.5, shape).astype(np.float32),
            rng.normal(0, 0.2, shape[-1]).astype(np.float32),
        )
        for name, shape in shapes.items()
    }


def batch() -> Array:
    """``float32[32, 10, 10, 2]``, channels last."""
    return np.random.default_rng(8).normal(size=(32, 10, 10, 2)).astype(np.float32)


def numpy_arrays() -> tuple[Any, dict[str, Any]]:
    w, x = weights(), batch()
    windows = np.lib.stride_tricks.sliding_window_view(x, (3, 3), axis=(1, 2))
    patches = windows.transpose(0, 1, 2, 4, 5, 3)
    conv = np.tensordot(patches, w["conv"][0], 3) + w["conv"][1]

    def relu(values: Array) -> Array:
        return np.maximum(values, 0)

    hidden = relu(conv).mean((1, 2)) @ w["hidden"][0] + w["hidden"][1]
    model = {name: {"kernel": kernel, "bias": bias} for name, (kernel, bias) in w.items()}
    return model, {"activations": {"conv": (relu, conv), "hidden": (np.tanh, hidden)}}


def keras_model() -> tuple[Any, dict[str, Any]]:
    import keras

    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((10, 10, 2)),
            layers.Conv2D(8, 3, activation="relu", name="conv"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(12, activation="tanh", name="hidden"),
            layers.Dense(4, name="head"),
        ]
    )
    for name, values in weights().items():
        model.get_layer(name).set_weights([*values])
    return model, {"inputs": batch()}


def torch_module() -> tuple[Any, dict[str, Any]]:
    import torch

    class Network(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = torch.nn.Conv2d(2, 8, 3)
            self.hidden = torch.nn.Linear(8, 12)
            self.head = torch.nn.Linear(12, 4)

        def forward(self, x: Any) -> Any:
            x = torch.relu(self.conv(x)).mean((2, 3))
            return self.head(torch.tanh(self.hidden(x)))

    model = Network()
    with torch.no_grad():
        for name, (kernel, bias) in weights().items():
            layer = getattr(model, name)
            layer.weight.copy_(torch.from_numpy(np.moveaxis(kernel, (-1, -2), (0, 1)).copy()))
            layer.bias.copy_(torch.from_numpy(bias))
    return model, {"inputs": torch.from_numpy(batch().transpose(0, 3, 1, 2).copy())}


def jax_pytree() -> tuple[Any, dict[str, Any]]:
    import jax
    import jax.numpy as jnp

    import nnviz_tb

    def forward(w: Any, x: Any) -> Any:
        x = jax.lax.conv_general_dilated(
            x, w["conv"]["kernel"], (1, 1), "VALID", dimension_numbers=("NHWC", "HWIO", "NHWC")
        )
        x = jax.nn.relu(x + w["conv"]["bias"]).mean((1, 2))
        x = jnp.tanh(x @ w["hidden"]["kernel"] + w["hidden"]["bias"])
        return x @ w["head"]["kernel"] + w["head"]["bias"]

    model = {
        name: {"kernel": jnp.asarray(kernel), "bias": jnp.asarray(bias)}
        for name, (kernel, bias) in weights().items()
    }
    return model, {"activations": nnviz_tb.jax.activations(forward, model, batch())}


def flax_module() -> tuple[Any, dict[str, Any]]:
    from flax import nnx

    class Network(nnx.Module):
        def __init__(self, rngs: Any) -> None:
            self.conv = nnx.Conv(2, 8, (3, 3), padding="VALID", rngs=rngs)
            self.hidden = nnx.Linear(8, 12, rngs=rngs)
            self.head = nnx.Linear(12, 4, rngs=rngs)

        def __call__(self, x: Any) -> Any:
            x = nnx.relu(self.conv(x)).mean((1, 2))
            return self.head(nnx.tanh(self.hidden(x)))

    model = Network(nnx.Rngs(0))
    for name, (kernel, bias) in weights().items():
        getattr(model, name).kernel[...] = kernel
        getattr(model, name).bias[...] = bias
    return model, {"inputs": batch()}


def equinox_module() -> tuple[Any, dict[str, Any]]:
    import equinox as eqx
    import jax
    import jax.numpy as jnp

    w = weights()
    key = jax.random.key(0)

    class Network(eqx.Module):
        conv: Any
        hidden: Any
        head: Any

        def __init__(self) -> None:
            self.conv = eqx.nn.Conv2d(2, 8, 3, key=key)
            self.hidden = eqx.nn.Linear(8, 12, key=key)
            self.head = eqx.nn.Linear(12, 4, key=key)

        def __call__(self, x: Any) -> Any:
            x = jax.nn.relu(self.conv(x)).mean((1, 2))
            return self.head(jnp.tanh(self.hidden(x)))

    def values(model: Any) -> list[Any]:
        return [part for name in NAMES for part in _both(getattr(model, name))]

    def _both(layer: Any) -> tuple[Any, Any]:
        return layer.weight, layer.bias

    new = []
    for kernel, bias in w.values():
        new += [np.moveaxis(kernel, (-1, -2), (0, 1)), bias]
    new[1] = new[1].reshape(-1, 1, 1)
    model = eqx.tree_at(values, Network(), [jnp.asarray(value) for value in new])
    return model, {"inputs": batch().transpose(0, 3, 1, 2)}


def logged(framework: str, logdir: str) -> None:
    """Logs the network of a framework, in a process that can import no other."""
    make, allowed = NETWORKS[framework]
    if framework.startswith("keras"):
        os.environ["KERAS_BACKEND"] = framework.partition("_")[2]
    allow_only(*allowed)
    import nnviz_tb
    from nnviz_tb.__main__ import main as command

    model, rest = make()
    nnviz_tb.log_model(model, 0, logdir=logdir, scalars={"loss": 1.5}, **rest)
    # Reading back works there too, through TensorBoard's own reader.
    nnviz_tb.report(logdir)
    csv = Path(logdir) / "norms.csv"
    assert command(["export", logdir, "--series", "weight_norm/hidden", "-o", str(csv)]) == 0
    assert len(csv.read_text().splitlines()) > 1
    print(*(name for name in FRAMEWORKS if name in sys.modules))


NETWORKS: dict[str, tuple[Callable[[], tuple[Any, dict[str, Any]]], tuple[str, ...]]] = {
    "numpy": (numpy_arrays, ()),
    "keras_tensorflow": (keras_model, ("keras", "tensorflow")),
    "keras_torch": (keras_model, ("keras", "torch")),
    "keras_jax": (keras_model, ("keras", "jax", "jaxlib")),
    "torch": (torch_module, ("torch",)),
    "jax": (jax_pytree, ("jax", "jaxlib")),
    "flax": (flax_module, ("jax", "jaxlib", "flax", "optax")),
    "equinox": (equinox_module, ("jax", "jaxlib", "equinox")),
}
"""What makes the network, and the frameworks that are there for it."""

if __name__ == "__main__":
    logged(sys.argv[1], sys.argv[2])

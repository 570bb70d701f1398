"""Trains one case with Keras and logs it with the package under test, as a user would."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from cases import Case, Plan
from sklearn.datasets import load_digits

import nnviz_tb
from nnviz_tb import adapters
from nnviz_tb.health import HealthMonitor

CLASSES = 10
BATCH = 32
PROBE = 256
_LOG_SHIFT = 2.5

Data = tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]


def train(case: Case, logdir: Path, monitor: HealthMonitor) -> None:
    """Train the case under a monitor; its log is written below ``logdir``.

    At a logged step the weights are read right before and right after the optimizer's step. The
    first step at which the loss or a gradient is not finite is logged before the optimizer spoils
    the weights, with the batch that did it, as a loop does that looks at its gradients.
    """
    plan = case.plan
    keras.utils.set_random_seed(case.seed)
    keras.backend.clear_session()
    x, y = _data(plan, case.seed)
    model = _model(plan)
    _spoil(model, plan, case.seed)
    optimizer = _optimizer(plan)
    optimizer.build(model.trainable_variables)
    loss_of = _loss(plan)

    @tf.function
    def gradients_at(inputs: Any, targets: Any) -> tuple[Any, list[Any]]:
        with tf.GradientTape() as tape:
            loss = loss_of(targets, model(inputs, training=True))
            loss += _regularisation(model, plan)
        found = tape.gradient(loss, model.trainable_variables)
        kept = zip(found, model.trainable_variables, strict=True)
        return loss, [tf.zeros_like(v) if g is None else g for g, v in kept]

    @tf.function
    def apply(gradients: list[Any]) -> None:
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))

    @tf.function
    def all_finite(gradients: list[Any]) -> Any:
        return tf.reduce_all([tf.reduce_all(tf.math.is_finite(g)) for g in gradients])

    rng = np.random.default_rng(case.seed)
    broken_before = False
    with nnviz_tb.SummaryWriter(logdir) as writer:
        writer.monitor = monitor
        for step in range(plan.steps):
            rows = rng.integers(0, len(x), BATCH)
            loss, gradients = gradients_at(x[rows], y[rows])
            number = float(loss)
            finite = np.isfinite(number) and bool(all_finite(gradients))
            broken = not finite and not broken_before
            if broken:
                broken_before = True
                layers = adapters.layers_of(
                    model, inputs=x[rows], gradients=[g.numpy() for g in gradients]
                )
                writer.log_layers(layers, step, scalars={"loss": number})
                apply(gradients)
                continue
            if step % plan.every:
                apply(gradients)
                writer.add_scalar("loss", number, step)
                continue
            before = [variable.numpy() for variable in model.trainable_variables]
            apply(gradients)
            after = [variable.numpy() for variable in model.trainable_variables]
            layers = adapters.layers_of(
                model,
                inputs=x[:PROBE],
                gradients=[g.numpy() for g in gradients],
                updates=[b - a for a, b in zip(before, after, strict=True)],
            )
            writer.log_layers(layers, step, scalars={"loss": number})


def _data(plan: Plan, seed: int) -> Data:
    images, digits = load_digits(return_X_y=True)
    order = np.random.default_rng(seed).permutation(len(images))[: plan.samples]
    x = ((images[order] - images.mean()) / images.std()).astype(np.float32)
    x = x * np.float32(plan.input_scale) + np.float32(plan.input_shift)
    y = digits[order].astype(np.int32)
    if plan.architecture == "cnn":
        x = x.reshape(-1, 8, 8, 1)
    if plan.architecture == "rnn":
        x = np.tile(x.reshape(-1, 8, 8), (1, -(-plan.sequence // 8), 1))[:, : plan.sequence]
    if plan.output == "one_softmax":
        return x, (y >= 5).astype(np.float32)[:, np.newaxis]
    if plan.output == "tanh":
        return x, (y * 10.0 + 20.0).astype(np.float32)[:, np.newaxis]
    if plan.output == "relu":
        return x, (-1.0 - y).astype(np.float32)[:, np.newaxis]
    return x, y


def _model(plan: Plan) -> Any:
    layers: list[Any] = [keras.Input(_input_shape(plan))]
    for place in range(1, plan.depth + 1):
        name = f"hidden_{place}"
        special = plan.special.get(name)
        activation: Any = plan.activation
        if special == "log":
            activation = shifted_logarithm
        if plan.batch_norm:
            layers += [
                _hidden(plan, name, "linear"),
                keras.layers.BatchNormalization(name=f"{name}_norm"),
                keras.layers.Activation(activation, name=f"{name}_act"),
            ]
        else:
            layers.append(_hidden(plan, name, activation))
        if special == "stop":
            layers.append(keras.layers.Lambda(keras.ops.stop_gradient, name=f"{name}_stop"))
        if plan.dropout:
            layers.append(keras.layers.Dropout(plan.dropout, name=f"{name}_dropout"))
    if plan.architecture == "cnn":
        layers.append(keras.layers.Flatten(name="flatten"))
    units, activation = {
        "softmax": (CLASSES, "softmax"),
        "one_softmax": (1, "softmax"),
        "tanh": (1, "tanh"),
        "relu": (1, "relu"),
    }[plan.output]
    layers.append(keras.layers.Dense(units, activation=activation, name="out"))
    return keras.Sequential(layers)


def _input_shape(plan: Plan) -> tuple[int, ...]:
    return {"cnn": (8, 8, 1), "rnn": (plan.sequence, 8)}.get(plan.architecture, (64,))


def _hidden(plan: Plan, name: str, activation: Any) -> Any:
    if plan.architecture == "cnn":
        return keras.layers.Conv2D(
            16, 3, strides=1 if name == "hidden_1" else 2, activation=activation, name=name
        )
    if plan.architecture == "rnn":
        last = name == f"hidden_{plan.depth}"
        return keras.layers.SimpleRNN(
            plan.width, activation=activation, return_sequences=not last, name=name
        )
    return keras.layers.Dense(plan.width, activation=activation, name=name)


def shifted_logarithm(x: Any) -> Any:
    """ln(x + c): fine until an input falls below −c, as weights grow."""
    return keras.ops.log(x + _LOG_SHIFT)


def _spoil(model: Any, plan: Plan, seed: int) -> None:
    """Do to the weights what the fault is."""
    rng = np.random.default_rng(seed + 1000)
    for name, what in plan.special.items():
        layer = model.get_layer(name)
        kernel = np.asarray(layer.kernel if hasattr(layer, "kernel") else layer.cell.kernel)
        if what == "zero":
            layer.kernel.assign(np.zeros_like(kernel))
        elif what == "constant":
            layer.kernel.assign(np.full_like(kernel, 0.05))
        elif what == "twins":
            layer.kernel.assign(np.repeat(kernel[..., :1], kernel.shape[-1], axis=-1))
        elif what == "large":
            layer.kernel.assign(rng.normal(0, 3.0, kernel.shape).astype(np.float32))
        elif what == "log":
            layer.kernel.assign(kernel * np.float32(0.3))
        elif what in ("low_bias", "high_bias"):
            level = -20.0 if what == "low_bias" else 20.0
            layer.bias.assign(np.full(layer.bias.shape, level, np.float32))
        elif what == "recurrent":
            recurrent = layer.cell.recurrent_kernel
            # A ReLU lets about half of the state through.
            scale = 1.5 if plan.activation == "linear" else 2.5
            recurrent.assign(np.asarray(recurrent) * np.float32(scale))


def _regularisation(model: Any, plan: Plan) -> Any:
    """Weight decay with the wrong sign, where the plan has it."""
    total = 0.0
    for name, what in plan.special.items():
        if what == "grow":
            total -= 0.5 * keras.ops.sum(keras.ops.square(model.get_layer(name).kernel))
    return total


def _optimizer(plan: Plan) -> Any:
    rate: Any = plan.learning_rate
    if plan.warm_up:
        rate = keras.optimizers.schedules.PolynomialDecay(0.0, plan.warm_up, rate)
    if plan.optimizer == "adam":
        return keras.optimizers.Adam(rate)
    return keras.optimizers.SGD(rate, momentum=plan.momentum)


def _loss(plan: Plan) -> Any:
    if plan.output == "softmax":
        return keras.losses.SparseCategoricalCrossentropy()
    if plan.output == "one_softmax":
        return keras.losses.BinaryCrossentropy()
    return keras.losses.MeanSquaredError()

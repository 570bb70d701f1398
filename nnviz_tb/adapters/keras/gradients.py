"""The gradients of Keras's own backward pass, kept at the batches for which they are wanted.

Keras computes gradients and applies them inside one compiled function, and nothing of them is left
when it returns. The optimizer's ``apply`` is where they pass by while that function is traced, so
there a copy into variables of ours is added to the graph, under a condition that is false at all
batches but those that are logged: no second backward pass, and next to nothing at other batches.
"""

from __future__ import annotations

import sys
from typing import Any

from nnviz_tb.adapters.keras.kinds import keras_module
from nnviz_tb.adapters.keras.variables import to_numpy
from nnviz_tb.layers import Array


def why_gradients_cannot_be_kept(model: Any) -> str | None:
    """Why :class:`KeptGradients` cannot serve the model, as an end of a sentence; None if it can.

    Args:
      model: a compiled Keras model.
    """
    backend = keras_module().backend.backend()
    if backend != "tensorflow":
        return f"Keras runs on {backend}: they can be had with the TensorFlow backend"
    if getattr(model, "optimizer", None) is None:
        return "the model is not compiled with an optimizer"
    if not model.built:
        return "the model has no weights before its first batch: build it before"
    if model.distribute_strategy.num_replicas_in_sync > 1:
        return "every replica has gradients of its own"
    return None


class KeptGradients:
    """``∂L/∂variable`` of single batches, as the backward pass gave it: before clipping.

    Costs memory for one copy of the trainable variables. A train function that was compiled
    already is compiled once more at the next batch, and again after :meth:`release`.

    Args:
      model: for which :func:`why_gradients_cannot_be_kept` has nothing to say.
    """

    def __init__(self, model: Any) -> None:
        tf = sys.modules["tensorflow"]
        self._tf = tf
        self._model = model
        self._optimizer = model.optimizer
        self._variables = list(model.trainable_variables)
        self._kept = [
            tf.Variable(tf.zeros(variable.shape, variable.dtype), trainable=False)
            for variable in self._variables
        ]
        self._place = {id(variable): place for place, variable in enumerate(self._variables)}
        self._seen: set[int] = set()
        self._batches_wanted = tf.Variable(0, trainable=False)
        self._taken = tf.Variable(False, trainable=False)
        self._apply = self._optimizer.apply
        self._optimizer.apply = self._apply_and_keep
        model.make_train_function(force=True)

    def want(self, batches: int = 1) -> None:
        """The gradients of the last of the next batches are kept, however many are executed."""
        self._batches_wanted.assign(batches)

    def take(self) -> list[Array | None] | None:
        """What was kept since :meth:`want`, in the order of ``model.trainable_variables``.

        None for a variable that has none; None altogether when no batch came since.
        """
        taken = bool(self._taken.numpy())
        self._batches_wanted.assign(0)
        self._taken.assign(False)
        variables = self._model.trainable_variables
        if not taken or [id(variable) for variable in variables] != list(self._place):
            return None
        return [
            to_numpy(kept.value()) if place in self._seen else None
            for place, kept in enumerate(self._kept)
        ]

    def release(self) -> None:
        """Leaves the optimizer as it was; the next ``fit`` compiles a train function without us."""
        if self._optimizer.__dict__.get("apply") == self._apply_and_keep:
            del self._optimizer.apply
        self._model.train_function = None

    def _apply_and_keep(self, grads: Any, trainable_variables: Any = None) -> Any:
        """In place of the optimizer's ``apply``, while the train function is being traced."""
        variables = self._optimizer._trainable_variables
        if trainable_variables is not None:
            trainable_variables = list(trainable_variables)
            variables = trainable_variables
        grads = list(grads)
        present = [
            (self._place[id(variable)], gradient)
            for variable, gradient in zip(variables, grads, strict=False)
            if gradient is not None and id(variable) in self._place
        ]
        self._seen |= {place for place, _ in present}
        scale = self._optimizer.scale_loss(1.0)

        def keep() -> Any:
            done = []
            for place, gradient in present:
                dense = self._tf.convert_to_tensor(gradient)
                kept = self._kept[place]
                value = self._tf.cast(dense / self._tf.cast(scale, dense.dtype), kept.dtype)
                done.append(kept.assign(value))
            # No more of them where nobody takes them any more; and none of a batch that fails, as
            # the one does in which TensorFlow finds that the data has ended.
            with self._tf.control_dependencies(done):
                self._taken.assign(True)
                self._batches_wanted.assign_sub(1)
            return self._tf.constant(True)

        self._tf.cond(self._batches_wanted > 0, keep, lambda: self._tf.constant(False))
        return self._apply(grads, trainable_variables)

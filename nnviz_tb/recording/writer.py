"""The summary writer: scalars, histograms and whole models, into one run directory.

Bad arguments raise at once. What goes wrong later (a full disk, a directory that is gone, a
layer that cannot be read) never reaches the training loop: it is warned of once, counted, and
shown in the panel.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from nnviz_tb import adapters
from nnviz_tb.errors import ArgumentError, NnvizError
from nnviz_tb.layers import Layer
from nnviz_tb.recording import arguments
from nnviz_tb.recording.model_log import ACTIVATIONS, Begun
from nnviz_tb.recording.plain_writer import PlainWriter


class LayersUnderWay:
    """One logged step whose distant arrays are being read."""

    def __init__(self, writer: SummaryWriter, begun: Begun) -> None:
        self._writer = writer
        self._begun = begun

    def is_ready(self) -> bool:
        """Whether :meth:`finish` would not wait."""
        return self._begun.is_ready()

    def finish(self) -> None:
        """Writes the record, once."""
        self._writer._finish(self._begun)


class SummaryWriter(PlainWriter):
    """Writes one run. Safe to share between threads, and to inherit through a fork.

    In a local directory, what was logged is with the operating system when the call returns:
    nothing is lost when the process is killed, and :meth:`flush` has nothing to do. While a network
    mount does not answer, records wait in memory: :mod:`nnviz_tb.recording.patience`.
    """

    def add_activation(
        self,
        name: str,
        fn: Callable[..., Any],
        inputs: Any,
        global_step: int,
        walltime: float | None = None,
    ) -> None:
        """Logs an activation function and what reaches it, for code without layer objects.

        Args:
          name: of the layer in the panel.
          fn: the function, elementwise on arrays.
          inputs: ``[..., neurons]`` pre-activations.
          global_step: an integer >= 0.
          walltime: seconds since 1970, now by default.

        Raises:
          ArgumentError: an argument is not as described.
        """
        if not isinstance(name, str) or not name:
            raise ArgumentError(f"name must be a string that is not empty, got {name!r:.80}")
        given = {name: (fn, inputs)}
        self._record_model(None, global_step, walltime, None, ACTIVATIONS, activations=given)

    def log_model(
        self,
        model: Any,
        step: int,
        *,
        inputs: Any = None,
        scalars: Mapping[str, Any] | None = None,
        gradients: Any = None,
        activations: Mapping[str, tuple[Callable[..., Any], Any]] | None = None,
        name: str = "",
        walltime: float | None = None,
    ) -> None:
        """Logs the whole model at one step, as one record.

        Args:
          model: a Keras model, or a pytree of arrays.
          step: an integer >= 0; a resumed run may go back. One that is back at the first step that
            was logged begins anew: distances and dead neurons are those of this training.
          inputs: a probe batch for one forward pass in inference mode; without it there are no
            densities.
          scalars: numbers for the Scalars dashboard, by tag.
          gradients: ``∂L/∂parameter``, in the order of the trainable parameters or by name.
          activations: ``{layer name: (function, pre-activations)}``.
          name: goes before the layers' names, for a second model in the same run.
          walltime: seconds since 1970, now by default.

        Raises:
          ArgumentError: an argument is not as described.
          AdapterError: no adapter knows the model.
        """
        self._record_model(
            model,
            step,
            walltime,
            scalars,
            arguments.checked_name(name),
            inputs=inputs,
            gradients=gradients,
            activations=activations,
        )

    def log_layers(
        self,
        layers: list[Layer],
        step: int,
        *,
        scalars: Mapping[str, Any] | None = None,
        name: str = "",
        walltime: float | None = None,
        probe_seconds: float = 0.0,
        prepared_seconds: float = 0.0,
    ) -> None:
        """Logs layers that an integration has read itself, as one record.

        Args:
          layers: :class:`nnviz_tb.layers.Layer`, in model order, each under a name of its own.
          step: an integer >= 0.
          scalars: numbers for the Scalars dashboard, by tag.
          name: goes before the layers' names.
          walltime: seconds since 1970, now by default.
          probe_seconds: what reading them took, just now.
          prepared_seconds: what logging has cost besides since the step logged before, as a copy
            of the weights.

        Raises:
          ArgumentError: an argument is not as described.
        """
        began = time.perf_counter() - probe_seconds - prepared_seconds
        step = arguments.checked_step(step)
        wall_time = arguments.checked_wall_time(walltime)
        values = self._scalar_values(scalars)
        key = arguments.checked_name(name)
        with self.lock:
            self._models.write(layers, step, wall_time, values, key, began, probe_seconds)
        self._models.judge()

    def begin_layers(
        self,
        layers: list[Layer],
        step: int,
        *,
        scalars: Mapping[str, Any] | None = None,
        name: str = "",
        probe_seconds: float = 0.0,
    ) -> LayersUnderWay:
        """As :meth:`log_layers`, but waits for no distant array: that is left to the caller.

        Args:
          layers, step, scalars, name, probe_seconds: as of :meth:`log_layers`. No other step of the
            model may be begun before this one is finished.

        Raises:
          ArgumentError: an argument is not as described.
        """
        began = time.perf_counter() - probe_seconds
        step = arguments.checked_step(step)
        values = self._scalar_values(scalars)
        key = arguments.checked_name(name)
        with self.lock:
            begun = self._models.begin(layers, step, time.time(), values, key, began, probe_seconds)
        return LayersUnderWay(self, begun)

    def _finish(self, begun: Begun) -> None:
        with self.lock:
            self._models.finish(begun)
        self._models.judge()

    def _record_model(
        self,
        model: Any,
        step: int,
        walltime: float | None,
        scalars: Mapping[str, Any] | None,
        key: str,
        **rest: Any,
    ) -> None:
        began = time.perf_counter()
        step = arguments.checked_step(step, "global_step" if key == ACTIVATIONS else "step")
        wall_time = arguments.checked_wall_time(walltime)
        values = self._scalar_values(scalars)
        with self.lock:
            try:
                layers = adapters.layers_of(model, **rest)
            except Exception as error:
                # What the framework raised behind a model that was read before is no bad argument
                # but a fault of this moment, as memory that ran out.
                cause = error.__cause__ if isinstance(error, NnvizError) else error
                if cause is None or not self._models.knows(key):
                    raise
                self._sink.drop(f"step {step} was not recorded: {type(error).__name__}: {error}")
                layers = []
            probe = time.perf_counter() - began if rest.get("inputs") is not None else 0.0
            self._models.write(layers, step, wall_time, values, key, began, probe)
        self._models.judge()

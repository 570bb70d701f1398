"""The layers of a model at one step, as the values of one event.

A recorder lives as long as its run and keeps what spans steps: which neurons are tracked, their
first and previous weights, curves that were stored, and the window over which neurons are judged
dead. It reads the arrays before it returns and keeps none of them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from nnviz_tb.layers import Activation, Layer
from nnviz_tb.recording import budget, distant, sample_sums
from nnviz_tb.recording.events import Value, encode_tag
from nnviz_tb.recording.layer_record import record_layer
from nnviz_tb.recording.layer_state import LayerState
from nnviz_tb.recording.serving import CURVE_GRIDS
from nnviz_tb.schema import (
    PLUGIN_NAME,
    ActivationMetadata,
    LayerMetadata,
    SeriesMetadata,
    tag_of,
)
from nnviz_tb.statistics.curves import Curve, curve_limit, sample_curve
from nnviz_tb.statistics.density import density

_FIRST_GRID = CURVE_GRIDS[1]
_SAW_DIFFERENT = (
    "the processes did not see the same activations, so those of the first process are shown"
)
_MAX_NOTES = 20
_MAX_NOTE_LENGTH = 500


@dataclass(frozen=True)
class Recording:
    """What one step of a model comes to.

    Attributes:
      values: of one event.
      problems: sentences on what was lost, fit for a warning.
      notes: sentences that concern the whole run.
    """

    values: list[Value]
    problems: list[str]
    notes: list[str]


@dataclass(frozen=True)
class Prepared:
    """One step of a model before its arrays are read.

    Attributes:
      layers: those whose turn it is, with their place in the model's order.
      problems, notes: as of :class:`Recording`.
    """

    layers: list[tuple[int, Layer]]
    problems: list[str]
    notes: list[str]

    def is_ready(self) -> bool:
        """Whether recording it would wait for nothing."""
        return distant.is_ready(self.layers)


class ModelRecorder:
    """Turns the layers of one model into values, step after step."""

    def __init__(
        self, prefix: str = "", max_step_bytes: int = budget.DEFAULT_STEP_BYTES, seed: int = 0
    ) -> None:
        """
        Args:
          prefix: of every layer's name, for a second model in the same run.
          max_step_bytes: of every record after the first; at least ``budget.MIN_STEP_BYTES``.
          seed: of every fixed choice.

        Raises:
          ArgumentError: ``max_step_bytes`` is too small for anything.
        """
        budget.check_step_bytes(max_step_bytes)
        self._prefix = prefix
        self._max_step_bytes = max_step_bytes
        self._seed = seed
        self._states: dict[str, LayerState] = {}
        self._taken_bytes = 0
        self._turns = 1
        self._logged_count = 0

    def record(self, layers: list[Layer]) -> Recording:
        """The values of one logged step; a layer that fails costs only its own part.

        Args:
          layers: of the model, in model order, each under a name of its own.
        """
        return self.finish(self.prepare(layers))

    def prepare(self, layers: list[Layer]) -> Prepared:
        """The step with its distant arrays being read; to be finished before the next begins."""
        layers = [self._named(layer) for layer in layers]
        problems: list[str] = []
        for layer in layers:
            state = self._states.setdefault(layer.name, LayerState())
            if state.curve is None:
                problems += self._refresh_curve(layer, state, early=True)
        notes = self._allocate(layers)
        turn = self._logged_count % self._turns
        self._logged_count += 1
        in_turn = [
            (order, layer)
            for order, layer in enumerate(layers)
            if self._states[layer.name].turn == turn
        ]
        distant.begin(in_turn, self._states, self._seed)
        if any(layer.activation and layer.activation.merge for _, layer in in_turn):
            distant.wait_for_samples(in_turn)
            if not sample_sums.merge(in_turn, self._states):
                notes = [*notes, _SAW_DIFFERENT]
        return Prepared(in_turn, problems, notes)

    def finish(self, prepared: Prepared) -> Recording:
        """The values of a step that was prepared."""
        values: list[Value] = []
        distant.wait_for_samples(prepared.layers)
        for order, layer in prepared.layers:
            state = self._states[layer.name]
            values += self._layer_values(layer, order, state, prepared.problems)
        return Recording(values, prepared.problems, prepared.notes)

    def _named(self, layer: Layer) -> Layer:
        # Tags must be UTF-8, and control characters in one break the pages that list it.
        name = encode_tag(f"{self._prefix}{layer.name}").decode()
        name = "".join(c if ord(c) >= 0x20 and c != "\x7f" else f"\\x{ord(c):02x}" for c in name)
        return layer if name == layer.name else replace(layer, name=name or "layer")

    def _allocate(self, layers: list[Layer]) -> list[str]:
        """Gives layers and series that are new their place; says what found none."""
        asking = [(layer, self._states[layer.name]) for layer in layers]
        requests = [(layer, state, state.request(layer)) for layer, state in asking]
        new = [(layer, state, shape) for layer, state, shape in requests if shape is not None]
        if not new:
            return []
        first = not self._taken_bytes
        allocation = budget.allocate(
            [shape for _, _, shape in new], self._max_step_bytes, taken_bytes=self._taken_bytes
        )
        self._taken_bytes = allocation.step_bytes - budget.step_overhead()
        self._turns = allocation.turns if first else self._turns
        for order, (layer, state, _) in enumerate(new):
            if not state.accepted:
                state.turn = order % self._turns
            state.accept(layer, allocation.shares[order])
        if self._turns > 1 and first:
            return [
                f"{len(new)} layers do not fit in {self._max_step_bytes} bytes together: each is "
                f"recorded at every {self._turns}th logged step, in turn"
            ]
        starved = [
            layer.name
            for (layer, _, _), share in zip(new, allocation.shares, strict=True)
            if not share.bytes
        ]
        if starved:
            return [
                f"{len(starved)} layers came with more than at the first logged step, for which "
                f"no room was left in {self._max_step_bytes} bytes; the first is {starved[0]!r}"
            ]
        return []

    def _layer_values(
        self, layer: Layer, order: int, state: LayerState, problems: list[str]
    ) -> list[Value]:
        activation = layer.activation
        if activation is not None and (
            activation.learnable or (activation.arriving and not state.curve_limit)
        ):
            problems += self._refresh_curve(layer, state)
        curve = self._curve_value(layer, state)
        record = record_layer(layer, state, self._seed)
        problems += record.problems
        values = record.values if curve is None else [curve, *record.values]
        if not state.share.has_figures:
            return values
        known = state.tags.get(("layer", ""))
        if known is None:
            failed = (
                (f"The curve of {layer.activation.function_name} could not be sampled.",)
                if (state.curve_fails and layer.activation)
                else ()
            )
            notes = (*layer.notes, *failed, *record.problems)
            metadata = _layer_metadata(layer, order, state.curve, notes)
            known = state.tags["layer", ""] = tag_of("layer", layer.name), metadata.to_bytes()
        return [Value(known[0], record.figures, PLUGIN_NAME, known[1]), *values]

    def _refresh_curve(self, layer: Layer, state: LayerState, early: bool = False) -> list[str]:
        """Samples the activation's function; says why that failed, once.

        Args:
          early: inputs that are still arriving must not be read yet.
        """
        activation = layer.activation
        if activation is None or activation.function is None or state.curve_fails:
            return []
        try:
            with np.errstate(all="ignore"):
                limit = state.curve_limit
                if not limit and early and activation.arriving:
                    limit = curve_limit(None)
                elif not limit:
                    seen = None if activation.inputs is None else density(activation.inputs)
                    state.curve_limit = limit = curve_limit(seen)
                state.curve = sample_curve(
                    activation.function,
                    limit,
                    activation.channels,
                    state.share.curve_grid or _FIRST_GRID,
                    name=activation.function_name,
                )
        except Exception as error:
            state.curve, state.curve_fails = None, True
            return [f"{layer.name}: curve: {type(error).__name__}: {error}"]
        return []

    def _curve_value(self, layer: Layer, state: LayerState) -> Value | None:
        """The curve, when it is the first or has changed and may be stored again."""
        grid = state.share.curve_grid or _FIRST_GRID
        if state.curve is None:
            return None
        if state.stored_curve is not None and not state.share.curve_grid:
            return None
        wanted = max(state.curve_limit, float(state.curve.x[-1]))
        if state.curve.x.size != grid or (wanted > state.curve.x[-1] and not state.limit_is_final):
            before = float(state.curve.x[-1])
            self._refresh_curve(layer, state)
            if state.curve is None:
                return None
            # A function without values so far out keeps its window, and is not asked again.
            state.limit_is_final = wanted > before and float(state.curve.x[-1]) <= before
        if state.curve is state.compared_curve:
            return None
        state.compared_curve = state.curve
        rows = state.curve.to_rows()
        if state.stored_curve is not None and np.array_equal(rows, state.stored_curve):
            return None
        state.stored_curve = rows
        content = SeriesMetadata(seed=self._seed).to_bytes()
        return Value(tag_of("curve", layer.name), rows, PLUGIN_NAME, content)


def _layer_metadata(
    layer: Layer, order: int, curve: Curve | None, notes: tuple[str, ...]
) -> LayerMetadata:
    neurons, fan_in = 0, 0
    if layer.kernel is not None:
        fan_in, neurons = (int(size) for size in layer.kernel.shape)
    elif layer.activation is not None and layer.activation.inputs is not None:
        neurons = int(np.shape(layer.activation.inputs)[-1])
    elif layer.bias is not None:
        neurons = int(np.prod(layer.bias.shape, dtype=np.int64))
    activation = layer.activation
    return LayerMetadata(
        type=_plain_text(layer.type),
        order=order,
        neurons=neurons,
        fan_in=fan_in,
        kernel_shape=tuple(int(size) for size in layer.kernel_shape),
        parameters=int(layer.parameters),
        trainable=bool(layer.trainable),
        activation=None if activation is None else _activation_metadata(activation, curve),
        notes=tuple(_plain_text(note) for note in notes[:_MAX_NOTES]),
    )


def _activation_metadata(activation: Activation, curve: Curve | None) -> ActivationMetadata:
    return ActivationMetadata(
        function=_plain_text(activation.function_name),
        elementwise=activation.function is not None,
        bounded=curve is not None and curve.bounded,
        has_dead_zone=curve is not None and curve.has_dead_zone,
        per_channel=activation.channels > 0,
        learnable=activation.learnable,
    )


def _plain_text(text: str) -> str:
    """Text that UTF-8 can hold, of a length that metadata can."""
    return encode_tag(str(text)[:_MAX_NOTE_LENGTH]).decode()

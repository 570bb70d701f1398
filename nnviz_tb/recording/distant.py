"""What is wanted of arrays that do not lie here, all of it before any of it is waited for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from nnviz_tb.layers import Arrival, DistantArray, Layer, Wanted
from nnviz_tb.recording.layer_state import LayerState, named_arrays
from nnviz_tb.recording.serving import TRACKED_ONLY
from nnviz_tb.recording.tracked import tracked_neurons


def begin(layers: Iterable[tuple[int, Layer]], states: Mapping[str, LayerState], seed: int) -> None:
    """Has all that the budget has room for of the layers' distant arrays begun.

    Args:
      layers: those that are to be recorded at this step, in an order that all processes share.
      states: by name; with the shares of this step.
      seed: of every fixed choice.
    """
    begun = []
    for _, layer in layers:
        state = states[layer.name]
        for array in _of_layer(layer):
            if array is layer.kernel:
                array.want(_of_kernel(array, layer, state, seed))
            elif array is layer.bias:
                every = np.arange(array.size, dtype=np.int64)
                array.want(Wanted(rows=np.zeros(1, np.int64), neurons=every))
            else:
                array.want(Wanted())
            begun.append(array)
    for array in begun:
        array.begin()


def arrays_of(layers: Iterable[tuple[int, Layer]]) -> Iterator[DistantArray]:
    """The distant arrays of the layers, in order, but for updates, which their kernels answer."""
    for _, layer in layers:
        yield from _of_layer(layer)


def is_ready(layers: Iterable[tuple[int, Layer]]) -> bool:
    """Whether recording the layers would wait for nothing."""
    layers = list(layers)
    return all(array.is_ready() for array in arrays_of(layers)) and all(
        arrival.is_ready() for arrival in _arrivals(layers)
    )


def may_be_late(layers: Iterable[tuple[int, Layer]]) -> bool:
    """Whether all that the layers hold will be found to be the same at a later call."""
    for _, layer in layers:
        arrays = [array for array in named_arrays(layer).values() if array is not None]
        if not all(isinstance(array, DistantArray) and array.may_be_late for array in arrays):
            return False
        seen = layer.activation
        samples = () if seen is None else (seen.inputs, seen.outputs)
        if any(array is not None and array.flags.writeable for array in samples):
            return False
    return True


def wait_for_samples(layers: Iterable[tuple[int, Layer]]) -> None:
    """Waits until samples that are still arriving are there."""
    for arrival in _arrivals(layers):
        arrival.wait()


def followed_neurons(
    kernel: DistantArray, state: LayerState, seed: int
) -> NDArray[np.int64] | None:
    """The neurons whose way from step to step is followed; None for none."""
    neurons = kernel.shape[1]
    count = min(neurons, max(state.share.tracked.get(name, 0) for name in TRACKED_ONLY))
    return tracked_neurons(neurons, count, seed) if count else None


def _arrivals(layers: Iterable[tuple[int, Layer]]) -> list[Arrival]:
    """Each once."""
    found = [layer.activation.arriving for _, layer in layers if layer.activation is not None]
    return list({id(arrival): arrival for arrival in found if arrival is not None}.values())


def _of_layer(layer: Layer) -> list[DistantArray]:
    return [array for array in named_arrays(layer).values() if isinstance(array, DistantArray)]


def _of_kernel(kernel: DistantArray, layer: Layer, state: LayerState, seed: int) -> Wanted:
    share, (fan_in, neurons) = state.share, kernel.shape
    has_place = state.populations.get("weight_norm") == neurons
    sketched = rows = chosen = None
    if has_place and share.sketches:
        sketched = tracked_neurons(neurons, min(neurons, share.sketches), seed)
    if has_place and share.weight_rows:
        rows = tracked_neurons(fan_in, min(fan_in, share.weight_columns), seed)
        chosen = tracked_neurons(neurons, min(neurons, share.weight_rows), seed)
    return Wanted(
        followed=followed_neurons(kernel, state, seed),
        kept=state.kept,
        sketched=sketched,
        rows=rows,
        neurons=chosen,
        update=layer.update if isinstance(layer.update, DistantArray) else None,
        seed=seed,
    )

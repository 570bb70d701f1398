"""What samples of an activation come to, in sums that add up over processes that saw others."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from nnviz_tb import buckets
from nnviz_tb.layers import Activation, Array, Layer
from nnviz_tb.recording.layer_state import LayerState
from nnviz_tb.statistics import density as densities
from nnviz_tb.statistics import passes
from nnviz_tb.statistics.curves import Curve
from nnviz_tb.statistics.density import Density
from nnviz_tb.statistics.moments import mean_and_std

Vector = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class InputSums:
    """What is known of the inputs.

    Attributes:
      counted: in buckets.
      mean, std: of the finite ones.
      samples: for each neuron.
      size: over all neurons.
      active, saturated: ``int64[neurons]`` samples outside the zone of death, and in a saturated
        tail; None where the function has none.
    """

    counted: Density
    mean: float
    std: float
    samples: int
    size: int
    active: NDArray[np.int64] | None = None
    saturated: NDArray[np.int64] | None = None


@dataclass(frozen=True, eq=False)
class OutputSums:
    """What is known of the outputs.

    Attributes:
      counted: in buckets.
      magnitude: ``float64[neurons]`` mean of the finite magnitudes; None of a softmax.
      entropy: of a softmax, else None.
    """

    counted: Density
    magnitude: Vector | None = None
    entropy: float | None = None


def input_sums(inputs: Array, curve: Curve | None) -> InputSums:
    """Of ``[..., neurons]`` inputs of one process."""
    samples = _matrix(inputs)
    active = saturated = None
    if curve is not None and samples.size:
        if curve.has_dead_zone:
            active = densities.active_counts(samples, curve.zones)
        if curve.bounded:
            saturated = densities.saturated_counts(samples, curve.zones)
    mean, std = mean_and_std(inputs)
    counted = densities.density(inputs)
    return InputSums(counted, mean, std, samples.shape[0], samples.size, active, saturated)


def output_sums(outputs: Array, softmax: bool) -> OutputSums:
    """Of ``[..., neurons]`` outputs of one process."""
    counted = densities.density(outputs)
    if softmax:
        return OutputSums(counted, entropy=densities.normalised_entropy(outputs))
    magnitude = densities.mean_magnitude(_matrix(outputs)) if np.size(outputs) else None
    return OutputSums(counted, magnitude)


def merge(layers: Iterable[tuple[int, Layer]], states: Mapping[str, LayerState]) -> bool:
    """Has the states hold what all processes saw, where activations say how that is added up.

    Args:
      layers: of one step, in an order that all processes share.
      states: by name, with their curves.

    Returns:
      False when the processes saw different activations, and nothing was added up.
    """
    shared = [
        (layer.name, layer.activation, states[layer.name])
        for _, layer in layers
        if layer.activation is not None and layer.activation.merge is not None
    ]
    for _, _, state in shared:
        state.inputs_seen = state.outputs_seen = None
    if not shared:
        return True
    parts = [_Flat.of(name, activation, state.curve) for name, activation, state in shared]
    numbers = np.concatenate([part.numbers for part in parts])
    add_up = shared[0][1].merge
    assert add_up is not None
    total = add_up(b"\n".join(part.description for part in parts), numbers)
    if total is None:
        return False
    start = 0
    for part, (_, activation, state) in zip(parts, shared, strict=True):
        stop = start + part.numbers.size
        state.inputs_seen, state.outputs_seen = part.read(total[start:stop], activation)
        start = stop
    return True


@dataclass(eq=False)
class _Flat:
    """The sums of one activation, one after another; alike in every process.

    Attributes:
      description: what the numbers are of.
      sizes: how many numbers each sum has, by name.
      parts: the sums.
    """

    description: bytes
    parts: dict[str, Vector] = field(default_factory=dict)

    @classmethod
    def of(cls, name: str, activation: Activation, curve: Curve | None) -> _Flat:
        flat = cls(b"")
        if activation.inputs is not None:
            flat._add_inputs(activation.inputs, curve)
        if activation.outputs is not None:
            flat._add_outputs(activation.outputs, activation.softmax)
        told = [name, *(f"{part} {values.size}" for part, values in flat.parts.items())]
        flat.description = repr(told).encode()
        return flat

    @property
    def numbers(self) -> Vector:
        return np.concatenate([np.zeros(0), *self.parts.values()])

    def read(
        self, total: Vector, activation: Activation
    ) -> tuple[InputSums | None, OutputSums | None]:
        """What all processes saw, from the numbers that they added up."""
        borders = np.cumsum([values.size for values in self.parts.values()])[:-1]
        found = dict(zip(self.parts, np.split(total, borders), strict=True))
        return self._inputs(found), self._outputs(found)

    def _add_inputs(self, inputs: Array, curve: Curve | None) -> None:
        sums = input_sums(inputs, curve)
        self.parts["inputs"] = passes.count_places(np.asarray(inputs)).astype(np.float64)
        count = float(sums.counted.finite_count)
        mean, square = (sums.mean, sums.mean**2 + sums.std**2) if count else (0.0, 0.0)
        self.parts["moments"] = np.array(
            [count, count * mean, count * square, sums.samples, sums.size]
        )
        for name, counts in (("active", sums.active), ("saturated", sums.saturated)):
            if counts is not None:
                self.parts[name] = counts.astype(np.float64)

    def _add_outputs(self, outputs: Array, softmax: bool) -> None:
        self.parts["outputs"] = passes.count_places(np.asarray(outputs)).astype(np.float64)
        rows = _matrix(outputs)
        if softmax:
            entropy = densities.normalised_entropy(outputs)
            count = float(np.isfinite(rows).all(axis=1).sum())
            self.parts["entropy"] = np.array([count * entropy if count else 0.0, count])
        elif rows.size:
            self.parts["magnitude"] = np.concatenate(passes.sum_magnitudes(rows))

    def _inputs(self, found: dict[str, Vector]) -> InputSums | None:
        if "inputs" not in found:
            return None
        count, first, second, samples, size = found["moments"].tolist()
        mean = first / count if count else math.nan
        std = math.sqrt(max(second / count - mean**2, 0.0)) if count else math.nan
        counts = [
            np.rint(found[name]).astype(np.int64) if name in found else None
            for name in ("active", "saturated")
        ]
        counted = _density(found["inputs"])
        return InputSums(counted, mean, std, int(samples), int(size), *counts)

    def _outputs(self, found: dict[str, Vector]) -> OutputSums | None:
        if "outputs" not in found:
            return None
        magnitude, entropy = None, None
        if "magnitude" in found:
            total, count = np.split(found["magnitude"], 2)
            magnitude = np.full(total.shape, np.nan)
            np.divide(total, count, out=magnitude, where=count > 0)
        if "entropy" in found:
            total_entropy, rows = found["entropy"].tolist()
            entropy = total_entropy / rows if rows else math.nan
        return OutputSums(_density(found["outputs"]), magnitude, entropy)


def _density(places: Vector) -> Density:
    """The density whose :func:`passes.count_places` are these."""
    counts = np.rint(places).astype(np.int64)
    occupied = np.flatnonzero(counts[: passes.PLACES])
    first, stop = (int(occupied[0]), int(occupied[-1]) + 1) if occupied.size else (0, 0)
    lowest = first - buckets.BUCKETS_PER_SIGN if occupied.size else 0
    nan_count, posinf_count, neginf_count = counts[passes.PLACES :].tolist()
    return Density(0, nan_count, posinf_count, neginf_count, lowest, counts[first:stop])


def _matrix(samples: Array) -> Array:
    return np.asarray(samples).reshape(-1, np.shape(samples)[-1])

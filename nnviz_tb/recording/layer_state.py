"""What a recorder remembers of one layer from step to step, and how its arrays map to series."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnviz_tb.definitions import NEURON_STATISTICS
from nnviz_tb.layers import Array, DistantArray, Layer
from nnviz_tb.recording.events import encode_tag
from nnviz_tb.recording.serving import LayerShape, LayerShare
from nnviz_tb.statistics.curves import Curve

WINDOW_STEPS = 10
"""Logged steps over which a neuron is judged dead."""

_OF_KERNEL = (
    "weight_norm", "displacement", "distance", "weight_mean", "weight_std", "weight_min",
    "weight_max", "gradient_norm", "update_ratio",
)  # fmt: skip


def named_arrays(layer: Layer) -> dict[str, Array | DistantArray | None]:
    """Every array that gets a histogram, by name, the kernel first.

    Gradients are listed, as None, before any was seen: they usually come later, and their place in
    the budget must not have gone to something else by then.
    """
    arrays: dict[str, Array | DistantArray | None] = {}
    if layer.kernel is not None:
        arrays[layer.kernel_name] = layer.kernel
    if layer.bias is not None:
        arrays[layer.bias_name] = layer.bias
    if layer.kernel is not None and (layer.trainable or layer.gradient is not None):
        arrays[f"{layer.kernel_name}_gradient"] = layer.gradient
    if layer.bias is not None and (layer.trainable or layer.bias_gradient is not None):
        arrays[f"{layer.bias_name}_gradient"] = layer.bias_gradient
    for name, array in layer.others.items():
        arrays.setdefault(name, array)
    return arrays


def populations(layer: Layer, curve: Curve | None) -> dict[str, int]:
    """Neurons of every per-neuron series that the layer has or may come to have.

    Args:
      layer: as the adapter gave it.
      curve: of its activation, which tells whether units of it can die or saturate.
    """
    found: dict[str, int] = {}
    neurons = 0
    if layer.kernel is not None:
        neurons = int(layer.kernel.shape[1])
        for name in _OF_KERNEL:
            if layer.trainable or name not in ("gradient_norm", "update_ratio"):
                found[name] = neurons
    if layer.gradient is not None:
        found["gradient_norm"] = neurons
    if layer.bias is not None:
        found["bias"] = int(np.prod(layer.bias.shape, dtype=np.int64))
    if layer.activation is not None:
        seen = [a for a in (layer.activation.inputs, layer.activation.outputs) if a is not None]
        units = [int(array.shape[-1]) for array in seen] or [neurons]
        if curve is not None and curve.has_dead_zone:
            found["activity"] = units[0]
        if curve is not None and curve.bounded:
            found["saturation"] = units[0]
        if not layer.activation.softmax:
            found["dormancy"] = units[-1]
    return {name: found[name] for name in NEURON_STATISTICS if found.get(name)}


@dataclass(frozen=True)
class NeuronRow:
    """How the row of one per-neuron series is made, the same at every step.

    Attributes:
      tag, content: of the series.
      population: neurons that have the statistic.
      tracked: ``int64`` neurons in the row; None for all of them.
      extremes: most extreme neurons in its tail.
    """

    tag: str
    content: bytes
    population: int
    tracked: NDArray[np.int64] | None
    extremes: int


@dataclass
class LayerState:
    """Of one layer, while its run lasts.

    Attributes:
      turn: in which turn the layer is recorded, see :class:`nnviz_tb.recording.budget.Allocation`.
      populations: neurons of every series that has its place in the budget, by statistic.
      array_places: arrays that have theirs, by name; where each is in
        :attr:`LayerShare.histogram_rows`.
      share: the place.
      rows: how the row of each per-neuron series is made.
      tags: tag and metadata of each other series, by series and suffix.
      first, previous: ``float32[fan_in, tracked]`` weights of the neurons whose way is tracked.
      inputs_seen, outputs_seen: by all processes at this step, as
        :mod:`nnviz_tb.recording.sample_sums` has them; None where one process saw everything.
      kept: the same of a distant kernel, see :attr:`nnviz_tb.layers.Found.kept`.
      accepted: the layer has its place in the budget.
      has_density, has_kernel: so have its activation, its kernel.
      curve: of the activation, as last sampled; None when there is none.
      curve_limit: half the width of the window in which it is to be shown.
      stored_curve: the rows stored last; None before the first.
      compared_curve: the one that was last held against them.
      curve_fails: sampling it raised, and is not tried again.
      limit_is_final: the function has no values in a wider window.
      curve_reach: buckets of the inputs that the window surely shows, on either side of zero.
      window: active counts and number of samples of recent logged steps.
    """

    turn: int = 0
    populations: dict[str, int] = field(default_factory=dict)
    array_places: dict[str, int] = field(default_factory=dict)
    share: LayerShare = field(default_factory=LayerShare)
    accepted: bool = False
    has_density: bool = False
    has_kernel: bool = False
    rows: dict[str, NeuronRow] = field(default_factory=dict)
    tags: dict[tuple[str, str], tuple[str, bytes]] = field(default_factory=dict)
    first: NDArray[np.float32] | None = None
    previous: NDArray[np.float32] | None = None
    kept: Any = None
    inputs_seen: Any = None
    outputs_seen: Any = None
    curve: Curve | None = None
    curve_limit: float = 0.0
    stored_curve: NDArray[np.float32] | None = None
    compared_curve: Curve | None = None
    curve_fails: bool = False
    limit_is_final: bool = False
    curve_reach: int = 0
    window: deque[tuple[NDArray[np.int64], int]] = field(
        default_factory=lambda: deque(maxlen=WINDOW_STEPS)
    )

    def request(self, layer: Layer) -> LayerShape | None:
        """What the layer has that has no place in the budget yet; None when nothing is new."""
        arrays = {n: a for n, a in named_arrays(layer).items() if n not in self.array_places}
        found = populations(layer, self.curve)
        statistics = {n: count for n, count in found.items() if n not in self.populations}
        new_kernel = layer.kernel is not None and not self.has_kernel
        new_density = layer.activation is not None and not self.has_density
        if self.accepted and not (arrays or statistics or new_density):
            return None
        bands = 3 if layer.activation is not None and layer.activation.channels else 1
        return LayerShape(
            name_bytes=len(encode_tag(layer.name)),
            neurons=int(layer.kernel.shape[1]) if new_kernel and layer.kernel is not None else 0,
            fan_in=int(layer.kernel.shape[0]) if layer.kernel is not None else 0,
            arrays=tuple((len(encode_tag(name)), _size(array)) for name, array in arrays.items()),
            statistics=tuple(statistics.items()),
            curve_rows=1 + 2 * bands if new_density and self.curve is not None else 0,
            has_density=new_density,
            has_output=new_density,
            has_figures=not self.accepted,
        )

    def accept(self, layer: Layer, share: LayerShare) -> None:
        """Adds the share that was given for the last :meth:`request`."""
        names = [name for name in named_arrays(layer) if name not in self.array_places]
        old = self.share
        self.share = replace(
            old,
            bytes=old.bytes + share.bytes,
            tracked={**share.tracked, **old.tracked},
            extremes={**share.extremes, **old.extremes},
            histogram_rows=old.histogram_rows + share.histogram_rows,
            summaries=old.summaries + share.summaries,
            density_bytes=old.density_bytes or share.density_bytes,
            output_bytes=old.output_bytes or share.output_bytes,
            sketches=old.sketches or share.sketches,
            weight_rows=old.weight_rows or share.weight_rows,
            weight_columns=old.weight_columns or share.weight_columns,
            curve_grid=old.curve_grid or share.curve_grid,
            has_figures=old.has_figures or share.has_figures,
        )
        self.accepted = True
        self.array_places |= {name: len(self.array_places) + i for i, name in enumerate(names)}
        self.rows = {}
        self.populations = {**populations(layer, self.curve), **self.populations}
        self.has_density = self.has_density or layer.activation is not None
        self.has_kernel = self.has_kernel or layer.kernel is not None


def _size(array: Any) -> int:
    # An array that has not come yet is taken for a large one.
    return 1 << 20 if array is None else int(np.size(array))

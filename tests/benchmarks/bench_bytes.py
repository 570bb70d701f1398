"""Bytes of a logged step for models of a thousand to ten billion parameters.

Run: ``python tests/benchmarks/bench_bytes.py``. Up to ten million parameters a model is really
logged and its last record measured; beyond, shapes alone say how much a record may take at most.
"""

from __future__ import annotations

import tempfile

import numpy as np

from nnviz_tb.definitions import NEURON_STATISTICS
from nnviz_tb.layers import Layer
from nnviz_tb.recording import budget
from nnviz_tb.recording.model_log import ModelLog
from nnviz_tb.recording.places import open_sink
from nnviz_tb.recording.serving import LayerShape

MODELS: dict[str, tuple[int, int, int]] = {
    "1 k": (2, 22, 22),
    "10 k": (3, 58, 58),
    "100 k": (4, 158, 158),
    "1 M": (6, 408, 408),
    "10 M": (10, 1000, 1000),
    "100 M": (48, 1448, 1448),
    "1 G": (96, 3232, 3232),
    "10 G": (160, 7920, 7920),
}
"""Layers, fan-in and neurons of each."""

MEASURED_UP_TO = 20_000_000


def measured(layers: int, fan_in: int, neurons: int) -> int:
    """Bytes of the third record of such a model, gradients and all."""
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as directory:
        sink = open_sink(directory, None, "bench")
        log = ModelLog(sink, budget.DEFAULT_STEP_BYTES, 0)
        for step in range(3):
            model = []
            for order in range(layers):
                kernel = rng.standard_normal((fan_in, neurons), np.float32)
                model.append(
                    Layer(
                        f"block_{order}/dense",
                        "Dense",
                        kernel=kernel,
                        kernel_shape=kernel.shape,
                        bias=kernel[0],
                        gradient=kernel,
                        parameters=kernel.size + neurons,
                    )
                )
            log.write(model, step, 1.0, [], "", 0.0, 0.0)
        sink.close()
        return sink.record_bytes


def promised(layers: int, fan_in: int, neurons: int) -> int:
    """The most that a record of such a model may take after the first, from shapes alone."""
    shapes = [
        LayerShape(
            name_bytes=len(f"block_{order}/dense"),
            neurons=neurons,
            fan_in=fan_in,
            arrays=((6, fan_in * neurons), (4, neurons), (15, fan_in * neurons), (13, neurons)),
            statistics=tuple((name, neurons) for name in NEURON_STATISTICS),
            curve_rows=3,
            has_density=True,
            has_output=True,
        )
        for order in range(layers)
    ]
    return budget.allocate(shapes).step_bytes


def table(largest: int = 1 << 62) -> list[str]:
    """A line for each model of up to so many parameters."""
    lines = [
        f"{'parameters':>14}{'layers':>8}{'KiB measured':>14}{'KiB at most':>13}{'B/param':>12}"
    ]
    for layers, fan_in, neurons in MODELS.values():
        parameters = layers * (fan_in + 1) * neurons
        if parameters > largest:
            continue
        most = promised(layers, fan_in, neurons)
        told = "shapes alone"
        if parameters <= MEASURED_UP_TO:
            told = f"{measured(layers, fan_in, neurons) / 1024:.1f}"
        lines.append(
            f"{parameters:>14,}{layers:>8}{told:>14}{most / 1024:>13.1f}{most / parameters:>12.2g}"
        )
    return lines


if __name__ == "__main__":
    print("\n".join(table()))

"""What the callback says while ``fit`` trains a network with a fault, and of one without."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

import nnviz_tb.keras
from nnviz_tb.errors import ArgumentError, HealthWarning
from nnviz_tb.health import Finding

SAMPLES = 256


def data() -> tuple[Any, Any]:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(SAMPLES, 12)).astype(np.float32)
    return x, (x[:, :1] > 0).astype(np.float32)


def network(bias: float = 0.0) -> Any:
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((12,)),
            keras.layers.Dense(
                16,
                activation="relu",
                bias_initializer=keras.initializers.Constant(bias),
                name="hidden",
            ),
            keras.layers.Dense(1, activation="sigmoid", name="out"),
        ]
    )
    model.compile(optimizer=keras.optimizers.Adam(3e-3), loss="binary_crossentropy")
    return model


def fit(model: Any, logdir: Path, epochs: int = 8, **options: Any) -> Any:
    x, y = data()
    callback = nnviz_tb.keras.Callback(logdir, inputs=x, every=4, **options)
    return model.fit(x, y, batch_size=16, epochs=epochs, verbose=0, callbacks=[callback])


def test_a_function_is_called_with_what_is_wrong(tmp_path: Path) -> None:
    found: list[Finding] = []
    fit(network(bias=-30.0), tmp_path, on_finding=found.append)
    dead = [item for item in found if item.kind == "dead_units"]
    assert [(item.layer, item.severity) for item in dead] == [("hidden", "severe")]


def test_a_sound_training_gives_no_cause(tmp_path: Path) -> None:
    found: list[Finding] = []
    fit(network(), tmp_path, on_finding=found.append)
    assert found == []


def test_the_training_stops_at_the_first_severe_finding(tmp_path: Path) -> None:
    with pytest.warns(HealthWarning) as caught:
        history = fit(network(bias=-30.0), tmp_path, epochs=40, on_finding="stop")
    assert len(history.epoch) < 10
    assert all(str(item.message).startswith("severe: ") for item in caught)
    # Inputs out of range need fewer samples than dead units, and so are the first to be certain.
    assert any("hidden's activation fall where it is flat" in str(item.message) for item in caught)


def test_warnings_name_the_layer_and_what_helps(tmp_path: Path) -> None:
    with pytest.warns(HealthWarning) as caught:
        fit(network(bias=-30.0), tmp_path, on_finding="warn")
    assert any(
        "dead" in str(item.message) and "He for ReLU" in str(item.message) for item in caught
    )


def test_thresholds_of_the_caller_decide(tmp_path: Path) -> None:
    found: list[Finding] = []
    fit(network(), tmp_path, on_finding=found.append, thresholds={"update_too_large": 1e-5})
    assert {item.kind for item in found} == {"update_too_large"}


def test_what_is_no_way_to_be_told_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match="on_finding"):
        nnviz_tb.keras.Callback(tmp_path, on_finding="panic")  # type: ignore[arg-type]
    with pytest.raises(ArgumentError, match="no threshold"):
        nnviz_tb.keras.Callback(tmp_path, on_finding="warn", thresholds={"x": 1.0})

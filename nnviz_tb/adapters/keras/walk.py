"""A Keras model as a flat list of its layers, each once and with its path."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from nnviz_tb.adapters.keras.kinds import keras_kinds, keras_module
from nnviz_tb.adapters.keras.sites import sites_of
from nnviz_tb.adapters.keras.variables import child_layers, own_variables
from nnviz_tb.adapters.names import unique_name

_RECURRENT = ("LSTM", "GRU", "SimpleRNN", "ConvLSTM")


@dataclass(frozen=True)
class Entry:
    """One place of a model.

    Attributes:
      name: its path, unique in the model.
      operation: the layer; the cell of a recurrent layer; or an operation of ``keras.ops`` in a
        functional model.
      type: the class name to show: of a recurrent layer, not of its cell.
    """

    name: str
    operation: Any
    type: str


def walk(model: Any) -> list[Entry]:
    """Every layer once, in model order, the first path under which it is found.

    The model itself is part of no path, unless it has weights of its own or is a single layer.
    Input layers are left out, so are layers that only hold others.
    """
    entries: list[Entry] = []
    _visit(model, (), model.name, entries, {id(model)})
    return entries


def _visit(
    layer: Any, path: tuple[str, ...], name: str, entries: list[Entry], seen: set[int]
) -> None:
    kinds = set(keras_kinds(layer))
    if "InputLayer" in kinds:
        return
    if kinds.intersection(_RECURRENT):
        # The cell is an implementation detail of the layer that people know by its name.
        seen.add(id(layer.cell))
        entries.append(Entry(name, layer.cell, type(layer).__name__))
        return
    children = _children(layer)
    if not children or _has_something(layer):
        entries.append(Entry(name, layer, type(layer).__name__))
    taken: set[str] = set()
    for child in children:
        if id(child) in seen:
            continue
        seen.add(id(child))
        child_path = (*path, unique_name(child.name, taken))
        _visit(child, child_path, "/".join(child_path), entries, seen)


def _children(layer: Any) -> list[Any]:
    if not isinstance(layer, keras_module().Layer):
        return []  # an operation of a functional model
    if not hasattr(layer, "operations"):
        return child_layers(layer)
    # A functional model's graph also holds plain operations, keras.ops.relu(x) among them.
    operations = list(layer.operations)
    known = {id(operation) for operation in operations}
    return operations + [child for child in child_layers(layer) if id(child) not in known]


def _has_something(layer: Any) -> bool:
    return bool(own_variables(layer)) or bool(sites_of(layer))

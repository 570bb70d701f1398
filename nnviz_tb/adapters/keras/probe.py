"""One forward pass over a probe batch, and what reached every activation in it.

While the pass runs, the attribute that holds an activation function is replaced, on the one layer
instance, by a function that calls it and keeps what went in and came out. Nothing of Keras itself
is patched, compiled functions are not touched, and all is put back also when the pass fails.
"""

from __future__ import annotations

import contextlib
import math
import re
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from nnviz_tb.adapters.keras.kinds import keras_module
from nnviz_tb.adapters.keras.sites import Site, sites_of
from nnviz_tb.adapters.keras.state import state_kept
from nnviz_tb.adapters.keras.variables import to_numpy
from nnviz_tb.adapters.keras.walk import Entry
from nnviz_tb.adapters.samples import SampleStore, numbers_per_activation
from nnviz_tb.errors import ArgumentError, LoggingWarning

_BOLD = re.compile("\x1b\\[1m(.*?)\x1b\\[0m", re.DOTALL)

_TRACED = "it runs inside a function that is traced, as those of remat, cond and tf.function are"

Samples = Mapping[tuple[int, str], SampleStore]


def probe(model: Any, entries: list[Entry], inputs: Any) -> tuple[Samples, tuple[str, ...]]:
    """Samples by ``Site.identity``, and notes for every activation.

    A pass that fails although the batch has the model's shape (an error in a layer of the user's)
    is warned about once it happens and leaves no samples.

    Args:
      model: a built Keras model or layer; afterwards it is as it was.
      entries: its places.
      inputs: the probe batch as the model takes it.

    Raises:
      ArgumentError: the batch does not fit the model.
    """
    batch = _as_tensors(model, inputs)
    sites = [site for entry in entries for site in sites_of(entry.operation)]
    limit = numbers_per_activation(len(sites))
    stores = {site.identity: SampleStore(limit) for site in sites}
    try:
        with contextlib.ExitStack() as stack:
            stack.enter_context(_as_it_was(model))
            for site in sites:
                stack.enter_context(_recorded(site, stores[site.identity]))
            _call(model, batch)
    except Exception as error:
        if not _fits(model, batch) and not _runs(model, batch):
            raise ArgumentError(
                f"inputs: model {model.name!r} cannot take a probe batch of shape "
                f"{_shapes(batch)}; it expects {_expected(model)} ({_reason(error)})"
            ) from error
        note = f"the forward pass over the probe batch failed: {_reason(error)}"
        warnings.warn(f"model {model.name!r}: {note}", LoggingWarning, stacklevel=2)
        return {}, (note,)
    return stores, ()


def _runs(model: Any, batch: Any) -> bool:
    """Whether a pass that nobody looks at succeeds, which then is not what was at fault."""
    try:
        with _as_it_was(model):
            _call(model, batch)
    except Exception:
        return False
    return True


@contextlib.contextmanager
def _as_it_was(model: Any) -> Iterator[None]:
    """A pass within leaves nothing behind, and can be looked into."""
    with state_kept(model), _without_gradients(), _recurrence_visible(model):
        yield


def _call(model: Any, batch: Any) -> None:
    if getattr(model, "_call_has_training_arg", False):
        model(batch, training=False)
    else:
        model(batch)


def _as_tensors(model: Any, inputs: Any) -> Any:
    """The batch with every array as the backend's tensor; the structure is kept."""
    keras = keras_module()

    def convert(leaf: Any) -> Any:
        if keras.ops.is_tensor(leaf):
            return leaf
        array = np.asarray(leaf)
        if array.dtype.kind in "OV" or array.ndim == 0:
            raise ValueError(f"{type(leaf).__name__} is not an array with a batch axis")
        return leaf if array.dtype.kind in "US" else keras.ops.convert_to_tensor(array)

    try:
        return keras.tree.map_structure(convert, inputs)
    except Exception as error:
        raise ArgumentError(
            f"inputs must be a probe batch as model {model.name!r} takes it, of arrays, "
            f"got {type(inputs).__name__} ({_reason(error)})"
        ) from error


@contextlib.contextmanager
def _attribute(owner: Any, name: str, value: Any) -> Iterator[None]:
    """The instance attribute replaced for a while, past the trackers of Keras and its backend."""
    attributes = vars(owner)
    was_there, before = name in attributes, attributes.get(name)
    attributes[name] = value
    try:
        yield
    finally:
        if was_there:
            attributes[name] = before
        else:
            del attributes[name]


def _recorded(site: Site, store: SampleStore) -> contextlib.AbstractContextManager[None]:
    function = getattr(site.owner, site.attribute)
    return _attribute(site.owner, site.attribute, _recording(function, site, store))


def _recording(function: Callable[..., Any], site: Site, store: SampleStore) -> Callable[..., Any]:
    def recorded(inputs: Any, *args: Any, **kwargs: Any) -> Any:
        outputs = function(inputs, *args, **kwargs)
        try:
            _keep(inputs, outputs, site, store)
        except Exception as error:
            # It is the user's pass that this stands in: that goes on.
            why = _TRACED if _is_traced(inputs) else _reason(error)
            store.lose(f"what reaches its activation cannot be read: {why}")
        return outputs

    # Keras looks at the signature of call and at the names of functions.
    recorded.__wrapped__ = function  # type: ignore[attr-defined]
    recorded.__name__ = getattr(function, "__name__", "recorded")
    return recorded


def _is_traced(tensor: Any) -> bool:
    """Whether the backend only notes down what is done: there are no numbers then."""
    jax = sys.modules.get("jax")
    if keras_module().backend.backend() == "jax" and jax is not None:
        return isinstance(tensor, jax.core.Tracer)
    return keras_module().backend.backend() == "tensorflow" and not hasattr(tensor, "numpy")


def _keep(inputs: Any, outputs: Any, site: Site, store: SampleStore) -> None:
    """Adds the rows that are to be kept; only those leave the device."""
    ops = keras_module().ops
    before, after = _matrix(inputs, site), _matrix(outputs, site)
    if before.shape[0] != after.shape[0]:
        return
    rows = store.rows_to_keep(int(before.shape[0]), int(before.shape[1]))
    if rows is not None:
        before, after = ops.take(before, rows, axis=0), ops.take(after, rows, axis=0)
    store.add(to_numpy(before), to_numpy(after))


def _matrix(tensor: Any, site: Site) -> Any:
    """``[samples, neurons]`` of the backend's own tensor."""
    ops = keras_module().ops
    shape = tuple(int(size) for size in tensor.shape)
    columns = site.columns(len(shape))
    rows = [axis for axis in range(len(shape)) if axis not in columns]
    order = [*rows, *columns]
    if order != list(range(len(shape))):
        tensor = ops.transpose(tensor, order)
    row_count = math.prod(shape[axis] for axis in rows)
    return ops.reshape(tensor, (row_count, math.prod(shape[axis] for axis in columns)))


@contextlib.contextmanager
def _without_gradients() -> Iterator[None]:
    """On torch a forward pass would otherwise hold on to everything it computed."""
    torch = sys.modules.get("torch")
    if keras_module().backend.backend() == "torch" and torch is not None:
        with torch.no_grad():
            yield
    else:
        yield


@contextlib.contextmanager
def _recurrence_visible(model: Any) -> Iterator[None]:
    """Recurrent layers as plain loops: a scan shows tracers on JAX, its first step twice on TF."""
    with contextlib.ExitStack() as stack:
        for layer in model._flatten_layers():
            if hasattr(layer, "cell") and "unroll" in vars(layer):
                stack.enter_context(_attribute(layer, "unroll", True))
        yield


def _expected_shapes(model: Any) -> Any:
    """What the model says about its inputs' shapes; None when it says nothing."""
    if not hasattr(model, "inputs") or not model.inputs:
        return None
    try:
        return model.input_shape
    except AttributeError:
        return None


def _expected(model: Any) -> str:
    shapes = _expected_shapes(model)
    return "a batch as its call method takes" if shapes is None else f"shape {shapes}"


def _fits(model: Any, batch: Any) -> bool:
    """Whether the batch has the shapes that the model declares; False when it declares none."""
    if _expected_shapes(model) is None:
        return False
    tensors = keras_module().tree.flatten(batch)
    if len(tensors) != len(model.inputs):
        return False
    return all(
        len(tensor.shape) == len(wanted.shape)
        and all(
            size in (None, given) for size, given in zip(wanted.shape, tensor.shape, strict=True)
        )
        for tensor, wanted in zip(tensors, model.inputs, strict=True)
    )


def _shapes(batch: Any) -> Any:
    return keras_module().tree.map_structure(lambda leaf: str(tuple(np.shape(leaf))), batch)


def _reason(error: Exception) -> str:
    """The error in one line. Keras wraps the message in bold between two of its own paragraphs."""
    wrapped = _BOLD.search(str(error))
    message = wrapped.group(1) if wrapped else str(error)
    lines = message.strip().splitlines()
    return f"{type(error).__name__}: {lines[0] if lines else ''}"

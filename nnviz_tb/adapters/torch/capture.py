"""What reaches every activation function while a model runs, and what comes out.

Modules are seen through torch's global forward hooks, functions through ``__torch_function__``.
Neither leaves a trace in the model, so that it can be copied, pickled and compiled meanwhile, and
neither is in place but while a :class:`Capture` is on.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.nn.modules import module as module_hooks
from torch.overrides import TorchFunctionMode

from nnviz_tb.adapters.names import unique_name
from nnviz_tb.adapters.samples import SampleStore, numbers_per_activation
from nnviz_tb.adapters.torch import functions
from nnviz_tb.adapters.torch.axes import (
    GUESSED_AXIS_NOTE,
    Convention,
    named_axis,
    rows_of,
    sampled,
)
from nnviz_tb.adapters.torch.device_samples import DeviceSamples
from nnviz_tb.adapters.torch.effective_step import ArrivedGradients
from nnviz_tb.adapters.torch.modules import Place
from nnviz_tb.adapters.torch.pieces import is_being_captured, is_on_accelerator
from nnviz_tb.adapters.torch.sites import Frame, Pending, Site
from nnviz_tb.adapters.torch.tensors import local, to_numpy

TRAINING_NUMBERS = 1 << 16
TRAINING_ROWS = 256
"""Of each activation at a step of a training, whichever of the two is more. More would show the
same density, and take longer than the step."""

_FEWEST_SITES = 32
"""Functions are found only while the model runs, so places for some are kept from the start."""


_MOST_CALLS = 8
"""Of one function in one forward that are told apart; what comes later is seen together."""


class Capture:
    """Samples of the activations of one model, in the calls between ``start`` and ``stop``.

    Args:
      places: the model's modules.
      wanted: says by its layer's name whether an activation is to be kept.
      training: see only passes that autograd follows, not those of a validation between them.

    Attributes:
      sites: what was seen, by the module's number, the function's name and its count there.
      arrived: gradients of weights that the modules compute; in a training only.
      problems: errors of the capture itself.
      seconds: what it took.
    """

    def __init__(
        self,
        places: list[Place],
        wanted: Callable[[str], bool] = lambda name: True,
        training: bool = False,
    ) -> None:
        self._places = places
        self._training = training
        self.arrived = ArrivedGradients(
            place.module for place in places if training and wanted(place.name)
        )
        self._number_of = {id(place.module): number for number, place in enumerate(places)}
        self._wanted = wanted
        self._is_activation = [functions.is_activation(place.module) for place in places]
        self._known_sites = sum(self._is_activation)
        self._taken = {place.name for place in places}
        self._names: dict[tuple[int, str, int], str] = {}
        self._thread = 0
        self._mode: _Functions | None = None
        self._handles: list[Any] = []
        self.problems: set[str] = set()
        self._reset()

    def _reset(self) -> None:
        self.sites: dict[tuple[int, str, int], Site] = {}
        self.arrived.reset()
        self.seconds = 0.0
        self._frames: list[Frame] = []
        self._convention = Convention()
        self._last_place = 0
        self._limit = numbers_per_activation(max(_FEWEST_SITES, self._known_sites))

    @property
    def running(self) -> bool:
        """Whether calls are being seen."""
        return bool(self._handles)

    def start(self) -> None:
        """Begins to see what the model does, in this thread; forgets what was seen before."""
        self.stop()
        self._reset()
        self._thread = threading.get_ident()
        self._handles = [
            module_hooks.register_module_forward_pre_hook(self._before),
            module_hooks.register_module_forward_hook(self._after, always_call=True),
        ]

    def stop(self) -> None:
        """Sees nothing from here on; what was seen is kept in ``sites``."""
        for handle in self._handles:
            handle.remove()
        self._handles = []
        self._frames = []
        self._leave_mode()
        self._known_sites = max(self._known_sites, len(self.sites))

    # What torch calls. Nothing that goes wrong here may reach the training.

    def _before(self, module: nn.Module, args: tuple[Any, ...]) -> None:
        if torch.compiler.is_compiling() or is_being_captured():
            return
        number = self._number_of.get(id(module))
        if number is None or threading.get_ident() != self._thread or _in_backward():
            return
        try:
            if self._frames and self._frames[0].place == number:
                # The outermost module is called anew: its last call was torn down from outside.
                self._frames = []
                self._leave_mode()
            if not self._frames:
                if self._training and not torch.is_grad_enabled():
                    return
                self._convention = Convention()
                self._enter_mode()
            frame = Frame(number)
            self._frames.append(frame)
            if self._is_activation[number] and self._wanted(self._places[number].name):
                frame.pending = self._module_inputs(number, args)
        except Exception as error:
            self._note(error)

    def _after(self, module: nn.Module, args: Any, output: Any) -> None:
        if torch.compiler.is_compiling() or is_being_captured():
            return
        number = self._number_of.get(id(module))
        if threading.get_ident() != self._thread:
            return
        try:
            if self.arrived.makers:
                self.arrived.called(module, output)
        except Exception as error:
            self._note(error)
        if number is None or not self._frames:
            return
        try:
            if all(frame.place != number for frame in self._frames):
                return
            frame = self._frames.pop()
            while frame.place != number:
                frame = self._frames.pop()
            self._last_place = max(number, self._last_place) if module._modules else number
            self._convention.after(module)
            if frame.pending is not None:
                self._keep(frame.pending, output)
        except Exception as error:
            self._note(error)
        finally:
            if not self._frames:
                self._leave_mode()

    def called_function(
        self, function: Any, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        """Calls the function for a forward that is running, and keeps what went in and came out."""
        pending = None
        try:
            pending = self._function_inputs(function, name, args, kwargs)
        except Exception as error:
            self._note(error)
        output = function(*args, **kwargs)
        if pending is not None:
            try:
                self._keep(pending, output)
            except Exception as error:
                self._note(error)
        return output

    def _enter_mode(self) -> None:
        self._mode = _Functions(self)
        self._mode.__enter__()  # type: ignore[no-untyped-call]

    def _leave_mode(self) -> None:
        if self._mode is not None:
            mode, self._mode = self._mode, None
            mode.__exit__(None, None, None)  # type: ignore[no-untyped-call]

    def _note(self, error: Exception) -> None:
        self.problems.add(
            f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
        )

    # Sites.

    def _module_inputs(self, number: int, args: tuple[Any, ...]) -> Pending | None:
        module = self._places[number].module
        key = (number, "", 0)
        site = self.sites.get(key)
        if site is None:
            name = functions.module_name(module)
            site = Site(self._places[number].name, module, number, name)
            self.sites[key] = site
        return self._pending(site, args[0] if args else None, named_axis(module))

    def _function_inputs(
        self, function: Any, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Pending | None:
        if not self._frames or _in_backward():
            return None
        frame = self._frames[-1]
        if self._is_activation[frame.place]:
            return None  # the module stands for it
        count = frame.counts.get(name, 0)
        frame.counts[name] = count + 1
        # A loop inside one forward may call it hundreds of times: those stand for one.
        key = (frame.place, name, min(count, _MOST_CALLS - 1))
        shown = self._name_of(key)
        if not self._wanted(shown):
            return None
        inputs = args[0] if args else kwargs.get("input")
        rest = args[1:]
        site = self.sites.get(key)
        if site is None:
            place = max(self._last_place, frame.place)
            site = Site(
                shown,
                None,
                place,
                functions.call_name(function, name, rest, kwargs),
                functions.call_function(function, rest, kwargs),
            )
            self.sites[key] = site
        return self._pending(site, inputs, functions.axis_of(name, rest, kwargs))

    def _name_of(self, key: tuple[int, str, int]) -> str:
        """The same name for the same call in every pass, whichever is seen first."""
        if key not in self._names:
            number, function, _ = key
            place = self._places[number]
            prefix = "" if place.outermost else f"{place.name}/"
            self._names[key] = unique_name(f"{prefix}{function}", self._taken)
        return self._names[key]

    def _pending(self, site: Site, inputs: Any, axis: int | None) -> Pending | None:
        if not isinstance(inputs, torch.Tensor) or not inputs.is_floating_point():
            return None
        if not inputs.dim() or not inputs.numel():
            return None
        began = time.perf_counter()
        if axis is None:
            axis, guessed = self._convention.axis_of(tuple(inputs.shape))
            if guessed:
                site.notes.add(GUESSED_AXIS_NOTE)
        axis %= inputs.dim()
        row_count, columns = rows_of(inputs, axis)
        if not site.store.call_count:
            kind = DeviceSamples if is_on_accelerator(inputs) else SampleStore
            site.store = kind(self._max_numbers(columns))
        rows = site.store.rows_to_keep(row_count, columns)
        pending = Pending(site, sampled(inputs, axis, rows), axis, rows, row_count)
        self.seconds += time.perf_counter() - began
        return pending

    def _max_numbers(self, columns: int) -> int:
        """How many inputs of an activation are kept. A training is seen again and again."""
        if not self._training:
            return self._limit
        return min(self._limit, max(TRAINING_NUMBERS, TRAINING_ROWS * columns))

    def _keep(self, pending: Pending, output: Any) -> None:
        if not isinstance(output, torch.Tensor) or output.dim() <= pending.axis:
            return
        if rows_of(output, pending.axis)[0] != pending.row_count:
            return
        began = time.perf_counter()
        outputs = sampled(output, pending.axis, pending.rows)
        if isinstance(pending.site.store, DeviceSamples):
            pending.site.store.add(local(pending.inputs), local(outputs))
        else:
            pending.site.store.add(to_numpy(pending.inputs), to_numpy(outputs))
        self.seconds += time.perf_counter() - began


class _Functions(TorchFunctionMode):
    """Sees the functions that torch is asked for while a forward runs."""

    def __init__(self, capture: Capture) -> None:
        super().__init__()
        self._capture = capture

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        name = functions.FUNCTIONS.get(func)
        if name is None:
            return func(*args, **kwargs)
        return self._capture.called_function(func, name, args, kwargs)


def _in_backward() -> bool:
    """Whether autograd is running: a checkpointed forward is then repeated, not made anew."""
    return bool(torch._C._current_graph_task_id() != -1)

"""The watch over a torch model: what happens at each optimizer step."""

from __future__ import annotations

import contextlib
import functools
import os
import time
import warnings
from collections.abc import Callable, Iterable, Mapping
from types import TracebackType
from typing import Any, TypeVar

import numpy as np
import torch
from torch import nn

from nnviz_tb.adapters.names import with_distinct_names
from nnviz_tb.adapters.torch.capture import Capture
from nnviz_tb.adapters.torch.distant import StepReading
from nnviz_tb.adapters.torch.modules import keeps_flat_shards, places_of, unwrapped
from nnviz_tb.adapters.torch.optimizer_step import OneStep, with_closure
from nnviz_tb.adapters.torch.reading import layers_seen
from nnviz_tb.adapters.torch.tensors import is_sharded
from nnviz_tb.errors import ArgumentError, LoggingWarning
from nnviz_tb.health import OnFinding, Thresholds, monitor_for
from nnviz_tb.layers import Layer
from nnviz_tb.recording.arguments import checked_name, checked_step
from nnviz_tb.recording.cadence import Cadence
from nnviz_tb.recording.recorder import ModelRecorder
from nnviz_tb.recording.step_times import StepTimes
from nnviz_tb.recording.writer import LayersUnderWay, SummaryWriter
from nnviz_tb.torch.eager import EAGER
from nnviz_tb.torch.optimizers import RESTING_STEPS, Optimizers
from nnviz_tb.torch.scalars import ScalarsUnderWay
from nnviz_tb.torch.selection import Patterns, selection
from nnviz_tb.torch.step_hooks import StepHooks, sweep
from nnviz_tb.torch.surroundings import (
    is_first_process,
    learning_rates,
    listed,
    parsed_every,
    process_count,
)
from nnviz_tb.torch.together import FollowedStep, together_for

_Optimizers = torch.optim.Optimizer | Iterable[torch.optim.Optimizer] | None
_Hook = TypeVar("_Hook", bound=Callable[..., Any])


def _never_raising(hook: _Hook) -> _Hook:
    """The hook, whose errors end the watch with a warning instead of the training.

    What ``on_finding`` raises is no error: the training is meant to hear of it.
    """

    @functools.wraps(hook)
    def guarded(self: Watch, *args: Any) -> Any:
        try:
            return hook(self, *args)
        except Exception as error:
            monitor = None if self._writer is None else self._writer.monitor
            if monitor is not None and monitor.raised is error:
                raise
            self._fail(error)
            return None

    return guarded  # type: ignore[return-value]


class Watch:
    """Logs a model while it trains, from its own training passes; made by ``nnviz_tb.torch.watch``.

    A step is a step of the optimizer that holds the model's parameters. Between logged steps there
    is nothing but one check after each of them. For a step that is to be logged, the activations
    of all forward passes since the step before it are seen, gradients are read right before the
    optimizer uses them (after accumulation, unscaling and clipping), and weights right before and
    right after it.

    Attributes:
      should_stop: something severe was found and ``on_finding`` is ``"stop"``; the loop that trains
        looks at it, and ends.
    """

    def __init__(
        self,
        model: nn.Module,
        writer: SummaryWriter | str | os.PathLike[str],
        *,
        every: int | str,
        include: Patterns,
        exclude: Patterns,
        optimizer: _Optimizers,
        max_overhead: float,
        name: str,
        first_step: int,
        on_finding: OnFinding | None,
        thresholds: Thresholds | Mapping[str, float] | None,
        all_reduce: bool = False,
    ) -> None:
        if not isinstance(model, nn.Module):
            raise ArgumentError(f"model must be a torch.nn.Module, got {type(model).__name__}")
        if keeps_flat_shards(model):
            raise ArgumentError(
                "FullyShardedDataParallel keeps flattened pieces of the model's weights, of which "
                "neurons cannot be told apart: use torch.distributed.fsdp.fully_shard instead"
            )
        self._model = unwrapped(model)
        self._every = parsed_every(every)
        self._cadence = Cadence(max_overhead)
        self._wanted = selection(include, exclude)
        self._name = checked_name(name)
        self._step = checked_step(first_step, "first_step")
        self.should_stop = False
        monitor = monitor_for(on_finding, thresholds, self._stop)
        if on_finding == "stop" and process_count() > 1:
            raise ArgumentError(
                'on_finding="stop" cannot end a training of several processes: the others would '
                'wait for this one; give a function that tells them all, or "warn"'
            )
        self._optimizers = Optimizers(self._model, listed(optimizer))
        self._look_around()
        self._armed = False
        self._eager = False
        self._steps: dict[int, OneStep] = {}
        self._stepping: dict[int, OneStep] = {}
        self._logged_step: int | None = None
        self._logged_count = 0
        self._seconds = 0.0
        self._times = StepTimes()
        self._problems: set[str] = set()
        self._under_way: list[LayersUnderWay | ScalarsUnderWay | FollowedStep] = []
        self._hooks: StepHooks | None = None
        self._writer: SummaryWriter | None = None
        self._owns_writer = False
        self._together = together_for(self._model, self._step + 1, all_reduce)
        if is_first_process():
            if isinstance(writer, SummaryWriter):
                self._writer = writer
            else:
                self._writer, self._owns_writer = SummaryWriter(writer), True
            if monitor is not None:
                self._writer.monitor = monitor
        elif self._together is None:
            return  # every process has the same weights and gradients; one tells of them
        # What the writing process records, the others record as well, to take part in reading it.
        self._recorder = ModelRecorder()
        self._hooks = StepHooks(self._before_step, self._after_step)
        self._cadence.due(self._step + 1)
        self._arm()

    @property
    def step(self) -> int:
        """Optimizer steps so far."""
        return self._step

    @property
    def writer(self) -> SummaryWriter | None:
        """The writer that is written to; None in all processes but the first."""
        return self._writer

    def log(self, scalars: Mapping[str, Any]) -> None:
        """Logs numbers beside the model, if the last optimizer step was logged; else does nothing.

        Call it after ``optimizer.step()``. Tensors are only read when they are logged, so that no
        other step waits for the device.

        Args:
          scalars: numbers, or tensors that hold one, by tag.

        Raises:
          ArgumentError: they are not as described.
        """
        if not isinstance(scalars, Mapping):
            raise ArgumentError(f"scalars must be a dict of numbers by tag, got {scalars!r:.80}")
        if self._writer is None or self._logged_step != self._step or not self._hooks:
            return
        self._under_way.append(ScalarsUnderWay(self._writer, self._step, scalars))
        self._finish_what_is_ready()

    def close(self) -> None:
        """Ends the watch: torch is as if there had been none. A second call does nothing."""
        sweep()
        if self._hooks is None:
            return
        self._disarm()
        self._remove_hooks()
        self._steps, self._stepping = {}, {}
        self._finish_all()
        if self._logged_step is None:
            self._warn(
                "nothing was logged: no torch.optim.Optimizer that holds parameters of the "
                "watched model made a step"
            )
        if self._owns_writer and self._writer is not None:
            self._writer.close()

    def __enter__(self) -> Watch:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    # What torch calls.

    @_never_raising
    def _before_step(self, optimizer: torch.optim.Optimizer, args: Any, kwargs: Any) -> Any:
        if not self._armed or not self._optimizers.train(optimizer):
            return None
        began = time.perf_counter()
        if id(optimizer) in self._steps:
            self._log()  # another one steps more rarely; this one must not be overtaken
            return None
        called = with_closure(args, kwargs, self._closed)
        self._stepping[id(optimizer)] = OneStep(
            optimizer,
            lambda p: id(p) in self._parameters,
            self._logged_count,
            arrived=self._capture.arrived,
            gradients_come=called is not None,
        )
        self._seconds += time.perf_counter() - began
        return called

    @_never_raising
    def _closed(self, optimizer: torch.optim.Optimizer) -> None:
        """A step's closure has made its gradients; of several times the first tells of the step."""
        began = time.perf_counter()
        one = self._stepping.get(id(optimizer))
        if one is not None:
            one.take_gradients()
        self._seconds += time.perf_counter() - began

    @_never_raising
    def _after_step(self, optimizer: torch.optim.Optimizer, args: Any, kwargs: Any) -> None:
        if not self._optimizers.train(optimizer):
            return
        self._finish_what_is_ready()
        counts = self._optimizers.counts(optimizer)
        if counts:
            self._step += 1
        elif self._has_taken_over(optimizer):
            return
        logged = False
        if self._armed:
            began = time.perf_counter()
            one = self._stepping.pop(id(optimizer), None)
            if one is not None:
                one.finish()
                self._steps[id(optimizer)] = one
            self._seconds += time.perf_counter() - began
            if len(self._steps) >= self._optimizers.count:
                self._log()
                logged = True
        if counts:
            plain = not self._armed and self._logged_step != self._step
            self._times.stepped(time.perf_counter(), plain)
        # While several optimizers have yet to step, the coming step is not thought of.
        if (counts or logged) and not self._armed and self._due(self._step + 1):
            self._arm()

    # Steps.

    def _has_taken_over(self, optimizer: torch.optim.Optimizer) -> bool:
        """Whether the counted optimizer rests, as where a training goes on with another one."""
        resting = self._optimizers.switched_from(optimizer)
        if resting is None:
            return False
        self._steps, self._stepping = {}, {}
        self._warn(
            f"steps are those of {type(optimizer).__name__} from here on: "
            f"{type(resting).__name__} has made none in {RESTING_STEPS} of its steps"
        )
        return True

    def _due(self, step: int) -> bool:
        if self._every == "auto" and self._together is not None:
            return step == self._together.next_step
        if self._every == "auto":
            # While the device is behind, another logged step would wait for the last.
            return not self._under_way and self._cadence.due(step)
        assert isinstance(self._every, int)
        return step % self._every == 0

    def _look_around(self) -> None:
        """Finds the model's modules and parameters."""
        self._places = places_of(self._model)
        self._parameters = self._wanted_parameters()
        self._capture = Capture(self._places, self._wanted, training=True)

    def _arm(self) -> None:
        """Sees all that happens from here to the coming step."""
        began = time.perf_counter()
        if places_of(self._model) != self._places:
            self._look_around()  # modules came or went
        self._parameters = self._wanted_parameters()  # some may have been replaced
        self._armed = True
        self._steps, self._stepping = {}, {}
        # Nothing can be seen inside compiled code.
        self._eager = EAGER.begin()
        self._capture.start()
        self._seconds = time.perf_counter() - began

    def _disarm(self) -> None:
        self._armed = False
        self._capture.stop()
        if self._eager:
            self._eager = False
            EAGER.end()

    def _log(self) -> None:
        """Logs the step that has just been made."""
        if self._together is None:
            self._log_from(StepReading())
            return
        reading = self._together.reading()
        with self._together.logging(
            reading, lambda: self._cadence.next_due(self._step, self._times.fastest)
        ):
            self._log_from(reading)

    def _log_from(self, reading: StepReading) -> None:
        self._finish_all()
        if self._together is None and process_count() > 1 and self._is_sharded():
            # Reading it takes all processes, of which the others do not know.
            raise RuntimeError("the model was sharded after the watch had begun: shard it before")
        began = time.perf_counter()
        was_eager = self._eager
        self._disarm()
        steps, self._steps, self._stepping = self._steps, {}, {}
        gradient_of = {
            key: value for one in steps.values() for key, value in one.gradient_of.items()
        }
        update_of = {key: value for one in steps.values() for key, value in one.update_of.items()}
        layers = layers_seen(self._places, gradient_of, update_of, self._capture, reading)
        layers = with_distinct_names(layer for layer in layers if self._wanted(layer.name))
        if self._together is not None:
            layers = self._together.shared(layers)
        for problem in self._capture.problems - self._problems:
            self._problems.add(problem)
            self._warn(f"some activations could not be read: {problem}")
        self._logged_step = self._step
        self._logged_count += 1
        seen = self._seconds + self._capture.seconds
        if self._writer is None:
            self._under_way.append(FollowedStep(self._recorder, layers))
            return
        try:
            self._under_way.append(
                self._writer.begin_layers(
                    layers,
                    self._step,
                    scalars=learning_rates(self._optimizers.counted, self._name),
                    name=self._name,
                    probe_seconds=seen + time.perf_counter() - began,
                )
            )
            if reading.has_arrays and _any_is_here(layers):
                self._finish_all()  # the next step changes those that lie in this memory
            self._finish_what_is_ready()
        finally:  # on_finding may raise
            now = time.perf_counter()
            self._cadence.record_cost(self._times.cost(seen + now - began, now, was_eager))

    def _finish_what_is_ready(self) -> None:
        """Writes, in order, what accelerators have worked out by now; waits for nothing."""
        while self._under_way and self._under_way[0].is_ready():
            self._under_way.pop(0).finish()

    def _finish_all(self) -> None:
        while self._under_way:
            self._under_way.pop(0).finish()

    def _stop(self) -> None:
        self.should_stop = True

    def _is_sharded(self) -> bool:
        return any(is_sharded(parameter) for parameter in self._model.parameters())

    def _remove_hooks(self) -> None:
        if self._hooks is not None:
            self._hooks.remove()
            self._hooks = None

    def _wanted_parameters(self) -> set[int]:
        return {
            id(parameter)
            for place in self._places
            for name, parameter in place.module.named_parameters(
                recurse="parametrizations" in place.module._modules
            )
            if self._wanted(place.name) or self._wanted(f"{place.name}/{name}")
        }

    def _fail(self, error: Exception) -> None:
        if self._together is not None:
            self._together.withdraw()
        self._warn(f"the watch ends, and training goes on: {type(error).__name__}: {error}")
        self._disarm()
        self._remove_hooks()
        # What was seen before the failure is worth having, where it still can be had.
        with contextlib.suppress(Exception):
            self._finish_all()

    def _warn(self, text: str) -> None:
        warnings.warn(f"nnviz_tb.torch.watch: {text}", LoggingWarning, stacklevel=4)


def _any_is_here(layers: list[Layer]) -> bool:
    """Whether a layer has a kernel or a bias that is a view of memory of this process."""
    return any(
        isinstance(array, np.ndarray) for layer in layers for array in (layer.kernel, layer.bias)
    )

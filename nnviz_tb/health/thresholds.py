"""Every number that decides a finding, in one place, with where it comes from."""

from __future__ import annotations

import dataclasses
import difflib
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from nnviz_tb.errors import ArgumentError


def _limit(default: float, text: str, source: str, *, below: bool = False) -> Any:
    """A field whose text and source travel with it; ``below``: worse is smaller."""
    return field(default=default, metadata={"text": text, "source": source, "below": below})


_OURS = "ours: chosen for this package, not fitted to any bench"
_AUTOTRAINER = "AutoTrainer (Zhang et al., ICSE 2021)"
_CS231N = "Karpathy, CS231n notes, “Ratio of weights:updates”"


@dataclass(frozen=True)
class Thresholds:
    """The limits that findings are judged by; ``dataclasses.replace`` changes some of them.

    A limit named ``<kind>_severe`` turns a warning into a severe finding. ``docs/findings.md`` and
    the panel list every field with the text and the source that stand here.
    """

    window: int = _limit(
        5, "Logged steps over which the median is taken before anything is judged.", _OURS
    )
    leave: float = _limit(
        0.8,
        "A finding ends when the median falls below this share of its limit (for limits from "
        "below: when it rises above the limit divided by it), so that it does not flicker.",
        _OURS,
    )
    samples: int = _limit(
        300,
        "Samples a neuron must have seen before it is called dead: a unit silent for n samples is "
        "active for less than 3/n of them with 95 % confidence, 3/300 = 1 %.",
        "“rule of three”, Hanley & Lippman-Hand (JAMA 1983)",
    )

    dead_units: float = _limit(0.2, "Share of dead neurons of a layer.", _OURS)
    dead_units_severe: float = _limit(0.5, "The same, severe.", _OURS)
    saturated_units: float = _limit(
        0.5, "Share of saturated samples of a layer.", "after Glorot & Bengio (AISTATS 2010)"
    )
    saturated_units_severe: float = _limit(0.9, "The same, severe.", _OURS)
    dormant_units: float = _limit(
        0.5, "Share of dormant neurons of a layer.", "score: Sokar et al. (ICML 2023); share: ours"
    )
    inputs_out_of_range: float = _limit(
        0.9, "Share of an activation's inputs in its zones of death or saturation.", _OURS
    )
    inputs_out_of_range_severe: float = _limit(0.99, "The same, severe.", _OURS)
    unscaled_inputs: float = _limit(
        10.0,
        "Root mean square of what enters the first layer; inputs of mean 0 and variance 1 have 1.",
        "after LeCun, Bottou, Orr & Müller, “Efficient BackProp” (1998)",
    )
    unscaled_inputs_severe: float = _limit(1000.0, "The same, severe.", _OURS)
    unscaled_inputs_small: float = _limit(
        1e-3, "Root mean square of what enters the first layer, from below.", _OURS, below=True
    )

    near_zero: float = _limit(
        0.1,
        "‖W‖ over that of weights drawn with variance 1/fan_in, √neurons. Below it the weights "
        "have no length of their own yet, as in a layer that begins at zero: steps, gradients and "
        "growth are then held against this length.",
        "variance 1/fan_in: LeCun, Bottou, Orr & Müller (1998); the share: ours",
        below=True,
    )
    update_too_large: float = _limit(0.1, "‖Δw‖/‖w‖ of one optimizer step.", _CS231N)
    update_too_large_severe: float = _limit(0.5, "The same, severe.", _OURS)
    update_leap: float = _limit(
        2.0,
        "The same of a single step, named even if it never came again: what the weights were is "
        "gone.",
        _OURS,
    )
    update_too_small: float = _limit(
        1e-4, "‖Δw‖/‖w‖ of one optimizer step, from below.", _CS231N, below=True
    )
    frozen_layer: float = _limit(
        1e-8,
        "Displacement since the previous logged step, from below: less than float32 resolves.",
        "IEEE 754 binary32: half a unit in the last place is 6e-8",
        below=True,
    )
    frozen_rows: int = _limit(
        16,
        "Logged steps without any movement before a layer is called frozen, and more than ever "
        "before, where no one saw an optimizer step: gradients may be accumulated over them. Where "
        "steps were seen, `window` of them are enough, and severe.",
        _OURS,
    )
    frozen_rows_severe: int = _limit(32, "The same, severe.", _OURS)
    vanishing_ratio: float = _limit(
        1e-3, "‖g_first‖/‖g_last‖, from below.", _AUTOTRAINER, below=True
    )
    vanishing_norm: float = _limit(1e-4, "‖g_first‖, from below.", _AUTOTRAINER, below=True)
    exploding_ratio: float = _limit(70.0, "‖g_layer‖/‖g_last‖.", _AUTOTRAINER)
    exploding_length: float = _limit(
        100.0,
        "‖g‖/‖w‖ of a layer: a step of gradient descent at a rate of 0.001 would change the "
        "weights by a tenth, the limit of “updates too large”.",
        _OURS,
    )
    exploding_length_severe: float = _limit(
        1e4, "The same, severe: at a rate of 0.0001 one step would replace the weights.", _OURS
    )
    weights_growing: float = _limit(
        10.0, "‖W‖ at the end over ‖W‖ at the start, while growth does not slow.", _OURS
    )
    weights_growing_severe: float = _limit(100.0, "The same, severe.", _OURS)
    growth_kept: float = _limit(
        0.8,
        "Growth of ‖W‖ does not slow when the second half of the steps adds at least this share "
        "of what the first half added.",
        _OURS,
    )
    duplicate_neurons: float = _limit(
        0.2, "Share of tracked neurons that have a near-duplicate in their layer.", _OURS
    )
    duplicate_neurons_severe: float = _limit(0.5, "The same, severe.", _OURS)
    duplicate_distance: float = _limit(
        1e-2,
        "‖a−b‖ over the larger of ‖a‖ and ‖b‖ of two sketches, from below: chance reaches it in "
        "8 dimensions about once in 1e16 pairs.",
        "Johnson & Lindenstrauss (1984)",
        below=True,
    )

    loss_samples: int = _limit(20, "Values of the loss before it is judged.", _OURS)
    loss_samples_severe: int = _limit(
        200,
        "Values of the loss before a stall may be severe; a warm-up is longer than a few.",
        _OURS,
    )
    loss_diverged: float = _limit(
        1.0,
        "Rise of the loss above its start, over the size of the start, its swing over the first "
        "`loss_samples` values or what had been gained, whichever is largest. It ends when the "
        "loss is below its start by `loss_stalled` of that.",
        _OURS,
    )
    loss_oscillates: float = _limit(
        0.2, "Swing (5 to 95 %) of the latter half of the loss over its median.", _OURS
    )
    loss_oscillates_severe: float = _limit(1.0, "The same, severe.", _OURS)
    loss_stalled: float = _limit(
        0.05, "Fall of the loss since its start, over the start, from below.", _OURS, below=True
    )
    loss_stalled_severe: float = _limit(0.005, "The same, severe.", _OURS, below=True)

    def __post_init__(self) -> None:
        for spec in dataclasses.fields(self):
            value = getattr(self, spec.name)
            if isinstance(value, bool) or not isinstance(value, (int, float)):
                raise ArgumentError(f"{spec.name} must be a number, got {value!r:.80}")
            if not 0 < value < math.inf:
                raise ArgumentError(f"{spec.name} must be above 0 and finite, got {value!r}")
            if spec.type == "int" and int(value) != value:
                raise ArgumentError(f"{spec.name} must be a whole number, got {value!r}")
        if self.leave > 1:
            raise ArgumentError(f"leave must be at most 1, got {self.leave!r}")

    def changed(self, values: Mapping[str, float]) -> Thresholds:
        """These thresholds with some replaced, by name.

        Raises:
          ArgumentError: a name that is no threshold, or a value that is none.
        """
        names = {spec.name: str(spec.type) for spec in dataclasses.fields(self)}
        unknown = sorted(set(values) - set(names))
        if unknown:
            near = difflib.get_close_matches(unknown[0], names, n=3, cutoff=0.3)
            meant = f"did you mean {' or '.join(near)}? " if near else ""
            raise ArgumentError(
                f"no threshold is called {unknown[0][:80]!r}; {meant}docs/findings.md lists them"
            )
        whole = {
            name: int(value) if names[name] == "int" and float(value).is_integer() else value
            for name, value in values.items()
        }
        return dataclasses.replace(self, **whole)  # type: ignore[arg-type]

    @staticmethod
    def describe() -> dict[str, dict[str, Any]]:
        """``{name: {"default", "text", "source", "below"}}`` for the panel and the docs."""
        return {
            spec.name: {"default": spec.default, **spec.metadata}
            for spec in dataclasses.fields(Thresholds)
        }

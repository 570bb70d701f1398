"""Small real trainings, each with one seeded fault, and sound trainings of the same kinds.

A case is named ``fault/architecture/seed``. A third of them, chosen by a hash of the name before
any was run, is kept out of all tuning (:func:`is_held_out`).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace

ANY = "*"


@dataclass(frozen=True)
class Plan:
    """How one model is built and trained.

    Attributes:
      architecture: ``mlp``, ``deep``, ``cnn`` or ``rnn``.
      activation: of hidden layers.
      optimizer, learning_rate: ``adam`` or ``sgd``.
      steps, every: optimizer steps, and how many lie between logged ones.
      samples: size of the training set.
      input_scale, input_shift: what the standardised inputs are multiplied by and moved by.
      dropout, batch_norm: with such layers.
      output: ``softmax``, ``one_softmax``, ``tanh`` (targets far outside) or ``relu`` (targets
        below zero).
      depth, width: hidden layers and their neurons.
      sequence: length of the sequences of an ``rnn``.
      momentum: of ``sgd``.
      warm_up: steps over which the learning rate rises from 0.
      special: layer name → what is done to it: ``zero``, ``constant``, ``twins``, ``large``,
        ``low_bias``, ``high_bias``, ``log``, ``stop``, ``grow``, ``recurrent``.
    """

    architecture: str
    activation: str = "relu"
    optimizer: str = "adam"
    learning_rate: float = 2e-3
    steps: int = 200
    every: int = 8
    samples: int = 1500
    input_scale: float = 1.0
    input_shift: float = 0.0
    dropout: float = 0.0
    batch_norm: bool = False
    output: str = "softmax"
    depth: int = 2
    width: int = 32
    sequence: int = 8
    momentum: float = 0.0
    warm_up: int = 0
    special: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Case:
    """One training.

    Attributes:
      fault: name of the fault; ``healthy`` for none.
      variant: which architecture, as it is named in the table.
      seed: of weights, data order and noise.
      plan: what is trained.
      expected: kinds of findings that name the fault, each with the layer it must name: a path,
        :data:`ANY` layer, or "" for the whole run.
    """

    fault: str
    variant: str
    seed: int
    plan: Plan
    expected: tuple[tuple[str, str], ...] = ()

    @property
    def name(self) -> str:
        """Unique, and what the hold-out is decided by."""
        return f"{self.fault}/{self.variant}/{self.seed}"


def is_held_out(case: Case) -> bool:
    """Whether a case may not be looked at while thresholds are chosen: one in three, by hash."""
    return hashlib.sha256(case.name.encode()).digest()[0] % 3 == 0


MLP = Plan("mlp")
DEEP = Plan("deep", depth=4)
CNN = Plan("cnn", steps=160)
RNN = Plan("rnn", activation="tanh", steps=160)


_BASES = {"mlp": MLP, "deep": DEEP, "cnn": CNN}

_LEARNING_RATE = (
    ("update_too_large", ANY),
    ("loss_diverged", ""),
    ("loss_oscillates", ""),
    ("nonfinite", ANY),
)

FAULTS: dict[str, dict[str, tuple[Plan, tuple[tuple[str, str], ...]]]] = {
    "learning rate too high": {
        "mlp adam": (replace(MLP, learning_rate=1.0), _LEARNING_RATE),
        "deep sgd": (replace(DEEP, optimizer="sgd", learning_rate=5.0), _LEARNING_RATE),
        "cnn adam": (replace(CNN, learning_rate=0.5), _LEARNING_RATE),
    },
    "learning rate too low": {
        name: (replace(plan, learning_rate=1e-7), (("update_too_small", ANY), ("loss_stalled", "")))
        for name, plan in _BASES.items()
    },
    "learning rate zero": {
        name: (replace(plan, learning_rate=0.0), (("frozen_layer", ""),))
        for name, plan in _BASES.items()
    },
    "zero initialisation": {
        name: (
            replace(plan, special=dict.fromkeys(("hidden_1", "hidden_2", "out"), "zero")),
            (("zero_weights", "hidden_1"),),
        )
        for name, plan in _BASES.items()
    },
    "dying ReLU": {
        name: (replace(plan, special={layer: "low_bias"}), (("dead_units", layer),))
        for name, plan, layer in (
            ("mlp", MLP, "hidden_2"), ("deep", DEEP, "hidden_3"), ("cnn", CNN, "hidden_1"),
        )
    },
    "deep sigmoid stack": {
        f"{depth} layers": (
            replace(MLP, activation="sigmoid", depth=depth, optimizer=optimizer, steps=120),
            (("vanishing_gradient", "hidden_1"),),
        )
        for depth, optimizer in ((8, "adam"), (10, "sgd"), (12, "adam"))
    },
    "exploding recurrent gradient": {
        f"rnn {activation}": (
            replace(
                RNN, activation=activation, sequence=sequence, learning_rate=1e-4, steps=120,
                special={"hidden_1": "recurrent"},
            ),
            (("exploding_gradient", "hidden_1"),),
        )
        for activation, sequence in (("linear", 24), ("relu", 32))
    },
    "unnormalised inputs": {
        "mlp scale": (replace(MLP, input_scale=500.0), (("unscaled_inputs", "hidden_1"),)),
        "deep shift": (replace(DEEP, input_shift=200.0), (("unscaled_inputs", "hidden_1"),)),
        "cnn pixels": (
            replace(CNN, input_scale=60.0, input_shift=100.0),
            (("unscaled_inputs", "hidden_1"),),
        ),
    },
    "wrong loss and activation": {
        "one softmax": (replace(MLP, output="one_softmax"), (("constant_output", "out"),)),
        "tanh, far targets": (
            replace(MLP, output="tanh", learning_rate=2e-2),
            (("saturated_units", "out"), ("inputs_out_of_range", "out")),
        ),
        "relu, negative targets": (
            replace(DEEP, output="relu", learning_rate=1e-2),
            (("dead_units", "out"),),
        ),
    },
    "frozen layer": {
        name: (replace(plan, special={layer: "stop"}), (("frozen_layer", layer),))
        for name, plan, layer in (
            ("mlp", MLP, "hidden_1"), ("deep", DEEP, "hidden_2"), ("cnn", CNN, "hidden_1"),
        )
    },
    "NaN from a logarithm": {
        name: (replace(plan, special={layer: "log"}), (("nonfinite", layer),))
        for name, plan, layer in (
            ("mlp", MLP, "hidden_1"), ("deep", DEEP, "hidden_3"), ("cnn", CNN, "hidden_2"),
        )
    },
    "duplicated units": {
        name: (
            replace(plan, special={layer: "twins", after: "constant"}),
            (("duplicate_neurons", layer),),
        )
        for name, plan, layer, after in (
            ("mlp", MLP, "hidden_1", "hidden_2"),
            ("deep", DEEP, "hidden_3", "hidden_4"),
            ("cnn", CNN, "hidden_1", "hidden_2"),
        )
    },
    "norm grows without bound": {
        name: (
            replace(plan, special={layer: "grow"}, optimizer="sgd", learning_rate=0.05),
            (("weights_growing", layer),),
        )
        for name, plan, layer in (
            ("mlp", MLP, "hidden_1"), ("deep", DEEP, "hidden_2"), ("cnn", CNN, "hidden_1"),
        )
    },
    "saturating initialisation": {
        name: (
            replace(plan, activation="tanh", special={layer: "large"}),
            (("saturated_units", layer), ("inputs_out_of_range", layer)),
        )
        for name, plan, layer in (
            ("mlp", MLP, "hidden_1"), ("deep", DEEP, "hidden_3"), ("cnn", CNN, "hidden_2"),
        )
    },
    "inputs beyond the sigmoid": {
        name: (
            replace(plan, activation="sigmoid", special={layer: "high_bias"}),
            (("inputs_out_of_range", layer), ("saturated_units", layer)),
        )
        for name, plan, layer in (
            ("mlp", MLP, "hidden_2"), ("deep", DEEP, "hidden_1"), ("cnn", CNN, "hidden_1"),
        )
    },
}  # fmt: skip
"""``{fault: {variant: (plan, what must be found where)}}``."""

HEALTHY: dict[str, Plan] = {
    "mlp relu": MLP,
    "deep relu": DEEP,
    "cnn relu": CNN,
    "mlp gelu": replace(MLP, activation="gelu"),
    "mlp tanh": replace(MLP, activation="tanh"),
    "deep dropout": replace(DEEP, dropout=0.3),
    "deep batch norm": replace(DEEP, batch_norm=True, learning_rate=5e-3),
    "cnn batch norm": replace(CNN, batch_norm=True),
    "small data": replace(MLP, samples=80),
    "long training": replace(MLP, steps=1200, every=30),
    "sgd momentum": replace(MLP, optimizer="sgd", learning_rate=0.05, momentum=0.9),
    "rnn tanh": RNN,
    "mlp warm-up": replace(MLP, warm_up=160),
    "deep zero head": replace(DEEP, special={"out": "zero"}),
    "mlp relu6 batch norm": replace(MLP, activation="relu6", batch_norm=True),
}

SEEDS = (0, 1, 2)


def all_cases() -> list[Case]:
    """Every fault in every variant and seed, and every sound training."""
    return [
        *(
            Case(fault, variant, seed, plan, expected)
            for fault, variants in FAULTS.items()
            for variant, (plan, expected) in variants.items()
            for seed in SEEDS[:2]
        ),
        *(Case("healthy", name, seed, plan) for name, plan in HEALTHY.items() for seed in SEEDS),
    ]


def thin_cases() -> list[Case]:
    """The fixed subset that runs in CI: the first variant of every fault, and seven sound ones."""
    first = {fault: next(iter(variants)) for fault, variants in FAULTS.items()}
    sound = (
        "mlp relu", "mlp tanh", "cnn batch norm", "small data", "mlp warm-up", "deep zero head",
        "mlp relu6 batch norm",
    )  # fmt: skip
    return [
        case
        for case in all_cases()
        if case.seed == 0 and (first.get(case.fault) == case.variant or case.variant in sound)
    ]

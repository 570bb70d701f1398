"""The kinds of findings: what each means, by whose definition, and what usually helps."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    """One kind of finding.

    Attributes:
      label: a short name.
      text: the definition, with the thresholds' names in backquotes.
      source: paper or note it comes from.
      advice: what usually helps.
      needs: the layer field, per-neuron series or scalar that it is judged by.
      missing: reason code when that was not recorded.
    """

    label: str
    text: str
    source: str
    advice: str
    needs: str
    missing: str


_OURS = "ours: the arithmetic that the text states"

KINDS: dict[str, Kind] = {
    "nonfinite": Kind(
        "NaN or infinity",
        "A weight, a gradient, an input or output of an activation or the loss is not finite. "
        "The first step and the first layer are named: forward, the first layer in model order "
        "whose activations are not finite while its weights still are; else, backward, the last "
        "layer whose gradient or weights are not. Where the layers were still clean when they were "
        "logged next, the loss is named alone. Of gradients alone it is a warning until it has "
        "lasted `window` logged steps: loss scaling overflows to find its scale. What a softmax "
        "masks with −∞, and the −∞ that a log-softmax makes of it, are meant. What follows a NaN "
        "that stays is not judged.",
        "IEEE 754-2019; localisation after DeepLocalize (Wardat et al., ICSE 2021)",
        "Look at that layer just before that step: logarithms and divisions near zero, a learning "
        "rate that is too high, half precision without loss scaling, NaN in the data. Clip "
        "gradients, add an epsilon, lower the learning rate.",
        "weight_nan_count",
        "no_weights",
    ),
    "dead_units": Kind(
        "dead units",
        "A unit is dead when it was active for less than 1 % of all samples seen in the window of "
        "recent logged steps (at least `samples` of them). Warned when the share of dead units of "
        "a layer is above `dead_units`, severe above `dead_units_severe`.",
        "zone of death: definitions of this package; dying ReLU: Lu et al. (2019)",
        "Lower the learning rate, check biases and initialisation (He for ReLU), normalise inputs, "
        "or use LeakyReLU, ELU or GELU.",
        "dead_share",
        "no_inputs",
    ),
    "saturated_units": Kind(
        "saturated units",
        "A sample is saturated where |f′(x)| < 0.05·max|f′|, for bounded functions, on a side "
        "without a zone of death. Warned above `saturated_units` of a layer's samples, severe "
        "above `saturated_units_severe`. Of an output layer it is a warning at most, since "
        "cross-entropy passes the gradient all the same; one that saturates only after training "
        "has begun is certain, not ill: info.",
        "Glorot & Bengio (AISTATS 2010)",
        "Scale the inputs, initialise with smaller weights (Glorot), normalise before the "
        "activation, lower the learning rate, or use a function that does not saturate.",
        "saturated_share",
        "no_inputs",
    ),
    "dormant_units": Kind(
        "dormant units",
        "A neuron is dormant when its mean absolute output is at most 0.025 of the layer's mean. "
        "Warned above `dormant_units` of a layer's neurons; output layers are not judged.",
        "Sokar et al., “The Dormant Neuron Phenomenon” (ICML 2023)",
        "A smaller layer would do the same; to win the neurons back, re-initialise them (ReDo) or "
        "lower the learning rate.",
        "dormant_share",
        "no_inputs",
    ),
    "inputs_out_of_range": Kind(
        "inputs out of range",
        "Share of all inputs of an activation that fall in its zones of death or saturation, where "
        "the function is not alive, is above `inputs_out_of_range`; severe above "
        "`inputs_out_of_range_severe`. Output layers are left to “saturated units”.",
        "zones: definitions of this package",
        "Normalise before the activation, check bias and initialisation, scale the inputs.",
        "outside_share",
        "no_inputs",
    ),
    "unscaled_inputs": Kind(
        "badly scaled inputs",
        "Root mean square of what enters the first layer, estimated from the first logged step: "
        "std(z) / (rms(w)·√fan_in), since weights are independent of the data at the start. An "
        "estimate: weights that were trained before, as in fine-tuning, follow the data, and all "
        "features are taken together, so that one of a thousand may be off unseen. "
        "Warned above `unscaled_inputs` or below `unscaled_inputs_small`; severe above "
        "`unscaled_inputs_severe`. Not judged for recurrent layers, whose pre-activations hold "
        "their own past.",
        "LeCun, Bottou, Orr & Müller, “Efficient BackProp” (1998), section 4.3",
        "Bring every input to mean 0 and variance 1, or put a normalisation layer first.",
        "input_std",
        "no_inputs",
    ),
    "update_too_large": Kind(
        "updates too large",
        "‖ΔW‖/‖W‖ of one optimizer step is above `update_too_large`; severe above "
        "`update_too_large_severe`, where one step replaces half of the weights. "
        "A single step above `update_leap` is a warning of its own. ‖W‖ is at least that of "
        "`near_zero`: a layer that begins at zero has to leave it first.",
        "Karpathy, CS231n notes, “Ratio of weights:updates”",
        "Lower the learning rate, warm it up, clip gradients.",
        "update_ratio",
        "no_updates",
    ),
    "update_too_small": Kind(
        "updates too small",
        "‖ΔW‖/‖W‖ of one optimizer step is below `update_too_small`. A warning when that has been "
        "so since the first logged steps; info when it came later, as at the end of a schedule. "
        "Not named while the ratio still rises, as in a warm-up.",
        "Karpathy, CS231n notes, “Ratio of weights:updates”",
        "Raise the learning rate, check that gradients reach the layer and that the loss is scaled "
        "as meant.",
        "update_ratio",
        "no_updates",
    ),
    "frozen_layer": Kind(
        "frozen layer",
        "A trainable layer that has not moved at all: displacement between logged steps below "
        "`frozen_layer`, and mean, deviation and norm of all its weights as they were, at `window` "
        "logged steps in a row of which the optimizer's step was seen. Where it was not, at "
        "`frozen_rows`, severe at `frozen_rows_severe`, so that gradients may be accumulated. "
        "Named for the whole run when no layer moves.",
        "definition of displacement in this package",
        "Check that the layer is on the path to the loss, that no gradient is stopped before it, "
        "that the optimizer was given its weights, and that the learning rate is not 0.",
        "displacement",
        "no_weights",
    ),
    "zero_weights": Kind(
        "all weights are zero",
        "Every weight of a trainable layer is exactly zero over the window: its neurons all do the "
        "same, and pass no gradient on. A warning while the layer is given a gradient, by which it "
        "may leave zero.",
        "symmetry breaking: Goodfellow, Bengio & Courville, “Deep Learning” (2016), section 8.4",
        "Initialise with random weights (Glorot, He); zeros are for biases.",
        "weight_zero_count",
        "no_weights",
    ),
    "vanishing_gradient": Kind(
        "vanishing gradient",
        "‖g_first‖/‖g_last‖ < `vanishing_ratio` and ‖g_first‖ < `vanishing_norm`, first and last "
        "trainable layer in model order that have a gradient at that step. Not judged while a "
        "layer that began at zero, as LoRA's second factor does, is still below `near_zero`.",
        "AutoTrainer (Zhang et al., ICSE 2021)",
        "Use ReLU or GELU in place of sigmoid or tanh, skip connections, normalisation, He or "
        "Glorot initialisation, or fewer layers.",
        "gradient_norm",
        "no_gradients",
    ),
    "exploding_gradient": Kind(
        "exploding gradient",
        "‖g‖/‖w‖ > `exploding_length` for a trainable layer; or ‖g_layer‖/‖g_last‖ > "
        "`exploding_ratio`, the last being the last in model order that has a gradient at that "
        "step. Severe where ‖g‖/‖w‖ > `exploding_length_severe`. ‖w‖ is at least that of "
        "`near_zero`. The layer in which it is worst is named.",
        "ratio: AutoTrainer (Zhang et al., ICSE 2021); length: ours, from “updates too large”",
        "Clip gradients by their norm, initialise with smaller weights (orthogonal for recurrent "
        "ones), use gated cells, normalise, scale the inputs, lower the learning rate.",
        "gradient_norm",
        "no_gradients",
    ),
    "weights_growing": Kind(
        "weights grow without bound",
        "‖W‖ is more than `weights_growing` times what it was, and the second half of the steps "
        "added at least `growth_kept` of what the first half added. Severe above "
        "`weights_growing_severe`. What it was is at least that of `near_zero`.",
        _OURS,
        "Add weight decay or check its sign, lower the learning rate, check that the loss has a "
        "minimum.",
        "weight_norm",
        "no_weights",
    ),
    "duplicate_neurons": Kind(
        "near-duplicate neurons",
        "Two neurons are near-duplicates when their sketches differ by less than "
        "`duplicate_distance` of their length. Warned when more than `duplicate_neurons` of a "
        "layer's tracked neurons have one, severe above `duplicate_neurons_severe`.",
        "sketch: Johnson & Lindenstrauss (1984); symmetry: Goodfellow et al. (2016), section 8.4",
        "Neurons that start equal stay equal: initialise with random weights, one seed per layer.",
        "sketch",
        "no_sketches",
    ),
    "constant_output": Kind(
        "output cannot vary",
        "A softmax over a single neuron is 1 for every input, so nothing can be learnt.",
        "definition of softmax",
        "Use one neuron per class, or a sigmoid with binary cross-entropy.",
        "activation",
        "no_inputs",
    ),
    "loss_diverged": Kind(
        "loss has diverged",
        "The median loss over the window rose above its start by more than `loss_diverged` times "
        "the start's size, its swing over the first `loss_samples` values or what had been gained, "
        "whichever is largest, and has not come below the start since. The start is the median "
        "over the first window, or over what came before a leap to four times as much in it. "
        "Where a total loss is logged, its parts are worth info at most, and so are "
        "those of a game and divergences in any case; a loss that goes back and forth across zero "
        "is not judged. The same holds for the other kinds that are about the loss.",
        _OURS,
        "Lower the learning rate, warm it up, clip gradients; look for the layer with the largest "
        "update ratio.",
        "loss",
        "no_loss",
    ),
    "loss_oscillates": Kind(
        "loss oscillates",
        "Over the latter half of at least `loss_samples` values, with its trend taken off, the "
        "loss swings (5 to 95 %) by more than `loss_oscillates` of its median, and by more than it "
        "has gained since the start. Severe above `loss_oscillates_severe`, unless its median is "
        "below that of the first `loss_samples` values by `loss_stalled` of it: then it falls.",
        "after AutoTrainer (Zhang et al., ICSE 2021), whose figure is the accuracy",
        "Lower the learning rate, use larger batches, shuffle the data.",
        "loss",
        "no_loss",
    ),
    "loss_stalled": Kind(
        "loss stalls",
        "After at least `loss_samples` values the lowest median over the window is less than "
        "`loss_stalled` below the start; severe below `loss_stalled_severe` after "
        "`loss_samples_severe` values. While most layers' updates still grow, as in a warm-up, it "
        "is info. A loss that fell and then rests has converged and is not named.",
        "after AutoTrainer (Zhang et al., ICSE 2021), “slow convergence”",
        "Raise the learning rate if updates are small, check labels, loss and last activation for "
        "fit, look for dead, saturated or frozen layers.",
        "loss",
        "no_loss",
    ),
}
"""In the order in which the docs and the panel list them."""

REASONS: dict[str, tuple[str, str]] = {
    "no_layers": (
        "no layers were recorded, and scalars and histograms alone do not tell",
        "Log the model with log_model, a callback or a watch of nnviz_tb.",
    ),
    "no_inputs": (
        "no inputs of activations were recorded",
        "Pass inputs=probe_batch to log_model, or watch the training passes.",
    ),
    "no_gradients": (
        "no gradients were recorded",
        "Pass gradients=… to log_model, gradients=True to the callback for Keras (on TensorFlow), "
        "or watch the model in PyTorch.",
    ),
    "no_updates": (
        "no update ratio was recorded: no one saw the weights right before and right after a step",
        "Use the callback or the hooks, which do.",
    ),
    "no_weights": (
        "no weight statistics were recorded",
        "Log the model with log_model, a callback or a watch.",
    ),
    "no_sketches": (
        "no sketches of neurons were recorded",
        "Log the model with log_model; raise the byte budget of a step if it was exhausted.",
    ),
    "no_loss": (
        "no scalar that is named as a loss was recorded",
        'Pass scalars={"loss": loss} to log_model, or add_scalar("loss", …).',
    ),
    "loss_around_zero": (
        "the loss goes back and forth across zero, so that there is no size to hold it against",
        "Judge such a run by what it is meant to improve.",
    ),
    "too_few_steps": (
        "too few logged steps so far",
        "Wait, or log more often.",
    ),
    "too_few_samples": (
        "too few samples in the window",
        "Use a larger probe batch.",
    ),
}
"""Why a kind was not judged: a plain clause, and what to do about it."""

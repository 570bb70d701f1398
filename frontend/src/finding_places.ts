/** Where a finding shows: the view, layer, statistic and step that explain it. Pure. */

import type { Finding } from "./findings";
import { MAX_PINS, togglePin, type State } from "./state";

/** Per-neuron statistics in which findings about weights show. */
const STATISTICS: Readonly<Record<string, string>> = {
  update_too_large: "update_ratio",
  update_too_small: "update_ratio",
  frozen_layer: "displacement",
  zero_weights: "weight_norm",
  weights_growing: "weight_norm",
  vanishing_gradient: "gradient_norm",
  exploding_gradient: "gradient_norm",
  dormant_units: "dormancy",
};

/**
 * The state that shows a finding at a step.
 * @param recorded statistics that the layer has
 */
export function placeOf(state: State, finding: Finding, step: number, recorded: readonly string[]): State {
  const there: State = { ...state, cursor: step, zoom: inside(state.zoom, step), focus: finding.run };
  if (finding.layer === "") {
    // A loss is on the timeline; what concerns all layers is in the table of all.
    const scalars = finding.kind.startsWith("loss_") ? [finding.field] : state.scalars;
    return { ...there, scalars, view: finding.kind.startsWith("loss_") ? state.view : "overview" };
  }
  const layer = finding.layer;
  if (finding.kind === "duplicate_neurons") return { ...there, view: "neurons", layer, sort: "similarity" };
  const statistic = STATISTICS[finding.kind];
  if (statistic !== undefined) {
    const shown = recorded.includes(statistic) ? statistic : "weight_norm";
    return { ...there, view: "neurons", layer, statistic: shown };
  }
  const aboutWeights = finding.kind === "nonfinite" && ["weights", "gradient"].includes(String(finding.figures["what"]));
  return { ...there, view: aboutWeights ? "neurons" : "activations", layer };
}

/** The same with the finding's neurons pinned, as far as there are colours. */
export function pinNeurons(state: State, finding: Finding): State {
  const others = state.pins.filter((pin) => pin.layer !== finding.layer);
  const pin = (pinned: State, neuron: number): State => togglePin(pinned, finding.layer, neuron);
  return finding.neurons.slice(0, MAX_PINS).reduce<State>(pin, { ...state, pins: others });
}

/** A zoom that does not show the step would hide what is to be seen. */
function inside(zoom: State["zoom"], step: number): State["zoom"] {
  return zoom !== null && (step < zoom[0] || step > zoom[1]) ? null : zoom;
}

/** Colours of pinned neurons: the same in every chart, told apart by colour-blind eyes. */

import type { Pin } from "../charts/contract";
import type { State } from "../state";

// Okabe & Ito (2008), "Color Universal Design", shifted where it would drown in the page.
const ON_LIGHT = ["#d55e00", "#0072b2", "#009e73", "#cc79a7", "#a98600", "#3a9bd9", "#7b3fbf", "#3c3c3c"];
const ON_DARK = ["#ff9149", "#4db8ff", "#2fd6a3", "#f2a3cf", "#f0e442", "#9fd8ff", "#c7a3ff", "#ffffff"];

export function pinColor(slot: number, dark: boolean): string {
  const colors = dark ? ON_DARK : ON_LIGHT;
  return colors[slot % colors.length] as string;
}

let last: { readonly pins: State["pins"]; readonly dark: boolean; readonly byLayer: Map<string, readonly Pin[]> } | null = null;

/** Pins of a layer; the same array as long as they stay the same. */
export function pinsOf(state: State, layer: string, dark: boolean): readonly Pin[] {
  if (last === null || last.pins !== state.pins || last.dark !== dark) {
    last = { pins: state.pins, dark, byLayer: new Map() };
  }
  const known = last.byLayer.get(layer);
  if (known !== undefined) return known;
  const pins = state.pins
    .filter((pin) => pin.layer === layer)
    .map((pin) => ({ neuron: pin.neuron, color: pinColor(pin.slot, dark) }));
  last.byLayer.set(layer, pins);
  return pins;
}

/** Colours that mean the same in every raster. */

import { packed } from "../pure/colormap";
import type { Theme } from "./theme";
import { rgbOf } from "./theme";

/** Of what is not a number: a grey that no colour map holds. */
export function nanColor(theme: Theme): number {
  return theme.dark ? packed(88, 92, 98) : packed(200, 204, 210);
}

/** The same as CSS, for legends. */
export function nanCss(theme: Theme): string {
  return theme.dark ? "rgb(88 92 98)" : "rgb(200 204 210)";
}

/** Black or white, whichever is read more easily on the colour. */
export function inkOn(color: string): string {
  const [red, green, blue] = rgbOf(color);
  return 0.299 * red + 0.587 * green + 0.114 * blue > 150 ? "#101418" : "#ffffff";
}

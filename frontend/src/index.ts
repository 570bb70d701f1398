/** Entry of the bundle. */

import { ahead, type Early } from "./ahead";
import "./views/app";

/**
 * Puts the panel into the page that TensorBoard gave us, in place of what was there.
 * @param early what the page has asked for while this file was on its way
 */
export function render(root: HTMLElement, early: Early = new Map()): void {
  ahead.adopt(early);
  root.replaceChildren(document.createElement("nn-app"));
}

/** Entry of the bundle. */

import "./views/app";

/** Puts the panel into the page that TensorBoard gave us, in place of what was there. */
export function render(root: HTMLElement): void {
  root.replaceChildren(document.createElement("nn-app"));
}

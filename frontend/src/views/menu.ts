/** A small menu below a button: a `details` whose content lies over what follows. */

import { css } from "lit";

export const menu = css`
  details {
    position: relative;
  }
  details > summary {
    cursor: pointer;
    list-style: none;
    white-space: nowrap;
  }
  details > summary::after {
    content: "▾";
    margin-left: 4px;
  }
  .menu {
    position: absolute;
    z-index: 20;
    right: 0;
    border: 1px solid var(--nn-border);
    border-radius: 8px;
    background: var(--nn-raised);
    box-shadow: var(--nn-shadow-high);
    padding: 5px;
    white-space: nowrap;
  }
  .menu > button {
    display: block;
    width: 100%;
    border-radius: 5px;
    padding: 5px 10px;
    text-align: left;
  }
  .menu > button:hover {
    background: var(--nn-hover);
  }
`;

/** Closes a menu that the focus has left; for `focusout` of its `details`. */
export function menuLeft(event: FocusEvent): void {
  const details = event.currentTarget as HTMLDetailsElement;
  const to = event.relatedTarget;
  if (!(to instanceof Node && details.contains(to))) details.open = false;
}

/** Escape closes a menu and goes back to its button; for `keydown` of its `details`. */
export function menuKeys(event: KeyboardEvent): void {
  if (event.key !== "Escape") return;
  const details = event.currentTarget as HTMLDetailsElement;
  details.open = false;
  details.querySelector("summary")?.focus();
}

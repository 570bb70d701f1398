/** Rules that several components share; colours come from the page's style sheet by name. */

import { css } from "lit";

export const base = css`
  *,
  *::before,
  *::after {
    box-sizing: border-box;
  }
  :host {
    font-variant-numeric: tabular-nums;
  }
  button,
  input,
  select {
    font: inherit;
    color: inherit;
  }
  button {
    border: 0;
    background: none;
    padding: 0;
    cursor: pointer;
  }
  :focus-visible {
    outline: 2px solid var(--nn-focus);
    outline-offset: 1px;
    border-radius: 4px;
  }
  .muted {
    color: var(--nn-muted);
  }
  .quiet {
    border-radius: 5px;
    padding: 3px 7px;
    color: var(--nn-muted);
  }
  .quiet:hover {
    background: var(--nn-hover);
    color: var(--nn-text);
  }
  .visually-hidden {
    position: absolute;
    width: 1px;
    height: 1px;
    overflow: hidden;
    clip-path: inset(50%);
    white-space: nowrap;
  }
`;

export const field = css`
  input[type="search"],
  input[type="number"],
  select {
    border: 1px solid var(--nn-border-strong);
    border-radius: 6px;
    background: var(--nn-surface);
    padding: 5px 8px;
    min-width: 0;
  }
  select {
    padding-right: 4px;
  }
  ::placeholder {
    color: var(--nn-muted);
    opacity: 1;
  }
  input[type="checkbox"],
  input[type="radio"],
  input[type="range"] {
    accent-color: var(--nn-focus);
    margin: 0;
  }
  input[aria-invalid="true"] {
    border-color: var(--nn-bad-dot);
  }
`;

export const badge = css`
  .badge {
    display: inline-flex;
    align-items: center;
    gap: 5px;
    border-radius: 999px;
    padding: 1px 8px;
    font-size: 12px;
    white-space: nowrap;
    background: var(--nn-sunken);
    color: var(--nn-muted);
  }
  .badge.healthy {
    background: var(--nn-good-surface);
    color: var(--nn-good);
  }
  .badge.warning {
    background: var(--nn-warn-surface);
    color: var(--nn-warn);
  }
  .badge.flagged {
    background: var(--nn-bad-surface);
    color: var(--nn-bad);
  }
  .dot {
    flex: none;
    width: 8px;
    height: 8px;
    border-radius: 50%;
    background: var(--nn-none-dot);
  }
  .dot.healthy {
    background: var(--nn-good-dot);
  }
  /* The grade is told by shape too, for eyes that do not tell the colours apart. */
  .dot.warning {
    background: var(--nn-warn-dot);
    border-radius: 2px;
    transform: rotate(45deg);
  }
  .dot.flagged {
    background: var(--nn-bad-dot);
    border-radius: 1px;
  }
  .dot.unknown {
    background: none;
    border: 1.5px solid var(--nn-none-dot);
  }
`;

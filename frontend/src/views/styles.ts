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
  .badge.info {
    background: var(--nn-info-surface);
    color: var(--nn-info);
  }
  .badge.warning {
    background: var(--nn-warn-surface);
    color: var(--nn-warn);
  }
  .badge.severe {
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
  .dot.info {
    background: none;
    border: 2.5px solid var(--nn-info-dot);
  }
  /* The grade is told by shape too, for eyes that do not tell the colours apart. */
  .dot.warning {
    background: var(--nn-warn-dot);
    border-radius: 2px;
    transform: rotate(45deg);
  }
  .dot.severe {
    background: var(--nn-bad-dot);
    border-radius: 1px;
  }
  .dot.not_measured {
    background: none;
    border: 1.5px solid var(--nn-none-dot);
  }
`;

/** A section of the side bar: its heading, its search, its list. */
export const section = css`
  section {
    display: flex;
    flex-direction: column;
    gap: 6px;
    /* The side bar scrolls as a whole; sections that shrank would lie over one another. */
    flex: none;
  }
  h2 {
    display: flex;
    justify-content: space-between;
    align-items: baseline;
    margin: 0;
    padding: 0 4px;
    font-size: 11px;
    font-weight: 600;
    letter-spacing: 0.06em;
    text-transform: uppercase;
    color: var(--nn-muted);
  }
  h2 span {
    font-weight: 400;
    letter-spacing: 0;
  }
  input[type="search"] {
    width: 100%;
  }
  ul {
    margin: 0;
    padding: 0;
    list-style: none;
  }
  .name {
    min-width: 0;
    /* A name is never cut: its end tells layers apart, its beginning runs. */
    overflow-wrap: anywhere;
    line-height: 1.3;
  }
  .note {
    padding: 2px 4px;
    font-size: 12px;
    color: var(--nn-muted);
  }
`;

/** A part that unfolds: its summary says what is in it. */
export const disclosure = css`
  details {
    border: 1px solid var(--nn-border);
    border-radius: 8px;
    background: var(--nn-surface);
    padding: 9px 14px;
  }
  summary {
    cursor: pointer;
    font-weight: 600;
  }
  summary span {
    margin-left: 8px;
    font-weight: 400;
    color: var(--nn-muted);
  }
`;

/** A control with its name before it. */
export const choice = css`
  .choice {
    display: inline-flex;
    align-items: center;
    gap: 7px;
    color: var(--nn-muted);
    font-size: 12.5px;
  }
  select {
    color: var(--nn-text);
  }
`;

/** Choices of which one holds, side by side. */
export const segments = css`
  .segments {
    display: inline-flex;
    border: 1px solid var(--nn-border-strong);
    border-radius: 6px;
    overflow: hidden;
    background: var(--nn-surface);
  }
  .segments button {
    display: inline-flex;
    align-items: center;
    gap: 6px;
    padding: 5px 10px;
    color: var(--nn-text);
  }
  .segments button:hover {
    background: var(--nn-hover);
  }
  .segments button[aria-checked="true"],
  .segments button[aria-pressed="true"] {
    background: var(--nn-selected);
    font-weight: 600;
  }
  .segments button:focus-visible {
    outline-offset: -3px;
  }
`;

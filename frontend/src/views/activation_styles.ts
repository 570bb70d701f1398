/** Rules that the parts of an activation card share. */

import { css } from "lit";

export const activationStyles = css`
  :host {
    display: block;
    min-width: 0;
    scroll-margin: 12px;
  }
  /* Of a thousand cards only those near the window are made; the others hold their place. */
  :host(nn-activation-card:not([near])) {
    min-height: var(--nn-held, 430px);
  }
  .open {
    font-weight: 600;
  }
  .open:hover {
    text-decoration: underline;
  }
  .runs {
    display: flex;
    flex-wrap: wrap;
    gap: 4px 16px;
  }
  .run {
    display: flex;
    align-items: center;
    flex-wrap: wrap;
    gap: 4px 6px;
    font-size: 12px;
  }
  .run i {
    width: 9px;
    height: 9px;
    border-radius: 50%;
  }
  .badges {
    display: flex;
    flex-wrap: wrap;
    gap: 4px;
  }
  button.badge:hover {
    text-decoration: underline;
  }
  .caption {
    display: flex;
    flex-wrap: wrap;
    gap: 0 10px;
    margin: 0;
    font-size: 11.5px;
    color: var(--nn-muted);
  }
  .end {
    margin-left: auto;
  }
  .mark {
    white-space: nowrap;
  }
  .mark::before {
    content: "";
    display: inline-block;
    width: 9px;
    height: 4px;
    margin: 0 4px 2px 0;
    background: currentColor;
  }
  .mark.bad {
    color: var(--nn-bad);
  }
  .difference .first {
    color: var(--nn-more);
  }
  .difference .second {
    color: var(--nn-less);
  }
  .strip {
    margin: -3px 0 -3px -8px;
    padding-left: 5px;
    border-left: 3px solid transparent;
    border-radius: 2px;
  }
  .hint {
    padding: 2px 0;
  }
  nn-curve-chart,
  nn-density-strip,
  nn-density-difference-strip,
  nn-activity-bars {
    height: 100%;
  }
`;

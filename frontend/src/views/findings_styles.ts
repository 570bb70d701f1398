/** Rules of the list of findings and of the limits. */

import { css } from "lit";

export const findingsStyles = css`
  :host {
    display: flex;
    flex-direction: column;
    gap: 14px;
    min-height: 100%;
    max-width: 1080px;
  }
  .bar {
    display: flex;
    flex-wrap: wrap;
    align-items: center;
    gap: 6px 16px;
  }
  h1 {
    margin: 0;
    font-size: 16px;
    font-weight: 600;
  }
  .chip {
    border: 1px solid var(--nn-border-strong);
    border-radius: 999px;
    padding: 3px 10px;
    overflow-wrap: anywhere;
  }
  ol {
    display: flex;
    flex-direction: column;
    gap: 10px;
    margin: 0;
    padding: 0;
    list-style: none;
  }
  .finding {
    display: grid;
    gap: 5px;
    border: 1px solid var(--nn-border);
    border-left: 4px solid var(--nn-none-dot);
    border-radius: 8px;
    background: var(--nn-surface);
    padding: 10px 14px;
  }
  .finding.severe {
    border-left-color: var(--nn-bad-dot);
  }
  .finding.warning {
    border-left-color: var(--nn-warn-dot);
  }
  .finding.info {
    border-left-color: var(--nn-info-dot);
  }
  .what {
    display: flex;
    flex-wrap: wrap;
    align-items: center;
    gap: 4px 10px;
    font-size: 12.5px;
    color: var(--nn-muted);
  }
  .what h2 {
    margin: 0;
    font-size: 14px;
    font-weight: 600;
    color: var(--nn-text);
  }
  .run {
    display: inline-flex;
    align-items: center;
    gap: 5px;
  }
  .run i {
    width: 9px;
    height: 9px;
    border-radius: 50%;
  }
  .figure {
    margin-left: auto;
    white-space: nowrap;
  }
  .sentence {
    margin: 0;
    font-size: 14px;
    line-height: 1.5;
    overflow-wrap: anywhere;
  }
  .advice {
    margin: 0;
    color: var(--nn-muted);
    max-width: 90ch;
  }
  .advice b {
    font-weight: 600;
    color: var(--nn-text);
  }
  .actions {
    display: flex;
    flex-wrap: wrap;
    gap: 4px 8px;
    margin-left: -8px;
  }
  .link {
    border-radius: 5px;
    padding: 3px 8px;
    color: var(--nn-focus);
  }
  .link:hover {
    background: var(--nn-hover);
    text-decoration: underline;
  }
  .good {
    display: grid;
    justify-items: center;
    gap: 6px;
    padding: 36px 12px;
    border: 1px solid var(--nn-border);
    border-radius: 10px;
    background: var(--nn-surface);
    text-align: center;
    color: var(--nn-muted);
  }
  .good strong {
    color: var(--nn-good);
    font-size: 15px;
  }
  .unmeasured {
    margin: 8px 0 0;
    padding: 0;
    list-style: none;
    display: grid;
    gap: 7px;
  }
  .unmeasured small {
    display: block;
    font-size: 12px;
    color: var(--nn-muted);
  }
`;

/** Rules of the overview's table. */

import { css } from "lit";

export const overviewStyles = css`
  :host {
    display: flex;
    flex-direction: column;
    height: 100%;
    min-height: 320px;
    container-type: inline-size;
  }
  .scroller {
    flex: 0 1 auto;
    overflow: auto;
    min-height: 0;
    border: 1px solid var(--nn-border);
    border-radius: 10px;
    background: var(--nn-surface);
  }
  .table {
    --columns: minmax(112px, 1.5fr) minmax(96px, 0.9fr) minmax(76px, 1.2fr) minmax(96px, 1.3fr)
      minmax(88px, 1.2fr) minmax(64px, 1fr) 60px 82px minmax(138px, 2.2fr);
    min-width: 920px;
  }
  .head,
  .line {
    display: grid;
    grid-template-columns: var(--columns);
    align-items: center;
    column-gap: 12px;
    padding: 0 14px;
  }
  .head {
    position: sticky;
    top: 0;
    z-index: 3;
    min-height: 40px;
    border-bottom: 1px solid var(--nn-border);
    background: var(--nn-surface);
    font-size: 12px;
    color: var(--nn-muted);
  }
  .head > div {
    display: flex;
    align-items: center;
    gap: 2px;
    min-width: 0;
    line-height: 1.25;
    /* Chinese breaks between words too, not inside them. */
    word-break: keep-all;
  }
  .head [aria-sort="ascending"],
  .head [aria-sort="descending"] {
    color: var(--nn-text);
    font-weight: 600;
  }
  .sort {
    flex: none;
    width: 24px;
    height: 24px;
    border-radius: 5px;
    color: inherit;
  }
  .sort:hover {
    background: var(--nn-hover);
  }
  .lines {
    position: relative;
  }
  .line {
    position: absolute;
    left: 0;
    right: 0;
    border-bottom: 1px solid var(--nn-border);
    contain: layout style;
  }
  .line.layer:hover {
    background: var(--nn-hover);
  }
  .line.current {
    background: var(--nn-selected);
  }
  .line.idle {
    color: var(--nn-muted);
  }
  .line.fold {
    grid-template-columns: 1fr auto;
    background: var(--nn-sunken);
    font-size: 12.5px;
  }
  .cell {
    position: relative;
    min-width: 0;
    height: 100%;
    cursor: pointer;
  }
  .shown {
    display: flex;
    align-items: center;
    gap: 6px;
    height: 100%;
  }
  .cell:focus-visible {
    outline-offset: -2px;
  }
  .shown > :not(span) {
    flex: 1;
  }
  .cell .name {
    overflow-wrap: anywhere;
    line-height: 1.25;
    max-height: 100%;
    overflow: hidden;
    font-weight: 500;
  }
  .layer:not(.idle) .cell:hover .name {
    text-decoration: underline;
  }
  .cell .below {
    display: none;
    margin-top: 1px;
    font-weight: 400;
  }
  .size,
  .none {
    font-size: 12px;
    color: var(--nn-muted);
  }
  .figures {
    display: flex;
    flex-direction: column;
    flex: none;
    min-width: 54px;
    font-size: 11.5px;
    line-height: 1.25;
    color: var(--nn-text);
  }
  .figures b,
  .shares b {
    font-weight: 400;
    white-space: nowrap;
  }
  .figures i {
    font-style: normal;
    font-size: 10px;
    color: var(--nn-muted);
    margin-left: -4px;
  }
  .shares {
    display: flex;
    flex-direction: column;
    width: 100%;
    line-height: 1.3;
  }
  .figures b,
  .shares b {
    display: flex;
    align-items: center;
    gap: 5px;
  }
  .run {
    flex: none;
    width: 8px;
    height: 8px;
    border-radius: 50%;
  }
  .shares .severe {
    color: var(--nn-bad);
    font-weight: 600;
  }
  .shares .warning {
    color: var(--nn-warn);
  }
  .badge {
    min-width: 0;
    max-width: 100%;
  }
  .words {
    overflow: hidden;
    white-space: normal;
    word-break: keep-all;
    overflow-wrap: anywhere;
    line-height: 1.2;
    display: -webkit-box;
    -webkit-box-orient: vertical;
    -webkit-line-clamp: 3;
  }
  .cell .badge {
    border-radius: 9px;
  }
  .more {
    flex: none;
    font-size: 11.5px;
    color: var(--nn-muted);
  }
  .fold button {
    display: flex;
    align-items: center;
    gap: 7px;
    height: 100%;
    min-width: 0;
    text-align: left;
    color: inherit;
  }
  .fold .count {
    color: var(--nn-muted);
  }
  .chevron {
    flex: none;
    width: 10px;
    transition: transform 120ms;
  }
  [aria-expanded="true"] .chevron {
    transform: rotate(90deg);
  }
  .hint nn-save-menu {
    float: right;
  }
  .hint {
    margin: 8px 2px 0;
    font-size: 12px;
    color: var(--nn-muted);
  }
  @media (prefers-reduced-motion: reduce) {
    .chevron {
      transition: none;
    }
  }
  @container (max-width: 900px) {
    .table {
      --columns: minmax(80px, 1.2fr) minmax(48px, 0.8fr) minmax(94px, 1.2fr) minmax(88px, 1.1fr)
        minmax(58px, 0.7fr) 54px 62px minmax(138px, 2.4fr);
      min-width: 676px;
    }
    /* The size goes below the name, so that the words on health have room. */
    [data-column="size"] {
      display: none !important;
    }
    .cell .below {
      display: block;
    }
    .cell .badge {
      font-size: 11.5px;
      padding: 0 7px;
    }
    .head,
    .line {
      column-gap: 6px;
      padding: 0 8px;
    }
    .head {
      font-size: 11px;
    }
    .head > div {
      flex-direction: column;
      align-items: flex-start;
      gap: 0;
      padding: 4px 0;
    }
    .sort {
      height: 18px;
      text-align: left;
    }
  }
`;

/** How the parts of the panel stand. */

import { css } from "lit";

export const appStyles = css`
  :host {
    position: relative;
    display: grid;
    grid-template:
      "side edge head" auto "side edge draw" auto "side edge time" auto "side edge view" minmax(0, 1fr) /
      var(--nn-side, 236px) 0 minmax(0, 1fr);
    height: 100%;
    background: var(--nn-page);
    color: var(--nn-text);
  }
  .skip {
    position: absolute;
    z-index: 30;
    left: 8px;
    top: -60px;
    border-radius: 6px;
    background: var(--nn-raised);
    box-shadow: var(--nn-shadow-high);
    padding: 8px 14px;
    color: var(--nn-focus);
  }
  .skip:focus {
    top: 8px;
  }
  /* Landmarks for screen readers; what is in them stands in the grid itself. */
  aside,
  header,
  section {
    display: contents;
  }
  nn-sidebar {
    grid-area: side;
  }
  nn-splitter {
    grid-area: edge;
  }
  nn-header {
    grid-area: head;
    min-width: 0;
  }
  nn-timeline-bar {
    grid-area: time;
  }
  main {
    grid-area: view;
    position: relative;
    overflow: auto;
    padding: 14px 16px 24px;
    scrollbar-gutter: stable;
  }
  .view {
    height: 100%;
  }
  /* Reached only by script, so that the keys work; it has no state to be seen. */
  main:focus-visible {
    outline: none;
  }
  .alone {
    grid-area: 1 / 1 / -1 / -1;
    overflow: auto;
  }
  .alone .frame {
    max-width: 720px;
    margin: 24px auto;
  }
  .banner {
    grid-area: view;
    align-self: end;
    z-index: 10;
    margin: 0 16px 12px;
    border-radius: 8px;
    background: var(--nn-bad-surface);
    color: var(--nn-bad);
    padding: 8px 14px;
    box-shadow: var(--nn-shadow-high);
  }
  nn-drawer {
    grid-area: draw;
  }
  @media (max-width: 760px) {
    :host {
      grid-template:
        "head" auto
        "draw" auto
        "side" auto
        "time" auto
        "view" auto / minmax(0, 1fr);
      height: auto;
    }
    nn-sidebar {
      display: none;
      border-right: 0;
      border-bottom: 1px solid var(--nn-border);
      max-height: 70vh;
    }
    nn-sidebar[data-open] {
      display: flex;
    }
    main {
      overflow: visible;
    }
  }
`;

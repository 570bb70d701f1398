import { css } from "lit";

export const chartStyles = css`
  :host {
    display: block;
    position: relative;
    min-width: 0;
    height: 220px;
    contain: layout;
    font-family: var(--nn-font, system-ui, sans-serif);
    color: var(--nn-text, #1b1f24);
  }
  :host([hidden]) {
    display: none;
  }
  .chart {
    display: flex;
    flex-direction: column;
    height: 100%;
  }
  .plot {
    position: relative;
    flex: 1;
    min-height: 0;
    border-radius: 4px;
    touch-action: pan-y;
    user-select: none;
    cursor: crosshair;
  }
  .plot[role="img"] {
    cursor: default;
  }
  .plot:focus-visible {
    outline: 2px solid var(--nn-focus, #1a5fd0);
    outline-offset: 1px;
  }
  /* What uPlot asks of a page, without its legend and title. */
  .uplot,
  .u-wrap {
    position: relative;
  }
  .uplot canvas {
    display: block;
    width: 100%;
    height: 100%;
  }
  .u-under,
  .u-over,
  .u-axis,
  .u-select,
  .u-cursor-x,
  .u-cursor-pt {
    position: absolute;
    box-sizing: border-box;
  }
  .u-under {
    overflow: hidden;
  }
  .u-select,
  .u-cursor-x,
  .u-cursor-pt {
    top: 0;
    left: 0;
    pointer-events: none;
  }
  .u-select {
    background: color-mix(in srgb, var(--nn-accent-line, #e8710a) 14%, transparent);
    box-shadow: inset 0 0 0 1px var(--nn-accent-line, #e8710a);
  }
  .u-cursor-x {
    height: 100%;
    border-right: 1px solid var(--nn-border, #dfe3e8);
  }
  .u-cursor-pt {
    border: 0 solid;
    border-radius: 50%;
  }
  .u-off {
    display: none;
  }
  /* Under the pointer's layer of uPlot, over its canvas. */
  canvas.overlay {
    position: absolute;
    inset: 0;
    width: 100%;
    height: 100%;
    pointer-events: none;
  }
  .legend {
    display: flex;
    flex-wrap: wrap;
    gap: 2px 14px;
    padding: 4px 2px 0;
    font-size: 11px;
    line-height: 16px;
    color: var(--nn-muted, #59626e);
  }
  .legend span {
    display: inline-flex;
    align-items: center;
    gap: 5px;
    white-space: nowrap;
  }
  .legend i {
    display: inline-block;
    width: 16px;
    height: 0;
    border-top: 2px solid;
  }
  .legend i.dashed {
    border-top-style: dashed;
  }
  .legend i.area {
    height: 10px;
    border: 0;
    border-radius: 2px;
  }
  .legend i.dot {
    width: 8px;
    height: 8px;
    border: 0;
    border-radius: 50%;
  }
  .note {
    margin: 4px 2px 0;
    font-size: 11px;
    line-height: 15px;
    color: var(--nn-muted, #59626e);
  }
  .tip {
    position: absolute;
    z-index: 5;
    top: 0;
    left: 0;
    max-width: 320px;
    padding: 6px 8px;
    border: 1px solid var(--nn-border, #dfe3e8);
    border-radius: 6px;
    background: var(--nn-raised, #fff);
    box-shadow: var(--nn-shadow-high, 0 6px 24px rgb(20 30 45 / 18%));
    font-size: 11px;
    line-height: 16px;
    pointer-events: none;
    white-space: nowrap;
  }
  .tip[hidden] {
    display: none;
  }
  .tip b {
    font-weight: 600;
  }
  .tip table {
    border-collapse: collapse;
  }
  .tip td {
    padding: 0 0 0 10px;
    text-align: right;
    font-variant-numeric: tabular-nums;
  }
  .tip td:first-child {
    padding: 0;
    text-align: left;
    color: var(--nn-muted, #59626e);
  }
  .tip .swatch {
    display: inline-block;
    width: 8px;
    height: 8px;
    margin-right: 5px;
    border-radius: 50%;
  }
  @media (forced-colors: active) {
    .legend i,
    .tip .swatch {
      forced-color-adjust: none;
    }
  }
`;

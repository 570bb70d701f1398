/**
 * Charts as small as a table cell: one canvas, no axes, no pointer. A thousand of them must scroll,
 * so each is drawn once per change and only while it is in view.
 */

import { css, html, LitElement, type TemplateResult } from "lit";
import { property, query } from "lit/decorators.js";
import { followVisibility, schedulePaint, type Paintable } from "./scheduler";
import type { Surface } from "./surface";
import { onThemeChange, theme } from "./theme";

export abstract class MiniChart extends LitElement implements Paintable {
  static override styles = css`
    :host {
      display: block;
      height: 30px;
      min-width: 0;
      contain: strict;
    }
    canvas {
      display: block;
      width: 100%;
      height: 100%;
    }
  `;

  /** What the picture says, for screen readers. */
  @property() label = "";
  /** CSS colour; the page's neutral mark without it. */
  @property() color = "";
  @query("canvas") private canvas!: HTMLCanvasElement | null;

  private lifetime: AbortController | null = null;
  private width = 0;
  private height = 0;

  protected abstract draw(surface: Surface): void;

  override connectedCallback(): void {
    super.connectedCallback();
    this.lifetime = new AbortController();
    const { signal } = this.lifetime;
    onThemeChange(() => schedulePaint(this), signal);
    followVisibility(this, signal);
    const resizes = new ResizeObserver(() => {
      // At first it tells the size in which the chart has just been painted.
      if (this.clientWidth !== this.width || this.clientHeight !== this.height) schedulePaint(this);
    });
    resizes.observe(this);
    signal.addEventListener("abort", () => resizes.disconnect());
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.lifetime?.abort();
    this.lifetime = null;
  }

  protected override updated(): void {
    schedulePaint(this);
  }

  measure(): void {
    this.width = this.clientWidth;
    this.height = this.clientHeight;
  }

  paintNow(): void {
    const { width, height, canvas } = this;
    if (canvas === null || width === 0 || height === 0) return;
    const ctx = canvas.getContext("2d");
    if (ctx === null) return;
    const ratio = devicePixelRatio;
    const [columns, rows] = [Math.round(width * ratio), Math.round(height * ratio)];
    if (canvas.width !== columns || canvas.height !== rows) {
      canvas.width = columns;
      canvas.height = rows;
    }
    ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
    ctx.clearRect(0, 0, width, height);
    ctx.save();
    this.draw({ ctx, width, height, ratio, theme: theme() });
    ctx.restore();
  }

  protected override render(): TemplateResult {
    return html`<canvas role="img" aria-label=${this.label}></canvas>`;
  }
}

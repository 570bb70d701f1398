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

  protected abstract draw(surface: Surface): void;

  override connectedCallback(): void {
    super.connectedCallback();
    this.lifetime = new AbortController();
    const { signal } = this.lifetime;
    onThemeChange(() => schedulePaint(this), signal);
    followVisibility(this, signal);
    const resizes = new ResizeObserver(() => schedulePaint(this));
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

  paintNow(): void {
    const ctx = this.canvas?.getContext("2d") ?? null;
    const width = this.clientWidth;
    const height = this.clientHeight;
    if (ctx === null || width === 0 || height === 0) return;
    const ratio = devicePixelRatio;
    ctx.canvas.width = Math.round(width * ratio);
    ctx.canvas.height = Math.round(height * ratio);
    ctx.scale(ratio, ratio);
    this.draw({ ctx, width, height, ratio, theme: theme() });
  }

  protected override render(): TemplateResult {
    return html`<canvas role="img" aria-label=${this.label}></canvas>`;
  }
}

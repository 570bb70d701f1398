/** Kernels side by side on one colour scale; a click pins the neuron. */

import { css, html, LitElement, type PropertyValues } from "lit";
import { customElement, property } from "lit/decorators.js";
import { repeat } from "lit/directives/repeat.js";
import type { Exportable, Pin, PinDetail } from "../charts/contract";
import type { Words } from "../i18n";
import { kernelPixels, largestMagnitude, type Channel, type KernelGrid } from "../kernel_grid";
import { colormap, packed } from "../pure/colormap";
import { float32Text, toCsv } from "../pure/csv";
import { base } from "./styles";

export interface KernelImage {
  readonly neuron: number;
  readonly step: number;
  /** By index of the incoming weight. */
  readonly values: Float32Array;
}

const TILE_PX = 64;
const GAP_PX = 8;
const LABEL_PX = 16;
const PNG_RATIO = 2;
const PNG_COLUMNS = 16;

@customElement("nn-kernel-images")
export class KernelImages extends LitElement implements Exportable {
  static override styles = [
    base,
    css`
      .tiles {
        display: flex;
        flex-wrap: wrap;
        gap: 8px;
      }
      button {
        display: grid;
        justify-items: center;
        gap: 2px;
        border-radius: 4px;
        font-size: 11px;
        color: var(--nn-muted);
      }
      canvas {
        display: block;
        width: 64px;
        height: 64px;
        object-fit: contain;
        image-rendering: pixelated;
        border-radius: 3px;
        outline: 1px solid var(--nn-border);
      }
      button:hover canvas {
        outline: 2px solid var(--nn-focus);
      }
      p {
        margin: 8px 0 0;
        font-size: 11.5px;
        color: var(--nn-muted);
      }
    `,
  ];

  @property() heading = "";
  @property({ attribute: false }) words!: Words;
  @property({ attribute: false }) grid!: KernelGrid;
  @property({ attribute: false }) images: readonly KernelImage[] = [];
  @property({ attribute: false }) channel: Channel = 0;
  @property({ attribute: false }) pins: readonly Pin[] = [];
  @property({ type: Boolean }) dark = false;

  protected override render(): unknown {
    const { words } = this;
    const colors = new Map(this.pins.map((pin) => [pin.neuron, pin.color]));
    return html`<div class="tiles">
        ${repeat(
          this.images,
          ({ neuron }) => neuron,
          ({ neuron, step }) => {
            const label = words.t("kernels.image", { neuron: String(neuron), step });
            const color = colors.get(neuron);
            return html`<button aria-label=${label} title=${label} aria-pressed=${color !== undefined} @click=${() => this.#pin(neuron)}>
              <canvas
                width=${this.grid.width}
                height=${this.grid.height}
                style=${color === undefined ? "" : `outline:3px solid ${color}`}
              ></canvas
              >${neuron}
            </button>`;
          },
        )}
      </div>
      <p>${words.t("kernels.hint", { limit: words.figure(this.#limit()) })}</p>`;
  }

  protected override updated(changed: PropertyValues<this>): void {
    if (!["images", "channel", "dark", "grid"].some((name) => changed.has(name as keyof KernelImages))) return;
    const limit = this.#limit();
    this.renderRoot.querySelectorAll("canvas").forEach((canvas, place) => {
      const picture = this.#picture(place, limit);
      canvas.getContext("2d")?.putImageData(picture, 0, 0);
    });
  }

  #limit(): number {
    return largestMagnitude(this.images.map((image) => image.values));
  }

  #picture(place: number, limit: number): ImageData {
    const { grid, channel, dark } = this;
    const values = this.images[place]?.values ?? [];
    const missing = dark ? packed(88, 92, 98) : packed(200, 204, 210);
    const pixels = kernelPixels(grid, values, channel, limit, colormap("diverging", dark), missing);
    return new ImageData(new Uint8ClampedArray(pixels.buffer as ArrayBuffer), grid.width, grid.height);
  }

  #pin(neuron: number): void {
    const detail: PinDetail = { neuron };
    this.dispatchEvent(new CustomEvent("nn-pin", { detail, bubbles: true, composed: true }));
  }

  async toPng(): Promise<Blob> {
    const columns = Math.min(PNG_COLUMNS, this.images.length);
    const rows = Math.ceil(this.images.length / Math.max(1, columns));
    const canvas = document.createElement("canvas");
    canvas.width = PNG_RATIO * (columns * (TILE_PX + GAP_PX) + GAP_PX);
    canvas.height = PNG_RATIO * (rows * (TILE_PX + LABEL_PX + GAP_PX) + GAP_PX + LABEL_PX);
    const ctx = canvas.getContext("2d");
    if (ctx === null) throw new Error("the browser gives no canvas");
    const style = getComputedStyle(this);
    ctx.scale(PNG_RATIO, PNG_RATIO);
    ctx.fillStyle = style.getPropertyValue("--nn-surface");
    ctx.fillRect(0, 0, canvas.width, canvas.height);
    ctx.fillStyle = style.getPropertyValue("--nn-text");
    ctx.font = `600 12px ${style.getPropertyValue("--nn-font")}`;
    ctx.fillText(this.heading, GAP_PX, GAP_PX + 10);
    ctx.font = `11px ${style.getPropertyValue("--nn-font")}`;
    ctx.imageSmoothingEnabled = false;
    this.renderRoot.querySelectorAll("canvas").forEach((tile, place) => {
      const x = GAP_PX + (place % columns) * (TILE_PX + GAP_PX);
      const y = LABEL_PX + GAP_PX + Math.floor(place / columns) * (TILE_PX + LABEL_PX + GAP_PX);
      ctx.drawImage(tile, x, y, TILE_PX, TILE_PX);
      ctx.fillText(String(this.images[place]?.neuron), x, y + TILE_PX + 12);
    });
    return new Promise((resolve, reject) => {
      canvas.toBlob((blob) => (blob === null ? reject(new Error("the picture could not be made")) : resolve(blob)));
    });
  }

  toCsv(): string {
    const { grid } = this;
    const header = ["neuron", "step", "row", "column", "channel", "weight"];
    const rows = this.images.flatMap(({ neuron, step, values }) =>
      Array.from({ length: grid.height * grid.width * grid.channels }, (_, at) => {
        const channel = at % grid.channels;
        const column = Math.floor(at / grid.channels) % grid.width;
        const row = Math.floor(at / grid.channels / grid.width);
        return [neuron, step, row, column, channel, float32Text(values[grid.weightAt(row, column, channel)] ?? Number.NaN)];
      }),
    );
    return toCsv(header, rows);
  }
}

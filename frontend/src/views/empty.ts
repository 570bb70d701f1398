/** An honest empty place: what is missing, why, and the code that fills it. */

import { css, html, LitElement, nothing } from "lit";
import { customElement, property, state } from "lit/decorators.js";
import type { Words } from "../i18n";
import { base } from "./styles";

@customElement("nn-empty")
export class EmptyElement extends LitElement {
  static override styles = [
    base,
    css`
      :host {
        display: grid;
        place-content: center;
        justify-items: center;
        gap: 6px;
        height: 100%;
        padding: 12px;
        text-align: center;
        color: var(--nn-muted);
        overflow: auto;
      }
      strong {
        color: var(--nn-text);
        font-size: 15px;
        font-weight: 600;
      }
      p {
        margin: 0;
        max-width: 56ch;
      }
      .code {
        position: relative;
        max-width: 100%;
        margin-top: 4px;
        text-align: left;
      }
      pre {
        margin: 0;
        padding: 8px 68px 8px 12px;
        border: 1px solid var(--nn-border);
        border-radius: 7px;
        background: var(--nn-sunken);
        color: var(--nn-text);
        font: 12px/1.55 var(--nn-mono);
        white-space: pre-wrap;
        overflow-wrap: anywhere;
      }
      .code button {
        position: absolute;
        top: 5px;
        right: 5px;
      }
    `,
  ];

  @property({ attribute: false }) words!: Words;
  @property() heading = "";
  @property() text = "";
  @property() code = "";
  @state() private copied = false;

  protected override render(): unknown {
    const { t } = this.words;
    return html`${this.heading === "" ? nothing : html`<strong>${this.heading}</strong>`}
      ${this.text === "" ? nothing : html`<p>${this.text}</p>`}
      ${this.code === ""
        ? nothing
        : html`<div class="code">
            <pre tabindex="0">${this.code}</pre>
            <button class="quiet" @click=${this.#copy}>
              <span aria-live="polite">${t(this.copied ? "copied" : "copy")}</span>
            </button>
          </div>`}`;
  }

  readonly #copy = async (): Promise<void> => {
    this.copied = await copyText(this.code, this.renderRoot.querySelector("pre"));
    setTimeout(() => (this.copied = false), 2000);
  };
}

/**
 * Whether the text is in the clipboard now. Plain http and some frames have no clipboard; then the
 * text is selected, so that one key copies it.
 */
export async function copyText(text: string, shown: HTMLElement | null): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    if (shown !== null) window.getSelection()?.selectAllChildren(shown);
    return false;
  }
}

/** The lines of code that empty places show. */
export const CODE = {
  start: `import nnviz_tb

nnviz_tb.log_model(model, step, logdir="runs/exp1",
                   inputs=probe_batch, scalars={"loss": loss})`,
  inputs: `nnviz_tb.log_model(model, step, logdir="runs/exp1", inputs=probe_batch)`,
  room: `nnviz_tb.SummaryWriter("runs/exp1", max_step_bytes=1 << 20)`,
  gradients: `nnviz_tb.keras.Callback("runs/exp1", gradients=True)   # Keras on TensorFlow
nnviz_tb.torch.watch(model, "runs/exp1")               # PyTorch
nnviz_tb.log_model(model, step, logdir="runs/exp1", gradients=grads)`,
  updates: `nnviz_tb.keras.Callback("runs/exp1")       # Keras
nnviz_tb.torch.watch(model, "runs/exp1")   # PyTorch`,
  activations: `nnviz_tb.log_model(weights, step, logdir="runs/exp1",
                   activations={"hidden": (np.tanh, pre_activations)})`,
  scalars: `nnviz_tb.log_model(model, step, logdir="runs/exp1", scalars={"loss": loss})`,
  arrays: `nnviz_tb.log_model({"dense": kernel}, step, logdir="runs/exp1")`,
} as const;

/** Which of the selected runs leads, and which one is taken away from it. */

import { css, html, LitElement, nothing } from "lit";
import { customElement, property } from "lit/decorators.js";
import { live } from "lit/directives/live.js";
import type { Context, RunView } from "./context";
import { radioKeys } from "./radio_keys";
import { base, choice, field, segments } from "./styles";

@customElement("nn-comparison")
export class ComparisonElement extends LitElement {
  static override styles = [
    base,
    field,
    segments,
    choice,
    css`
      :host {
        display: contents;
      }
      .segments i {
        display: inline-block;
        width: 9px;
        height: 9px;
        border-radius: 50%;
      }
    `,
  ];

  @property({ attribute: false }) ctx!: Context;
  /** Those that can be compared. */
  @property({ attribute: false }) runs: readonly RunView[] = [];
  /** The one that leads. */
  @property({ attribute: false }) run!: RunView;
  @property({ attribute: false }) against: RunView | null = null;

  protected override render(): unknown {
    if (this.runs.length < 2) return nothing;
    const { t } = this.ctx.words;
    return html`<span class="choice"
        >${t("neurons.run")}
        <span class="segments" role="radiogroup" aria-label=${t("neurons.run")} @keydown=${radioKeys}>
          ${this.runs.map((one) => this.#leader(one))}
        </span></span
      >
      <label class="choice"
        >${t("neurons.against")}
        <select @change=${this.#chosen}>
          <option value="" .selected=${live(this.against === null)}>${t("neurons.against.none")}</option>
          ${this.runs
            .filter((one) => one !== this.run)
            .map((one) => html`<option value=${one.info.name} .selected=${live(one === this.against)}>${one.info.name}</option>`)}
        </select></label
      >`;
  }

  #leader(one: RunView): unknown {
    const leads = one === this.run;
    return html`<button
      role="radio"
      aria-checked=${leads}
      tabindex=${leads ? 0 : -1}
      @click=${() => this.ctx.store.set({ focus: one.info.name })}
    >
      <i style="background:${one.style.color}"></i>${one.info.name}
    </button>`;
  }

  readonly #chosen = (event: Event): void => {
    this.ctx.store.set({ against: (event.target as HTMLSelectElement).value || null });
  };
}

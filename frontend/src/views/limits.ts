/** The limits that findings are judged by, to be seen and changed. */

import { css, html, LitElement, nothing, type TemplateResult } from "lit";
import { customElement, property } from "lit/decorators.js";
import type { ThresholdInfo } from "../api";
import { thresholdText } from "../i18n_findings";
import { setLimit } from "../state";
import type { Context } from "./context";
import { base, disclosure, field } from "./styles";

@customElement("nn-limits")
export class LimitsElement extends LitElement {
  static override styles = [
    base,
    disclosure,
    field,
    css`
      :host {
        display: block;
      }
      p {
        margin: 8px 0;
        color: var(--nn-muted);
      }
      .limit {
        display: grid;
        grid-template-columns: minmax(0, 1fr) auto 130px;
        align-items: center;
        gap: 2px 12px;
        border-top: 1px solid var(--nn-border);
        padding: 6px 0;
      }
      label code {
        font: 600 12.5px var(--nn-mono);
      }
      label small,
      .default {
        display: block;
        font-size: 12px;
        color: var(--nn-muted);
      }
      input {
        width: 110px;
      }
      .changed input {
        border-color: var(--nn-accent-line);
        box-shadow: 0 0 0 1px var(--nn-accent-line);
      }
    `,
  ];

  @property({ attribute: false }) ctx!: Context;

  protected override render(): unknown {
    const { ctx } = this;
    const { t } = ctx.words;
    const all = Object.entries(ctx.definitions?.thresholds ?? {});
    if (all.length === 0) return nothing;
    const changed = Object.keys(ctx.state.limits).length;
    return html`<details ?open=${changed > 0}>
      <summary>
        ${t("findings.limits")}${changed === 0 ? nothing : html`<span>${t("findings.limits.changed", { n: changed })}</span>`}
      </summary>
      <p>${t("findings.limits.text")}</p>
      ${changed === 0
        ? nothing
        : html`<p><button class="quiet" @click=${() => ctx.store.set({ limits: {} })}>${t("findings.limits.reset")}</button></p>`}
      ${all.map(([name, info]) => this.#limit(name, info))}
    </details>`;
  }

  #limit(name: string, info: ThresholdInfo): TemplateResult {
    const { ctx } = this;
    const { words } = ctx;
    const value = ctx.state.limits[name] ?? info.default;
    const source = info.source.startsWith("ours") ? "" : ` ${words.t("definition.source")}: ${info.source}`;
    const below = info.below ? ` (${words.t("findings.limits.below")})` : "";
    return html`<div class="limit ${name in ctx.state.limits ? "changed" : ""}">
      <label for=${name}><code>${name}</code><small>${thresholdText(words, name, info)}${below}${source}</small></label>
      <span class="default">${words.t("findings.limits.default", { value: String(info.default) })}</span>
      <input
        id=${name}
        type="number"
        step="any"
        min="0"
        .value=${String(value)}
        @change=${(event: Event) => this.#change(name, info, event.target as HTMLInputElement)}
      />
    </div>`;
  }

  #change(name: string, info: ThresholdInfo, input: HTMLInputElement): void {
    const value = Number(input.value);
    const sound = input.value.trim() !== "" && Number.isFinite(value) && value > 0;
    // What is no limit is put back: the server would refuse it, and all findings with it.
    if (!sound) input.value = String(this.ctx.state.limits[name] ?? info.default);
    else this.ctx.store.update((state) => setLimit(state, name, value === info.default ? null : value));
  }
}

/** Which layer, run, statistic and order the Neurons view shows. */

import { css, html, LitElement, nothing, type TemplateResult } from "lit";
import { customElement, property } from "lit/decorators.js";
import { live } from "lit/directives/live.js";
import type { NeuronSeries } from "../series";
import { SORTS, type Sort } from "../state";
import type { Context } from "./context";
import { againstOf, type Subject } from "./neurons_subject";
import { radioKeys } from "./radio_keys";
import { base, choice, field, segments } from "./styles";
import "./comparison";
import "./layer_export";
import "./term";

@customElement("nn-neurons-bar")
export class NeuronsBar extends LitElement {
  static override styles = [
    base,
    field,
    segments,
    choice,
    css`
      :host {
        display: flex;
        flex-wrap: wrap;
        align-items: center;
        gap: 6px 18px;
      }
      h1 {
        margin: 0;
        font-size: 16px;
        font-weight: 600;
        overflow-wrap: anywhere;
      }
      h1 small {
        font-size: 12.5px;
        font-weight: 400;
        color: var(--nn-muted);
        margin-left: 4px;
      }
      .title {
        display: flex;
        flex-wrap: wrap;
        align-items: baseline;
        flex-basis: 100%;
        gap: 2px 14px;
      }
      .counts {
        flex: 1;
        font-size: 12px;
        color: var(--nn-muted);
      }
      .note {
        flex-basis: 100%;
        font-size: 12px;
        color: var(--nn-muted);
      }
    `,
  ];

  @property({ attribute: false }) ctx!: Context;
  @property({ attribute: false }) subject!: Subject;
  /** Null while it is on its way. */
  @property({ attribute: false }) series: NeuronSeries | null = null;

  protected override render(): TemplateResult {
    const { ctx, subject } = this;
    const { words } = ctx;
    const { layer, info, statistic } = subject;
    const definition = words.definition(statistic, ctx.definitions?.statistics[statistic]);
    const kernel =
      info.kernel_shape.length === 0
        ? info.type
        : `${info.type} · ${words.t("neurons.kernel", { shape: info.kernel_shape.join(" × ") })}`;
    return html`
      <div class="title">
        <h1>${layer.name} <small>${kernel}</small></h1>
        <span class="counts">${this.#counts()}</span>
        <nn-layer-export .ctx=${ctx} .run=${subject.run} .layer=${info}></nn-layer-export>
      </div>
      <nn-comparison
        .ctx=${ctx}
        .runs=${layer.runs}
        .run=${subject.run}
        .against=${againstOf(ctx, subject)}
      ></nn-comparison>
      <span class="choice"
        ><nn-term .definition=${definition} sourceLabel=${words.t("definition.source")}
          >${words.t("neurons.statistic")}</nn-term
        >
        <select
          aria-label=${words.t("neurons.statistic")}
          @change=${(event: Event) =>
            ctx.store.set({ statistic: (event.target as HTMLSelectElement).value })}
        >
          ${this.#statistics(subject)}
        </select></span
      >
      <span class="choice"
        >${words.t("neurons.sort")}
        <span class="segments" role="radiogroup" aria-label=${words.t("neurons.sort")} @keydown=${radioKeys}>
          ${SORTS.map((sort) => this.#sort(sort))}
        </span></span
      >
      ${this.#missing()}`;
  }

  /** Selected runs that have no such layer, so that nobody looks for them. */
  #missing(): unknown {
    const { ctx, subject } = this;
    const missing = ctx.runs.filter((run) => !run.layers.has(subject.layer.name));
    if (missing.length === 0) return nothing;
    const runs = missing.map((run) => run.info.name).join(", ");
    return html`<span class="note">${subject.layer.name}: ${ctx.words.t("missing.run", { runs })}</span>`;
  }

  #statistics({ info, statistic }: Subject): unknown {
    const { ctx } = this;
    const names = Object.keys(ctx.definitions?.statistics ?? {});
    const all = names.includes(statistic) ? names : [statistic, ...names];
    const option = (name: string): TemplateResult => {
      const label = ctx.words.definition(name, ctx.definitions?.statistics[name])?.label ?? name;
      return html`<option value=${name} .selected=${live(name === statistic)}>${label}</option>`;
    };
    const recorded = all.filter((name) => info.series[name] !== undefined);
    const missing = all.filter((name) => info.series[name] === undefined);
    return html`${recorded.map(option)}
    ${missing.length === 0
      ? nothing
      : html`<optgroup label=${ctx.words.t("neurons.unrecorded")}>${missing.map(option)}</optgroup>`}`;
  }

  #sort(sort: Sort): TemplateResult {
    const { store, state, words } = this.ctx;
    return html`<button
      role="radio"
      aria-checked=${state.sort === sort}
      tabindex=${state.sort === sort ? 0 : -1}
      title=${words.t(`sort.${sort}.title`)}
      @click=${() => store.set({ sort })}
    >
      ${words.t(`sort.${sort}`)}
    </button>`;
  }

  #counts(): unknown {
    const { subject, series } = this;
    const { words } = this.ctx;
    if (series === null) return nothing;
    const tracked = series.neurons.length;
    const neurons =
      tracked < series.population
        ? html`<span title=${words.t("neurons.sample.title")}
            >${words.t("neurons.sample", { tracked, n: series.population })}</span
          >`
        : words.t("neurons.all", { n: subject.info.neurons });
    const kept = words.t("neurons.kept", {
      steps: series.keptSteps,
      first: series.firstStep ?? "—",
      last: series.lastStep ?? "—",
    });
    const skipped = series.skipped.length;
    return html`${neurons} ·
    ${kept}${skipped === 0
      ? nothing
      : html` · <span title=${series.skipped.join("\n")}>${words.t("skipped", { n: skipped })}</span>`}`;
  }
}

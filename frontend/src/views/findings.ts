/** What is wrong, where, since when, by what definition, and what usually helps. */

import { html, LitElement, nothing, type TemplateResult } from "lit";
import { customElement, property, state } from "lit/decorators.js";
import { repeat } from "lit/directives/repeat.js";
import type { Definition } from "../api";
import { pinNeurons, placeOf } from "../finding_places";
import { SEVERITIES, type Finding, type NotMeasured, type Severity } from "../findings";
import { adviceOf, kindLabel, kindText, notMeasuredText, sentenceOf } from "../i18n_findings";
import { moveCursor, type State } from "../state";
import type { Context } from "./context";
import { findingsStyles } from "./findings_styles";
import { frame, frameStyles, together } from "./frame";
import { badge, base, disclosure, segments } from "./styles";
import "./limits";
import "./term";

/** Fields whose figures are shares, beside those that the definitions name so. */
const SHARES = new Set(["outside_share", "sketch"]);
const SHOWN_NEURONS = 12;

@customElement("nn-findings-view")
export class FindingsView extends LitElement {
  static override styles = [base, badge, frameStyles, disclosure, segments, findingsStyles];

  @property({ attribute: false }) ctx!: Context;
  /** Only findings of this severity; null shows all. */
  @state() private severity: Severity | null = null;
  /** Only findings of the layer that was chosen; the reader may lift that. */
  @state() private everyLayer = false;
  #layer: string | null = null;

  protected override willUpdate(): void {
    const { layer } = this.ctx.state;
    if (layer !== this.#layer) this.everyLayer = false;
    this.#layer = layer;
  }

  protected override render(): unknown {
    const { ctx } = this;
    const judging = together(ctx.judging);
    if (judging.status === "error" || (judging.status === "pending" && judging.previous === null)) {
      // A limit that the server refuses is an error too, and is put right where the limits stand.
      return html`${frame(ctx.words, 320, judging, () => html``, ctx.retryJudging)}
        <nn-limits .ctx=${ctx}></nn-limits>`;
    }
    const all = ctx.assessments.flatMap((one) => one.findings);
    const ofLayer = this.#layerFilter(all);
    const here = ofLayer === null ? all : all.filter((item) => item.layer === ofLayer);
    const shown = here
      .filter((item) => this.severity === null || item.severity === this.severity)
      .sort((a, b) => SEVERITIES.indexOf(b.severity) - SEVERITIES.indexOf(a.severity));
    return html`${this.#bar(here, ofLayer)} ${this.#list(all, shown)} ${this.#unmeasured()}
      <nn-limits .ctx=${ctx}></nn-limits>`;
  }

  /** The layer chosen in the list on the left, where it has findings. */
  #layerFilter(all: readonly Finding[]): string | null {
    const { layer } = this.ctx.state;
    return this.everyLayer || layer === null || !all.some((item) => item.layer === layer) ? null : layer;
  }

  #bar(here: readonly Finding[], ofLayer: string | null): TemplateResult {
    const { words } = this.ctx;
    const { t } = words;
    const choice = (severity: Severity | null, count: number): TemplateResult => html`<button
      aria-pressed=${this.severity === severity}
      @click=${() => (this.severity = severity)}
    >
      ${severity === null ? nothing : html`<span class="dot ${severity}" aria-hidden="true"></span>`}
      ${severity === null ? t("findings.all") : t(`health.${severity}`)} ${words.integer(count)}
    </button>`;
    const count = (severity: Severity): number => here.filter((item) => item.severity === severity).length;
    return html`<div class="bar">
      <h1>${t("findings.title")}</h1>
      <span class="segments" role="group" aria-label=${t("findings.severity")}>
        ${choice(null, here.length)}
        ${[...SEVERITIES].reverse().map((severity) => choice(severity, count(severity)))}
      </span>
      ${ofLayer === null
        ? nothing
        : html`<button class="chip" title=${t("findings.layer.clear")} aria-label=${`${t("findings.layer", { layer: ofLayer })}. ${t("findings.layer.clear")}`} @click=${() => (this.everyLayer = true)}>
            ${t("findings.layer", { layer: ofLayer })} ✕
          </button>`}
    </div>`;
  }

  #list(all: readonly Finding[], shown: readonly Finding[]): TemplateResult {
    const { t } = this.ctx.words;
    if (all.length === 0) {
      const layers = new Set(this.ctx.assessments.flatMap((one) => [...one.judged.keys()].filter((name) => name !== "")));
      return html`<div class="good" role="status">
        <strong>${t("findings.none.title")}</strong>${t("findings.none", { n: layers.size })}
      </div>`;
    }
    if (shown.length === 0) return html`<div class="good" role="status">${t("findings.none.severity")}</div>`;
    return html`<ol>
      ${repeat(
        shown,
        (item) => `${item.run} ${item.kind} ${item.layer} ${item.field} ${item.first_step}`,
        (item) => this.#finding(item),
      )}
    </ol>`;
  }

  #finding(item: Finding): TemplateResult {
    const { ctx } = this;
    const { words } = ctx;
    const { t } = words;
    const span = item.ongoing
      ? t("findings.since", { step: item.first_step })
      : t("findings.was", { first: item.first_step, last: item.last_step });
    return html`<li class="finding ${item.severity}" data-kind=${item.kind} data-layer=${item.layer}>
      <div class="what">
        <span class="badge ${item.severity}"><span class="dot ${item.severity}" aria-hidden="true"></span>${t(`health.${item.severity}`)}</span>
        <h2>
          <nn-term .definition=${this.#definition(item)} sourceLabel=${t("definition.source")}
            >${kindLabel(words, item.kind, ctx.definitions?.findings[item.kind])}</nn-term
          >
        </h2>
        <span>${item.layer === "" ? t("findings.run") : item.layer}</span>
        ${ctx.runs.length < 2
          ? nothing
          : html`<span class="run"><i style="background:${ctx.colorOf(item.run)}"></i>${item.run}</span>`}
        <span>${span}</span>
        <span class="figure">${this.#figure(item)}</span>
      </div>
      <p class="sentence">${sentenceOf(words, item)}</p>
      <p class="advice"><b>${t("findings.helps")}:</b> ${adviceOf(words, item)}</p>
      ${this.#actions(item)}
    </li>`;
  }

  #figure(item: Finding): string {
    const { words, definitions } = this.ctx;
    if (item.kind === "nonfinite" || item.kind === "constant_output") return "";
    const share = SHARES.has(item.field) || definitions?.layer_fields[item.field]?.share === true;
    const text = (value: number): string => (share ? words.share(value) : words.figure(value));
    return words.t("findings.figure", { figure: text(item.figure), limit: text(item.threshold) });
  }

  #definition(item: Finding): Definition {
    const { words, definitions } = this.ctx;
    const info = definitions?.findings[item.kind];
    return {
      label: kindLabel(words, item.kind, info),
      text: kindText(words, item.kind, info).replaceAll("`", ""),
      source: info?.source ?? item.source,
      unit: "",
      share: false,
    };
  }

  #actions(item: Finding): TemplateResult {
    const { ctx } = this;
    const { t } = ctx.words;
    const recorded = Object.keys(ctx.runs.find((run) => run.info.name === item.run)?.layers.get(item.layer)?.series ?? {});
    const show = (step: number): void => ctx.store.update((state) => at(state, step));
    // At the newest step the cursor keeps following the run.
    const at = (state: State, step: number): State => moveCursor(placeOf(state, item, step, recorded), step, ctx.lastStep);
    const pin = (): void => ctx.store.update((state) => ({ ...pinNeurons(at(state, item.last_step), item), view: "neurons" }));
    const names = item.neurons.slice(0, SHOWN_NEURONS).join(", ");
    const more = item.neurons.length > SHOWN_NEURONS ? " …" : "";
    return html`<div class="actions">
      <button class="link" @click=${() => show(item.first_step)}>${t("findings.show")}</button>
      <button class="link" @click=${() => show(item.last_step)}>${t("findings.show.now")}</button>
      ${item.neurons.length === 0
        ? nothing
        : html`<button class="link" @click=${pin}>${t("findings.neurons")} ${names}${more}: ${t("findings.neurons.pin")}</button>`}
    </div>`;
  }

  #unmeasured(): unknown {
    const { ctx } = this;
    const { t } = ctx.words;
    const all = ctx.assessments.flatMap((one) => one.notMeasured);
    if (all.length === 0) return nothing;
    return html`<details>
      <summary>${t("findings.unmeasured")}<span>${t("findings.unmeasured.count", { n: all.length })}</span></summary>
      <ul class="unmeasured">
        ${all.map((item) => this.#missing(item))}
      </ul>
    </details>`;
  }

  #missing(item: NotMeasured): TemplateResult {
    const { ctx } = this;
    const { text, advice } = notMeasuredText(ctx.words, item);
    const run = ctx.runs.length < 2 ? "" : `${item.run}: `;
    return html`<li title=${item.layers.join(", ")}>${run}${text}<small>${advice}</small></li>`;
  }
}

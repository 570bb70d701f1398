/** One activation function, with what really reaches it, in every selected run that has it. */

import { html, LitElement, nothing, type PropertyValues, type TemplateResult } from "lit";
import { customElement, property } from "lit/decorators.js";
import type { Async } from "../api";
import type { CurveSample, DensitySeries, Zones } from "../charts/contract";
import { Resources } from "../resource";
import { curve, density, fields, type Curve, type Density, type Fields } from "../series";
import { indexAtOrBefore } from "../state";
import { curveAt, samplesAt, zoneBorders } from "../activation_figures";
import { activationBadges } from "./activation_badges";
import { activationStyles } from "./activation_styles";
import { wantSeries, type Context, type LayerView, type RunView } from "./context";
import { chartWords } from "./chart_words";
import { DensitySeriesOf } from "./density_strips";
import { CODE } from "./empty";
import { frame, frameStyles, together } from "./frame";
import { Memo } from "./memo";
import { badge, base } from "./styles";
import "../charts";
import "./activation_bars";
import "./card";
import "./empty";
import "./term";

/** So far from the window a card begins to be made. */
const NEAR = "500px";
const CURVE_PX = 200;
const HALF_CURVE_PX = 130;
const NO_DENSITIES: readonly DensitySeries[] = [];

@customElement("nn-activation-card")
export class ActivationCard extends LitElement {
  static override styles = [
    base,
    badge,
    frameStyles,
    activationStyles,
  ];

  @property({ attribute: false }) ctx!: Context;
  @property({ attribute: false }) layer!: LayerView;
  @property({ type: Boolean, reflect: true }) current = false;
  /** Whether it is near the window: only then it is loaded, made and kept. */
  @property({ type: Boolean, reflect: true }) near = false;

  readonly #curves = new Resources<Curve>(this);
  readonly #inputs = new Resources<Density>(this);
  readonly #outputs = new Resources<Density>(this);
  readonly #fields = new Resources<Fields>(this);
  readonly #samples = new Memo<readonly CurveSample[]>();
  readonly #inputSeries = new DensitySeriesOf();
  readonly #outputSeries = new DensitySeriesOf();
  readonly #zones = new Memo<Zones | null>();
  #watcher: IntersectionObserver | null = null;

  override connectedCallback(): void {
    super.connectedCallback();
    this.#watcher = new IntersectionObserver(
      (entries) => {
        const near = entries.at(-1)?.isIntersecting === true;
        if (this.near && !near) this.style.setProperty("--nn-held", `${this.offsetHeight}px`);
        this.near = near;
      },
      // The view scrolls inside the page, whose own margin does not reach into it.
      { rootMargin: NEAR, scrollMargin: NEAR } as IntersectionObserverInit,
    );
    this.#watcher.observe(this);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#watcher?.disconnect();
  }

  protected override shouldUpdate(changed: PropertyValues<this>): boolean {
    return this.near || changed.has("near");
  }

  protected override render(): unknown {
    const { ctx, layer } = this;
    const { words } = ctx;
    const activation = layer.info.activation;
    if (activation === null || !this.near) return nothing;
    const neurons = layer.info.neurons;
    const sub = [
      this.#functions().join(" / "),
      ...(neurons === 0 ? [] : [neurons === 1 ? words.t("units.one") : words.t("units.neurons", { n: neurons })]),
    ].join(" · ");
    const states = this.#fieldStates();
    return html`<nn-card
      .words=${words}
      heading=${layer.name}
      sub=${sub}
      file=${layer.name}
      ?current=${this.current}
    >
      <button
        slot="heading"
        class="open"
        title=${words.t("card.neurons")}
        @click=${() => ctx.store.set({ view: "neurons", layer: layer.name })}
      >
        ${layer.name}
      </button>
      ${layer.runs.length === 1 ? html`<span slot="badges" class="badges">${this.#badges(states, layer.runs[0])}</span>` : nothing}
      ${layer.runs.length > 1
        ? html`<div class="runs">${layer.runs.map((run) => this.#runLine(states, run))}</div>`
        : nothing}
      ${this.#charts(states)}
    </nn-card>`;
  }

  /** What the runs have here, each once: a run may have another function in the layer's place. */
  #functions(): readonly string[] {
    const { layer } = this;
    const { t } = this.ctx.words;
    const named = layer.runs.flatMap((run) => {
      const activation = run.layers.get(layer.name)?.activation ?? null;
      if (activation === null) return [];
      const learnable = activation.learnable ? ` (${t("learnable")})` : "";
      return [activation.function + learnable + (activation.per_channel ? ` (${t("perchannel")})` : "")];
    });
    return [...new Set(named)];
  }

  #fieldStates(): ReadonlyMap<string, Async<Fields>> {
    const { ctx, layer } = this;
    return this.#fields.want(
      layer.runs.flatMap((run) => {
        const info = run.layers.get(layer.name);
        if (info === undefined) return [];
        return [wantSeries(ctx, { run, layer: info, route: "layer", series: "layer", parse: fields })];
      }),
    );
  }

  #runLine(states: ReadonlyMap<string, Async<Fields>>, run: RunView): TemplateResult {
    return html`<div class="run">
      <i style="background:${run.style.color}"></i>${run.info.name} ${this.#badges(states, run)}
    </div>`;
  }

  #badges(states: ReadonlyMap<string, Async<Fields>>, run: RunView | undefined): unknown {
    const figures = run === undefined ? null : valueOf(states.get(run.info.name));
    return run === undefined ? nothing : activationBadges(this.ctx, this.layer, run, figures);
  }

  #charts(fieldStates: ReadonlyMap<string, Async<Fields>>): unknown {
    const inputs = this.#inputs.want(this.#wantedDensities("input"));
    return [this.#curve(fieldStates, inputs), this.#strips(inputs, "input"), html`<nn-activation-bars .ctx=${this.ctx} .layer=${this.layer} .figures=${fieldStates}></nn-activation-bars>`];
  }

  #wantedDensities(of: "input" | "output"): ReturnType<typeof wantSeries<Density>>[] {
    const { ctx, layer } = this;
    const series = of === "input" ? "density" : "output";
    return layer.runs.flatMap((run) => {
      const info = run.layers.get(layer.name);
      if (info?.series[series] === undefined) return [];
      return [
        wantSeries(ctx, { run, layer: info, route: "density", series, query: { of }, zoomable: true, parse: density }),
      ];
    });
  }

  #curve(fieldStates: ReadonlyMap<string, Async<Fields>>, inputs: ReadonlyMap<string, Async<Density>>): unknown {
    const { ctx, layer } = this;
    const { words } = ctx;
    const activation = layer.info.activation;
    const wanted = layer.runs.flatMap((run) => {
      const info = run.layers.get(layer.name);
      if (info?.series["curve"] === undefined) return [];
      return [wantSeries(ctx, { run, layer: info, route: "curve", series: "curve", parse: curve })];
    });
    const states = this.#curves.want(wanted);
    const noInputs = inputs.size === 0;
    if (wanted.length === 0) {
      const outputs = this.#outputs.want(this.#wantedDensities("output"));
      return html`${this.#distributions(inputs, "input")} ${this.#distributions(outputs, "output")}
        <p class="caption">${words.t("nocurve", { name: activation?.function ?? "" })}</p>
        ${this.#strips(outputs, "output")}`;
    }
    const step = ctx.state.cursor ?? ctx.lastStep;
    return html`${frame(
        words,
        CURVE_PX,
        together<Curve | Density>(new Map<string, Async<Curve | Density>>([...states, ...[...inputs].map(([id, one]) => [`inputs ${id}`, one] as const)])),
        () => html`<nn-curve-chart
          empty-text=${words.t("chart.empty")}
          heading=${`${layer.name} · ${activation?.function ?? ""}`}
          .curves=${this.#curveSamples(states)}
          .inputs=${this.#densitySeries("input", inputs)}
          .zones=${this.#zonesAt(fieldStates)}
          .time=${ctx.axis}
          .words=${chartWords(words).curve}
          ?legend=${layer.runs.length === 1}
        ></nn-curve-chart>`,
        () => {
          this.#curves.retry();
          this.#inputs.retry();
        },
      )}
      ${noInputs
        ? nothing
        : html`<p class="caption">
            <span>${this.#samplesText(inputs, step)}</span>
          </p>`}
      ${noInputs
        ? this.#noDensity()
        : nothing}`;
  }

  /** Why there is no density: nobody gave inputs, or there was no room to keep theirs. */
  #noDensity(): TemplateResult {
    const { words } = this.ctx;
    const seen = ["activity", "saturation", "dormancy"].some((name) => this.layer.info.series[name] !== undefined);
    return seen
      ? html`<nn-empty .words=${words} text=${words.t("empty.density.room")} code=${CODE.room}></nn-empty>`
      : html`<nn-empty .words=${words} text=${words.t("empty.density")} code=${CODE.inputs}></nn-empty>`;
  }

  /** What goes in or comes out of a function without a curve, at the step. */
  #distributions(states: ReadonlyMap<string, Async<Density>>, of: "input" | "output"): unknown {
    const { ctx, layer } = this;
    const { words } = ctx;
    if (states.size === 0) {
      return html`<div class="frame" style="height:${HALF_CURVE_PX}px">
        <nn-empty .words=${words} text=${words.t("empty.samples")} code=${CODE.inputs}></nn-empty>
      </div>`;
    }
    const drawn = (): TemplateResult => html`<nn-curve-chart
      empty-text=${words.t("chart.empty")}
      heading=${`${layer.name} · ${words.t(`density.${of}`)}`}
      .inputs=${of === "input" ? this.#densitySeries(of, states) : NO_DENSITIES}
      .outputs=${of === "output" ? this.#densitySeries(of, states) : NO_DENSITIES}
      .time=${ctx.axis}
      .words=${chartWords(words).curve}
    ></nn-curve-chart>`;
    const retry = (): void => (of === "input" ? this.#inputs : this.#outputs).retry();
    return html`<p class="caption">${words.t(of === "input" ? "legend.inputs" : "legend.outputs")}</p>
      ${frame(words, HALF_CURVE_PX, together(states), drawn, retry)}`;
  }

  #curveSamples(states: ReadonlyMap<string, Async<Curve>>): readonly CurveSample[] {
    const { layer, ctx } = this;
    const rows = layer.runs.flatMap((run) => {
      const value = valueOf(states.get(run.info.name));
      return value === null ? [] : [{ run, value, at: indexAtOrBefore(value.steps, ctx.state.cursor) }];
    });
    const from = rows.flatMap(({ run, value, at }) => [run.style.run, run.style.color, value, at]);
    return this.#samples.of(from, () =>
      rows.filter(({ at }) => at >= 0).map(({ run, value, at }) => ({ ...run.style, ...curveAt(value, at) })),
    );
  }

  #densitySeries(of: "input" | "output", states: ReadonlyMap<string, Async<Density>>): readonly DensitySeries[] {
    return (of === "input" ? this.#inputSeries : this.#outputSeries).of(this.layer.runs, states);
  }

  /** Where the functions differ, so do their zones: then none is drawn under all of them. */
  #zonesAt(states: ReadonlyMap<string, Async<Fields>>): Zones | null {
    if (this.#functions().length > 1) return null;
    const first = this.layer.runs[0];
    const figures = first === undefined ? null : valueOf(states.get(first.info.name));
    if (figures === null) return null;
    const borders = zoneBorders(figures, this.ctx.state.cursor);
    return this.#zones.of(Object.values(borders), () => borders);
  }

  /** How many inputs were seen; a line of its height while that is not known. */
  #samplesText(states: ReadonlyMap<string, Async<Density>>, step: number | null): string {
    const first = this.layer.runs.find((run) => states.has(run.info.name));
    const value = first === undefined ? null : valueOf(states.get(first.info.name));
    if (value === null) return "\u00a0";
    return this.ctx.words.t("card.samples", { n: samplesAt(value, this.ctx.state.cursor), step: step ?? "—" });
  }

  #strips(states: ReadonlyMap<string, Async<Density>>, of: "input" | "output"): TemplateResult {
    const retry = (): void => (of === "input" ? this.#inputs : this.#outputs).retry();
    return html`<nn-density-strips
      .ctx=${this.ctx}
      .layer=${this.layer}
      .of=${of}
      .states=${states}
      .retry=${retry}
    ></nn-density-strips>`;
  }
}

function valueOf<T>(state: Async<T> | undefined): T | null {
  if (state === undefined) return null;
  return state.status === "ready" ? state.value : state.previous;
}

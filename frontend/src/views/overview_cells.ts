/** The cells of a layer in the overview: a small chart or a figure, and where a click leads. */

import { html, nothing, type TemplateResult } from "lit";
import { aboutField, NOT_MEASURED, STATUSES, type Health } from "../findings";
import { shortFinding, sentenceOf } from "../i18n_findings";
import type { Column, State } from "../state";
import type { Context, LayerView, RunView } from "./context";
import type { RunFigures } from "./overview_figures";

/** A run's share of a layer's row. */
export interface RunShare {
  readonly run: RunView;
  readonly figures: RunFigures;
}

/** What a row is drawn from. */
export interface RowFacts {
  readonly ctx: Context;
  readonly layer: LayerView;
  /** Of the selected runs those that have the layer and whose figures have come. */
  readonly shares: readonly RunShare[];
}

/** Where updates are healthy; what is flagged lies an order of magnitude beyond. */
const HEALTHY_UPDATES = [1e-4, 1e-2] as const;

export interface CellContent {
  readonly content: unknown;
  /** For screen readers and on hover. */
  readonly label: string;
  /** What a click changes of the state. */
  readonly go: Partial<State>;
  readonly hint: "neurons" | "activations" | "findings";
}

export function cellOf(column: Column, facts: RowFacts): CellContent {
  const { layer } = facts;
  const neurons = (statistic?: string): Pick<CellContent, "go" | "hint"> =>
    layer.info.neurons > 0
      ? { go: { view: "neurons", layer: layer.name, ...(statistic === undefined ? {} : { statistic }) }, hint: "neurons" }
      : { go: { view: "activations", layer: layer.name }, hint: "activations" };
  const activations: Pick<CellContent, "go" | "hint"> =
    layer.info.activation === null ? neurons() : { go: { view: "activations", layer: layer.name }, hint: "activations" };
  switch (column) {
    case "order":
      return { content: nothing, label: layer.name, ...neurons() };
    case "size":
      return { ...sizeCell(facts), ...neurons() };
    case "weights":
      return { ...weightsCell(facts), ...neurons("weight_norm") };
    case "update": {
      const ratio = facts.shares.some(({ figures }) => figures.known(layer.name, "update_ratio"));
      return { ...updateCell(facts, ratio), ...neurons(ratio ? "update_ratio" : "displacement") };
    }
    case "gradient":
      return { ...lineCell(facts, "gradient_norm", null, ""), ...neurons("gradient_norm") };
    case "inputs":
      return { ...densityCell(facts), ...activations };
    case "dead":
      return { ...shareCell(facts, "dead_share"), ...activations };
    case "saturated":
      return { ...shareCell(facts, "saturated_share"), ...activations };
    case "health": {
      const health = facts.ctx.health.get(layer.name) ?? NOT_MEASURED;
      const found = health.findings.length > 0;
      return {
        ...healthCell(facts, health),
        ...(found ? { go: { view: "findings", layer: layer.name }, hint: "findings" } : activations),
      };
    }
  }
}

/** By what a column sorts: over several runs the worst, which is the most. */
export function sortKey(column: Exclude<Column, "order">, facts: RowFacts): number {
  const { layer, shares, ctx } = facts;
  const most = (valueOf: (share: RunShare) => number): number =>
    shares.reduce((best, share) => {
      const value = valueOf(share);
      return Number.isNaN(value) || value <= best ? best : value;
    }, Number.NEGATIVE_INFINITY);
  const known = (value: number): number => (value === Number.NEGATIVE_INFINITY ? Number.NaN : value);
  const at = (field: string): number => known(most(({ figures }) => figures.at(layer.name, field)));
  switch (column) {
    case "size":
      return layer.info.parameters;
    case "weights":
      return known(most(({ figures }) => figures.at(layer.name, "weight_q95") - figures.at(layer.name, "weight_q5")));
    case "update": {
      const ratio = at("update_ratio");
      return Number.isNaN(ratio) ? at("displacement") : ratio;
    }
    case "gradient":
      return at("gradient_norm");
    case "inputs":
      return known(
        most(({ figures }) => {
          const found = figures.density(layer.name);
          return found === null ? Number.NaN : found.range[1] - found.range[0];
        }),
      );
    case "dead":
      return at("dead_share");
    case "saturated":
      return at("saturated_share");
    case "health":
      return rankOf(ctx.health.get(layer.name) ?? NOT_MEASURED);
  }
}

/** Worse is more: first by severity, then by how many findings there are. */
function rankOf(health: Health): number {
  return STATUSES.indexOf(health.status) * 1000 + Math.min(999, health.findings.length);
}

export function worstOf(all: readonly (Health | undefined)[]): Health["status"] {
  const ranks = all.map((health) => (health === undefined ? 0 : STATUSES.indexOf(health.status)));
  return STATUSES[Math.max(0, ...ranks)] ?? "not_measured";
}

type Drawn = Pick<CellContent, "content" | "label">;

function none(): Drawn {
  return { content: html`<span class="none">—</span>`, label: "—" };
}

/** Neurons and parameters of a layer. */
export function sizeText({ ctx, layer }: RowFacts): string {
  const { neurons, parameters } = layer.info;
  return `${neurons === 0 ? "—" : ctx.words.integer(neurons)} · ${ctx.words.integer(parameters)}`;
}

function sizeCell(facts: RowFacts): Drawn {
  const text = sizeText(facts);
  return { content: html`<span class="size">${text}</span>`, label: text };
}

/** `name: text` for each run, or the text alone of a single one. */
function spoken({ shares, ctx }: RowFacts, textOf: (share: RunShare) => string): string {
  const only = ctx.runs.length === 1;
  return shares.map((share) => (only ? textOf(share) : `${share.run.info.name}: ${textOf(share)}`)).join(", ");
}

function weightsCell(facts: RowFacts): Drawn {
  const { ctx, layer } = facts;
  const shares = facts.shares.filter(({ figures }) => figures.known(layer.name, "weight_median"));
  const [first] = shares;
  if (first === undefined) return none();
  const label = spoken({ ...facts, shares }, ({ figures }) => {
    const figure = (field: string): string => ctx.words.figure(figures.at(layer.name, field));
    return `${figure("weight_q5")} … ${figure("weight_median")} … ${figure("weight_q95")}`;
  });
  const { window } = first.figures;
  const fanOf = ({ figures }: RunShare): { steps: Float64Array; values: Float32Array; low: Float32Array; high: Float32Array } => {
    const { steps, values } = figures.over(layer.name, "weight_median", "weight_q5", "weight_q95");
    const [middle, low, high] = values as readonly [Float32Array, Float32Array, Float32Array];
    return { steps, values: middle, low, high };
  };
  if (ctx.runs.length === 1) {
    const fan = fanOf(first);
    const content = html`<nn-fan
      label=${label}
      color=${first.run.style.color}
      .steps=${fan.steps}
      .low=${fan.low}
      .middle=${fan.values}
      .high=${fan.high}
      .cursor=${window.cursor}
    ></nn-fan>`;
    return { content, label };
  }
  const lines = shares.map((share) => ({ color: share.run.style.color, ...fanOf(share) }));
  return {
    content: html`<nn-run-lines label=${label} .lines=${lines} .cursor=${window.cursor}></nn-run-lines>`,
    label,
  };
}

function updateCell(facts: RowFacts, ratio: boolean): Drawn {
  const note = ratio ? "" : facts.ctx.words.t("overview.displacement");
  return ratio
    ? lineCell(facts, "update_ratio", HEALTHY_UPDATES, note)
    : lineCell(facts, "displacement", null, note);
}

function lineCell(
  facts: RowFacts,
  field: string,
  band: readonly [number, number] | null,
  note: string,
): Drawn {
  const { ctx, layer } = facts;
  const shares = facts.shares.filter(({ figures }) => figures.known(layer.name, field));
  const [first] = shares;
  if (first === undefined) return none();
  const text = ({ figures }: RunShare): string => ctx.words.figure(figures.at(layer.name, field));
  const label = `${note} ${spoken({ ...facts, shares }, text)}`.trim();
  const { window } = first.figures;
  const figures = html`<span class="figures">
    ${shares.map((share) => html`<b>${runDot(ctx, share.run)}${text(share)}</b>`)}
    ${note === "" ? nothing : html`<i>${note}</i>`}
  </span>`;
  const chart =
    ctx.runs.length === 1
      ? html`<nn-sparkline
          label=${label}
          color=${first.run.style.color}
          .steps=${first.figures.over(layer.name, field).steps}
          .values=${first.figures.over(layer.name, field).values[0]}
          .band=${band}
          .cursor=${window.cursor}
          log-scale
        ></nn-sparkline>`
      : html`<nn-run-lines
          label=${label}
          .lines=${shares.map(({ run, figures }) => {
            const { steps, values } = figures.over(layer.name, field);
            return { color: run.style.color, steps, values: values[0] };
          })}
          .band=${band}
          .cursor=${window.cursor}
          log-scale
        ></nn-run-lines>`;
  return { content: html`${chart}${figures}`, label };
}

function densityCell(facts: RowFacts): Drawn {
  const { ctx, layer } = facts;
  const found = facts.shares.flatMap(({ run, figures }) => {
    const density = figures.density(layer.name);
    return density === null ? [] : [{ run, color: run.style.color, ...density }];
  });
  const [first] = found;
  if (first === undefined) return none();
  const label = found
    .map(({ range }) => `${ctx.words.figure(range[0])} … ${ctx.words.figure(range[1])}`)
    .join(", ");
  const content =
    ctx.runs.length === 1
      ? html`<nn-mini-density
          label=${label}
          color=${first.color}
          .density=${first.density}
          .range=${first.range}
        ></nn-mini-density>`
      : html`<nn-run-outlines label=${label} .outlines=${found}></nn-run-outlines>`;
  return { content, label };
}

function shareCell(facts: RowFacts, field: string): Drawn {
  const { ctx, layer } = facts;
  const shares = facts.shares.filter(({ figures }) => !Number.isNaN(figures.at(layer.name, field)));
  if (shares.length === 0) return none();
  const text = ({ figures }: RunShare): string => ctx.words.share(figures.at(layer.name, field));
  // The colour of a figure is that of the finding about it, and of nothing else.
  const severity = ({ run }: RunShare): string =>
    aboutField(ctx.healthOf.get(run.info.name)?.get(layer.name) ?? NOT_MEASURED, field)?.severity ?? "";
  const content = html`<span class="shares">
    ${shares.map((share) => html`<b class=${severity(share)}>${runDot(ctx, share.run)}${text(share)}</b>`)}
  </span>`;
  return { content, label: spoken({ ...facts, shares }, text) };
}

function healthCell({ ctx }: RowFacts, health: Health): Drawn {
  const { words } = ctx;
  const [first, ...more] = health.findings;
  const text = first === undefined ? words.t(`health.${health.status}`) : shortFinding(words, first);
  const label = health.findings.length === 0 ? text : health.findings.map((one) => sentenceOf(words, one)).join("\n");
  const run = ctx.runs.find((one) => one.info.name === first?.run);
  const content: TemplateResult = html`${run === undefined ? nothing : runDot(ctx, run)}<span class="badge ${health.status}"><span class="words">${text}</span></span>
    ${more.length === 0 ? nothing : html`<span class="more">${words.t("overview.more", { n: more.length })}</span>`}`;
  return { content, label };
}

/** Whose a figure is, where there are several runs. */
function runDot(ctx: Context, run: RunView): unknown {
  return ctx.runs.length === 1 ? nothing : html`<span class="run" style="background:${run.style.color}"></span>`;
}

/** Every layer of the selected runs, a row each, the worst first. */

import { html, LitElement, nothing, type PropertyValues, type TemplateResult } from "lit";
import { customElement, property, state } from "lit/decorators.js";
import { repeat } from "lit/directives/repeat.js";
import { latest, versionOf, type Async } from "../api";
import { movedPlace, reachedPlace, type Place } from "../cell_focus";
import { layerLines, lineTops, linesBetween, type LayerEntry, type Line } from "../layer_rows";
import { Resources, type Wanted } from "../resource";
import { overviewAt, overviewQuery } from "../overview_query";
import { search } from "../selection";
import { overview, type Overview } from "../series";
import { COLUMNS, toggleFold, type Column } from "../state";
import { isThinned, type Context, type LayerView, type RunView } from "./context";
import { CODE } from "./empty";
import { frame, frameStyles, together } from "./frame";
import { Memo } from "./memo";
import { onceDrawn } from "./once_drawn";
import { cellOf, sizeText, sortKey, worstOf, type RowFacts, type RunShare } from "./overview_cells";
import { overviewCsv } from "./overview_csv";
import { RunFigures } from "./overview_figures";
import { overviewHeading, sharedLayers } from "./overview_heading";
import { overviewStyles } from "./overview_styles";
import { badge, base } from "./styles";
import "../charts";
import "../charts/overlay_cells";
import "./empty";
import "./save_menu";

const ROW_PX = 48;
/** What each run beyond the second adds: their figures stand below one another. */
const RUN_PX = 17;
const IDLE_PX = 30;
const FOLD_PX = 32;
/** Rows kept ready above and below what is in view, once that has been drawn. */
const OVERSCAN_PX = 240;
/** Of the window's height, where the table's own is not known yet: rather less than it has. */
const FIRST_SHARE = 0.5;
@customElement("nn-overview-view")
export class OverviewView extends LitElement {
  static override styles = [base, badge, frameStyles, overviewStyles];

  @property({ attribute: false }) ctx!: Context;
  @state() private scrolled = 0;
  @state() private viewport = FIRST_SHARE * window.innerHeight;
  @state() private overscan = 0;
  /** The cell that had the focus last; ↑ ↓ ← → move it. */
  @state() private active: Place | null = null;
  /** The cell that Tab leads to: that one, or the first where it is out of sight. */
  #reached: Place | null = null;

  readonly #overviews = new Resources<Overview>(this);
  readonly #atCursor = new Resources<Overview>(this);
  readonly #figures = new Map<string, Memo<RunFigures>>();
  readonly #lines = new Memo<readonly Line[]>();
  readonly #tops = new Memo<Float64Array>();
  #facts: ReadonlyMap<string, RowFacts> = new Map();
  #shown: readonly Line[] = [];
  #shares: readonly RunShare[] = [];
  #sizes: ResizeObserver | null = null;
  #scroller: Element | null = null;

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#sizes?.disconnect();
    this.#sizes = null;
    this.#scroller = null;
  }

  protected override render(): unknown {
    const { ctx } = this;
    const { t } = ctx.words;
    if (ctx.layers.length === 0) {
      return html`<nn-empty .words=${ctx.words} text=${t("overview.empty")} code=${CODE.start}></nn-empty>`;
    }
    const states = this.#overviews.want(ctx.runs.map((run) => this.#wanted(run, null)));
    const { cursor } = ctx.state;
    const atCursor = this.#atCursor.want(cursor === null ? [] : ctx.runs.map((run) => this.#wanted(run, cursor)));
    const all = together(states);
    if (latest(all) === null || all.status === "error") {
      return frame(ctx.words, 320, all, () => html``, () => this.#overviews.retry());
    }
    return this.#table(states, atCursor);
  }

  /** What the menu below the table saves. */
  toCsv(): string {
    return overviewCsv(this.ctx, this.#shares);
  }

  #wanted(run: RunView, step: number | null): Wanted<Overview> {
    const { name } = run.info;
    const version = versionOf(run.info);
    const query = step === null ? this.#overSteps(name) : overviewAt(name, step);
    return {
      id: name,
      key: JSON.stringify(query),
      version,
      patient: step !== null,
      load: async (signal) => overview(await this.ctx.client.arrays("overview", query, version, signal)),
    };
  }

  /** All steps, or those of the zoom where they are more than were sent of all. */
  #overSteps(run: string): Readonly<Record<string, string | number>> {
    const { client, state } = this.ctx;
    const whole = overviewQuery(run);
    if (state.zoom === null || !isThinned(client.peek("overview", whole))) return whole;
    return { ...whole, from: Math.floor(state.zoom[0]), to: Math.ceil(state.zoom[1]) };
  }

  #table(states: ReadonlyMap<string, Async<Overview>>, atCursor: ReadonlyMap<string, Async<Overview>>): TemplateResult {
    const { ctx } = this;
    const { words } = ctx;
    this.#shares = this.#sharesOf(states, atCursor);
    const lines = this.#linesOf(this.#shares);
    const heightOf = (line: Line): number => this.#heightOf(line);
    const tops = this.#tops.of([lines, ctx.runs.length], () => lineTops(lines, heightOf));
    const [from, to] = linesBetween(tops, this.scrolled - this.overscan, this.scrolled + this.viewport + this.overscan);
    this.#shown = lines;
    this.#reached = reachedPlace(this.active, lines.slice(from, to));
    const place = (line: Line, offset: number): TemplateResult => {
      const at = from + offset;
      const style = `top:${tops[at]}px;height:${(tops[at + 1] as number) - (tops[at] as number)}px`;
      return line.kind === "layer" ? this.#layer(line, at, style) : this.#fold(line, at, style);
    };
    return html`<div class="scroller" @scroll=${this.#scroll}>
        <div class="table" role="grid" aria-label=${words.t("overview.table")} aria-rowcount=${lines.length + 1} aria-colcount=${COLUMNS.length}>
          <div class="head" role="row" aria-rowindex="1">${COLUMNS.map((column) => overviewHeading(ctx, column))}</div>
          ${lines.length === 0
            ? html`<div role="row"><div role="gridcell" style="padding:20px">${words.t("overview.none")}</div></div>`
            : html`<div class="lines" role="rowgroup" style="height:${tops.at(-1)}px" @keydown=${this.#keydown} @focusin=${this.#focused}>
                ${repeat(lines.slice(from, to), (line) => (line.kind === "layer" ? line.name : line.id), place)}
              </div>`}
        </div>
      </div>
      <p class="hint">
        <nn-save-menu table .words=${words} heading=${words.t("overview.table")} file="overview" .within=${() => [this]}></nn-save-menu>
        ${words.t("overview.rows", { n: this.#facts.size })}${sharedLayers(ctx)} · ${words.t("overview.hint")}</p>`;
  }

  #sharesOf(
    states: ReadonlyMap<string, Async<Overview>>,
    atCursor: ReadonlyMap<string, Async<Overview>>,
  ): readonly RunShare[] {
    const { ctx } = this;
    return ctx.runs.flatMap((run) => {
      const name = run.info.name;
      const state = states.get(name);
      const whole = state === undefined ? null : latest(state);
      if (whole === null) return [];
      const at = atCursor.get(name);
      const exact = at === undefined ? null : latest(at);
      const memo = this.#figures.get(name) ?? new Memo<RunFigures>();
      this.#figures.set(name, memo);
      const { start } = run.style;
      const figures = memo.of([whole, exact, ctx.axis, start], () => new RunFigures(whole, exact, ctx.axis, start));
      return [{ run, figures }];
    });
  }

  #linesOf(shares: readonly RunShare[]): readonly Line[] {
    const { ctx } = this;
    const { rows, folds, layerFilter } = ctx.state;
    const figures = shares.map((share) => share.figures);
    return this.#lines.of([ctx.layers, ctx.health, ctx.words, rows, folds, layerFilter, ...figures], () => {
      const matches = search(layerFilter);
      const layers = ctx.layers.filter((layer) => matches(layer.name));
      this.#facts = new Map(layers.map((layer) => [layer.name, this.#factsOf(layer, shares)]));
      const entries = layers.map((layer, order): LayerEntry => {
        const facts = this.#facts.get(layer.name) as RowFacts;
        const idle = layer.info.parameters === 0 && layer.info.activation === null;
        return { name: layer.name, order, idle, key: rows.column === "order" ? order : sortKey(rows.column, facts) };
      });
      return layerLines(entries, rows, folds);
    });
  }

  #factsOf(layer: LayerView, shares: readonly RunShare[]): RowFacts {
    return { ctx: this.ctx, layer, shares: shares.filter(({ figures }) => figures.has(layer.name)) };
  }

  #heightOf(line: Line): number {
    if (line.kind !== "layer") return FOLD_PX;
    return line.idle ? IDLE_PX : ROW_PX + RUN_PX * Math.max(0, this.ctx.runs.length - 2);
  }

  #fold(line: Extract<Line, { kind: "module" | "idle" }>, at: number, style: string): TemplateResult {
    const { ctx } = this;
    const { words } = ctx;
    const text = this.#count(line.kind, line.layers.length);
    const worst = worstOf(line.layers.map((name) => ctx.health.get(name)));
    return html`<div class="line fold" role="row" aria-rowindex=${at + 2} style=${style}>
      <div role="gridcell" aria-colspan=${COLUMNS.length - 1} style="padding-left:${line.depth * 14}px;height:100%">
        <button aria-expanded=${!line.folded} @click=${() => ctx.store.update((state) => toggleFold(state, line.id))}>
          <svg class="chevron" viewBox="0 0 10 10" aria-hidden="true"><path d="M3 1l4 4-4 4" fill="none" stroke="currentColor" stroke-width="1.6" /></svg>
          ${line.kind === "module" ? html`<b>${line.label}</b>` : nothing}
          <span class="count">${text}${line.kind === "idle" && line.folded ? `: ${line.layers.join(", ")}` : ""}</span>
        </button>
      </div>
      <div role="gridcell">${line.kind === "module" ? html`<span class="dot ${worst}" role="img" aria-label=${words.t(`health.${worst}`)}></span>` : nothing}</div>
    </div>`;
  }

  #count(kind: "module" | "idle", count: number): string {
    const { t } = this.ctx.words;
    if (kind === "module") return t("overview.module", { n: count });
    return count === 1 ? t("overview.idle.one") : t("overview.idle", { n: count });
  }

  #layer(line: Extract<Line, { kind: "layer" }>, at: number, style: string): TemplateResult {
    const { ctx } = this;
    const layer = this.#facts.get(line.name)?.layer;
    if (layer === undefined) return html``;
    // The facts are of when the rows were sorted; what is drawn is of now.
    const facts = { ...(this.#facts.get(line.name) as RowFacts), ctx };
    const current = ctx.state.layer === line.name ? "current" : "";
    return html`<div class="line layer ${line.idle ? "idle" : ""} ${current}" role="row" aria-rowindex=${at + 2} data-layer=${line.name} style=${style}>
      ${COLUMNS.map((column) => this.#cell(column, facts, line))}
    </div>`;
  }

  #cell(column: Column, facts: RowFacts, line: Extract<Line, { kind: "layer" }>): TemplateResult {
    const { ctx } = this;
    const { content, label, go, hint } = cellOf(column, facts);
    const title = `${label}\n${ctx.words.t(`overview.go.${hint}`)}`;
    const active = this.#reached?.layer === line.name && this.#reached.column === column;
    const open = (): void => ctx.store.set(go);
    const inner =
      column === "order"
        ? html`<span class="name" style="padding-left:${line.depth * 14}px"
            >${line.label}<span class="size below">${sizeText(facts)}</span></span
          >`
        : line.idle && column !== "size"
          ? nothing
          : content;
    return html`<div
      class="cell"
      role="gridcell"
      tabindex=${active ? 0 : -1}
      data-column=${column}
      title=${title}
      @click=${open}
      @keydown=${(event: KeyboardEvent) => {
        if (event.key !== "Enter" && event.key !== " ") return;
        event.preventDefault();
        event.stopPropagation();
        open();
      }}
    ><span class="visually-hidden">${column === "order" ? line.name : label}</span><div class="shown" aria-hidden="true">${inner}</div></div>`;
  }

  readonly #focused = (event: FocusEvent): void => {
    const cell = (event.target as HTMLElement).closest<HTMLElement>(".cell");
    const layer = cell?.closest<HTMLElement>(".line")?.dataset["layer"];
    const column = cell?.dataset["column"] as Column | undefined;
    if (layer !== undefined && column !== undefined) this.active = { layer, column };
  };

  /** ↑ ↓ ← → Home End move between cells; the row moved to is brought into view first. */
  readonly #keydown = (event: KeyboardEvent): void => {
    const next = this.active === null ? null : movedPlace(this.active, event.key, this.#shown);
    if (next === null) return;
    event.preventDefault();
    event.stopPropagation();
    this.active = next;
    this.#reveal(next.layer);
    void this.updateComplete.then(() => this.#activeCell()?.focus({ preventScroll: true }));
  };

  #activeCell(): HTMLElement | null {
    if (this.active === null) return null;
    const { layer, column } = this.active;
    return this.renderRoot.querySelector(`[data-layer="${CSS.escape(layer)}"] [data-column="${column}"]`);
  }

  #reveal(layer: string): void {
    const scroller = this.renderRoot.querySelector(".scroller");
    const at = this.#shown.findIndex((line) => line.kind === "layer" && line.name === layer);
    if (scroller === null || at < 0) return;
    const tops = lineTops(this.#shown, (line) => this.#heightOf(line));
    const head = this.renderRoot.querySelector(".head")?.clientHeight ?? 0;
    const top = tops[at] as number;
    const bottom = (tops[at + 1] as number) + head;
    if (top < scroller.scrollTop) scroller.scrollTop = top;
    else if (bottom > scroller.scrollTop + scroller.clientHeight) scroller.scrollTop = bottom - scroller.clientHeight;
    this.scrolled = scroller.scrollTop;
  }

  readonly #scroll = (event: Event): void => {
    this.scrolled = (event.target as HTMLElement).scrollTop;
  };

  #shownLayer: string | null = null;

  protected override updated(changed: PropertyValues): void {
    super.updated(changed);
    const scroller = this.renderRoot.querySelector(".scroller");
    if (scroller === null) return;
    // A failure in its place takes it away, and what comes back is another one, not scrolled yet.
    if (this.#scroller !== scroller) {
      this.#sizes?.disconnect();
      this.#scroller = scroller;
      this.scrolled = scroller.scrollTop;
      const sizes = new ResizeObserver(() => (this.viewport = scroller.clientHeight));
      this.#sizes = sizes;
      onceDrawn(() => {
        // It may have been taken away meanwhile, and nobody disconnects it again.
        if (this.#sizes !== sizes) return;
        sizes.observe(scroller);
        this.overscan = OVERSCAN_PX;
      });
    }
    const { layer } = this.ctx.state;
    if (layer === this.#shownLayer) return;
    this.#shownLayer = layer;
    if (layer !== null) this.#reveal(layer);
  }
}

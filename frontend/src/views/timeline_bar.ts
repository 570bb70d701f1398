/** The scalars on top of every view: the time axis that all charts share, and its controls. */

import { css, html, LitElement, nothing } from "lit";
import { customElement, property, state } from "lit/decorators.js";
import { versionOf } from "../api";
import type { LineSeries } from "../charts/contract";
import { Resources, type Wanted } from "../resource";
import { defaultScalars, scalarTags } from "../selection";
import { scalarSeries, type ScalarSeries } from "../series";
import { MAX_SMOOTHING, neighbourStep } from "../state";
import { stepWords, type Context } from "./context";
import "../charts";
import { frame, frameStyles, together } from "./frame";
import { Memo } from "./memo";
import { base, field } from "./styles";
import "./empty";

const HEIGHT_PX = 96;
/** The whole run is played in about so many milliseconds, step by step. */
const PLAY_MS = 8000;

@customElement("nn-timeline-bar")
export class TimelineBarElement extends LitElement {
  static override styles = [
    base,
    field,
    frameStyles,
    css`
      :host {
        display: block;
        padding: 6px 16px 4px;
        border-bottom: 1px solid var(--nn-border);
        background: var(--nn-surface);
      }
      .controls {
        display: flex;
        align-items: center;
        flex-wrap: wrap;
        gap: 4px 12px;
        min-height: 28px;
        font-size: 12px;
        color: var(--nn-muted);
      }
      .cursor {
        display: inline-flex;
        align-items: center;
        gap: 2px;
      }
      .cursor output {
        min-width: 9ch;
        text-align: center;
        color: var(--nn-accent);
        font-weight: 600;
      }
      .cursor button {
        display: grid;
        place-content: center;
        width: 24px;
        height: 24px;
        padding: 0;
      }
      .legend {
        display: flex;
        flex-wrap: wrap;
        gap: 2px 12px;
        min-width: 0;
      }
      .legend span {
        display: inline-flex;
        align-items: center;
        gap: 5px;
      }
      .legend i {
        width: 14px;
        height: 0;
        border-top: 2.5px solid;
      }
      .right {
        display: flex;
        align-items: center;
        gap: 12px;
        margin-left: auto;
      }
      .smoothing {
        display: inline-flex;
        align-items: center;
        gap: 6px;
      }
      .smoothing input {
        width: 84px;
      }
      .smoothing output {
        min-width: 4ch;
      }
      details {
        position: relative;
      }
      summary {
        cursor: pointer;
        list-style: none;
      }
      summary::after {
        content: "▾";
        margin-left: 4px;
      }
      .tags {
        position: absolute;
        z-index: 20;
        right: 0;
        max-height: 300px;
        min-width: 180px;
        overflow: auto;
        border: 1px solid var(--nn-border);
        border-radius: 8px;
        background: var(--nn-raised);
        box-shadow: var(--nn-shadow-high);
        padding: 6px;
        color: var(--nn-text);
      }
      .tags label {
        display: flex;
        align-items: center;
        gap: 7px;
        border-radius: 5px;
        padding: 3px 6px;
        white-space: nowrap;
      }
      .tags label:hover {
        background: var(--nn-hover);
      }
      .reset {
        color: var(--nn-accent);
      }
    `,
  ];

  @property({ attribute: false }) ctx!: Context;
  @state() private playing = false;
  readonly #scalars = new Resources<ScalarSeries>(this);
  #frame = 0;

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.stop();
  }

  /** Starts or stops moving the cursor through the recorded steps. */
  toggle(): void {
    if (this.playing) this.stop();
    else this.#play();
  }

  stop(): void {
    cancelAnimationFrame(this.#frame);
    this.playing = false;
  }

  protected override render(): unknown {
    const { ctx } = this;
    const tags = ctx.state.scalars ?? defaultScalars(ctx.runs.map((run) => run.info));
    return html`<div class="controls">${this.#cursor()} ${this.#legend(tags)} ${this.#right(tags)}</div>
      ${this.#chart(tags)}`;
  }

  #chart(tags: readonly string[]): unknown {
    const { ctx } = this;
    const wanted = tags.flatMap((tag) => this.#wantedOf(tag));
    const states = this.#scalars.want(wanted);
    if (wanted.length === 0) {
      return html`<div class="frame" style="height:${HEIGHT_PX}px">
        <nn-empty .words=${ctx.words} text=${ctx.runs.length === 0 ? "" : ctx.words.t("timeline.empty")}></nn-empty>
      </div>`;
    }
    return frame(
      ctx.words,
      HEIGHT_PX,
      together(states),
      (values) => html`<nn-timeline
        heading=${`${ctx.words.t("timeline")}: ${tags.join(", ")}`}
        .series=${this.#linesOf(values, tags)}
        .time=${ctx.axis}
        .stepWords=${stepWords(ctx)}
        .smoothing=${ctx.state.smoothing}
      ></nn-timeline>`,
      () => this.#scalars.retry(),
    );
  }

  #wantedOf(tag: string): Wanted<ScalarSeries>[] {
    const { ctx } = this;
    return ctx.runs.flatMap((run) => {
      const info = run.info.scalars.find((scalar) => scalar.tag === tag);
      if (info === undefined) return [];
      const version = versionOf(info);
      const query = { run: run.info.name, tag };
      const id = JSON.stringify([run.info.name, tag]);
      return [
        {
          id,
          key: id,
          version,
          load: async (signal: AbortSignal) =>
            scalarSeries(await ctx.client.arrays("scalars", query, version, signal)),
        },
      ];
    });
  }

  readonly #lines = new Memo<readonly LineSeries[]>();

  #linesOf(values: ReadonlyMap<string, ScalarSeries>, tags: readonly string[]): readonly LineSeries[] {
    const entries = tags.flatMap((tag) =>
      this.ctx.runs.flatMap(({ info, style }) => {
        const series = values.get(JSON.stringify([info.name, tag]));
        return series === undefined ? [] : [{ style, tag, series }];
      }),
    );
    const from = entries.flatMap(({ style, tag, series }) => [style.run, style.color, tag, series]);
    return this.#lines.of(from, () =>
      entries.map(({ style, tag, series }) => ({
        ...style,
        steps: series.steps,
        wallTimes: series.wallTimes,
        values: series.values,
        label: tag,
      })),
    );
  }

  #cursor(): unknown {
    const { ctx } = this;
    const { t } = ctx.words;
    const { cursor } = ctx.state;
    const step = cursor ?? ctx.lastStep;
    const move = (by: number): void =>
      ctx.store.set({ cursor: settled(neighbourStep(ctx.steps, cursor, by), ctx.lastStep) });
    const icon = (path: string): unknown =>
      html`<svg width="12" height="12" viewBox="0 0 12 12" aria-hidden="true">
        <path d=${path} fill="currentColor" />
      </svg>`;
    return html`<div class="cursor">
      <button class="quiet" aria-label=${t("step.previous")} title="${t("step.previous")} (←)" @click=${() => move(-1)}>
        ${icon("M8.5 1.5v9L3 6z")}
      </button>
      <button
        class="quiet"
        aria-label=${t(this.playing ? "timeline.stop" : "timeline.play")}
        title="${t(this.playing ? "timeline.stop" : "timeline.play")} (␣)"
        @click=${() => this.toggle()}
      >
        ${icon(this.playing ? "M2 2h3v8H2zM7 2h3v8H7z" : "M2.5 1.2v9.6L10.5 6z")}
      </button>
      <button class="quiet" aria-label=${t("step.next")} title="${t("step.next")} (→)" @click=${() => move(1)}>
        ${icon("M3.5 1.5v9L9 6z")}
      </button>
      <output aria-label=${t("step.label")}
        >${step === null
          ? "—"
          : t(cursor === null ? "step.last" : "step", { step })}</output
      >
      ${cursor === null
        ? nothing
        : html`<button
            class="quiet"
            style="width:auto;padding:0 6px"
            title=${t("timeline.follow")}
            aria-label=${t("timeline.follow")}
            @click=${() => ctx.store.set({ cursor: null })}
          >
            ${icon("M1.5 1.5v9L7 6zM8 1.5h2v9H8z")}
          </button>`}
    </div>`;
  }

  #legend(tags: readonly string[]): unknown {
    const { ctx } = this;
    if (ctx.runs.length < 2 && tags.length < 2) {
      return html`<div class="legend"><span>${tags.join(", ")}</span></div>`;
    }
    return html`<div class="legend">
      <span>${tags.join(", ")}</span>
      ${ctx.runs.map(
        (run) =>
          html`<span><i style="border-color:${run.style.color}"></i>${run.info.name}</span>`,
      )}
    </div>`;
  }

  #right(tags: readonly string[]): unknown {
    const { ctx } = this;
    const { t } = ctx.words;
    const all = scalarTags(ctx.runs.map((run) => run.info));
    return html`<div class="right">
      ${ctx.state.zoom === null
        ? html`<span class="hint">${t("timeline.hint")}</span>`
        : html`<button class="quiet reset" @click=${() => ctx.store.set({ zoom: null })}>
            ${t("timeline.reset")}
          </button>`}
      <label class="smoothing"
        >${t("timeline.smoothing")}
        <input
          type="range"
          min="0"
          max=${MAX_SMOOTHING}
          step="0.01"
          .value=${String(ctx.state.smoothing)}
          @input=${(event: InputEvent) =>
            ctx.store.set({ smoothing: Number((event.target as HTMLInputElement).value) })}
        /><output>${ctx.state.smoothing.toFixed(2)}</output></label
      >
      ${all.length < 2
        ? nothing
        : html`<details @focusout=${this.#closeTags} @keydown=${this.#tagKeys}>
            <summary class="quiet">${t("timeline.scalars")}</summary>
            <div class="tags" tabindex="-1">
              ${all.map(
                (tag) =>
                  html`<label
                    ><input
                      type="checkbox"
                      .checked=${tags.includes(tag)}
                      @change=${() =>
                        ctx.store.set({
                          scalars: all.filter((other) => tags.includes(other) !== (other === tag)),
                        })}
                    />${tag}</label
                  >`,
              )}
            </div>
          </details>`}
    </div>`;
  }

  readonly #closeTags = (event: FocusEvent): void => {
    const details = event.currentTarget as HTMLDetailsElement;
    if (!(event.relatedTarget instanceof Node) || !details.contains(event.relatedTarget)) {
      details.open = false;
    }
  };

  readonly #tagKeys = (event: KeyboardEvent): void => {
    if (event.key !== "Escape") return;
    const details = event.currentTarget as HTMLDetailsElement;
    details.open = false;
    details.querySelector("summary")?.focus();
  };

  #play(): void {
    const { store } = this.ctx;
    const range = store.state.zoom;
    const steps = (): Float64Array =>
      range === null
        ? this.ctx.steps
        : this.ctx.steps.filter((step) => step >= range[0] && step <= range[1]);
    const all = steps();
    if (all.length < 2) return;
    this.playing = true;
    const last = all.at(-1) as number;
    const cursor = store.state.cursor;
    // At the end, playing begins anew.
    const from = cursor === null || cursor >= last || cursor < (all[0] as number) ? 0 : all.findIndex((step) => step >= cursor);
    const perStep = PLAY_MS / all.length;
    let started: number | null = null;
    const tick = (now: number): void => {
      started ??= now;
      const place = from + Math.floor((now - started) / perStep);
      if (place >= all.length - 1 || this.ctx.lastStep === null) {
        store.set({ cursor: settled(last, this.ctx.lastStep) });
        this.stop();
        return;
      }
      store.set({ cursor: all[place] as number });
      this.#frame = requestAnimationFrame(tick);
    };
    this.#frame = requestAnimationFrame(tick);
  }
}

/** The cursor at a step; on the last one it follows the run. */
function settled(step: number | null, last: number | null): number | null {
  return step !== null && last !== null && step >= last ? null : step;
}

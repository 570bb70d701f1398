/** The scalars on top of every view: the time axis that all charts share, and its controls. */

import { css, html, LitElement, nothing } from "lit";
import { customElement, property } from "lit/decorators.js";
import { scalarLanes } from "../scalar_lanes";
import { defaultScalars, scalarTags } from "../selection";
import { MAX_SMOOTHING, moveCursor, neighbourStep } from "../state";
import type { Context } from "./context";
import { menu, menuKeys, menuLeft } from "./menu";
import { base, field } from "./styles";
import "./save_menu";
import { scalarKey } from "./timeline_lanes";
import { Player } from "./timeline_player";

@customElement("nn-timeline-bar")
export class TimelineBarElement extends LitElement {
  static override styles = [
    base,
    field,
    menu,
    css`
      :host {
        display: block;
        padding: 6px 16px 4px;
        border-bottom: 1px solid var(--nn-border);
        background: var(--nn-surface);
        container-type: inline-size;
        /* Its menu lies over the view below. */
        position: relative;
        z-index: 6;
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
      .tags {
        max-height: 300px;
        min-width: 180px;
        overflow: auto;
        color: var(--nn-text);
      }
      .tags label {
        display: flex;
        align-items: center;
        gap: 7px;
        border-radius: 5px;
        padding: 3px 6px;
      }
      .tags label:hover {
        background: var(--nn-hover);
      }
      /* What the keys do is said where there is room for it; the buttons' tips say it too. */
      @container (max-width: 1080px) {
        .hint {
          display: none;
        }
      }
      .reset {
        color: var(--nn-accent);
      }
    `,
  ];

  @property({ attribute: false }) ctx!: Context;
  readonly #player = new Player(
    () => this.ctx,
    () => this.requestUpdate(),
  );

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.stop();
  }

  /** Starts or stops moving the cursor through the recorded steps. */
  toggle(): void {
    this.#player.toggle();
  }

  stop(): void {
    this.#player.stop();
  }

  protected override render(): unknown {
    const { ctx } = this;
    const tags = ctx.state.scalars ?? defaultScalars(ctx.runs.map((run) => run.info));
    return html`<div class="controls">${this.#cursor()} ${this.#legend(tags)} ${this.#right(tags)}</div>
      <nn-timeline-lanes .ctx=${ctx} .tags=${tags}></nn-timeline-lanes>`;
  }

  #cursor(): unknown {
    const { ctx } = this;
    const { t } = ctx.words;
    const { cursor } = ctx.state;
    const step = cursor ?? ctx.lastStep;
    const move = (by: number): void =>
      ctx.store.update((state) => moveCursor(state, neighbourStep(ctx.steps, cursor, by), ctx.lastStep));
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
        aria-label=${t(this.#player.playing ? "timeline.stop" : "timeline.play")}
        title="${t(this.#player.playing ? "timeline.stop" : "timeline.play")} (␣)"
        @click=${() => this.toggle()}
      >
        ${icon(this.#player.playing ? "M2 2h3v8H2zM7 2h3v8H7z" : "M2.5 1.2v9.6L10.5 6z")}
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

  /** What the lines are: dashes tell the scalars of a run apart, colours the runs. */
  #legend(tags: readonly string[]): unknown {
    const { ctx } = this;
    return html`<div class="legend">
      ${scalarLanes(tags).length > 1 ? nothing : scalarKey(tags)}
      ${ctx.runs.length < 2
        ? nothing
        : ctx.runs.map((run) => html`<span><i style="border-color:${run.style.color}"></i>${run.info.name}</span>`)}
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
        : html`<details @focusout=${menuLeft} @keydown=${menuKeys}>
            <summary class="quiet">${t("timeline.scalars")}</summary>
            <div class="menu tags" tabindex="-1">
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
      <nn-save-menu
        .words=${ctx.words}
        heading=${t("timeline")}
        file="timeline"
        .within=${() => this.renderRoot.querySelectorAll("nn-timeline-lanes")}
      ></nn-save-menu>
    </div>`;
  }
}

/** Which runs and layers are looked at, and along which axis. */

import { css, html, LitElement, nothing } from "lit";
import { customElement, property } from "lit/decorators.js";
import { repeat } from "lit/directives/repeat.js";
import type { RunInfo } from "../api";
import { LANGUAGE_NAMES } from "../i18n";
import { matcher } from "../selection";
import { LANGUAGES, toggleRun } from "../state";
import type { Context } from "./context";
import { badge, base, field, section } from "./styles";
import "./layer_list";

@customElement("nn-sidebar")
export class SidebarElement extends LitElement {
  static override styles = [
    base,
    field,
    badge,
    section,
    css`
      :host {
        display: flex;
        flex-direction: column;
        gap: 18px;
        min-height: 0;
        overflow: auto;
        padding: 14px 12px 12px;
        border-right: 1px solid var(--nn-border);
        background: var(--nn-surface);
      }
      /* However many layers there are, what stands below them stays in reach. */
      nn-layer-list {
        flex: 1 1 auto;
        min-height: 150px;
      }
      .runs {
        max-height: 28vh;
        overflow: auto;
      }
      .run {
        position: relative;
        display: flex;
        align-items: center;
        gap: 7px;
        border-radius: 6px;
        padding: 3px 4px;
      }
      .run:hover {
        background: var(--nn-hover);
      }
      .run label {
        display: flex;
        align-items: center;
        gap: 8px;
        flex: 1;
        min-width: 0;
        cursor: pointer;
      }
      .color {
        flex: none;
        width: 10px;
        height: 10px;
        border-radius: 50%;
      }
      .only {
        position: absolute;
        right: 2px;
        opacity: 0;
        background: var(--nn-hover);
        font-size: 12px;
        padding: 0 5px;
      }
      .run:hover .only,
      .only:focus-visible {
        opacity: 1;
      }
      .without {
        color: var(--nn-muted);
      }
      .bad {
        color: var(--nn-bad);
      }
      .settings {
        display: flex;
        flex-wrap: wrap;
        flex: none;
        gap: 10px 22px;
      }
      fieldset {
        display: flex;
        gap: 14px;
        border: 0;
        margin: 0;
        padding: 0 4px;
      }
      fieldset label {
        display: flex;
        align-items: center;
        gap: 6px;
        cursor: pointer;
      }
    `,
  ];

  @property({ attribute: false }) ctx!: Context;

  protected override render(): unknown {
    return html`${this.#runs()} <nn-layer-list .ctx=${this.ctx}></nn-layer-list>
      <div class="settings">${this.#axis()} ${this.#language()}</div>`;
  }

  #runs(): unknown {
    const { ctx } = this;
    const { t } = ctx.words;
    const { runFilter } = ctx.state;
    const matches = matcher(runFilter);
    const all = ctx.catalogue.runs;
    const shown = matches === null ? all : all.filter((run) => matches(run.name));
    return html`<section aria-labelledby="runs">
      <h2 id="runs">${t("runs")} <span>${ctx.runs.length} / ${all.length}</span></h2>
      <input
        type="search"
        placeholder=${t("runs.filter")}
        aria-label=${t("runs.filter")}
        aria-invalid=${matches === null}
        spellcheck="false"
        .value=${runFilter}
        @input=${(event: InputEvent) =>
          ctx.store.set({ runFilter: (event.target as HTMLInputElement).value })}
      />
      ${matches === null
        ? html`<div class="note bad" role="status">${t("runs.filter.bad")}</div>`
        : nothing}
      ${shown.length === 0 && all.length > 0
        ? html`<div class="note" role="status">${t("runs.none.match")}</div>`
        : nothing}
      <ul class="runs">
        ${repeat(
          shown,
          (run) => run.name,
          (run) => this.#run(run),
        )}
      </ul>
    </section>`;
  }

  #run(run: RunInfo): unknown {
    const { ctx } = this;
    const { t } = ctx.words;
    const selected = ctx.runs.map((view) => view.info.name);
    const without = !run.recorded;
    const detail = [run.writer, ...run.notes, ...run.problems].filter(Boolean).join("\n");
    return html`<li class="run ${without ? "without" : ""}">
      <label title=${`${run.name}${without ? ` — ${t("runs.without")}` : ""}${detail && `\n${detail}`}`}>
        <input
          type="checkbox"
          .checked=${selected.includes(run.name)}
          @change=${() => ctx.store.update((state) => toggleRun(state, run.name, selected))}
        />
        <span class="color" style="background:${ctx.colorOf(run.name)}"></span>
        <span class="name"><bdi>${run.name}</bdi></span>
        ${run.problems.length > 0 ? html`<span class="dot warning"></span>` : nothing}
      </label>
      <button
        class="quiet only"
        aria-label=${t("runs.only.title", { run: run.name })}
        @click=${() => ctx.store.set({ runs: [run.name], focus: null })}
      >
        ${t("runs.only")}
      </button>
    </li>`;
  }

  #axis(): unknown {
    const { store, state, words } = this.ctx;
    const choice = (unit: "step" | "time"): unknown =>
      html`<label
        ><input
          type="radio"
          name="unit"
          .checked=${state.unit === unit}
          @change=${() => store.set({ unit })}
        />${words.t(`axis.${unit}`)}</label
      >`;
    return html`<section>
      <h2 id="axis">${words.t("axis")}</h2>
      <fieldset aria-labelledby="axis">${choice("step")} ${choice("time")}</fieldset>
    </section>`;
  }

  #language(): unknown {
    const { store, words } = this.ctx;
    return html`<section>
      <h2 id="language">${words.t("language")}</h2>
      <fieldset aria-labelledby="language">
        ${LANGUAGES.map(
          (language) =>
            html`<label lang=${language}
              ><input
                type="radio"
                name="language"
                .checked=${words.language === language}
                @change=${() => store.set({ language })}
              />${LANGUAGE_NAMES[language]}</label
            >`,
        )}
      </fieldset>
    </section>`;
  }
}

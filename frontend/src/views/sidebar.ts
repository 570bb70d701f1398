/** Which runs and layers are looked at, and along which axis. */

import { css, html, LitElement, nothing } from "lit";
import { customElement, property } from "lit/decorators.js";
import { repeat } from "lit/directives/repeat.js";
import type { RunInfo } from "../api";
import type { Complaint } from "../health";
import { LANGUAGE_NAMES } from "../i18n";
import { matcher, search } from "../selection";
import { LANGUAGES, toggleRun } from "../state";
import type { Context, LayerView } from "./context";
import { badge, base, field } from "./styles";

@customElement("nn-sidebar")
export class SidebarElement extends LitElement {
  static override styles = [
    base,
    field,
    badge,
    css`
      :host {
        display: flex;
        flex-direction: column;
        gap: 18px;
        overflow: auto;
        padding: 14px 12px;
        border-right: 1px solid var(--nn-border);
        background: var(--nn-surface);
      }
      section {
        display: flex;
        flex-direction: column;
        gap: 6px;
        /* The side bar scrolls as a whole; sections that shrank would lie over one another. */
        flex: none;
      }
      h2 {
        display: flex;
        justify-content: space-between;
        align-items: baseline;
        margin: 0;
        padding: 0 4px;
        font-size: 11px;
        font-weight: 600;
        letter-spacing: 0.06em;
        text-transform: uppercase;
        color: var(--nn-muted);
      }
      h2 span {
        font-weight: 400;
        letter-spacing: 0;
      }
      input[type="search"] {
        width: 100%;
      }
      ul {
        margin: 0;
        padding: 0;
        list-style: none;
      }
      .runs {
        max-height: 34vh;
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
      .run:hover,
      .layer:hover {
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
      .name {
        overflow: hidden;
        text-overflow: ellipsis;
        white-space: nowrap;
        /* The end of a path tells runs and layers apart, so that is what must stay in sight. */
        direction: rtl;
        text-align: left;
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
      .layer {
        display: flex;
        align-items: center;
        gap: 8px;
        width: 100%;
        border-radius: 6px;
        padding: 4px;
        padding-left: 8px;
        text-align: left;
      }
      .layer .name {
        flex: 1;
      }
      .layer[aria-current="true"] {
        background: var(--nn-selected);
      }
      .path {
        color: var(--nn-muted);
      }
      .note {
        padding: 2px 4px;
        font-size: 12px;
        color: var(--nn-muted);
      }
      .bad {
        color: var(--nn-bad);
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
      .layers {
        content-visibility: auto;
      }
    `,
  ];

  @property({ attribute: false }) ctx!: Context;

  protected override render(): unknown {
    return html`${this.#runs()} ${this.#layers()} ${this.#axis()} ${this.#language()}`;
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
    const without = run.layers.length === 0;
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

  #layers(): unknown {
    const { ctx } = this;
    const { t } = ctx.words;
    const matches = search(ctx.state.layerFilter);
    const shown = ctx.layers.filter((layer) => matches(layer.name));
    if (ctx.layers.length === 0) return nothing;
    return html`<section aria-labelledby="layers">
      <h2 id="layers">${t("layers")} <span>${shown.length} / ${ctx.layers.length}</span></h2>
      <input
        type="search"
        placeholder=${t("layers.search")}
        aria-label=${t("layers.search")}
        spellcheck="false"
        .value=${ctx.state.layerFilter}
        @input=${(event: InputEvent) =>
          ctx.store.set({ layerFilter: (event.target as HTMLInputElement).value })}
      />
      ${shown.length === 0
        ? html`<div class="note" role="status">${t("layers.none.match")}</div>`
        : nothing}
      <ul class="layers" @keydown=${this.#layerKeys}>
        ${repeat(
          shown,
          (layer) => layer.name,
          (layer) => this.#layer(layer),
        )}
      </ul>
    </section>`;
  }

  #layer(layer: LayerView): unknown {
    const { ctx } = this;
    const { t } = ctx.words;
    const slash = layer.name.lastIndexOf("/") + 1;
    const health = ctx.health.get(layer.name);
    const grade = health?.grade ?? "unknown";
    const missing = ctx.runs.filter((run) => !run.layers.has(layer.name));
    const title = [
      `${layer.name} — ${layer.info.type}, ${t(`health.${grade}`)}`,
      ...(health?.complaints ?? []).map((complaint) => this.#complaint(complaint)),
      ...(missing.length === 0
        ? []
        : [t("missing.run", { runs: missing.map((run) => run.info.name).join(", ") })]),
      ...layer.info.notes,
    ].join("\n");
    return html`<li>
      <button
        class="layer"
        title=${title}
        aria-current=${ctx.state.layer === layer.name}
        @click=${() => ctx.store.set({ layer: layer.name })}
      >
        <span class="name"
          ><bdi><span class="path">${layer.name.slice(0, slash)}</span>${layer.name.slice(slash)}</bdi></span
        >
        <span
          class="dot ${grade}"
          role="img"
          aria-label=${[t(`health.${grade}`), ...(health?.complaints ?? []).map((one) => this.#complaint(one))].join(", ")}
        ></span>
      </button>
    </li>`;
  }

  #complaint({ field: name, value }: Complaint): string {
    const { words, definitions } = this.ctx;
    const definition = words.definition(name, definitions?.layer_fields[name]);
    const figure = definition?.share === true ? words.share(value) : words.figure(value);
    return `${definition?.label ?? name}: ${figure}`;
  }

  readonly #layerKeys = (event: KeyboardEvent): void => {
    const by = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    if (by === 0) return;
    event.preventDefault();
    const buttons = [...this.renderRoot.querySelectorAll<HTMLElement>(".layer")];
    const here = buttons.indexOf(event.target as HTMLElement);
    buttons[Math.min(buttons.length - 1, Math.max(0, here + by))]?.focus();
  };

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

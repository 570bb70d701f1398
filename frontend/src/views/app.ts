/** The panel as a whole: owns the state, the connection and the address, and lays out the views. */

import { html, LitElement, nothing } from "lit";
import { customElement, query, state } from "lit/decorators.js";
import { AddressLink } from "../address_link";
import { Client, type ApiError, type Async, type Catalogue, type Definitions } from "../api";
import type { CursorDetail, ZoomDetail } from "../charts/contract";
import { Host } from "../host";
import { Live } from "../live";
import { overviewQuery } from "../overview_query";
import { serverAnswers } from "../resource";
import { firstRuns } from "../selection";
import { moveCursor, neighbourStep, setZoom, Store, type State } from "../state";
import { fromParameters } from "../url";
import { ContextMaker } from "./app_context";
import { appStyles } from "./app_styles";
import type { Context } from "./context";
import { CODE } from "./empty";
import { frame, frameStyles } from "./frame";
import type { Freshness } from "./header";
import { newest } from "./run_views";
import { shortcutOf } from "./shortcuts";
import { base } from "./styles";
import type { TimelineBarElement } from "./timeline_bar";
import "./activations";
import "./drawer";
import "./empty";
import "./findings";
import "./header";
import "./neurons";
import "./overview";
import "./sidebar";
import "./splitter";
import "./timeline_bar";

const CLOCK_MS = 1000;

@customElement("nn-app")
export class AppElement extends LitElement {
  static override styles = [
    base,
    frameStyles,
    appStyles,
  ];

  readonly #host = new Host();
  readonly #client = new Client();
  readonly #store = new Store(fromParameters(this.#host.readAddress()));
  readonly #live = new Live({
    read: (signal) => this.#client.catalogue((all) => this.#looked(all), this.#live.held, signal),
    tell: (catalogue) => this.#arrived(catalogue),
    fail: (error) => this.#failed(error),
  });
  readonly #contexts = new ContextMaker(this, this.#client, this.#store);
  readonly #address = new AddressLink(this.#host, this.#store);
  #lifetime = new AbortController();
  #runNames: readonly string[] = [];

  @state() private catalogue: Catalogue | null = null;
  @state() private error: ApiError | null = null;
  @state() private definitions: Definitions | null = null;
  @state() private dark = this.#host.dark;
  @state() private clock = 0;
  /** Narrow windows: whether the side bar is unfolded. */
  @state() private drawn = false;
  @query("nn-timeline-bar") private readonly timeline!: TimelineBarElement | null;

  override connectedCallback(): void {
    super.connectedCallback();
    this.#lifetime = new AbortController();
    const { signal } = this.#lifetime;
    this.#store.listen((after, before) => this.#changed(after, before), signal);
    this.#host.onTheme((dark) => (this.dark = dark), signal);
    this.#address.listen(signal);
    this.#host.onReload(() => this.#live.poke(), signal);
    this.#host.onVisibility((visible) => this.#seen(visible), signal);
    window.addEventListener("keydown", this.#keydown, { signal });
    // Charts tell what the reader did on them; wherever they are, it comes by here.
    this.addEventListener("nn-cursor", (event) => this.#cursorMoved(event), { signal });
    this.addEventListener("nn-zoom", (event) => this.#zoomed(event), { signal });
    this.#seen(this.#host.visible);
    void this.#define(signal);
    const clock = setInterval(() => {
      if (this.#host.visible) this.clock += 1;
    }, CLOCK_MS);
    signal.addEventListener("abort", () => clearInterval(clock), { once: true });
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#lifetime.abort();
    this.#live.stop();
  }

  protected override willUpdate(): void {
    document.documentElement.classList.toggle("dark-mode", this.dark);
    document.documentElement.lang = this.#contexts.words.locale;
    document.title = `NNViz · ${this.#contexts.words.t(`tab.${this.#store.state.view}`)}`;
  }

  protected override render(): unknown {
    const words = this.#contexts.words;
    if (this.catalogue === null) {
      const waiting: Async<never> =
        this.error === null
          ? { status: "pending", previous: null }
          : { status: "error", error: this.error, previous: null };
      return html`<div class="alone" style="padding:24px">
        ${frame(words, 240, waiting, () => html``, () => this.#live.poke())}
      </div>`;
    }
    if (!this.catalogue.runs.some((run) => run.recorded)) {
      return html`<div class="alone">
        <nn-empty
          .words=${words}
          heading=${words.t("empty.runs.title")}
          text=${words.t("empty.runs")}
          code=${CODE.start}
        ></nn-empty>
      </div>`;
    }
    const { catalogue, definitions, dark } = this;
    const ctx = this.#contexts.make({ catalogue, definitions, dark, runNames: this.#runNames });
    return html`<aside aria-label=${words.t("sidebar.open")}>
        <button class="skip" @click=${this.#skip}>${words.t("skip")}</button>
        <nn-drawer .ctx=${ctx} .open=${this.drawn} @nn-drawer=${() => (this.drawn = !this.drawn)}></nn-drawer>
        <nn-sidebar .ctx=${ctx} ?data-open=${this.drawn}></nn-sidebar>
        <nn-splitter label=${words.t("sidebar.width")}></nn-splitter>
      </aside>
      <header><nn-header
        .ctx=${ctx}
        .freshness=${this.#freshness(ctx)}
        .address=${() => this.#address.current}
        @nn-pause=${() => {
          this.#live.held = !this.#live.held;
          this.requestUpdate();
        }}
      ></nn-header></header>
      <section aria-label=${words.t("timeline")}><nn-timeline-bar .ctx=${ctx}></nn-timeline-bar></section>
      <main tabindex="-1">
        ${ctx.state.view === "overview" || ctx.state.view === "activations"
          ? html`<h1 class="visually-hidden">${words.t(`tab.${ctx.state.view}`)}</h1>`
          : nothing}
        <div class="view" role="tabpanel" aria-label=${words.t(`tab.${ctx.state.view}`)}>${this.#view(ctx)}</div>
      </main>
      ${this.error === null
        ? nothing
        : html`<div class="banner" role="alert">${this.error.message}</div>`}`;
  }

  /** No link: the address is the state's, and this moves nothing but the focus. */
  readonly #skip = (): void => {
    this.renderRoot.querySelector("main")?.focus();
  };

  #view(ctx: Context): unknown {
    if (ctx.runs.length === 0) {
      return html`<nn-empty
        .words=${ctx.words}
        heading=${ctx.words.t("empty.select.title")}
        text=${ctx.words.t("empty.select")}
      ></nn-empty>`;
    }
    if (!ctx.runs.some((run) => run.info.full)) {
      return frame(ctx.words, 240, { status: "pending", previous: null }, () => html``, () => this.#live.again());
    }
    const problems = [...new Set(ctx.runs.flatMap((run) => run.info.problems))];
    if (ctx.layers.length === 0 && problems.length > 0) {
      return html`<nn-empty
        .words=${ctx.words}
        heading=${ctx.words.t("empty.unreadable.title")}
        text=${problems.join(" · ")}
      ></nn-empty>`;
    }
    switch (ctx.state.view) {
      case "overview":
        return html`<nn-overview-view .ctx=${ctx}></nn-overview-view>`;
      case "findings":
        return html`<nn-findings-view .ctx=${ctx}></nn-findings-view>`;
      case "activations":
        return html`<nn-activations-view .ctx=${ctx}></nn-activations-view>`;
      case "neurons":
        return html`<nn-neurons-view .ctx=${ctx}></nn-neurons-view>`;
    }
  }

  #freshness(ctx: Context): Freshness {
    const written = newest(ctx.runs.map((run) => run.info), "last_wall_time");
    return {
      liveness: this.#live.liveness(written),
      lastStep: ctx.lastStep,
      age: written === null ? null : Math.max(0, Date.now() / 1000 - written),
      silence: this.#live.silence / 1000,
    };
  }

  #arrived(catalogue: Catalogue): void {
    serverAnswers();
    this.error = null;
    const newRuns = catalogue.runs.some((run) => !this.#runNames.includes(run.name));
    if (newRuns) void this.#nameRuns();
    // What nothing changed in is kept, so that nothing is computed or drawn again.
    this.catalogue = catalogue;
    // Written into the state, so that a copied link opens on the same run.
    const runs = this.#store.state.runs ?? firstRuns(catalogue);
    if (runs !== this.#store.state.runs) this.#address.amend({ runs });
  }

  /** Whose contents are wanted; the first time, with them goes the question for what is drawn first. */
  #looked(all: Catalogue): readonly string[] {
    const { runs, view } = this.#store.state;
    const looked = runs ?? firstRuns(all) ?? [];
    if (this.catalogue === null && view === "overview") {
      for (const run of looked) this.#client.expect("overview", overviewQuery(run));
    }
    return looked;
  }

  #failed(error: ApiError): void {
    // One failure may be a hiccup while data is shown; the header tells when answers stay away.
    if (this.catalogue === null || !error.unanswered) this.error = error;
    this.requestUpdate();
  }

  async #define(signal: AbortSignal): Promise<void> {
    try {
      this.definitions = await this.#client.definitions(signal);
    } catch {
      if (!signal.aborted) setTimeout(() => void this.#define(signal), 4000);
    }
  }

  async #nameRuns(): Promise<void> {
    try {
      this.#runNames = await this.#client.runNames(this.#lifetime.signal);
      this.requestUpdate();
    } catch {
      // Colours then follow the catalogue's order, which is TensorBoard's unless runs have no data.
    }
  }

  #seen(visible: boolean): void {
    this.#live.visible = visible;
    if (!visible) this.timeline?.stop();
    this.requestUpdate();
  }

  #changed(after: State, before: State): void {
    this.requestUpdate();
    const lacking = this.catalogue?.runs.some((run) => !run.full && after.runs?.includes(run.name));
    if (after.runs !== before.runs && lacking === true) this.#live.again();
  }

  #lastStep(): number | null {
    const { runs } = this.#store.state;
    return newest(this.catalogue?.runs.filter((run) => runs?.includes(run.name)) ?? [], "last_step");
  }

  #cursorMoved(event: Event): void {
    const { step } = (event as CustomEvent<CursorDetail>).detail;
    this.timeline?.stop();
    this.#store.update((state) => moveCursor(state, step, this.#lastStep()));
  }

  #zoomed(event: Event): void {
    const { range } = (event as CustomEvent<ZoomDetail>).detail;
    this.#store.update((state) => setZoom(state, range));
  }

  readonly #keydown = (event: KeyboardEvent): void => {
    const shortcut = shortcutOf(event);
    if (shortcut === null) return;
    event.preventDefault();
    if (shortcut === "play") {
      this.timeline?.toggle();
      return;
    }
    this.timeline?.stop();
    const steps = this.timeline?.ctx.steps ?? [];
    this.#store.update((state) =>
      moveCursor(state, neighbourStep(steps, state.cursor, shortcut), this.#lastStep()),
    );
  };
}

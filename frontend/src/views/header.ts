/** The views as tabs, and how fresh what they show is. */

import { css, html, LitElement, nothing } from "lit";
import { customElement, property, state } from "lit/decorators.js";
import type { Definition } from "../api";
import { costOf, dearest, type Cost } from "../cost";
import { alarmCount } from "../findings";
import type { Liveness } from "../live";
import { VIEWS, type View } from "../state";
import type { Context } from "./context";
import { copyText } from "./empty";
import { base } from "./styles";
import "./term";

/** What the header says of the connection; renewed every second. */
export interface Freshness {
  readonly liveness: Liveness;
  /** Newest step of the selected runs. */
  readonly lastStep: number | null;
  /** Seconds since its record was written. */
  readonly age: number | null;
  /** Seconds since the last answer of the server. */
  readonly silence: number;
}

@customElement("nn-header")
export class HeaderElement extends LitElement {
  static override styles = [
    base,
    css`
      :host {
        display: flex;
        align-items: stretch;
        gap: 4px 12px;
        flex-wrap: wrap;
        padding: 0 16px;
        border-bottom: 1px solid var(--nn-border);
        background: var(--nn-surface);
      }
      nav {
        display: flex;
        gap: 2px;
      }
      .tab {
        padding: 12px 14px 9px;
        border-bottom: 3px solid transparent;
        color: var(--nn-muted);
        font-size: 14px;
      }
      .tab:hover {
        color: var(--nn-text);
      }
      .tab[aria-selected="true"] {
        color: var(--nn-accent);
        border-bottom-color: var(--nn-accent-line);
        font-weight: 600;
      }
      .count {
        display: inline-block;
        min-width: 18px;
        margin-left: 3px;
        border-radius: 9px;
        padding: 0 5px;
        font-size: 11.5px;
        font-weight: 600;
        line-height: 18px;
        text-align: center;
      }
      .count.severe {
        background: var(--nn-bad-surface);
        color: var(--nn-bad);
      }
      .count.warning {
        background: var(--nn-warn-surface);
        color: var(--nn-warn);
      }
      .dear {
        border-radius: 5px;
        background: var(--nn-warn-surface);
        color: var(--nn-warn);
        padding: 1px 6px;
      }
      .facts {
        display: flex;
        align-items: center;
        gap: 6px 14px;
        margin-left: auto;
        color: var(--nn-muted);
        font-size: 12.5px;
      }
      .live {
        display: inline-flex;
        align-items: center;
        gap: 7px;
        color: var(--nn-muted);
      }
      .live i {
        width: 8px;
        height: 8px;
        border-radius: 50%;
        background: var(--nn-none-dot);
      }
      .live[data-state="live"] {
        color: var(--nn-good);
      }
      .live[data-state="live"] i {
        background: var(--nn-good-dot);
      }
      .live[data-state="stale"] {
        color: var(--nn-bad);
      }
      .live[data-state="stale"] i {
        background: var(--nn-bad-dot);
        border-radius: 1px;
      }
      .live[data-state="paused"] i {
        border-radius: 0;
        width: 7px;
        background: none;
        border-inline: 2.5px solid currentColor;
      }
    `,
  ];

  @property({ attribute: false }) ctx!: Context;
  @property({ attribute: false }) freshness!: Freshness;
  /** Full address of what is on screen. */
  @property({ attribute: false }) address: () => string = () => "";
  @state() private copied = false;

  protected override render(): unknown {
    const { t } = this.ctx.words;
    return html`<nav role="tablist" aria-label=${t("tabs")} @keydown=${this.#keydown}>
        ${VIEWS.map((view) => this.#tab(view))}
      </nav>
      <div class="facts">
        ${this.#status()} ${this.#cost()}
        <button class="quiet" @click=${this.#copyLink}>
          <span aria-live="polite">${t(this.copied ? "link.copied" : "link.copy")}</span>
        </button>
      </div>`;
  }

  #tab(view: View): unknown {
    const { ctx } = this;
    const selected = ctx.state.view === view;
    return html`<button
      class="tab"
      role="tab"
      id=${`tab-${view}`}
      data-view=${view}
      aria-selected=${selected}
      tabindex=${selected ? 0 : -1}
      @click=${() => ctx.store.set({ view })}
    >
      ${ctx.words.t(`tab.${view}`)}${view === "findings" ? this.#count() : nothing}
    </button>`;
  }

  /** How many findings are more than worth knowing, over the selected runs. */
  #count(): unknown {
    const { ctx } = this;
    const count = alarmCount(ctx.assessments);
    if (count === 0) return nothing;
    const severe = ctx.assessments.some((one) => one.findings.some((item) => item.severity === "severe"));
    return html` <span
      class="count ${severe ? "severe" : "warning"}"
      role="img"
      aria-label=${ctx.words.t("tab.findings.count", { n: count })}
      title=${ctx.words.t("tab.findings.count", { n: count })}
      >${count}</span
    >`;
  }

  #status(): unknown {
    const { words } = this.ctx;
    const { liveness, lastStep, age, silence } = this.freshness;
    const step = lastStep === null ? "—" : words.integer(lastStep);
    const text =
      liveness === "starting"
        ? words.t("live.starting")
        : liveness === "stale"
          ? words.t("live.stale", { age: words.span(silence) })
          : lastStep === null && liveness !== "paused"
            ? words.t("live.nodata")
            : words.t(`live.${liveness}`, { step, age: age === null ? "—" : words.age(age) });
    const title = liveness === "starting" ? "" : words.t(`live.title.${liveness}`);
    return html`<button
      class="live"
      data-state=${liveness}
      title=${title}
      aria-pressed=${liveness === "paused"}
      @click=${() => this.dispatchEvent(new CustomEvent("nn-pause"))}
    >
      <i aria-hidden="true"></i>${text}
    </button>`;
  }

  #cost(): unknown {
    const { costs, words } = this.ctx;
    const cost = dearest([...costs.values()].flatMap((run) => costOf(run) ?? []));
    if (cost === null) return nothing;
    const text =
      cost.grade === "short"
        ? words.t("cost.short", { spent: words.seconds(cost.spent), elapsed: words.seconds(cost.elapsed) })
        : words.t("cost", { share: words.share(cost.share) });
    return html`<nn-term
      class=${cost.grade}
      .definition=${this.#costDefinition(cost)}
      sourceLabel=${words.t("definition.source")}
      >${text}</nn-term
    >`;
  }

  /** What the share is of, why it may be large, and what to do where it is dear. */
  #costDefinition({ share, spent, logged, grade }: Cost): Definition | null {
    const { words, definitions } = this.ctx;
    const given = words.definition("overhead_share", definitions?.run_fields["overhead_share"]);
    if (given === null || grade === "fair") return given;
    const facts = { share: words.share(share), steps: logged, each: words.seconds(spent / logged) };
    const more = grade === "dear" ? words.t("cost.dear") : words.t("cost.short.text", facts);
    return { ...given, text: `${given.text} ${more}` };
  }

  readonly #keydown = (event: KeyboardEvent): void => {
    const by = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
    if (by === 0) return;
    // Inside the tabs these keys move between them, as everywhere, and not the step cursor.
    event.preventDefault();
    event.stopPropagation();
    const here = VIEWS.indexOf(this.ctx.state.view);
    const view = VIEWS[(here + by + VIEWS.length) % VIEWS.length] as View;
    this.ctx.store.set({ view });
    this.renderRoot.querySelector<HTMLElement>(`[data-view="${view}"]`)?.focus();
  };

  readonly #copyLink = async (): Promise<void> => {
    this.copied = await copyText(this.address(), null);
    setTimeout(() => (this.copied = false), 2000);
  };
}

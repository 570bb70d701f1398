/** The box that a chart stands in: of fixed height, so that nothing jumps, whatever is in it. */

import { css, html, nothing, type TemplateResult } from "lit";
import type { Async } from "../api";
import type { Words } from "../i18n";

/** Lower than this, a box holds one line. */
const SMALL_PX = 120;

export const frameStyles = css`
  .frame {
    position: relative;
    min-width: 0;
  }
  .frame > * {
    display: block;
    width: 100%;
    height: 100%;
  }
  .frame[aria-busy="true"] > :not(.skeleton) {
    opacity: 0.55;
    transition: opacity 120ms linear 150ms;
  }
  /* Shown only when loading takes longer than 150 ms: a flash would be worse than a wait. */
  .skeleton {
    border-radius: 6px;
    background: var(--nn-skeleton);
    opacity: 0;
    animation: nn-appear 200ms ease-out 150ms forwards;
  }
  @keyframes nn-appear {
    to {
      opacity: 1;
    }
  }
  .failure {
    display: grid !important;
    place-content: center;
    justify-items: center;
    gap: 4px;
    padding: 8px 12px;
    border-radius: 6px;
    background: var(--nn-bad-surface);
    color: var(--nn-bad);
    text-align: center;
    overflow: auto;
  }
  .failure.small {
    grid-auto-flow: column;
    gap: 6px;
    padding: 2px 8px;
    align-items: center;
    font-size: 12px;
  }
  .failure strong {
    font-weight: 600;
  }
  .failure button {
    text-decoration: underline;
    padding: 2px 6px;
  }
  @media (prefers-reduced-motion: reduce) {
    .skeleton {
      animation-duration: 0s;
    }
    .frame > * {
      transition: none !important;
    }
  }
`;

/**
 * The chart of what has been loaded, or its skeleton, or why there is none.
 * @param heightPx the box's height, whatever is in it; null: as high as what is in it
 */
export function frame<T>(
  words: Words,
  heightPx: number | null,
  state: Async<T>,
  draw: (value: T) => TemplateResult,
  retry: () => void,
): TemplateResult {
  const shown = state.status === "ready" ? state.value : state.status === "pending" ? state.previous : null;
  return html`<div class="frame" style=${heightPx === null ? "min-height:96px" : `height:${heightPx}px`} aria-busy=${state.status === "pending"}>
    ${state.status === "error"
      ? failure(words, state.error.message, state.error.unanswered, heightPx !== null && heightPx < SMALL_PX, retry)
      : shown === null
        ? html`<div class="skeleton" role="status" aria-label=${words.t("loading")}></div>`
        : draw(shown)}
  </div>`;
}

/** Why there is no chart, and what to do; in a low box in one line, with the rest on hover. */
function failure(words: Words, message: string, unanswered: boolean, small: boolean, retry: () => void): TemplateResult {
  const reason = unanswered ? words.t("error.offline") : message;
  return html`<div class="failure ${small ? "small" : ""}" role="alert" title=${reason}>
    <strong>${words.t("error.title")}</strong>
    ${small ? nothing : html`<span>${reason}</span>`}
    <button @click=${retry}>${words.t("error.retry")}</button>
  </div>`;
}

/** One state of several: ready when all are, an error when one is. */
export function together<T>(states: ReadonlyMap<string, Async<T>>): Async<ReadonlyMap<string, T>> {
  const values = new Map<string, T>();
  let pending = false;
  for (const [id, state] of states) {
    if (state.status === "error") return { status: "error", error: state.error, previous: null };
    if (state.status === "pending") pending = true;
    const value = state.status === "ready" ? state.value : state.previous;
    if (value !== null) values.set(id, value);
  }
  if (!pending) return { status: "ready", value: values };
  return { status: "pending", previous: values.size === 0 ? null : values };
}

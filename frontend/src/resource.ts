/** What a view needs from the server, kept by the view that needs it, for as long as it does. */

import type { ReactiveController, ReactiveControllerHost } from "lit";
import { ApiError, latest, type Async } from "./api";

/** One thing wanted. */
export interface Wanted<T> {
  /** Tells the things apart that one view wants at once, as a run's name. */
  readonly id: string;
  /** What is asked: another key is another question. */
  readonly key: string;
  /** What the catalogue says of it: another version is the same question with a newer answer. */
  readonly version: string;
  /**
   * Whether an earlier question is let finish before this one is asked: of a cursor that moves
   * faster than the server answers, no answer would ever come, and the server would make them all.
   */
  readonly patient?: boolean;
  readonly load: (signal: AbortSignal) => Promise<T>;
}

interface Slot<T> {
  key: string;
  version: string;
  state: Async<T>;
  request: AbortController | null;
}

/**
 * Loads what a view wants and asks the view to update when it has come. The latest request wins:
 * an earlier one for the same thing is aborted. What was shown stays until its successor is there,
 * so that nothing flickers.
 */
/** Those of the elements that stand in the page. */
const connected = new Set<{ retryUnanswered(): void }>();


/** The server answers: what failed because it did not is asked for again, wherever it is shown. */
export function serverAnswers(): void {
  for (const resources of connected) resources.retryUnanswered();
}

export class Resources<T> implements ReactiveController {
  readonly #host: ReactiveControllerHost;
  readonly #slots = new Map<string, Slot<T>>();

  constructor(host: ReactiveControllerHost) {
    this.#host = host;
    host.addController(this);
  }

  /** The states of all that is wanted now, in its order; what is no longer wanted is dropped. */
  want(wanted: readonly Wanted<T>[]): ReadonlyMap<string, Async<T>> {
    const ids = new Set(wanted.map((item) => item.id));
    for (const [id, slot] of this.#slots) {
      if (ids.has(id)) continue;
      slot.request?.abort();
      this.#slots.delete(id);
    }
    return new Map(wanted.map((item) => [item.id, this.#stateOf(item)]));
  }

  /** Asks again for what has failed, at the next update. */
  retry(): void {
    this.#forget(() => true);
  }

  /** Asks again for what failed because nobody answered. */
  retryUnanswered(): void {
    this.#forget((error) => error.unanswered);
  }

  #forget(which: (error: ApiError) => boolean): void {
    const failed = [...this.#slots].filter(([, { state }]) => state.status === "error" && which(state.error));
    for (const [id] of failed) this.#slots.delete(id);
    if (failed.length > 0) this.#host.requestUpdate();
  }

  hostConnected(): void {
    connected.add(this);
    this.#host.requestUpdate();
  }

  hostDisconnected(): void {
    connected.delete(this);
    for (const slot of this.#slots.values()) slot.request?.abort();
    this.#slots.clear();
  }

  #stateOf(item: Wanted<T>): Async<T> {
    const held = this.#slots.get(item.id);
    if (held?.key === item.key) {
      // Of a run that is written to faster than the server answers, no answer would ever come if
      // each new version stopped the question before; the update that the answer brings asks anew.
      if (held.version === item.version || held.request !== null) return held.state;
    }
    if (item.patient === true && held !== undefined && held.request !== null) {
      return { status: "pending", previous: latest(held.state) };
    }
    held?.request?.abort();
    const previous = held === undefined ? null : latest(held.state);
    const request = new AbortController();
    const slot: Slot<T> = {
      key: item.key,
      version: item.version,
      // A newer answer to the same question replaces the older one without a word.
      state:
        held?.key === item.key && held.state.status === "ready"
          ? held.state
          : { status: "pending", previous },
      request,
    };
    this.#slots.set(item.id, slot);
    item.load(request.signal).then(
      (value) => this.#settle(slot, request, { status: "ready", value }),
      (error: unknown) => {
        const reason =
          error instanceof ApiError ? error : new ApiError(error instanceof Error ? error.message : String(error), 0, "unexpected");
        // What answered another question must not stand for this one.
        this.#settle(slot, request, { status: "error", error: reason, previous: held?.key === item.key ? previous : null });
      },
    );
    return slot.state;
  }

  #settle(slot: Slot<T>, request: AbortController, state: Async<T>): void {
    if (request.signal.aborted) return;
    slot.request = null;
    slot.state = state;
    this.#host.requestUpdate();
  }
}

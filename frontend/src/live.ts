/** Polls the catalogue while anyone can see us, and knows how old what is shown is. */

import type { ApiError, Catalogue } from "./api";

export const POLL_MS = 2000;
/** No answer for so long, and what is shown may be out of date. */
export const STALE_MS = 10_000;
/** After a failure polls come further apart, up to this. */
export const SLOWEST_POLL_MS = 16_000;
/** No new record for so long, and training is at rest or over. */
export const IDLE_SECONDS = 60;

/** How things stand: `live` new records come, `idle` none of late, `stale` no answers. */
export type Liveness = "starting" | "live" | "idle" | "paused" | "stale";

export interface LiveOptions {
  /** Reads the catalogue; rejects with an ApiError. */
  readonly read: (signal: AbortSignal) => Promise<Catalogue>;
  /** A catalogue has come. */
  readonly tell: (catalogue: Catalogue) => void;
  /** A read has failed; the error stands until the next catalogue. */
  readonly fail: (error: ApiError) => void;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
}

export class Live {
  readonly #options: LiveOptions;
  readonly #now: () => number;
  #timer: ReturnType<typeof setTimeout> | null = null;
  #request: AbortController | null = null;
  #visible = false;
  #held = false;
  #failures = 0;
  #lastAnswer: number | null = null;
  #firstAttempt: number | null = null;

  constructor(options: LiveOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
  }

  /** Whether the panel can be seen; polling rests while it cannot. */
  set visible(visible: boolean) {
    if (visible === this.#visible) return;
    this.#visible = visible;
    this.#resume();
  }

  /** Whether the reader has stopped the updates. */
  get held(): boolean {
    return this.#held;
  }

  set held(held: boolean) {
    if (held === this.#held) return;
    this.#held = held;
    this.#resume();
  }

  /** Polls at once, because something said that there is news. */
  poke(): void {
    if (!this.#held) this.again();
  }

  /** Reads at once, also while updates are held: something is wanted that was not before. */
  again(): void {
    if (!this.#visible) return;
    this.#stop();
    void this.#poll();
  }

  stop(): void {
    this.#visible = false;
    this.#stop();
  }

  /**
   * How things stand now.
   * @param lastRecord seconds since 1970 of the newest record shown, null when there is none
   */
  liveness(lastRecord: number | null): Liveness {
    if (this.#held || !this.#visible) return "paused";
    const now = this.#now();
    const since = this.#lastAnswer ?? this.#firstAttempt;
    if (since !== null && now - since > STALE_MS) return "stale";
    if (this.#lastAnswer === null) return "starting";
    if (lastRecord === null || now / 1000 - lastRecord > IDLE_SECONDS) return "idle";
    return "live";
  }

  /** Milliseconds since the server's last answer, or since it was first asked. */
  get silence(): number {
    return this.#now() - (this.#lastAnswer ?? this.#firstAttempt ?? this.#now());
  }

  #resume(): void {
    this.#stop();
    if (this.#visible && !this.#held) {
      // Time that passed unseen is no failure of the server's.
      this.#firstAttempt = this.#now();
      if (this.#lastAnswer !== null) this.#lastAnswer = this.#now();
      void this.#poll();
    }
  }

  #stop(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#request?.abort();
    this.#request = null;
  }

  async #poll(): Promise<void> {
    const request = new AbortController();
    this.#request = request;
    try {
      const catalogue = await this.#options.read(request.signal);
      if (request.signal.aborted) return;
      this.#failures = 0;
      this.#lastAnswer = this.#now();
      this.#options.tell(catalogue);
    } catch (error) {
      if (request.signal.aborted) return;
      this.#failures++;
      this.#options.fail(error as ApiError);
    }
    this.#request = null;
    if (this.#held) return;
    const wait = Math.min(SLOWEST_POLL_MS, POLL_MS * 2 ** Math.min(this.#failures, 4));
    this.#timer = setTimeout(() => void this.#poll(), wait);
  }
}

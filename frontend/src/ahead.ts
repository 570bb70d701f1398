/**
 * Answers asked for before the part of the panel that reads them is there. The first chart waits for
 * the catalogue, the contents of a run and the overview; asked one after the other, each of them
 * would wait for a piece of the page to be built that it does not need.
 */

/** Full addresses, and the answers that are on their way. */
export type Early = ReadonlyMap<string, Promise<Response>>;

export class Ahead {
  readonly #fetch: typeof fetch;
  readonly #answers = new Map<string, Promise<Response>>();

  constructor(fetcher: typeof fetch = (...args) => fetch(...args)) {
    this.#fetch = fetcher;
  }

  /** What the page has asked for. */
  adopt(early: Early): void {
    for (const [address, answer] of early) {
      this.#answers.set(address, answer);
      // Who takes it hears of the failure; an answer that nobody takes fails without a word.
      answer.catch(() => undefined);
    }
  }

  /** `fetch`, or the answer that was asked for; once, because the next question means a newer one. */
  readonly fetch: typeof fetch = (input, init) => {
    const address = String(input);
    const early = this.#answers.get(address);
    this.#answers.delete(address);
    return early ?? this.#fetch(input, init);
  };
}

/** Of the page; what its entry module asked for is in it from the start. */
export const ahead = new Ahead();

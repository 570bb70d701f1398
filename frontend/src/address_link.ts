/** Keeps the page's address and the state the same: a copied link, back and forward open the same view. */

import type { Host } from "./host";
import type { State, Store } from "./state";
import { fromParameters, isStation, toParameters } from "./url";

/** What is no station changes the address this long after it has come to rest. */
const DELAY_MS = 250;

export class AddressLink {
  #timer: ReturnType<typeof setTimeout> | null = null;
  /** What came from the address is not written into it again. */
  #quiet = false;

  constructor(
    private readonly host: Host,
    private readonly store: Store,
  ) {}

  /** The full address of what is on screen now. */
  get current(): string {
    if (this.#cancel()) this.#write(this.store.state, false);
    return this.host.address;
  }

  listen(signal: AbortSignal): void {
    this.store.listen((after, before) => this.#changed(after, before), signal);
    this.host.onAddress((parameters) => {
      const next = fromParameters(parameters);
      this.#quietly(() => this.store.update(() => next));
    }, signal);
  }

  /** A change that the reader did not make: no station to come back to, and nothing to wait for. */
  amend(change: Partial<State>): void {
    this.#quietly(() => this.store.set(change));
    this.#writeLater();
  }

  #quietly(change: () => void): void {
    this.#quiet = true;
    change();
    this.#quiet = false;
  }

  #changed(after: State, before: State): void {
    if (this.#quiet) return;
    if (!isStation(after, before)) {
      this.#writeLater();
      return;
    }
    // Back leads to what was last on screen.
    if (this.#cancel()) this.#write(before, false);
    this.#write(after, true);
  }

  #writeLater(): void {
    this.#cancel();
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.#write(this.store.state, false);
    }, DELAY_MS);
  }

  /** Whether something was still to be written. */
  #cancel(): boolean {
    if (this.#timer === null) return false;
    clearTimeout(this.#timer);
    this.#timer = null;
    return true;
  }

  #write(state: State, station: boolean): void {
    this.host.writeAddress(toParameters(state), station);
  }
}

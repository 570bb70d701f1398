/** Keeps the page's address and the state the same: a copied link, back and forward open the same view. */

import type { Host } from "./host";
import type { State, Store } from "./state";
import { fromParameters, isStation, toParameters } from "./url";

/** A dragged cursor changes the address this long after it has come to rest. */
const DELAY_MS = 250;

export class AddressLink {
  #timer: ReturnType<typeof setTimeout> | null = null;
  /** What came from the address is not written into it again. */
  #quiet = false;

  constructor(
    private readonly host: Host,
    private readonly store: Store,
  ) {}

  listen(signal: AbortSignal): void {
    this.store.listen((after, before) => this.#changed(after, before), signal);
    this.host.onAddress((parameters) => {
      const next = fromParameters(parameters);
      this.#quietly(() => this.store.update(() => next));
    }, signal);
  }

  /** A change that the reader did not make: no station to come back to. */
  amend(change: Partial<State>): void {
    this.#quietly(() => this.store.set(change));
    this.#write(false);
  }

  #quietly(change: () => void): void {
    this.#quiet = true;
    change();
    this.#quiet = false;
  }

  #changed(after: State, before: State): void {
    if (this.#quiet) return;
    if (this.#timer !== null) clearTimeout(this.#timer);
    if (isStation(after, before)) {
      this.#write(true);
      return;
    }
    this.#timer = setTimeout(() => this.#write(false), DELAY_MS);
  }

  #write(station: boolean): void {
    this.host.writeAddress(toParameters(this.store.state), station);
  }
}

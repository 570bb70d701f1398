/** Keeps what was made as long as it would be made of the same things. */

/**
 * Charts draw again when they are handed another object, so what is derived from unchanged data
 * has to stay the same object.
 */
export class Memo<T> {
  #from: readonly unknown[] | null = null;
  #value: T | undefined;

  /** What was made last; undefined before. */
  get value(): T | undefined {
    return this.#value;
  }

  /** @param from all that `make` depends on */
  of(from: readonly unknown[], make: () => T): T {
    const same =
      this.#from !== null &&
      this.#from.length === from.length &&
      from.every((item, index) => Object.is(item, this.#from?.[index]));
    if (!same) {
      this.#value = make();
      this.#from = from;
    }
    return this.#value as T;
  }
}

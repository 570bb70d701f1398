/**
 * The catalogue as the views take it: every run in brief, and in full those that are looked at. Of a
 * sweep of hundreds of runs one or two are; their contents are read again only when they changed.
 */

import { ApiError, versionOf, type Catalogue, type RunInfo } from "./api";

/** A JSON answer and the name that the server gave it, which tells whether it is still the same. */
export interface Told {
  readonly etag: string | null;
  readonly value: unknown;
}

/** Asks for a JSON answer; gives `held` itself back where the server says that it is the same. */
export type Ask = (route: string, run: string | null, held: Told | null, signal: AbortSignal) => Promise<Told>;

/** Which runs are looked at, of those that there are. */
export type Choice = (catalogue: Catalogue) => readonly string[];

export class CatalogueReader {
  readonly #ask: Ask;
  #brief: { readonly told: Told; readonly catalogue: Catalogue } | null = null;
  #contents = new Map<string, Told>();
  #last: Catalogue | null = null;

  constructor(ask: Ask) {
    this.#ask = ask;
  }

  /**
   * The catalogue, the same object while nothing in it changes.
   * @param choice whose contents are wanted
   * @param held updates are held: what is known stays as it is, and only what lacks is read
   * @throws ApiError where nothing comes, or none of the runs that are wanted
   */
  async read(choice: Choice, held: boolean, signal: AbortSignal): Promise<Catalogue> {
    const before = this.#brief;
    const brief = held && before !== null ? before : await this.#readBrief(signal);
    const wanted = new Set(choice(brief.catalogue));
    const runs = brief.catalogue.runs.filter((run) => wanted.has(run.name));
    const read = await Promise.all(runs.map((run) => this.#readContents(run, held, signal)));
    const failed = read.find((one) => one instanceof ApiError);
    if (failed !== undefined && read.every((one) => one instanceof ApiError)) throw failed;
    const contents = new Map<string, Told>();
    const faults = new Map<string, ApiError>();
    runs.forEach(({ name }, place) => {
      const one = read[place];
      if (one instanceof ApiError) faults.set(name, one);
      else if (one !== undefined) contents.set(name, one);
    });
    const same =
      brief === before &&
      faults.size === 0 &&
      contents.size === this.#contents.size &&
      [...contents].every(([name, told]) => this.#contents.get(name) === told);
    this.#brief = brief;
    this.#contents = contents;
    if (!same || this.#last === null) {
      this.#last = {
        runs: brief.catalogue.runs.map((run) => {
          const told = contents.get(run.name);
          if (told !== undefined) return { ...run, ...(told.value as Partial<RunInfo>), full: true };
          const fault = faults.get(run.name);
          return fault === undefined ? run : { ...run, problems: [...run.problems, fault.message], full: true };
        }),
      };
    }
    return this.#last;
  }

  async #readBrief(signal: AbortSignal): Promise<{ told: Told; catalogue: Catalogue }> {
    const told = await this.#ask("catalogue", null, this.#brief?.told ?? null, signal);
    if (this.#brief?.told === told) return this.#brief;
    const { runs } = told.value as Catalogue;
    return { told, catalogue: { runs: runs.map((run) => ({ ...run, scalars: [], layers: [], full: false })) } };
  }

  async #readContents(run: RunInfo, held: boolean, signal: AbortSignal): Promise<Told | ApiError> {
    const known = this.#contents.get(run.name) ?? null;
    if (known !== null && (held || versionOf(known.value as RunInfo) === versionOf(run))) return known;
    try {
      return await this.#ask("contents", run.name, known, signal);
    } catch (error) {
      // An answer that is a fault concerns this run; silence concerns them all.
      if (error instanceof ApiError && error.status !== 0) return known ?? error;
      throw error;
    }
  }
}

/**
 * Client of the plugin's HTTP interface (nnviz_tb/http_api.md). Addresses are relative, so that
 * they work under TensorBoard's --path_prefix. What was read is kept, within a bound in bytes, and
 * brought up to date by asking only for later steps.
 */

import { addressOf, type Query } from "./address";
import { ahead } from "./ahead";
import { appendSteps, canAppend } from "./append";
import { ByteCache } from "./cache";
import { CatalogueReader, type Choice, type Told } from "./catalogue";
import { parseAssessment, type Assessment } from "./findings";
import { decode, type Container } from "./pure/decode";

export interface Definition {
  readonly label: string;
  readonly text: string;
  readonly source: string;
  readonly unit: string;
  readonly share: boolean;
}

/** What a kind of finding means (nnviz_tb/health/kinds.py). */
export interface KindInfo {
  readonly label: string;
  readonly text: string;
  readonly source: string;
  readonly advice: string;
}

/** A limit that findings are judged by; `below`: worse is smaller. */
export interface ThresholdInfo {
  readonly default: number;
  readonly text: string;
  readonly source: string;
  readonly below: boolean;
}

export interface Definitions {
  readonly schema: number;
  readonly findings: Readonly<Record<string, KindInfo>>;
  readonly thresholds: Readonly<Record<string, ThresholdInfo>>;
  readonly statistics: Readonly<Record<string, Definition>>;
  readonly layer_fields: Readonly<Record<string, Definition>>;
  readonly run_fields: Readonly<Record<string, Definition>>;
  readonly quantiles: readonly number[];
}

export interface ActivationInfo {
  readonly function: string;
  readonly elementwise: boolean;
  readonly bounded: boolean;
  readonly has_dead_zone: boolean;
  readonly per_channel: boolean;
  readonly learnable: boolean;
}

export interface SeriesInfo {
  readonly tracked?: number;
  readonly last_step: number | null;
  readonly last_wall_time: number | null;
}

/**
 * Changes with every new row, also of a run that was restarted and ended on the step it had.
 * @param item what the catalogue says of a series, a scalar or a run
 */
export function versionOf(item: Pick<SeriesInfo, "last_step" | "last_wall_time">): string {
  return `${item.last_step}@${item.last_wall_time}`;
}

export interface LayerInfo {
  readonly name: string;
  readonly type: string;
  readonly order: number;
  readonly neurons: number;
  readonly fan_in: number;
  readonly kernel_shape: readonly number[];
  readonly parameters: number;
  readonly trainable: boolean;
  readonly notes: readonly string[];
  readonly activation: ActivationInfo | null;
  readonly series: Readonly<Record<string, SeriesInfo>>;
  readonly summaries: readonly string[];
}

export interface ScalarInfo {
  readonly tag: string;
  readonly last_step: number | null;
  readonly last_wall_time: number | null;
}

export interface RunInfo {
  readonly name: string;
  /** Whether it holds data of ours. */
  readonly recorded: boolean;
  /** Whether `scalars` and `layers` were read; they are empty otherwise. */
  readonly full: boolean;
  readonly scalars: readonly ScalarInfo[];
  readonly last_step: number | null;
  readonly last_wall_time: number | null;
  /** Seconds since 1970; null where TensorBoard does not know when the run began. */
  readonly start_time: number | null;
  readonly writer: string | null;
  readonly frameworks: Readonly<Record<string, string>>;
  readonly notes: readonly string[];
  readonly layers: readonly LayerInfo[];
  readonly problems: readonly string[];
}

export interface Catalogue {
  readonly runs: readonly RunInfo[];
}

/** What went wrong with a request, in words fit to be shown. */
export class ApiError extends Error {
  /** @param status HTTP status; 0 when no answer came */
  constructor(
    message: string,
    readonly status: number,
    readonly code: string,
  ) {
    super(message);
    this.name = "ApiError";
  }

  /** Whether nothing came, or not all of it: then the same question may be answered later. */
  get unanswered(): boolean {
    return this.code === "unreachable" || this.code === "broken_off";
  }
}

/** Something that is being fetched; `previous` stands in while a newer one is on its way. */
export type Async<T> =
  | { readonly status: "pending"; readonly previous: T | null }
  | { readonly status: "ready"; readonly value: T }
  | { readonly status: "error"; readonly error: ApiError; readonly previous: T | null };

/** The newest value there is, however it stands. */
export function latest<T>(state: Async<T>): T | null {
  return state.status === "ready" ? state.value : state.previous;
}

const CACHE_BYTES = 64 * 1024 * 1024;
/** Of the answers of one route; beyond it, lengthening by updates ends in a fresh, thinned one. */
const MOST_STEPS = 1500;

interface Entry {
  readonly container: Container;
  readonly version: string;
}

export class Client {
  readonly #base: string;
  readonly #fetch: typeof fetch;
  readonly #cache: ByteCache<Entry>;
  readonly #catalogue = new CatalogueReader((route, run, held, signal) =>
    this.#told(addressOf(route, { run }), held, signal),
  );

  /** Binary answers asked for before they were wanted, by address. */
  readonly #expected = new Map<string, Promise<Container>>();
  /** Binary answers on their way: what is to be drawn. */
  readonly #drawing = new Set<Promise<Container>>();

  constructor(base = document.baseURI, fetcher: typeof fetch = ahead.fetch, bytes = CACHE_BYTES) {
    this.#base = base;
    this.#fetch = fetcher;
    this.#cache = new ByteCache(bytes);
  }

  async definitions(signal: AbortSignal): Promise<Definitions> {
    return (await this.#json("definitions", signal)) as Definitions;
  }

  /** See CatalogueReader.read. */
  async catalogue(choice: Choice, held: boolean, signal: AbortSignal): Promise<Catalogue> {
    return this.#catalogue.read(choice, held, signal);
  }

  /**
   * What is wrong with a run, and what could not be judged.
   * @param limits changed thresholds, as `limitsText` writes them
   */
  async assessment(run: string, limits: string | null, signal: AbortSignal): Promise<Assessment> {
    await this.#afterDrawing();
    const answer = await this.#json(addressOf("findings", { run, thresholds: limits }), signal);
    try {
      return parseAssessment(answer);
    } catch (error) {
      throw new ApiError(error instanceof Error ? error.message : String(error), 200, "bad_answer");
    }
  }

  /** Judging a run reads all of it; the server has only one processor for that and for charts. */
  async #afterDrawing(): Promise<void> {
    // The views that are being made have yet to ask.
    await new Promise((resolve) => setTimeout(resolve));
    while (this.#drawing.size > 0) await Promise.allSettled(this.#drawing);
  }

  /**
   * Asks now for what `arrays` will be asked for; only where nothing is held of it yet. The answer
   * is read and decoded when it comes, so that who asks for it is drawn in the same frame.
   */
  expect(route: string, query: Query): void {
    const address = addressOf(route, query);
    if (this.#cache.get(address) !== undefined || this.#expected.has(address)) return;
    const answer = this.#binary(route, query, new AbortController().signal);
    this.#expected.set(address, answer);
    // Who takes it hears of the failure.
    answer.catch(() => undefined);
  }

  /**
   * Names of all of TensorBoard's runs in its own order, which decides their colours.
   */
  async runNames(signal: AbortSignal): Promise<readonly string[]> {
    const names = await this.#json("../../runs", signal);
    return Array.isArray(names) ? names.filter((name) => typeof name === "string") : [];
  }

  /**
   * The answer of a binary route.
   * @param version what the catalogue says of the series; the same version is never read twice
   */
  async arrays(route: string, query: Query, version: string, signal: AbortSignal): Promise<Container> {
    const key = addressOf(route, query);
    const held = this.#cache.get(key);
    if (held !== undefined && held.version === version) return held.container;
    const expected = this.#expected.get(key);
    this.#expected.delete(key);
    const answer = expected ?? this.#updated(route, query, held?.container, signal);
    this.#drawing.add(answer);
    const container = await answer.finally(() => this.#drawing.delete(answer));
    this.#cache.set(key, { container, version }, byteLength(container));
    return container;
  }

  /** The answer already held, so that what was seen before is drawn without waiting. */
  peek(route: string, query: Query): Container | null {
    return this.#cache.get(addressOf(route, query))?.container ?? null;
  }

  async #updated(route: string, query: Query, held: Container | undefined, signal: AbortSignal): Promise<Container> {
    const last = held?.arrays.get("steps")?.values.at(-1);
    const key = held?.meta["key"];
    if (held !== undefined && last !== undefined && typeof key === "string" && canAppend(route)) {
      const update = await this.#binary(route, { ...query, after: last, have: key }, signal);
      if (update.meta["delta"] !== true) return update;
      const merged = appendSteps(route, held, update);
      if (merged !== null && (merged.arrays.get("steps")?.values.length ?? 0) <= MOST_STEPS) return merged;
    }
    return this.#binary(route, query, signal);
  }

  async #binary(route: string, query: Query, signal: AbortSignal): Promise<Container> {
    const response = await this.#get(addressOf(route, query), signal);
    const bytes = await readBody(response.arrayBuffer(), signal);
    try {
      return decode(bytes);
    } catch (error) {
      throw new ApiError(error instanceof Error ? error.message : String(error), 200, "bad_answer");
    }
  }

  async #json(address: string, signal: AbortSignal): Promise<unknown> {
    return (await this.#told(address, null, signal)).value;
  }

  async #told(address: string, held: Told | null, signal: AbortSignal): Promise<Told> {
    const headers = held?.etag ? { "If-None-Match": held.etag } : undefined;
    const response = await this.#get(address, signal, headers);
    if (response.status === 304 && held !== null) return held;
    const value = await readBody(response.json() as Promise<unknown>, signal);
    return { etag: response.headers.get("ETag"), value };
  }

  async #get(address: string, signal: AbortSignal, headers?: Readonly<Record<string, string>>): Promise<Response> {
    let response: Response;
    try {
      response = await this.#fetch(new URL(address, this.#base), { signal, cache: "no-store", ...(headers && { headers }) });
    } catch (error) {
      if (signal.aborted) throw error;
      throw new ApiError("TensorBoard does not answer. Is it still running?", 0, "unreachable");
    }
    if (!response.ok && response.status !== 304) throw await errorOf(response);
    return response;
  }
}

async function readBody<T>(body: Promise<T>, signal: AbortSignal): Promise<T> {
  try {
    return await body;
  } catch (error) {
    if (signal.aborted) throw error;
    if (error instanceof SyntaxError) throw new ApiError(`TensorBoard's answer cannot be read: ${error.message}`, 200, "bad_answer");
    throw new ApiError("TensorBoard's answer broke off.", 0, "broken_off");
  }
}

async function errorOf(response: Response): Promise<ApiError> {
  const fallback = `TensorBoard answered ${response.status} ${response.statusText}`.trim();
  try {
    const body = (await response.json()) as { error?: { message?: unknown; code?: unknown } };
    const { message, code } = body.error ?? {};
    if (typeof message === "string") {
      return new ApiError(message, response.status, typeof code === "string" ? code : "error");
    }
  } catch {
    // Not our JSON: an error page of TensorBoard's or of a proxy between.
  }
  return new ApiError(fallback, response.status, "error");
}

function byteLength(container: Container): number {
  let total = 0;
  for (const { values } of container.arrays.values()) total += values.byteLength;
  return total;
}

/** What every view is handed: the reader's choices, the inventory of data, and the words. */

import { versionOf, type Async, type Catalogue, type Client, type Definitions, type LayerInfo, type RunInfo } from "../api";
import type { RunStyle, TimeAxis } from "../charts/contract";
import type { StepWords } from "../charts/step_chart";
import type { Assessment, Health } from "../findings";
import type { Words } from "../i18n";
import type { Container } from "../pure/decode";
import type { Wanted } from "../resource";
import type { Fields } from "../series";
import type { Language, State, Store } from "../state";

/** A selected run. */
export interface RunView {
  readonly info: RunInfo;
  readonly style: RunStyle;
  readonly layers: ReadonlyMap<string, LayerInfo>;
}

/** A layer that at least one selected run has. */
export interface LayerView {
  readonly name: string;
  /** As the first selected run that has it declares it. */
  readonly info: LayerInfo;
  /** Those of the selected runs that have it. */
  readonly runs: readonly RunView[];
}

export interface Context {
  readonly store: Store;
  readonly client: Client;
  readonly state: State;
  readonly words: Words;
  readonly dark: boolean;
  readonly catalogue: Catalogue;
  readonly definitions: Definitions | null;
  /** CSS colour of any run. */
  readonly colorOf: (run: string) => string;
  /** Selected runs, in the catalogue's order. */
  readonly runs: readonly RunView[];
  /** Layers of the selected runs, in model order. */
  readonly layers: readonly LayerView[];
  readonly axis: TimeAxis;
  /** Recorded steps of the selected runs, ascending; the cursor stands on one of them. */
  readonly steps: Float64Array;
  readonly lastStep: number | null;
  /** What the server says of each selected run's health, by run. */
  readonly judging: ReadonlyMap<string, Async<Assessment>>;
  readonly retryJudging: () => void;
  /** Those that have come. */
  readonly assessments: readonly Assessment[];
  /** By layer name, the worst over the selected runs at the cursor; "" is for whole runs. */
  readonly health: ReadonlyMap<string, Health>;
  /** The same of each run alone, by run. */
  readonly healthOf: ReadonlyMap<string, ReadonlyMap<string, Health>>;
  /** What logging costs, by run. */
  readonly costs: ReadonlyMap<string, Fields>;
}

const STEP_WORDS: Readonly<Record<Language, StepWords>> = {
  en: { step: "step", relativeTime: "time" },
  zh: { step: "步", relativeTime: "时间" },
};

/** What charts call their horizontal axis; one object per language. */
export function stepWords(ctx: Context): StepWords {
  return STEP_WORDS[ctx.words.language];
}

interface SeriesRequest<T> {
  readonly run: RunView;
  readonly layer: LayerInfo;
  readonly route: string;
  /** The catalogue's name of the series, which tells its version. */
  readonly series: string;
  readonly query?: Readonly<Record<string, string | number>>;
  /** The route knows `from` and `to`. */
  readonly zoomable?: boolean;
  readonly parse: (container: Container) => T;
}

/** A series of a layer, wanted by a view. */
export function wantSeries<T>(ctx: Context, request: SeriesRequest<T>): Wanted<T> {
  const info = request.layer.series[request.series];
  const { zoom } = ctx.state;
  const whole = { run: request.run.info.name, layer: request.layer.name, ...request.query };
  const exact = zoom !== null && request.zoomable === true && isThinned(ctx.client.peek(request.route, whole));
  const query = exact ? { ...whole, from: Math.floor(zoom[0]), to: Math.ceil(zoom[1]) } : whole;
  const version = versionOf(info ?? request.run.info);
  return {
    id: request.run.info.name,
    key: `${request.route} ${JSON.stringify(query)}`,
    version,
    load: async (signal) =>
      request.parse(await ctx.client.arrays(request.route, query, version, signal)),
  };
}

/** Whether the server left steps out of the answer, so that a zoomed view is worth a question. */
export function isThinned(answer: Container | null): boolean {
  const kept = answer?.meta["kept_steps"];
  return typeof kept === "number" && kept > (answer?.arrays.get("steps")?.values.length ?? 0);
}

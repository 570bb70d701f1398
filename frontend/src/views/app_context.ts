/** Makes what every view is handed, out of the state, the inventory and what the server says of runs. */

import type { ReactiveControllerHost } from "lit";
import { versionOf, type Catalogue, type Client, type Definitions } from "../api";
import { healthByLayer, holdsAt, limitsText, type Assessment } from "../findings";
import { runColor } from "../host";
import { preferredLanguage, Words } from "../i18n";
import { Resources, type Wanted } from "../resource";
import { unionOfSteps } from "../selection";
import { fields, type Fields } from "../series";
import type { State, Store } from "../state";
import type { Context, LayerView, RunView } from "./context";
import { Memo } from "./memo";
import { layerViews, loaded, newest, runViews } from "./run_views";

/** What the panel knows at one time, besides the state. */
export interface Known {
  readonly catalogue: Catalogue;
  readonly definitions: Definitions | null;
  /** All of TensorBoard's runs, in the order that gives them their colours. */
  readonly runNames: readonly string[];
  readonly dark: boolean;
}

/** Keeps every part of the context the same object as long as it is made of the same things. */
export class ContextMaker {
  readonly #assessments: Resources<Assessment>;
  readonly #costs: Resources<Fields>;
  readonly #runs = new Memo<readonly RunView[]>();
  readonly #layers = new Memo<readonly LayerView[]>();
  readonly #axis = new Memo<Context["axis"]>();
  readonly #steps = new Memo<Float64Array>();
  readonly #judged = new Memo<readonly Assessment[]>();
  readonly #health = new Memo<Pick<Context, "health" | "healthOf">>();
  readonly #words = new Memo<Words>();

  constructor(
    host: ReactiveControllerHost,
    private readonly client: Client,
    private readonly store: Store,
  ) {
    this.#assessments = new Resources<Assessment>(host);
    this.#costs = new Resources<Fields>(host);
  }

  get words(): Words {
    const language = this.store.state.language ?? preferredLanguage(navigator.languages);
    return this.#words.of([language], () => new Words(language));
  }

  make({ catalogue, definitions, runNames, dark }: Known): Context {
    const { state } = this.store;
    const colorOf = (run: string): string => runColor(placeOf(run, runNames, catalogue), dark);
    const runs = this.#runs.of([catalogue, state.runs, runNames, dark], () => runViews(catalogue, state.runs, colorOf));
    const costs = loaded(this.#costs.want(runs.map((run) => this.#wantedCost(run))));
    const judging = this.#assessments.want(runs.map((run) => this.#wantedAssessment(run, state)));
    const judged = [...loaded(judging).values()];
    const lists = [...costs.values()].map((cost) => cost.steps);
    const { zoom, cursor, unit } = state;
    return {
      store: this.store,
      client: this.client,
      state,
      words: this.words,
      dark,
      catalogue,
      definitions,
      colorOf,
      runs,
      layers: this.#layers.of([runs], () => layerViews(runs)),
      axis: this.#axis.of([zoom, cursor, unit], () => ({ zoom, cursor, unit })),
      steps: this.#steps.of(lists, () => unionOfSteps(lists)),
      lastStep: newest(runs.map((run) => run.info), "last_step"),
      judging,
      retryJudging: () => this.#assessments.retry(),
      assessments: this.#judged.of(judged, () => judged),
      ...this.#healthAt(judged, cursor),
      costs,
    };
  }

  #wantedCost(run: RunView): Wanted<Fields> {
    const { name } = run.info;
    const version = versionOf(run.info);
    return {
      id: name,
      key: name,
      version,
      load: async (signal) => fields(await this.client.arrays("run", { run: name }, version, signal)),
    };
  }

  #wantedAssessment(run: RunView, state: State): Wanted<Assessment> {
    const { name } = run.info;
    const limits = limitsText(state.limits);
    return {
      id: name,
      key: JSON.stringify([name, limits]),
      version: versionOf(run.info),
      load: (signal) => this.client.assessment(name, limits, signal),
    };
  }

  /** The same maps as long as the same findings hold, so that the cursor does not redraw lists. */
  #healthAt(judged: readonly Assessment[], cursor: number | null): Pick<Context, "health" | "healthOf"> {
    const holds = judged.flatMap((one) => one.findings.map((item) => holdsAt(item, cursor)));
    return this.#health.of([...judged, ...holds], () => ({
      health: healthByLayer(judged, cursor),
      healthOf: new Map(judged.map((one) => [one.run, healthByLayer([one], cursor)])),
    }));
  }
}

function placeOf(run: string, runNames: readonly string[], catalogue: Catalogue): number {
  const place = runNames.indexOf(run);
  return place >= 0 ? place : catalogue.runs.findIndex((info) => info.name === run);
}

/** What of the reader's choices the Neurons view can show. */

import type { LayerInfo } from "../api";
import { search } from "../selection";
import { comparedRuns } from "./compared_runs";
import type { Context, LayerView, RunView } from "./context";

/** The layer, the run and the statistic that the view shows. */
export interface Subject {
  readonly layer: LayerView;
  readonly run: RunView;
  readonly info: LayerInfo;
  readonly statistic: string;
}


/** What is meant by the reader's choices, as far as it exists. */
export function subjectOf(ctx: Context): Subject | null {
  const matches = search(ctx.state.layerFilter);
  const all = ctx.layers.filter((layer) => layer.info.neurons > 0 && hasStatistics(ctx, layer));
  const layer =
    all.find((one) => one.name === ctx.state.layer) ?? all.find((one) => matches(one.name)) ?? all[0];
  const run = layer === undefined ? undefined : comparedRuns(ctx, layer.runs)?.run;
  const info = layer === undefined ? undefined : run?.layers.get(layer.name);
  if (layer === undefined || run === undefined || info === undefined) return null;
  return { layer, run, info, statistic: ctx.state.statistic };
}

/** The run that is taken away from the subject's, where both have the statistic. */
export function againstOf(ctx: Context, { layer, statistic }: Subject): RunView | null {
  const found = comparedRuns(ctx, layer.runs)?.against ?? null;
  return found?.layers.get(layer.name)?.series[statistic] === undefined ? null : found;
}

function hasStatistics(ctx: Context, layer: LayerView): boolean {
  const names = ctx.definitions?.statistics;
  return names === undefined || Object.keys(layer.info.series).some((name) => name in names);
}

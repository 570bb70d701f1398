/** Other runs beside a run's trajectories: the ends and the middle of their fans, in their colours. */

import type { RunStyle } from "./contract";
import type { PlotLine } from "./plot_spec";
import { withAlpha } from "./theme";
import { FAN } from "./trajectory_marks";

/** How the neurons of a run are spread, over all of them. */
export interface Spread extends RunStyle {
  readonly steps: Float64Array;
  readonly wallTimes: Float64Array;
  /** [9 × steps], as the interface has them. */
  readonly quantiles: Float32Array;
}

/** p5, p50 and p95. */
const PLACES = [FAN[0], FAN[2], FAN[4]] as const;

export function spreadRows({ steps, quantiles }: Spread): readonly Float32Array[] {
  const count = steps.length;
  return PLACES.map((place) => quantiles.subarray(place * count, (place + 1) * count));
}

/** The ends thin, the median as wide and dashed as the leading run's. */
export function spreadLines(spread: Spread, xs: Float64Array): PlotLine[] {
  const [low, middle, high] = spreadRows(spread) as [Float32Array, Float32Array, Float32Array];
  const edge = { xs, color: withAlpha(spread.color, 0.9), width: 1.25 };
  return [
    { ...edge, values: low },
    { ...edge, values: high },
    { xs, values: middle, color: spread.color, width: 1.75, dash: [5, 3] },
  ];
}

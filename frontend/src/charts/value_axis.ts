import type { Scale } from "../pure/scale";
import { formatTick, ticksOf } from "../pure/ticks";
import type { PlotAxis } from "./plot_spec";

/** An axis of numbers: round ones, as many as there is room for. */
export function valueAxis(
  scale: Scale,
  style: Partial<Omit<PlotAxis, "scale">> & { readonly count?: number } = {},
): PlotAxis {
  const { count, ...rest } = style;
  const length = Math.abs(scale.range[1] - scale.range[0]);
  return {
    scale,
    ticks: ticksOf(scale, count ?? Math.max(2, length / 36)),
    format: formatTick,
    ...rest,
  };
}

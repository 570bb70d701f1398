/** The overview as numbers: a row for each layer of each run, at the step that is looked at. */

import { NOT_MEASURED } from "../findings";
import { float32Text, toCsv } from "../pure/csv";
import type { Context } from "./context";
import type { RunShare } from "./overview_cells";

export function overviewCsv(ctx: Context, shares: readonly RunShare[]): string {
  const fields = [...new Set(shares.flatMap(({ figures }) => figures.overview.fields))];
  const rows = shares.flatMap(({ run, figures }) =>
    figures.overview.layers.map((name) => {
      const info = run.layers.get(name);
      const health = ctx.healthOf.get(run.info.name)?.get(name) ?? NOT_MEASURED;
      return [
        run.info.name,
        name,
        ctx.state.cursor ?? figures.overview.steps.at(-1) ?? "",
        info?.neurons ?? "",
        info?.parameters ?? "",
        health.status,
        ...fields.map((field) => float32Text(figures.at(name, field))),
      ];
    }),
  );
  return toCsv(["run", "layer", "step", "neurons", "parameters", "health", ...fields], rows);
}

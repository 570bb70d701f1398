/** Whether a layer is well, judged by the thresholds of the definitions that the server gives. */

import { indexAtOrBefore } from "./state";
import { overviewValue, type Overview } from "./series";

export type Grade = "unknown" | "healthy" | "warning" | "flagged";

/** What is the matter, with the figure that says so. */
export interface Complaint {
  readonly grade: "warning" | "flagged";
  readonly field: string;
  readonly value: number;
}

export interface Health {
  readonly grade: Grade;
  /** Worst first. */
  readonly complaints: readonly Complaint[];
}

const WARN_SHARE = 0.2;
const FLAG_SHARE = 0.5;
const HIGH_UPDATE_RATIO = 1e-1;
const LOW_UPDATE_RATIO = 1e-4;

/** The health that a layer's figures give; NaN is a figure that was not measured. */
export function healthOf(figure: (field: string) => number): Health {
  const complaints: Complaint[] = [];
  let measured = false;
  const judge = (field: string, gradeOf: (value: number) => Grade): void => {
    const value = figure(field);
    if (Number.isNaN(value)) return;
    measured = true;
    const grade = gradeOf(value);
    if (grade === "warning" || grade === "flagged") complaints.push({ grade, field, value });
  };
  for (const field of ["weight_nan_count", "input_nonfinite_count", "gradient_nonfinite_count"]) {
    judge(field, (count) => (count > 0 ? "flagged" : "healthy"));
  }
  for (const field of ["dead_share", "saturated_share"]) judge(field, gradeOfShare);
  judge("update_ratio", (ratio) =>
    ratio > HIGH_UPDATE_RATIO || ratio < LOW_UPDATE_RATIO ? "flagged" : "healthy",
  );
  complaints.sort((a, b) => Number(b.grade === "flagged") - Number(a.grade === "flagged"));
  return { grade: complaints[0]?.grade ?? (measured ? "healthy" : "unknown"), complaints };
}

/** Of the share of dead or saturated neurons or samples. */
export function gradeOfShare(share: number): Grade {
  if (Number.isNaN(share)) return "unknown";
  if (share > FLAG_SHARE) return "flagged";
  return share > WARN_SHARE ? "warning" : "healthy";
}

/** The health of every layer of a run at a step, by the layer's name. */
export function healthByLayer(overview: Overview, cursor: number | null): ReadonlyMap<string, Health> {
  const at = indexAtOrBefore(overview.steps, cursor);
  return new Map(
    overview.layers.map((name, row) => [
      name,
      healthOf((field) => overviewValue(overview, row, field, at)),
    ]),
  );
}

const ORDER: readonly Grade[] = ["unknown", "healthy", "warning", "flagged"];

/** The worst of several runs' judgements of one layer. */
export function worst(all: readonly Health[]): Health {
  return all.reduce(
    (a, b) => (ORDER.indexOf(b.grade) > ORDER.indexOf(a.grade) ? b : a),
    { grade: "unknown", complaints: [] },
  );
}

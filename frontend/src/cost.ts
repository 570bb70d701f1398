/** What logging has cost a run. Pure. */

import type { Fields } from "./series";

/** Beyond this share of the run's time, logging is dear. */
const DEAR_SHARE = 0.1;
/** Less is not worth an alarm, whatever share of a short run it is. */
const NOTED_SECONDS = 60;

export interface Cost {
  /** Of the time since the first step, what went into logging. */
  readonly share: number;
  /** Seconds spent on logging; NaN where not every logged step is here to be added up. */
  readonly spent: number;
  /** Seconds since the first step. */
  readonly elapsed: number;
  readonly logged: number;
  /** `short`: a large share of so little time that it says little about a longer run. */
  readonly grade: "fair" | "short" | "dear";
}

/** At the last step of a run; null where it was not measured. */
export function costOf(run: Fields): Cost | null {
  const share = run.values.get("overhead_share")?.at(-1) ?? Number.NaN;
  if (Number.isNaN(share)) return null;
  const seconds = run.values.get("cost_seconds");
  const whole = seconds !== undefined && run.keptSteps === run.steps.length && run.skipped.length === 0;
  const spent = whole ? seconds.reduce((sum, one) => sum + one, 0) : Number.NaN;
  const grade = share <= DEAR_SHARE ? "fair" : spent < NOTED_SECONDS ? "short" : "dear";
  return { share, spent, elapsed: spent / share, logged: run.steps.length, grade };
}

/** Of several runs the one to tell: one that is dear, then by share; null without any. */
export function dearest(costs: readonly Cost[]): Cost | null {
  const rank = ({ grade, share }: Cost): number => (grade === "dear" ? share + 1 : share);
  return costs.reduce<Cost | null>((most, one) => (most === null || rank(one) > rank(most) ? one : most), null);
}

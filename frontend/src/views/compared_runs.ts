/** Which two runs the reader compares, as far as they are among those that can be. */

import type { Context, RunView } from "./context";

export interface ComparedRuns {
  /** The one that leads: the reader's choice, else the first. */
  readonly run: RunView;
  /** The one that is taken away from it; null where none is. */
  readonly against: RunView | null;
}

/** Null where there is no run at all. */
export function comparedRuns({ state }: Context, runs: readonly RunView[]): ComparedRuns | null {
  const run = runs.find(({ info }) => info.name === state.focus) ?? runs[0];
  if (run === undefined) return null;
  const against = runs.find((one) => one !== run && one.info.name === state.against) ?? null;
  return { run, against };
}

const STEPS = 100;

/** The question for the figures of all layers over all steps, and for those that hold at the end. */
export function overviewQuery(run: string): { readonly run: string; readonly steps: number } {
  return { run, steps: STEPS };
}

/** The question for what holds at one step; of the figures over steps as few as can be asked for. */
export function overviewAt(run: string, step: number): { readonly run: string; readonly steps: number; readonly step: number } {
  return { run, steps: 2, step };
}

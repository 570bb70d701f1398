const STEPS = 100;

/** The question for the figures of all layers over all steps. */
export function overviewQuery(run: string): { readonly run: string; readonly steps: number } {
  return { run, steps: STEPS };
}

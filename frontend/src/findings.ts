/** What the server has found wrong with a run, and what of it holds at a step. */

export const SEVERITIES = ["info", "warning", "severe"] as const;
export type Severity = (typeof SEVERITIES)[number];

/** From not known to grave. */
export const STATUSES = ["not_measured", "healthy", ...SEVERITIES] as const;
export type Status = (typeof STATUSES)[number];

/** A figure or a name that a finding's sentence is made of. */
export type Fact = number | string;

/** One thing that is wrong, where, and since when (nnviz_tb/health/findings.py). */
export interface Finding {
  readonly kind: string;
  readonly severity: Severity;
  readonly run: string;
  /** "" when it concerns the whole run. */
  readonly layer: string;
  readonly neurons: readonly number[];
  readonly first_step: number;
  readonly last_step: number;
  /** It held at the last step that was judged. */
  readonly ongoing: boolean;
  readonly figure: number;
  readonly threshold: number;
  /** The layer field, the per-neuron series or the tag of the scalar in which it shows. */
  readonly field: string;
  /** In English. */
  readonly sentence: string;
  readonly advice: string;
  readonly source: string;
  readonly figures: Readonly<Record<string, Fact>>;
}

/** A kind that could not be judged; it says nothing about health. */
export interface NotMeasured {
  readonly kind: string;
  readonly run: string;
  readonly layers: readonly string[];
  readonly reason: string;
  readonly sentence: string;
  readonly advice: string;
}

export interface Assessment {
  readonly run: string;
  /** Worst first. */
  readonly findings: readonly Finding[];
  readonly notMeasured: readonly NotMeasured[];
  /** By layer, the kinds that were judged; "" is the whole run. */
  readonly judged: ReadonlyMap<string, readonly string[]>;
}

/** How a layer is, and the findings that say so, worst first. */
export interface Health {
  readonly status: Status;
  readonly findings: readonly Finding[];
}

export const NOT_MEASURED: Health = { status: "not_measured", findings: [] };

/**
 * The answer of the findings route.
 * @throws TypeError when it is none
 */
export function parseAssessment(json: unknown): Assessment {
  const { run, findings, not_measured, judged } = json as Record<string, unknown>;
  if (typeof run !== "string" || !Array.isArray(findings) || !Array.isArray(not_measured)) {
    throw new TypeError("this is no answer of the findings route");
  }
  return {
    run,
    findings: findings.map((item) => finding(item as Finding)),
    notMeasured: not_measured as NotMeasured[],
    judged: new Map(Object.entries((judged ?? {}) as Record<string, string[]>)),
  };
}

function finding(item: Finding): Finding {
  // JSON has no NaN and no infinity; the server writes their names.
  return { ...item, figure: Number(item.figure), threshold: Number(item.threshold) };
}

/** Whether the finding is true of a step; of the end of the run when `step` is null. */
export function holdsAt(item: Finding, step: number | null): boolean {
  if (step === null) return item.ongoing;
  return item.first_step <= step && (item.ongoing || step <= item.last_step);
}

/** The graver of two. */
export function graver(a: Status, b: Status): Status {
  return STATUSES.indexOf(b) > STATUSES.indexOf(a) ? b : a;
}

/**
 * The health of every layer that was judged, over several runs the worst. Findings that concern a
 * whole run are under "".
 * @param step null is the end of the run
 */
export function healthByLayer(
  assessments: readonly Assessment[],
  step: number | null,
): ReadonlyMap<string, Health> {
  const found = new Map<string, Health>();
  for (const { judged, findings } of assessments) {
    for (const [layer, kinds] of judged) {
      if (kinds.length > 0) found.set(layer, found.get(layer) ?? { status: "healthy", findings: [] });
    }
    for (const item of findings) {
      if (!holdsAt(item, step)) continue;
      const known = found.get(item.layer) ?? NOT_MEASURED;
      found.set(item.layer, {
        status: graver(known.status, item.severity),
        findings: [...known.findings, item],
      });
    }
  }
  for (const [layer, health] of found) {
    const findings = [...health.findings].sort(
      (a, b) => SEVERITIES.indexOf(b.severity) - SEVERITIES.indexOf(a.severity),
    );
    found.set(layer, { ...health, findings });
  }
  return found;
}

/** How many findings are more than worth knowing. */
export function alarmCount(assessments: readonly Assessment[]): number {
  return assessments.reduce(
    (sum, { findings }) => sum + findings.filter(({ severity }) => severity !== "info").length,
    0,
  );
}

/** The gravest finding about one figure of a layer, which gives that figure its colour. */
export function aboutField(health: Health, field: string): Finding | null {
  return health.findings.find((item) => item.field === field) ?? null;
}

/** Changed thresholds as the route takes them, in the same order whatever they were set in. */
export function limitsText(limits: Readonly<Record<string, number>>): string | null {
  const pairs = Object.entries(limits).sort(([a], [b]) => (a < b ? -1 : 1));
  return pairs.length === 0 ? null : pairs.map(([name, value]) => `${name}:${value}`).join(",");
}

/** Lengthens an answer that the panel holds by the later steps that an update brought. */

import type { Container, Values, WireArray } from "./pure/decode";

type Axis = "first" | "last";

const OVER_STEPS: Readonly<Record<string, Axis>> = { steps: "first", wall_times: "first" };

/** Which arrays of each route's answer run over steps, and along which of their axes. */
const STEP_AXES: Readonly<Record<string, Readonly<Record<string, Axis>>>> = {
  scalars: { ...OVER_STEPS, values: "last" },
  neurons: {
    ...OVER_STEPS,
    values: "last",
    quantiles: "last",
    extreme_neurons: "last",
    extreme_values: "last",
  },
  weights: { ...OVER_STEPS, values: "last" },
  density: { ...OVER_STEPS, counts: "first", nonfinite: "first" },
  layer: { ...OVER_STEPS, values: "last" },
  summary: { ...OVER_STEPS, values: "last" },
  run: { ...OVER_STEPS, values: "last" },
};

/** Whether the route takes `after` and `have`. */
export function canAppend(route: string): boolean {
  return route in STEP_AXES;
}

/**
 * The held answer with the later steps of `update` behind it.
 * @returns null when they do not fit: other neurons, other borders, another type
 */
export function appendSteps(route: string, held: Container, update: Container): Container | null {
  const axes = STEP_AXES[route];
  if (axes === undefined || held.arrays.size !== update.arrays.size) return null;
  const arrays = new Map<string, WireArray>();
  for (const [name, array] of held.arrays) {
    const more = update.arrays.get(name);
    if (more === undefined || more.values.constructor !== array.values.constructor) return null;
    const axis = axes[name];
    if (axis === undefined) {
      // Not over steps (neurons, borders): it has to be the same for the rows to belong together.
      if (!sameValues(array.values, more.values)) return null;
      arrays.set(name, array);
      continue;
    }
    const joined = axis === "first" ? joinRows(array, more) : joinColumns(array, more);
    if (joined === null) return null;
    arrays.set(name, joined);
  }
  return { meta: { ...held.meta, ...update.meta, delta: false }, arrays };
}

function joinRows(a: WireArray, b: WireArray): WireArray | null {
  const [aRows, ...aRest] = a.shape;
  const [bRows, ...bRest] = b.shape;
  if (aRows === undefined || bRows === undefined || !sameValues(aRest, bRest)) return null;
  const values = empty(a.values, a.values.length + b.values.length);
  values.set(a.values, 0);
  values.set(b.values, a.values.length);
  return { values, shape: [aRows + bRows, ...aRest] };
}

function joinColumns(a: WireArray, b: WireArray): WireArray | null {
  const aColumns = a.shape.at(-1);
  const bColumns = b.shape.at(-1);
  const outer = a.shape.slice(0, -1);
  if (aColumns === undefined || bColumns === undefined) return null;
  if (!sameValues(outer, b.shape.slice(0, -1))) return null;
  const columns = aColumns + bColumns;
  const rows = outer.reduce((product, size) => product * size, 1);
  const values = empty(a.values, rows * columns);
  for (let row = 0; row < rows; row++) {
    values.set(a.values.subarray(row * aColumns, (row + 1) * aColumns), row * columns);
    values.set(b.values.subarray(row * bColumns, (row + 1) * bColumns), row * columns + aColumns);
  }
  return { values, shape: [...outer, columns] };
}

function empty(like: Values, length: number): Values {
  return new (like.constructor as new (length: number) => Values)(length);
}

function sameValues(a: ArrayLike<number>, b: ArrayLike<number>): boolean {
  if (a.length !== b.length) return false;
  for (let index = 0; index < a.length; index++) {
    if (!Object.is(a[index], b[index])) return false;
  }
  return true;
}

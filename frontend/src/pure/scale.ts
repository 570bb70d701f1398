/**
 * Maps between data and pixels. Pixels are a type of their own, so that the compiler tells a step
 * from the place where it is drawn.
 */

declare const pixel: unique symbol;
/** A length or place in CSS pixels. */
export type Px = number & { readonly [pixel]: true };

/** Marks a number as pixels. */
export function px(value: number): Px {
  return value as Px;
}

export type ScaleKind = "linear" | "log" | "symlog";

/** Monotonic map from `domain` to `range`; the range may run downwards, as vertical axes do. */
export interface Scale {
  readonly kind: ScaleKind;
  readonly domain: readonly [number, number];
  readonly range: readonly [Px, Px];
  /** NaN stays NaN; on a log scale, so does what is not positive. */
  toPx(value: number): Px;
  fromPx(place: Px): number;
}

/** Straight map; an empty domain is widened, so that a constant is drawn in the middle. */
export function linearScale(domain: readonly [number, number], range: readonly [Px, Px]): Scale {
  return scaleThrough("linear", widened(domain), range, identity, identity);
}

/**
 * Equal ratios take equal space.
 * @throws RangeError unless the domain is positive
 */
export function logScale(domain: readonly [number, number], range: readonly [Px, Px]): Scale {
  if (!(domain[0] > 0 && domain[1] > 0)) {
    throw new RangeError(`a log scale needs a positive domain, got [${domain.join(", ")}]`);
  }
  const wide: readonly [number, number] =
    domain[0] === domain[1] ? [domain[0] / 2, domain[1] * 2] : domain;
  return scaleThrough("log", wide, range, Math.log, Math.exp);
}

/** Linear within ±`threshold`, logarithmic beyond, for signed data of many magnitudes. */
export function symlogScale(
  domain: readonly [number, number],
  range: readonly [Px, Px],
  threshold: number,
): Scale {
  if (!(threshold > 0)) throw new RangeError(`threshold must be positive, got ${threshold}`);
  return scaleThrough(
    "symlog",
    widened(domain),
    range,
    (value) => Math.asinh(value / threshold),
    (value) => Math.sinh(value) * threshold,
  );
}

function scaleThrough(
  kind: ScaleKind,
  domain: readonly [number, number],
  range: readonly [Px, Px],
  forward: (value: number) => number,
  backward: (value: number) => number,
): Scale {
  const first = forward(domain[0]);
  const slope = (range[1] - range[0]) / (forward(domain[1]) - first);
  return {
    kind,
    domain,
    range,
    toPx: (value) => px(range[0] + (forward(value) - first) * slope),
    fromPx: (place) => backward(first + (place - range[0]) / slope),
  };
}

function identity(value: number): number {
  return value;
}

function widened([low, high]: readonly [number, number]): readonly [number, number] {
  if (low !== high) return [low, high];
  const margin = low === 0 ? 1 : Math.abs(low) / 2;
  return [low - margin, high + margin];
}

/** Lowest and highest finite value over all arrays; null where there is none. */
export function finiteExtent(arrays: Iterable<ArrayLike<number>>): [number, number] | null {
  let low = Infinity;
  let high = -Infinity;
  for (const values of arrays) {
    for (let index = 0; index < values.length; index++) {
      const value = values[index]!;
      // Both comparisons are false for NaN.
      if (value < low && value !== -Infinity) low = value;
      if (value > high && value !== Infinity) high = value;
    }
  }
  return low <= high ? [low, high] : null;
}

/** The domain with `share` of its length added at both ends, so that lines keep off the frame. */
export function padded([low, high]: readonly [number, number], share: number): [number, number] {
  const margin = (high - low) * share;
  return [low - margin, high + margin];
}

/** The part of the positive values that a log axis shows: [smallest positive, largest]. */
export function positiveExtent(arrays: Iterable<ArrayLike<number>>): [number, number] | null {
  let low = Infinity;
  let high = 0;
  for (const values of arrays) {
    for (let index = 0; index < values.length; index++) {
      const value = values[index]!;
      if (value > 0 && value !== Infinity) {
        if (value < low) low = value;
        if (value > high) high = value;
      }
    }
  }
  return high > 0 ? [low, high] : null;
}

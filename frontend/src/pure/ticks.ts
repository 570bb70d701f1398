/** Where the marks of an axis stand, and how numbers are written beside them. */

import type { Scale } from "./scale";

/**
 * Round numbers inside a domain, about `count` of them: 1, 2 or 5 times a power of ten apart.
 * @returns ascending, at least two unless the domain is one number; empty when it is not finite
 */
export function linearTicks([from, to]: readonly [number, number], count: number): number[] {
  const low = Math.min(from, to);
  const high = Math.max(from, to);
  if (!Number.isFinite(low) || !Number.isFinite(high)) return [];
  if (low === high) return [low];
  const gap = niceGap((high - low) / Math.max(1, count));
  const first = Math.ceil(low / gap - 1e-9);
  const last = Math.floor(high / gap + 1e-9);
  // Dividing by the reciprocal of a small gap gives 0.3, where multiplying gives 0.30000000000000004.
  const scale = gap < 1 ? Math.round(1 / gap) : 0;
  const ticks: number[] = [];
  for (let index = first; index <= last; index++) {
    // Adding zero turns −0 into 0.
    ticks.push((scale > 0 && Number.isSafeInteger(scale) ? index / scale : index * gap) + 0);
  }
  // One number beside an axis tells no distance. Four of these gaps leave room for two at least.
  return ticks.length < 2 && count < 4 ? linearTicks([low, high], 4) : ticks;
}

/**
 * Powers of ten inside a positive domain, thinned to about `count`; with their doubles and fives
 * where there are few, and on a short stretch round numbers evenly apart.
 */
export function logTicks([from, to]: readonly [number, number], count: number): number[] {
  const low = Math.min(from, to);
  const high = Math.max(from, to);
  if (!(low > 0) || !Number.isFinite(high)) return [];
  const first = Math.ceil(Math.log10(low) - 1e-9);
  const last = Math.floor(Math.log10(high) + 1e-9);
  const every = Math.max(1, Math.ceil((last - first + 1) / Math.max(1, count)));
  const ticks: number[] = [];
  for (let power = first; power <= last; power += every) ticks.push(powerOfTen(power));
  if (ticks.length >= count / 2 || every > 1) return ticks;
  const finer: number[] = [];
  for (let power = first - 1; power <= last; power++) {
    for (const lead of [1, 2, 5]) {
      const tick = Number(`${lead}e${power}`);
      if (tick >= low && tick <= high) finer.push(tick);
    }
  }
  return finer.length >= 3 ? finer : linearTicks([low, high], count).filter((tick) => tick > 0);
}

/** Zero and signed powers of ten, for a scale that is linear around zero. */
export function symlogTicks(domain: readonly [number, number], count: number): number[] {
  const [low, high] = domain[0] < domain[1] ? domain : [domain[1], domain[0]];
  const top = Math.max(Math.abs(low), Math.abs(high));
  if (!(top > 0)) return linearTicks(domain, count);
  const magnitudes = logTicks([top / 1e3, top], Math.ceil(count / 2));
  return [...magnitudes.map((tick) => -tick).reverse(), 0, ...magnitudes].filter(
    (tick) => tick >= low && tick <= high,
  );
}

const TIME_GAPS = [60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400];

/** Spans of time inside a domain of seconds, in whole minutes, hours or days once they are long. */
export function timeTicks(domain: readonly [number, number], count: number): number[] {
  const raw = Math.abs(domain[1] - domain[0]) / Math.max(1, count);
  if (!(raw > 20)) return linearTicks(domain, count);
  const day = TIME_GAPS.at(-1)!;
  const gap = TIME_GAPS.find((candidate) => candidate >= raw) ?? niceGap(raw / day) * day;
  const ticks: number[] = [];
  // Adding zero turns −0 into 0.
  const first = Math.ceil(domain[0] / gap - 1e-9) + 0;
  for (let index = first; index * gap <= domain[1] * (1 + 1e-9); index++) ticks.push(index * gap);
  return ticks;
}

/** Ticks that suit the scale. */
export function ticksOf(scale: Scale, count: number): number[] {
  if (scale.kind === "log") return logTicks(scale.domain, count);
  if (scale.kind === "symlog") return symlogTicks(scale.domain, count);
  return linearTicks(scale.domain, count);
}

/** Read from text: `10 ** -4` is not the number that `1e-4` is. */
function powerOfTen(power: number): number {
  return Number(`1e${power}`);
}

function niceGap(raw: number): number {
  const power = 10 ** Math.floor(Math.log10(raw));
  const lead = raw / power;
  return power * (lead < 1.5 ? 1 : lead < 3.5 ? 2 : lead < 7.5 ? 5 : 10);
}

/** Digits beside an axis: ticks are round, so that they need few, but not always three. */
const TICK_DIGITS = 12;

/** A round number beside an axis, whole: two neighbours never read the same. */
export function formatTick(value: number): string {
  return formatNumber(value, TICK_DIGITS);
}

/** The same of a share of 1, as per cent. */
export function formatShareTick(share: number): string {
  return `${formatTick(share * 100)} %`;
}

/** How to write ticks of time: all of them in the unit of the distance between them. */
export function timeTickFormat(ticks: readonly number[]): (seconds: number) => string {
  const gap = ticks.length > 1 ? ticks[1]! - ticks[0]! : 0;
  const [size, unit] =
    gap < 60 ? [1, "s"] : gap < 3600 ? [60, "min"] : gap < 86400 ? [3600, "h"] : [86400, "d"];
  return (seconds) => `${formatTick(seconds / Number(size))} ${unit}`;
}

/** A number for people, about `digits` significant ones: `0.0123`, `2,750`, `1.2e-5`, `−3`. */
export function formatNumber(value: number, digits = 3): string {
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "+Inf" : "−Inf";
  const magnitude = Math.abs(value);
  const sign = value < 0 ? "−" : "";
  if (magnitude === 0) return "0";
  if (magnitude >= 1e6 || magnitude < 1e-3) {
    const [mantissa, exponent] = magnitude.toExponential(digits - 1).split("e");
    return `${sign}${String(Number(mantissa))}e${String(Number(exponent)).replace("-", "−")}`;
  }
  if (magnitude >= 1000) {
    const decimals = Math.max(0, digits - 1 - Math.floor(Math.log10(magnitude)));
    const [whole, part] = String(Number(magnitude.toFixed(decimals))).split(".");
    return sign + grouped(Number(whole)) + (part === undefined ? "" : `.${part}`);
  }
  return sign + String(Number(magnitude.toPrecision(digits)));
}

/** A whole number with thousands apart: `4,200`. */
export function formatCount(value: number): string {
  return (value < 0 ? "−" : "") + grouped(Math.round(Math.abs(value)));
}

/** A share of 1 as per cent: `41 %`, `0.6 %`. */
export function formatShare(share: number): string {
  if (!Number.isFinite(share)) return "—";
  const percent = share * 100;
  const far = Math.abs(percent);
  // Nearly all is not all.
  if (far > 99 && far < 100) return `${Math.trunc(percent * 10) / 10} %`;
  return `${percent !== 0 && Math.abs(percent) < 10 ? Number(percent.toPrecision(2)) : Math.round(percent)} %`;
}

/** A span of time: `45 s`, `12 min`, `1.5 h`. */
export function formatSeconds(seconds: number): string {
  const magnitude = Math.abs(seconds);
  if (magnitude < 120) return `${Number(seconds.toPrecision(3))} s`;
  if (magnitude < 7200) return `${Number((seconds / 60).toPrecision(3))} min`;
  if (magnitude < 172800) return `${Number((seconds / 3600).toPrecision(3))} h`;
  return `${Number((seconds / 86400).toPrecision(3))} d`;
}

function grouped(whole: number): string {
  return String(whole).replace(/\B(?=(\d{3})+$)/g, ",");
}

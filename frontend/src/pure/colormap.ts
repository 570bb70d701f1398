/**
 * Colours for numbers, safe for colour-blind eyes. Viridis and cividis are given by colours of
 * their published tables at equal distances, and interpolated between them.
 *
 * Source: van der Walt & Smith (2015), viridis; Nuñez, Anderton & Renslow, "Optimizing colormaps
 * with consideration for color vision deficiency" (PLOS ONE 2018), cividis. The diverging map runs
 * through the colours of Moreland, "Diverging Color Maps for Scientific Visualization" (2009).
 */

export type ColormapName = "viridis" | "cividis" | "diverging";

/** 256 colours, each as the four bytes R, G, B, A that ImageData holds, read as one number. */
export type Lut = Uint32Array;

export const LUT_SIZE = 256;

const VIRIDIS = [
  0x440154, 0x481a6c, 0x472f7d, 0x414487, 0x39568c, 0x31688e, 0x2a788e, 0x23888e, 0x1f988b,
  0x22a884, 0x35b779, 0x54c568, 0x7ad151, 0xa5db36, 0xd2e21b, 0xfde725,
];
const CIVIDIS = [
  0x00224e, 0x002e6c, 0x1e3a6f, 0x35456c, 0x47516c, 0x575d6d, 0x666970, 0x757575, 0x848279,
  0x948e77, 0xa59c74, 0xb7a96e, 0xc8b866, 0xdbc75a, 0xeed649, 0xfee838,
];
const DIVERGING_LIGHT = [0x2a52be, 0x6788ee, 0xaac7fd, 0xf4f4f4, 0xf7b89c, 0xe7745b, 0xb40426];
// On a dark page the middle, where nothing differs, recedes instead of glaring.
const DIVERGING_DARK = [0x9db7ff, 0x6788ee, 0x3b4f8f, 0x26282c, 0x8f4535, 0xe7745b, 0xffb59a];

const cache = new Map<string, Lut>();

/** The colours of a map from low to high; the same array for the same arguments. */
export function colormap(name: ColormapName, dark = false): Lut {
  const key = `${name}${dark && name === "diverging" ? "-dark" : ""}`;
  let lut = cache.get(key);
  if (lut === undefined) {
    const stops =
      name === "viridis"
        ? VIRIDIS
        : name === "cividis"
          ? CIVIDIS
          : dark
            ? DIVERGING_DARK
            : DIVERGING_LIGHT;
    lut = interpolated(stops);
    cache.set(key, lut);
  }
  return lut;
}

/** A ramp of one colour from clear to opaque, for densities that lie over other marks. */
export function alphaRamp(red: number, green: number, blue: number, opacity = 1): Lut {
  const lut = new Uint32Array(LUT_SIZE);
  for (let index = 0; index < LUT_SIZE; index++) {
    lut[index] = packed(red, green, blue, Math.round(255 * opacity * (index / (LUT_SIZE - 1))));
  }
  return lut;
}

/** Four bytes as ImageData holds them on a little-endian machine, read as one number. */
export function packed(red: number, green: number, blue: number, alpha = 255): number {
  return ((alpha << 24) | (blue << 16) | (green << 8) | red) >>> 0;
}

/** `rgb(r g b / a)` of a packed colour. */
export function cssColor(color: number): string {
  return `rgb(${color & 255} ${(color >>> 8) & 255} ${(color >>> 16) & 255} / ${(color >>> 24) / 255})`;
}

/** Index into a map of where `value` lies between `low` and `high`, held to its ends. */
export function lutIndex(value: number, low: number, high: number): number {
  const share = high > low ? (value - low) / (high - low) : 0.5;
  return Math.max(0, Math.min(LUT_SIZE - 1, Math.round(share * (LUT_SIZE - 1))));
}

function interpolated(stops: readonly number[]): Lut {
  const lut = new Uint32Array(LUT_SIZE);
  for (let index = 0; index < LUT_SIZE; index++) {
    const place = (index / (LUT_SIZE - 1)) * (stops.length - 1);
    const stop = Math.min(stops.length - 2, Math.floor(place));
    const share = place - stop;
    const channel = (shift: number) => {
      const from = (stops[stop]! >>> shift) & 255;
      const to = (stops[stop + 1]! >>> shift) & 255;
      return Math.round(from + (to - from) * share);
    };
    lut[index] = packed(channel(16), channel(8), channel(0));
  }
  return lut;
}

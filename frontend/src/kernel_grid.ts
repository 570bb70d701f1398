/** Kernels of convolutions as pictures: which weight is which pixel. Pure. */

import type { LayerInfo } from "./api";

/** The incoming weights of a neuron as an image. */
export interface KernelGrid {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  /** The weight at a place: its index among the incoming weights of the neuron. */
  readonly weightAt: (row: number, column: number, channel: number) => number;
}

/**
 * How a layer's kernels are images, told by its kernel's shape; null where the shape does not tell.
 * Keras and Flax write [height, width, channels, neurons], PyTorch and Equinox [neurons, channels,
 * height, width]; where a shape reads both ways, the name of the type decides.
 */
export function kernelGrid({ kernel_shape: shape, neurons, fan_in, type }: LayerInfo): KernelGrid | null {
  if (shape.length !== 4) return null;
  const [a, b, c, d] = shape as [number, number, number, number];
  const last = d === neurons && a * b * c === fan_in;
  const first = a === neurons && b * c * d === fan_in;
  if (!last && !first) return null;
  const channelsFirst = first && (!last || type.endsWith("Conv2d"));
  const [height, width, channels] = channelsFirst ? [c, d, b] : [a, b, c];
  if (height * width < 2) return null;
  return {
    height,
    width,
    channels,
    weightAt: channelsFirst
      ? (row, column, channel) => (channel * height + row) * width + column
      : (row, column, channel) => (row * width + column) * channels + channel,
  };
}

/** The images that the incoming weights of a first layer may be, the squarest first. */
export function imageShapes(fanIn: number): readonly KernelGrid[] {
  const grids: KernelGrid[] = [];
  for (const channels of [1, 3]) {
    const side = Math.round(Math.sqrt(fanIn / channels));
    if (side < 3 || side * side * channels !== fanIn) continue;
    grids.push({
      height: side,
      width: side,
      channels,
      weightAt: (row, column, channel) => (row * side + column) * channels + channel,
    });
  }
  return grids;
}

/** Largest magnitude of all finite weights: the two ends of the colour scale. */
export function largestMagnitude(kernels: Iterable<ArrayLike<number>>): number {
  let most = 0;
  for (const kernel of kernels) {
    for (let at = 0; at < kernel.length; at++) {
      const magnitude = Math.abs(kernel[at] as number);
      if (Number.isFinite(magnitude) && magnitude > most) most = magnitude;
    }
  }
  return most;
}

/** What a picture shows: one channel by its sign and size, or three as red, green and blue. */
export type Channel = number | "rgb";

/**
 * The kernel as pixels.
 * @param lut 256 colours from −limit to limit
 * @param missing colour of what is not a number
 * @returns [height × width] packed colours
 */
export function kernelPixels(
  grid: KernelGrid,
  weights: ArrayLike<number>,
  channel: Channel,
  limit: number,
  lut: Uint32Array,
  missing: number,
): Uint32Array {
  const pixels = new Uint32Array(grid.height * grid.width);
  const level = (row: number, column: number, of: number): number => {
    const value = weights[grid.weightAt(row, column, of)] ?? Number.NaN;
    return Number.isNaN(value) ? Number.NaN : Math.round(127.5 * (1 + Math.max(-1, Math.min(1, limit === 0 ? 0 : value / limit))));
  };
  for (let row = 0; row < grid.height; row++) {
    for (let column = 0; column < grid.width; column++) {
      const at = row * grid.width + column;
      if (channel === "rgb") {
        const [red, green, blue] = [0, 1, 2].map((of) => level(row, column, of)) as [number, number, number];
        const bad = Number.isNaN(red + green + blue);
        pixels[at] = bad ? missing : ((255 << 24) | (blue << 16) | (green << 8) | red) >>> 0;
      } else {
        const place = level(row, column, channel);
        pixels[at] = Number.isNaN(place) ? missing : (lut[place] as number);
      }
    }
  }
  return pixels;
}

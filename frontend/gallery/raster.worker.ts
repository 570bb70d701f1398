/** The raster of trajectories in a worker, to measure whether it is worth one. */

import { linearScale, px } from "../src/pure/scale";
import { densityColors, densityCounts } from "../src/pure/trajectory_raster";

export interface Raster {
  readonly domain: readonly [number, number];
  readonly width: number;
  readonly height: number;
  /** Horizontal place of each step in pixels. */
  readonly places: Float64Array;
  readonly lut: Uint32Array;
}

let held: { values: Float32Array; steps: number } | null = null;

/** RGBA of the lines; the same work wherever it runs. */
export function rastered(values: Float32Array, steps: number, raster: Raster): Uint8ClampedArray<ArrayBuffer> {
  const { domain, width, height, places, lut } = raster;
  const scale = linearScale(domain, [px(height), px(0)]);
  const counts = densityCounts(values, steps, scale, px(width), px(height), places);
  return densityColors(counts, lut);
}

if (typeof document === "undefined") {
  addEventListener("message", ({ data }: MessageEvent<typeof held | Raster>) => {
    if (data !== null && "values" in data) held = data;
    else if (data !== null && held !== null) {
      const rgba = rastered(held.values, held.steps, data);
      (globalThis as unknown as Worker).postMessage(rgba, [rgba.buffer]);
    }
  });
}

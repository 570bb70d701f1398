import { describe, expect, it } from "vitest";
import type { LayerInfo } from "../src/api";
import { imageShapes, kernelGrid, kernelPixels, largestMagnitude, type KernelGrid } from "../src/kernel_grid";

function layer(type: string, shape: readonly number[], neurons: number, fanIn: number): LayerInfo {
  return {
    name: "conv",
    type,
    order: 0,
    neurons,
    fan_in: fanIn,
    kernel_shape: shape,
    parameters: 0,
    trainable: true,
    notes: [],
    activation: null,
    series: {},
    summaries: [],
  };
}

/** A neuron's weights as its framework lays them out: each says its own row, column and channel. */
function coded(order: "hwc" | "chw", height: number, width: number, channels: number): number[] {
  const code = (row: number, column: number, channel: number): number => 100 * row + 10 * column + channel;
  const range = (count: number): number[] => [...Array(count).keys()];
  return order === "hwc"
    ? range(height).flatMap((r) => range(width).flatMap((c) => range(channels).map((k) => code(r, c, k))))
    : range(channels).flatMap((k) => range(height).flatMap((r) => range(width).map((c) => code(r, c, k))));
}

function read(grid: KernelGrid, weights: readonly number[]): boolean {
  for (let r = 0; r < grid.height; r++) {
    for (let c = 0; c < grid.width; c++) {
      for (let k = 0; k < grid.channels; k++) {
        if (weights[grid.weightAt(r, c, k)] !== 100 * r + 10 * c + k) return false;
      }
    }
  }
  return true;
}

describe("a kernel's image", () => {
  it("of Keras and Flax has its channels last", () => {
    const grid = kernelGrid(layer("Conv2D", [3, 5, 2, 16], 16, 30));
    expect(grid).toMatchObject({ height: 3, width: 5, channels: 2 });
    expect(grid !== null && read(grid, coded("hwc", 3, 5, 2))).toBe(true);
  });

  it("of PyTorch and Equinox has its channels first", () => {
    const grid = kernelGrid(layer("Conv2d", [16, 2, 3, 5], 16, 30));
    expect(grid).toMatchObject({ height: 3, width: 5, channels: 2 });
    expect(grid !== null && read(grid, coded("chw", 3, 5, 2))).toBe(true);
  });

  it("of a shape that reads both ways goes by the name of the type", () => {
    const shape = [3, 3, 3, 3];
    const last = kernelGrid(layer("Conv2D", shape, 3, 27));
    const first = kernelGrid(layer("Conv2d", shape, 3, 27));
    expect(last !== null && read(last, coded("hwc", 3, 3, 3))).toBe(true);
    expect(first !== null && read(first, coded("chw", 3, 3, 3))).toBe(true);
  });

  it("is not made up where the shape does not tell", () => {
    expect(kernelGrid(layer("Dense", [64, 10], 10, 64))).toBeNull();
    expect(kernelGrid(layer("Conv2D", [3, 3, 4, 8], 16, 36))).toBeNull();
    expect(kernelGrid(layer("Conv2D", [1, 1, 4, 8], 8, 4))).toBeNull();
  });

  it("of a dense first layer is offered for square inputs only", () => {
    expect(imageShapes(784)).toMatchObject([{ height: 28, width: 28, channels: 1 }]);
    expect(imageShapes(3072)).toMatchObject([{ height: 32, width: 32, channels: 3 }]);
    expect(imageShapes(30)).toEqual([]);
  });
});

describe("its pixels", () => {
  const lut = Uint32Array.from({ length: 256 }, (_, at) => at);
  const grid = kernelGrid(layer("Conv2D", [2, 2, 1, 4], 4, 4)) as KernelGrid;

  it("run from one end of the scale over the middle at zero to the other", () => {
    expect([...kernelPixels(grid, [-2, 0, 2, 99], 0, 2, lut, 7)]).toEqual([0, 128, 255, 255]);
  });

  it("mark what is not a number, and what was not kept", () => {
    expect([...kernelPixels(grid, [Number.NaN, 0], 0, 2, lut, 7)]).toEqual([7, 128, 7, 7]);
  });

  it("of three channels are red, green and blue", () => {
    const rgb = kernelGrid(layer("Conv2D", [2, 1, 3, 4], 4, 6)) as KernelGrid;
    const [first] = kernelPixels(rgb, [1, 0, -1, 0, 0, 0], "rgb", 1, lut, 7);
    expect([(first as number) & 255, ((first as number) >> 8) & 255, ((first as number) >> 16) & 255]).toEqual([255, 128, 0]);
  });

  it("share the scale of the largest weight of all", () => {
    expect(largestMagnitude([[1, -3], [Number.NaN, 2, Number.POSITIVE_INFINITY]])).toBe(3);
    expect(largestMagnitude([])).toBe(0);
  });
});

/**
 * How long the heavy drawings take, beside what draws the same arrays without our rasters: uPlot
 * alone, and strokes on a canvas. `tests/benchmarks/bench_panel.py` opens this page and prints.
 */

import "../src/charts/index";
import type { ChartElement } from "../src/charts/chart_element";
import type { DensitySeries, Matrix } from "../src/charts/contract";
import type { ActivityBars, CurveChart, DensityStrip, HeatMap, Trajectories } from "../src/charts/index";
import * as made from "./made_up";
import { alphaRamp } from "../src/pure/colormap";
import { rastered, type Raster } from "./raster.worker";
import { canvasRival, uplotRival, type Rival } from "./rivals";

/** Milliseconds of each repeat, by name of the way. */
export type Timings = Record<string, number[]>;

const SIZES = {
  full: { lines: [10_000, 200], cells: [4096, 1000], cards: 12, neurons: 128, repeats: 9 },
  small: { lines: [300, 20], cells: [64, 20], cards: 2, neurons: 16, repeats: 2 },
} as const;
type Size = (typeof SIZES)[keyof typeof SIZES];

const WIDTH = 900;
const HEIGHT = 400;
const COLOR = "#425066";
const DEAD_BELOW_ZERO = { deadBelow: 0, deadAbove: NaN, saturatedBelow: NaN, saturatedAbove: NaN };

const main = document.querySelector("main")!;

/** A drawing is over when its pixels can be read. */
function flush(root: ParentNode): void {
  for (const canvas of root.querySelectorAll("canvas")) {
    canvas.getContext("2d")?.getImageData(0, 0, 1, 1);
  }
}

async function timed(repeats: number, change: (index: number) => Promise<void>): Promise<number[]> {
  // The first drawing makes canvases and compiles code.
  await change(0);
  await change(1);
  const spans: number[] = [];
  for (let index = 2; index < repeats + 2; index++) {
    const start = performance.now();
    await change(index);
    spans.push(performance.now() - start);
  }
  return spans;
}

function place<T extends ChartElement>(tag: string, properties: Partial<T>, height = HEIGHT): T {
  const chart = Object.assign(document.createElement(tag), properties) as T;
  chart.style.cssText = `width: ${WIDTH}px; height: ${height}px`;
  main.append(chart);
  return chart;
}

async function drawn(charts: readonly ChartElement[]): Promise<void> {
  for (const chart of charts) {
    await chart.updateComplete;
    chart.paintNow();
    flush(chart.renderRoot);
  }
}

/** Two frames, so that every chart has its size and is known to be in view. */
async function laidOut(): Promise<void> {
  for (let frame = 0; frame < 2; frame++) await new Promise(requestAnimationFrame);
}

async function rivalTimes(
  rivals: Readonly<Record<string, () => Rival>>,
  repeats: number,
): Promise<Timings> {
  const timings: Timings = {};
  for (const [name, make] of Object.entries(rivals)) {
    main.replaceChildren();
    const rival = make();
    main.append(rival.element);
    await laidOut();
    timings[name] = await timed(repeats, async (index) => {
      rival.draw(index);
      flush(rival.element);
    });
  }
  return timings;
}

async function trajectories({ lines: [rows, count], repeats }: Size): Promise<Timings> {
  main.replaceChildren();
  const matrix = made.norms(1, rows, made.cadence(count, 4200), COLOR);
  matrix.values.forEach((value, index) => {
    if (Number.isNaN(value)) matrix.values[index] = 0.5;
  });
  const last = matrix.steps.at(-1)!;
  // A zoom that moves a little is a redraw of everything.
  const zoomOf = (index: number) => [0, last - index] as const;
  const chart = place<Trajectories>("nn-trajectories", { matrix });
  await laidOut();
  const ours = await timed(repeats, async (index) => {
    chart.time = { zoom: zoomOf(index), cursor: null, unit: "step" };
    await drawn([chart]);
  });
  return {
    "nnviz_tb": ours,
    ...(await rivalTimes(
      {
        "uPlot, a series per line": () => uplotRival.lines(matrix, zoomOf, WIDTH, HEIGHT),
        "canvas strokes": () => canvasRival.lines(matrix, zoomOf, WIDTH, HEIGHT),
      },
      repeats,
    )),
  };
}

/** The raster of the trajectories alone, here and in a worker that holds the matrix already. */
async function threads({ lines: [rows, count], repeats }: Size): Promise<Timings> {
  const matrix = made.norms(1, rows, made.cadence(count, 4200), COLOR);
  const { values, steps } = matrix;
  const last = steps.at(-1)!;
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [WIDTH, HEIGHT];
  main.replaceChildren(canvas);
  const rasterOf = (index: number): Raster => ({
    domain: [0, 2],
    width: WIDTH,
    height: HEIGHT,
    places: steps.map((step) => (step / (last - index)) * WIDTH),
    lut: alphaRamp(66, 80, 102, 0.85),
  });
  const put = (rgba: Uint8ClampedArray<ArrayBuffer>) => {
    canvas.getContext("2d")!.putImageData(new ImageData(rgba, WIDTH, HEIGHT), 0, 0);
    flush(main);
  };
  const ours = await timed(repeats, async (index) => put(rastered(values, count, rasterOf(index))));
  const worker = new Worker("raster.worker.js", { type: "module" });
  worker.postMessage({ values, steps: count });
  const elsewhere = await timed(repeats, async (index) => {
    const answer = new Promise<MessageEvent>((resolve) => (worker.onmessage = resolve));
    worker.postMessage(rasterOf(index));
    put((await answer).data as Uint8ClampedArray<ArrayBuffer>);
  });
  worker.terminate();
  return { "nnviz_tb": ours, "the same in a module worker": elsewhere };
}

async function heatMap({ cells: [rows, count], repeats }: Size): Promise<Timings> {
  main.replaceChildren();
  const steps = Float64Array.from({ length: count }, (_, index) => index);
  const matrix = made.norms(2, rows, steps, COLOR);
  const zoomOf = (index: number) => [index, count - 1 - index] as const;
  const chart = place<HeatMap>("nn-heat-map", { matrix });
  await laidOut();
  const ours = await timed(repeats, async (index) => {
    chart.time = { zoom: zoomOf(index), cursor: null, unit: "step" };
    await drawn([chart]);
  });
  return {
    "nnviz_tb": ours,
    ...(await rivalTimes(
      {
        "uPlot, cells in a hook": () => uplotRival.cells(matrix, zoomOf, WIDTH, HEIGHT),
        "canvas rectangles": () => canvasRival.cells(matrix, zoomOf, WIDTH, HEIGHT),
      },
      repeats,
    )),
  };
}

async function scrub({ cards, neurons, repeats }: Size): Promise<Timings> {
  main.replaceChildren();
  const curve = [made.curve("digits/adam", COLOR, [Math.tanh])];
  const inputs: DensitySeries[] = [];
  const activities: Matrix[] = [];
  const charts: ChartElement[] = [];
  for (let card = 0; card < cards; card++) {
    const density = made.density(card, "digits/adam", COLOR, (share) => ({
      mean: share,
      deviation: 1 + share,
    }));
    const matrix = made.activity(100 + card, neurons, 0.2);
    inputs.push(density);
    activities.push(matrix);
    charts.push(
      place<CurveChart>(
        "nn-curve-chart",
        { curves: curve, inputs: [density], zones: DEAD_BELOW_ZERO },
        220,
      ),
      place<DensityStrip>("nn-density-strip", { series: density }, 110),
      place<ActivityBars>("nn-activity-bars", { matrix }, 64),
    );
  }
  for (const chart of charts) chart.style.width = "380px";
  await laidOut();
  const stepOf = (index: number) => made.STEPS[100 + index]!;
  const ours = await timed(repeats, async (index) => {
    for (const chart of charts) chart.time = { zoom: null, cursor: stepOf(index), unit: "step" };
    await drawn(charts);
  });
  const data = { curve: curve[0]!, inputs, activities, rowOf: (index: number) => 100 + index };
  return {
    "nnviz_tb": ours,
    ...(await rivalTimes(
      { "uPlot alone": () => uplotRival.cards(data), "canvas strokes": () => canvasRival.cards(data) },
      repeats,
    )),
  };
}

/** By the name that the command line knows them by. */
const DRAWINGS = {
  trajectories: {
    title: ({ lines }: Size) => `trajectories ${lines.join(" × ")}, redraw`,
    time: trajectories,
  },
  threads: {
    title: () => "trajectories, their raster alone",
    time: threads,
  },
  heat: { title: ({ cells }: Size) => `heat map ${cells.join(" × ")}, zoom`, time: heatMap },
  scrub: { title: ({ cards }: Size) => `${cards} activation cards, step cursor`, time: scrub },
} as const;
type Drawing = keyof typeof DRAWINGS;

Object.assign(globalThis, {
  drawings: DRAWINGS,
  measured: async (size: keyof typeof SIZES, drawings: readonly Drawing[]) => {
    const timings: Record<string, Timings> = {};
    for (const name of drawings) {
      const { title, time } = DRAWINGS[name];
      timings[title(SIZES[size])] = await time(SIZES[size]);
    }
    return timings;
  },
});

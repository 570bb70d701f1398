/** The same arrays, drawn by uPlot alone and by strokes: what a panel without rasters would do. */

import uPlot from "uplot";
import uplotCss from "uplot/dist/uPlot.min.css";
import type { CurveSample, DensitySeries, Matrix } from "../src/charts/contract";
import { colormap, cssColor, LUT_SIZE } from "../src/pure/colormap";

export interface Rival {
  readonly element: HTMLElement;
  draw(index: number): void;
}

type ZoomOf = (index: number) => readonly [number, number];

export interface Cards {
  readonly curve: CurveSample;
  readonly inputs: readonly DensitySeries[];
  readonly activities: readonly Matrix[];
  /** Which step is shown. */
  readonly rowOf: (index: number) => number;
}

const CARD = { width: 380, curve: 220, strip: 110, bars: 64 };
const STROKE = "rgb(66 80 102 / 35%)";

const sheet = new CSSStyleSheet();
sheet.replaceSync(uplotCss);
document.adoptedStyleSheets.push(sheet);

function heatColors(): string[] {
  return Array.from(colormap("viridis"), (color) => cssColor(color));
}

function extentOf(values: Float32Array): [number, number] {
  let [low, high] = [Infinity, -Infinity];
  for (const value of values) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return [low, high];
}

function rowsOf(matrix: Matrix): Float32Array[] {
  const count = matrix.steps.length;
  return Array.from(matrix.rows, (_, row) =>
    matrix.values.subarray(row * count, (row + 1) * count),
  );
}

function column(matrix: Matrix, index: number): Float32Array {
  return Float32Array.from(matrix.rows, (_, row) => matrix.values[row * matrix.steps.length + index]!);
}

function countsAt(series: DensitySeries, row: number): Float32Array {
  const bins = series.edges.length - 1;
  return series.counts.subarray(row * bins, (row + 1) * bins);
}

function middles({ edges }: DensitySeries): Float32Array {
  return edges.slice(1).map((edge, bin) => (edge + edges[bin]!) / 2);
}

/** Rows that share a pixel are one rectangle, of the first of them: the least that can be drawn. */
function fillCells(
  ctx: CanvasRenderingContext2D,
  matrix: Matrix,
  zoom: readonly [number, number],
  box: { left: number; top: number; width: number; height: number },
  colors: readonly string[],
  extent: readonly [number, number],
): void {
  const count = matrix.steps.length;
  const rows = Math.min(matrix.rows.length, Math.round(box.height));
  const cell = box.width / (zoom[1] - zoom[0]);
  const height = box.height / rows;
  for (let place = 0; place < rows; place++) {
    const row = Math.floor((place * matrix.rows.length) / rows);
    for (let step = zoom[0]; step < zoom[1]; step++) {
      const share = (matrix.values[row * count + step]! - extent[0]) / (extent[1] - extent[0]);
      ctx.fillStyle = colors[Math.round(share * (LUT_SIZE - 1))] ?? "#ccc";
      ctx.fillRect(box.left + (step - zoom[0]) * cell, box.top + place * height, cell + 1, height);
    }
  }
}

function fillStrip(
  ctx: CanvasRenderingContext2D,
  series: DensitySeries,
  box: { left: number; top: number; width: number; height: number },
  colors: readonly string[],
): void {
  const bins = series.edges.length - 1;
  const rows = series.steps.length;
  for (let row = 0; row < rows; row++) {
    const counts = countsAt(series, row);
    const peak = Math.max(1, ...counts);
    for (let bin = 0; bin < bins; bin++) {
      ctx.fillStyle = colors[Math.round((counts[bin]! / peak) * (LUT_SIZE - 1))]!;
      ctx.fillRect(
        box.left + (row * box.width) / rows,
        box.top + ((bins - 1 - bin) * box.height) / bins,
        box.width / rows + 1,
        box.height / bins + 1,
      );
    }
  }
}

function uplot(
  element: HTMLElement,
  data: uPlot.AlignedData,
  options: Partial<uPlot.Options> & Pick<uPlot.Options, "series" | "width" | "height">,
): uPlot {
  const { scales, ...rest } = options;
  return new uPlot(
    {
      legend: { show: false },
      cursor: { show: false },
      scales: { x: { time: false }, ...scales },
      ...rest,
    },
    data,
    element,
  );
}

function now(plot: uPlot, change: () => void): void {
  plot.batch(change);
}

export const uplotRival = {
  lines(matrix: Matrix, zoomOf: ZoomOf, width: number, height: number): Rival {
    const element = document.createElement("div");
    const rows = rowsOf(matrix);
    const plot = uplot(element, [matrix.steps, ...rows], {
      width,
      height,
      series: [{}, ...rows.map(() => ({ stroke: STROKE, points: { show: false } }))],
    });
    return {
      element,
      draw: (index) => {
        const [min, max] = zoomOf(index);
        now(plot, () => plot.setScale("x", { min, max }));
      },
    };
  },

  cells(matrix: Matrix, zoomOf: ZoomOf, width: number, height: number): Rival {
    const element = document.createElement("div");
    const colors = heatColors();
    const extent = extentOf(matrix.values);
    let zoom = zoomOf(0);
    const plot = uplot(element, [matrix.steps, matrix.steps.map(() => matrix.rows.length)], {
      width,
      height,
      series: [{}, { paths: () => null, points: { show: false } }],
      hooks: { draw: [(u) => fillCells(u.ctx, matrix, zoom, u.bbox, colors, extent)] },
    });
    return {
      element,
      draw: (index) => {
        zoom = zoomOf(index);
        const [min, max] = zoom;
        now(plot, () => plot.setScale("x", { min, max }));
      },
    };
  },

  cards({ curve, inputs, activities, rowOf }: Cards): Rival {
    const element = document.createElement("div");
    const colors = heatColors();
    const width = CARD.width;
    const redraws = inputs.map((series, card) => {
      const bell = middles(series);
      const curves = uplot(element, [curve.x, curve.f, curve.slope], {
        width,
        height: CARD.curve,
        series: [{}, { stroke: STROKE }, { stroke: STROKE, dash: [4, 3] }],
      });
      const densities = uplot(element, [bell, countsAt(series, 0)], {
        width,
        height: CARD.curve,
        series: [{}, { stroke: STROKE, fill: STROKE }],
      });
      const strip = uplot(element, [series.steps, series.steps], {
        width,
        height: CARD.strip,
        series: [{}, { paths: () => null, points: { show: false } }],
        hooks: { draw: [(u) => fillStrip(u.ctx, series, u.bbox, colors)] },
      });
      const matrix = activities[card]!;
      const neurons = Float64Array.from(matrix.rows);
      const bars = uplot(element, [neurons, column(matrix, 0)], {
        width,
        height: CARD.bars,
        series: [{}, { fill: STROKE, paths: uPlot.paths.bars!() }],
      });
      return (index: number) => {
        now(curves, () => curves.redraw(false));
        now(densities, () => densities.setData([bell, countsAt(series, rowOf(index))]));
        now(strip, () => strip.redraw(false));
        now(bars, () => bars.setData([neurons, column(matrix, rowOf(index))]));
      };
    });
    return { element, draw: (index) => redraws.forEach((redraw) => redraw(index)) };
  },
};

function canvasOf(width: number, height: number): CanvasRenderingContext2D {
  const canvas = document.createElement("canvas");
  canvas.width = width * devicePixelRatio;
  canvas.height = height * devicePixelRatio;
  canvas.style.cssText = `width: ${width}px; height: ${height}px`;
  const ctx = canvas.getContext("2d")!;
  ctx.scale(devicePixelRatio, devicePixelRatio);
  return ctx;
}

function strokeRow(
  ctx: CanvasRenderingContext2D,
  xs: ArrayLike<number>,
  ys: ArrayLike<number>,
  x: (value: number) => number,
  y: (value: number) => number,
): void {
  ctx.beginPath();
  for (let index = 0; index < xs.length; index++) ctx.lineTo(x(xs[index]!), y(ys[index]!));
  ctx.stroke();
}

export const canvasRival = {
  lines(matrix: Matrix, zoomOf: ZoomOf, width: number, height: number): Rival {
    const ctx = canvasOf(width, height);
    const rows = rowsOf(matrix);
    const [low, high] = extentOf(matrix.values);
    ctx.strokeStyle = STROKE;
    return {
      element: wrapped(ctx.canvas),
      draw: (index) => {
        const [from, to] = zoomOf(index);
        ctx.clearRect(0, 0, width, height);
        for (const row of rows) {
          strokeRow(
            ctx,
            matrix.steps,
            row,
            (value) => ((value - from) / (to - from)) * width,
            (value) => height - ((value - low) / (high - low)) * height,
          );
        }
      },
    };
  },

  cells(matrix: Matrix, zoomOf: ZoomOf, width: number, height: number): Rival {
    const ctx = canvasOf(width, height);
    const colors = heatColors();
    const extent = extentOf(matrix.values);
    const box = { left: 0, top: 0, width, height };
    return {
      element: wrapped(ctx.canvas),
      draw: (index) => fillCells(ctx, matrix, zoomOf(index), box, colors, extent),
    };
  },

  cards({ curve, inputs, activities, rowOf }: Cards): Rival {
    const element = document.createElement("div");
    const colors = heatColors();
    const { width } = CARD;
    const redraws = inputs.map((series, card) => {
      const curves = canvasOf(width, CARD.curve);
      const strip = canvasOf(width, CARD.strip);
      const bars = canvasOf(width, CARD.bars);
      element.append(curves.canvas, strip.canvas, bars.canvas);
      const bell = middles(series);
      const matrix = activities[card]!;
      const x = (value: number) => ((value + 5) / 10) * width;
      return (index: number) => {
        curves.clearRect(0, 0, width, CARD.curve);
        strokeRow(curves, curve.x, curve.f, x, (value) => (0.5 - value / 2.2) * CARD.curve);
        strokeRow(curves, curve.x, curve.slope, x, (value) => (1 - value / 1.1) * CARD.curve);
        const counts = countsAt(series, rowOf(index));
        const peak = Math.max(1, ...counts);
        strokeRow(curves, bell, counts, x, (value) => (1 - value / peak / 2) * CARD.curve);
        curves.fill();
        fillStrip(strip, series, { left: 0, top: 0, width, height: CARD.strip }, colors);
        bars.clearRect(0, 0, width, CARD.bars);
        column(matrix, rowOf(index)).forEach((value, place, all) => {
          const bar = width / all.length;
          bars.fillRect(place * bar, (1 - value) * CARD.bars, bar - 1, value * CARD.bars);
        });
      };
    });
    return { element, draw: (index) => redraws.forEach((redraw) => redraw(index)) };
  },
};

function wrapped(canvas: HTMLCanvasElement): HTMLElement {
  const element = document.createElement("div");
  element.append(canvas);
  return element;
}

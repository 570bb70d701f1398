/** A chart's wishes as uPlot's options. */

import uPlot from "uplot";
import type { PlotData } from "./plot_data";
import { unitOf } from "./plot_data";
import type { PlotAxis, PlotSpec } from "./plot_spec";
import { FONT_PX, setFont, type Draw, type Rect, type Surface } from "./surface";
import { theme } from "./theme";

/** What a uPlot instance shows now. Its options read it anew at every drawing. */
export interface Shown {
  spec: PlotSpec;
  data: PlotData;
  /** CSS pixels on the screen, whatever the picture's size. */
  width: number;
  height: number;
}

const GAP_PX = 6;
const TICK_PX = 4;
/** Numbers of a vertical axis closer than this run into one another. */
const LINE_PX = FONT_PX + 2;

type Side = "left" | "right";

/**
 * Options that differ between two specs only by what an instance cannot change: compare them
 * before keeping one.
 */
export function structureOf(spec: PlotSpec): string {
  const axis = (given: PlotAxis | undefined) =>
    given === undefined ? null : [given.scale.kind, given.grid, given.downwards];
  return JSON.stringify([
    spec.margins,
    axis(spec.bottom),
    axis(spec.left),
    axis(spec.right),
    spec.hoverLine,
    spec.lines.map((line) => [line.right, line.hover]),
    theme().font,
  ]);
}

/**
 * @param factor CSS pixels of the instance per CSS pixel of the chart. uPlot has one density of
 * pixels for the whole page; a picture of twice the density is a plot of twice the size, with
 * everything in it twice as large.
 */
export function plotOptions(shown: Shown, factor: number, cursor: uPlot.Cursor): uPlot.Options {
  const { spec } = shown;
  const [top, right, bottom, left] = spec.margins.map((margin) => margin * factor) as [
    number,
    number,
    number,
    number,
  ];
  const axes: uPlot.Axis[] = [
    spec.bottom === undefined ? { show: false } : xAxis(shown, factor, bottom),
    ...(spec.left === undefined ? [] : [yAxis(shown, "left", factor, left)]),
    ...(spec.right === undefined ? [] : [yAxis(shown, "right", factor, right)]),
  ];
  return {
    width: shown.width * factor,
    height: shown.height * factor,
    padding: [
      top,
      spec.right === undefined ? right : 0,
      spec.bottom === undefined ? bottom : 0,
      spec.left === undefined ? left : 0,
    ],
    legend: { show: false },
    cursor,
    scales: {
      x: { time: false, range: () => [...shown.spec.xScale.domain] },
      left: yScale(shown, "left"),
      right: yScale(shown, "right"),
    },
    axes,
    series: [{}, ...spec.lines.map((_, index) => series(shown, index, factor))],
    hooks: {
      drawClear: [(u) => drawInChart(u, shown, shown.spec.below)],
      drawAxes: [
        (u) => {
          drawInChart(u, shown, axisNames(shown.spec));
          drawInChart(u, shown, shown.spec.between);
        },
      ],
      draw: [(u) => drawInChart(u, shown, shown.spec.above)],
    },
  };
}

/** Draws in CSS pixels of the chart, and leaves uPlot's canvas as it was. */
function drawInChart(u: uPlot, shown: Shown, draw: Draw | undefined): void {
  if (draw === undefined) return;
  const { ctx, bbox } = u;
  const ratio = ctx.canvas.width / shown.width;
  const surface: Surface = {
    ctx,
    width: shown.width,
    height: shown.height,
    ratio,
    theme: theme(),
  };
  const rect: Rect = {
    left: bbox.left / ratio,
    top: bbox.top / ratio,
    width: bbox.width / ratio,
    height: bbox.height / ratio,
  };
  ctx.save();
  ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
  draw(surface, rect);
  ctx.restore();
}

function yScale(shown: Shown, side: Side): uPlot.Scale {
  const { scale, downwards } = shown.spec[side] ?? {};
  return {
    distr: scale?.kind === "log" ? 3 : 1,
    dir: downwards ? -1 : 1,
    range: () => {
      const given = shown.spec[side]?.scale;
      if (given === undefined) return [0, 1];
      const unit = unitOf(given);
      return [given.domain[0] / unit, given.domain[1] / unit];
    },
  };
}

function series(shown: Shown, index: number, factor: number): uPlot.Series {
  const line = shown.spec.lines[index]!;
  const color = () => shown.spec.lines[index]!.color;
  return {
    scale: line.right ? "right" : "left",
    // The scale is the chart's: looking for extremes would read every value again.
    auto: false,
    pxAlign: 0,
    stroke: color,
    width: line.width * factor,
    ...(line.dash === undefined ? {} : { dash: line.dash.map((length) => length * factor) }),
    points: {
      show: false,
      filter: () => shown.data.lonely[index] ?? null,
      size: 2 * line.width * factor,
      width: 0,
      fill: color,
    },
  };
}

/** Round numbers are the chart's: uPlot knows none for spans of time and for parts of a decade. */
function splits(axisOf: () => PlotAxis, unit: (axis: PlotAxis) => number): Partial<uPlot.Axis> {
  return {
    splits: () => {
      const axis = axisOf();
      const [low, high] = axis.scale.domain;
      const slack = (high - low) * 1e-9;
      return axis.ticks
        .filter((tick) => tick >= low - slack && tick <= high + slack)
        .map((tick) => tick / unit(axis));
    },
    // One increment that always fits, since nothing is to be searched for.
    incrs: (_u, _index, min, max) => [Math.max(5, max - min)],
    space: 1,
    filter: (_u, ticks) => ticks,
  };
}

function xAxis(shown: Shown, factor: number, size: number): uPlot.Axis {
  const axisOf = () => shown.spec.bottom!;
  return {
    scale: "x",
    side: 2,
    size,
    gap: (GAP_PX - TICK_PX) * factor,
    font: fontOf(factor),
    stroke: () => axisOf().color ?? theme().muted,
    ...splits(axisOf, () => 1),
    values: (u, ticks) => xLabels(u, shown, axisOf(), ticks),
    ticks: { size: TICK_PX * factor, width: factor, stroke: () => theme().grid },
    grid: { show: axisOf().grid ?? false, width: factor, stroke: () => theme().grid },
  };
}

function yAxis(shown: Shown, side: Side, factor: number, size: number): uPlot.Axis {
  const axisOf = () => shown.spec[side]!;
  return {
    scale: side,
    side: side === "left" ? 3 : 1,
    size,
    gap: GAP_PX * factor,
    font: fontOf(factor),
    stroke: () => axisOf().color ?? theme().muted,
    ...splits(axisOf, (axis) => unitOf(axis.scale)),
    values: (_u, ticks) => yLabels(shown, axisOf(), ticks),
    ticks: { show: false },
    grid: { show: axisOf().grid ?? false, width: factor, stroke: () => theme().grid },
  };
}

/** uPlot multiplies whole sizes alone. */
function fontOf(factor: number): string {
  return `${Math.round(FONT_PX * factor)}px ${theme().font}`;
}

/** Numbers that neither meet one another, nor the name of the axis, nor the edge. */
function xLabels(
  u: uPlot,
  shown: Shown,
  axis: PlotAxis,
  ticks: readonly number[],
): (string | null)[] {
  const [, rightMargin, , left] = shown.spec.margins;
  const width = shown.width - left - rightMargin;
  const [from, to] = axis.scale.domain;
  const { ctx } = u;
  ctx.save();
  ctx.font = `${FONT_PX}px ${theme().font}`;
  const taken = axis.name ? ctx.measureText(axis.name).width + 8 : -rightMargin + 1;
  let last = -Infinity;
  const labels = ticks.map((tick) => {
    const text = axis.format(tick);
    const half = ctx.measureText(text).width / 2;
    const centre = ((tick - from) / (to - from)) * width;
    if (centre - half < last + 6 || centre + half > width - taken) return null;
    last = centre + half;
    return text;
  });
  ctx.restore();
  return labels;
}

function yLabels(shown: Shown, axis: PlotAxis, ticks: readonly number[]): (string | null)[] {
  const [top, , bottom] = shown.spec.margins;
  const height = Math.max(1, shown.height - top - bottom);
  const unit = unitOf(axis.scale);
  const share = shareOf(axis);
  let last = -Infinity;
  return ticks.map((tick) => {
    const place = share(tick * unit) * height;
    if (place - last < LINE_PX) return null;
    last = place;
    return axis.format(tick * unit);
  });
}

/** Place of a value between the ends of the domain, 0 to 1. */
function shareOf({ scale }: PlotAxis): (value: number) => number {
  const through = scale.kind === "log" ? Math.log : (value: number) => value;
  const [from, to] = scale.domain.map(through) as [number, number];
  return (value) => (through(value) - from) / (to - from);
}

/** uPlot turns the names of vertical axes on their side; level ones are read. */
function axisNames(spec: PlotSpec): Draw {
  return (surface, rect) => {
    const { ctx, theme: colors } = surface;
    setFont(surface);
    const write = (axis: PlotAxis | undefined, x: number, y: number, align: CanvasTextAlign) => {
      if (!axis?.name) return;
      ctx.fillStyle = axis.color ?? colors.muted;
      ctx.textAlign = align;
      ctx.fillText(axis.name, x, y);
    };
    ctx.textBaseline = "alphabetic";
    const above = Math.max(FONT_PX, rect.top - 8);
    write(spec.left, 2, above, "left");
    write(spec.right, surface.width - 2, above, "right");
    ctx.textBaseline = "top";
    write(spec.bottom, rect.left + rect.width, rect.top + rect.height + GAP_PX, "right");
  };
}

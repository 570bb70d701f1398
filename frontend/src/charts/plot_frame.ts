/** The uPlot instance inside a chart: made once, told what changed, made anew for another shape. */

import uPlot from "uplot";
import { boxOf, type Gestures } from "./gestures";
import { plotData } from "./plot_data";
import { plotOptions, structureOf, type Shown } from "./plot_options";
import type { PlotSpec } from "./plot_spec";

export class PlotFrame {
  private plot: uPlot | null = null;
  private structure = "";
  private shown: Shown | null = null;

  constructor(private readonly gestures: Gestures) {}

  /**
   * Draws into the element, at once.
   * @param axesStand nothing of the axes has changed since the last time: ticks and labels, half of
   *   the work, are drawn as they were worked out then
   */
  show(
    host: HTMLElement,
    spec: PlotSpec,
    width: number,
    height: number,
    axesStand = false,
  ): void {
    const structure = structureOf(spec);
    const next = shownOf(spec, width, height);
    if (this.plot === null || this.shown === null || structure !== this.structure) {
      this.build(host, next, structure);
      return;
    }
    Object.assign(this.shown, next);
    const { plot } = this;
    spec.lines.forEach((line, index) => {
      const series = plot.series[index + 1]!;
      series.width = line.width;
      series.dash = [...(line.dash ?? [])];
    });
    plot.batch(() => {
      if (plot.width !== width || plot.height !== height) plot.setSize({ width, height });
      plot.setData(next.data.columns, false);
      plot.redraw(true, !axesStand);
    });
  }

  /** Places uPlot's own cursor without telling the chart; null takes it away. */
  pointAt(x: number | null): void {
    const plot = this.plot;
    if (plot === null) return;
    const left = x === null ? -10 : x - boxOf(plot).left;
    plot.setCursor({ left, top: x === null ? -10 : 0 }, false);
  }

  destroy(): void {
    this.plot?.destroy();
    this.plot = null;
    this.gestures.adopt(null);
  }

  private build(host: HTMLElement, shown: Shown, structure: string): void {
    const hover = this.gestures.hover;
    this.destroy();
    this.shown = shown;
    this.structure = structure;
    const options = plotOptions(shown, 1, this.gestures.cursor(shown.spec));
    Object.assign(options.hooks!, this.gestures.hooks);
    options.hooks!.ready = [
      (plot) => {
        if (hover === null || plot !== this.plot) return;
        const { left, top } = boxOf(plot);
        plot.setCursor({ left: hover[0] - left, top: hover[1] - top });
      },
    ];
    this.plot = new uPlot(options, shown.data.columns, host);
    this.gestures.adopt(this.plot);
  }
}

/**
 * The plot as a canvas with `ratio` pixels per CSS pixel of the chart, whatever the screen has.
 */
export function plotPicture(
  spec: PlotSpec,
  width: number,
  height: number,
  ratio: number,
): Promise<HTMLCanvasElement> {
  const shown = shownOf(spec, width, height);
  const options = plotOptions(shown, ratio / uPlot.pxRatio, { show: false });
  return new Promise((resolve) => {
    options.hooks!.ready = [
      (plot) => {
        resolve(plot.ctx.canvas);
        plot.destroy();
      },
    ];
    new uPlot(options, shown.data.columns);
  });
}

function shownOf(spec: PlotSpec, width: number, height: number): Shown {
  const data = plotData(
    spec.lines,
    (line) => (line.right ? spec.right : spec.left)!.scale,
    spec.xScale.domain,
  );
  return { spec, data, width, height };
}

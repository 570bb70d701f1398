/** Every chart of the panel on made-up data, in light and in dark. */

import { html, render, type TemplateResult } from "lit";
import css from "../../nnviz_tb/static/style.css";
import "../src/charts/index";
import type {
  CursorDetail,
  LineSeries,
  Pin,
  PinDetail,
  TimeAxis,
  ZoomDetail,
} from "../src/charts/contract";
import * as made from "./made_up";

const query = new URLSearchParams(location.search);
const sheet = new CSSStyleSheet();
sheet.replaceSync(`${css}
  html, body { height: auto; }
  main { display: grid; grid-template-columns: repeat(12, 1fr); gap: 14px; padding: 16px; }
  section { grid-column: span 4; padding: 12px; border: 1px solid var(--nn-border);
    border-radius: 8px; background: var(--nn-surface); min-width: 0; }
  section.wide { grid-column: 1 / -1; }
  section.half { grid-column: span 6; }
  h2 { margin: 0 0 6px; font-size: 13px; font-weight: 600; }
  table { width: 100%; border-collapse: collapse; }
  td { width: 25%; padding: 6px 12px; border-top: 1px solid var(--nn-border); }`);
document.adoptedStyleSheets = [sheet];
document.documentElement.classList.toggle("dark-mode", query.get("theme") === "dark");
const dark = query.get("theme") === "dark";

const ADAM = dark ? "#8e98a3" : "#425066";
const SGD = "#12b5cb";
const PIN_COLORS = ["#e52592", "#12b5cb", "#f9ab00", "#9334e6"];

const relu = (x: number) => Math.max(0, x);
const prelu = (slope: number) => (x: number) => (x > 0 ? x : slope * x);
const NO_ZONES = { deadBelow: NaN, deadAbove: NaN, saturatedBelow: NaN, saturatedAbove: NaN };

const losses: readonly LineSeries[] = [
  made.loss(1, "digits/adam", ADAM, 700),
  made.loss(2, "digits/sgd-lr1e-1", SGD, 1300),
];
const norms = made.norms(3, 128, made.STEPS, ADAM);
const many = made.norms(4, 4096, made.STEPS, ADAM);
const bias = { ...norms, values: norms.values.map((value) => 0.4 * (value - 0.8)) };
const order = made.byMovement(norms);
const healthy = made.density(5, "digits/adam", ADAM, (share) => ({
  mean: 0.4,
  deviation: 0.5 + 0.5 * share,
}));
const other = made.density(6, "digits/sgd-lr1e-1", SGD, (share) => ({
  mean: 0.9 * share,
  deviation: 0.9,
}));
const dying = made.density(7, "digits/adam", ADAM, (share) => ({
  mean: -2.2 * share,
  deviation: 0.5 + 0.35 * share,
}));
const broad = made.density(8, "digits/adam", ADAM, (share) => ({
  mean: 0,
  deviation: 0.7 + 1.9 * share,
}));
const softmaxOut = made.density(9, "digits/adam", ADAM, (share) => ({
  mean: 0.1,
  deviation: 0.05 + 0.2 * share,
}));
const active = made.activity(10, 128, 0.41);
const wideActive = made.activity(11, 16384, 0.1);
const paths = made.paths(12, 90);

const fewActive = made.activity(13, 32, 0);
const farthest = made.extremes(many);
// The same arrays on every draw, as the panel hands them: a moved cursor is no new data.
const kept = new Map<string, unknown>();
function keep<T>(key: string, make: () => T): T {
  if (!kept.has(key)) kept.set(key, make());
  return kept.get(key) as T;
}
const weightsOf = (shown: readonly Pin[], color?: string) =>
  keep(`weights ${color} ${shown.map((pin) => pin.neuron).join()}`, () =>
    shown.map((pin) => made.weights(pin.neuron, pin.neuron, color ?? pin.color)),
  );

let time: TimeAxis = {
  zoom: null,
  cursor: made.STEPS[230]!,
  unit: query.get("unit") === "time" ? "time" : "step",
};
let pins: readonly Pin[] = [
  { neuron: order[6]!, color: PIN_COLORS[0]! },
  { neuron: order[60]!, color: PIN_COLORS[1]! },
];

const main = document.querySelector("main")!;
main.addEventListener("nn-cursor", (event) => {
  time = { ...time, cursor: (event as CustomEvent<CursorDetail>).detail.step };
  draw();
});
main.addEventListener("nn-zoom", (event) => {
  time = { ...time, zoom: (event as CustomEvent<ZoomDetail>).detail.range };
  draw();
});
main.addEventListener("nn-pin", (event) => {
  const { neuron } = (event as CustomEvent<PinDetail>).detail;
  const free = PIN_COLORS.find((color) => pins.every((pin) => pin.color !== color));
  if (pins.some((pin) => pin.neuron === neuron)) pins = pins.filter((p) => p.neuron !== neuron);
  else if (free !== undefined) pins = [...pins, { neuron, color: free }];
  draw();
});

function card(id: string, title: string, size: string, content: TemplateResult): TemplateResult {
  return html`<section id=${id} class=${size}>
    <h2>${title}</h2>
    ${content}
  </section>`;
}

const swish = (beta: number) => (x: number) => x / (1 + Math.exp(-beta * x));
const adam = (apply: (x: number) => number) => [made.curve("digits/adam", ADAM, [apply])];
const reluCurve = adam(relu);
const tanhCurve = adam(Math.tanh);
const swishCurves = [...adam(swish(1.6)), made.curve("digits/sgd-lr1e-1", SGD, [swish(0.7)])];
const preluCurve = [made.curve("digits/adam", ADAM, [prelu(0.05), prelu(0.2), prelu(0.45)])];
const deadZones = { ...NO_ZONES, deadBelow: 0 };
const tanhZones = { ...NO_ZONES, saturatedBelow: -2.18, saturatedAbove: 2.18 };
const inputsOf = {
  healthy: [healthy],
  dying: [dying],
  broad: [broad],
  both: [healthy, other],
  softmax: [softmaxOut],
};

function curves(): TemplateResult[] {
  return [
    card("relu", "relu", "", html`<nn-curve-chart heading="relu" legend
        .curves=${reluCurve} .inputs=${inputsOf.healthy} .zones=${deadZones}
        .time=${time}></nn-curve-chart>
      <nn-density-strip style="height: 110px" heading="inputs of relu" .series=${healthy} .time=${time}></nn-density-strip>
      <nn-activity-bars style="height: 64px" quantity="activity" heading="activity" .matrix=${fewActive} .time=${time} .pins=${pins}></nn-activity-bars>`),
    card("dying", "dying relu", "", html`<nn-curve-chart heading="relu" legend
        .curves=${reluCurve} .inputs=${inputsOf.dying} .zones=${deadZones}
        .time=${time}></nn-curve-chart>
      <nn-density-strip style="height: 110px" heading="inputs" .series=${dying} .time=${time}></nn-density-strip>
      <nn-activity-bars style="height: 64px" quantity="activity" heading="activity" .matrix=${active} .time=${time} .pins=${pins}></nn-activity-bars>`),
    card("tanh", "saturating tanh", "", html`<nn-curve-chart heading="tanh" legend
        .curves=${tanhCurve} .inputs=${inputsOf.broad}
        .zones=${tanhZones}
        .time=${time}></nn-curve-chart>
      <nn-density-strip style="height: 110px" heading="inputs" .series=${broad} .time=${time}></nn-density-strip>
      <nn-activity-bars style="height: 64px" sorted quantity="activity" heading="activity" .matrix=${wideActive} .time=${time} .pins=${pins}></nn-activity-bars>`),
    card("runs", "two runs over one another", "", html`<nn-curve-chart heading="swish, two runs" legend
        .curves=${swishCurves}
        .inputs=${inputsOf.both} .zones=${NO_ZONES} .time=${time}></nn-curve-chart>`),
    card("prelu", "prelu, one slope per channel", "", html`<nn-curve-chart heading="prelu" legend
        .curves=${preluCurve}
        .inputs=${inputsOf.healthy} .zones=${NO_ZONES} .time=${time}></nn-curve-chart>`),
    card("softmax", "softmax: no curve", "", html`<nn-curve-chart heading="softmax" legend
        .inputs=${inputsOf.broad} .outputs=${inputsOf.softmax} .time=${time}></nn-curve-chart>`),
  ];
}

function overviewData(seed: number) {
  const random = made.seeded(seed);
  const grow = 0.3 + random();
  const line = (at: (share: number) => number) =>
    Float32Array.from(made.STEPS, (_, index) => at(index / (made.STEPS.length - 1)));
  const falls = seed % 3 === 2 ? 2 : 0;
  return {
    low: line((share) => -grow * (1 + share)),
    middle: line((share) => 0.1 * Math.sin(4 * share)),
    high: line((share) => grow * (1 + share)),
    ratio: line((share) => 10 ** (-3 + 0.1 * made.normal(random) - falls * share)),
    gradient: line((share) => Math.exp(-3 * share) * (1 + 0.1 * random())),
    bell: Float32Array.from({ length: 64 }, (_, cell) =>
      Math.exp(-(((cell - 24 - seed * 4) / 11) ** 2)),
    ),
  };
}
const BAND = [1e-4, 1e-1] as const;
const BELL_RANGE = [-3, 5] as const;

function overviewRow(seed: number): TemplateResult {
  const data = keep(`row ${seed}`, () => overviewData(seed));
  const { cursor } = time;
  return html`<tr>
    <td>
      <nn-fan label="weights" .steps=${made.STEPS} .low=${data.low} .middle=${data.middle}
        .high=${data.high} .cursor=${cursor}></nn-fan>
    </td>
    <td>
      <nn-sparkline label="update ratio" log-scale .steps=${made.STEPS} .values=${data.ratio}
        .band=${BAND} .cursor=${cursor}></nn-sparkline>
    </td>
    <td>
      <nn-sparkline label="gradient norm" .steps=${made.STEPS} .values=${data.gradient}
        .cursor=${cursor}></nn-sparkline>
    </td>
    <td>
      <nn-mini-density label="inputs" .density=${data.bell} .range=${BELL_RANGE}></nn-mini-density>
    </td>
  </tr>`;
}

function draw(): void {
  const shared = { time, pins };
  render(
    html`${card("timeline", "loss", "wide", html`<nn-timeline style="height: 110px" heading="loss"
        .series=${losses} .time=${shared.time} .smoothing=${0.6}></nn-timeline>`)}
      ${curves()}
      ${card("heat", "every neuron × step", "half", html`<nn-heat-map style="height: 340px" heading="weight norm"
        quantity="weight norm" .matrix=${norms} .order=${order} .time=${time} .pins=${pins}></nn-heat-map>`)}
      ${card("trajectories", "trajectories", "half", html`<nn-trajectories style="height: 340px" legend heading="weight norm"
        quantity="weight norm" .matrix=${norms} .time=${time} .pins=${pins}></nn-trajectories>`)}
      ${card("heat-many", "4,096 neurons, log scale", "half", html`<nn-heat-map style="height: 340px" heading="weight norm" log-scale
        quantity="weight norm" .matrix=${many} .time=${time} .pins=${pins}></nn-heat-map>`)}
      ${card("trajectories-many", "4,096 trajectories", "half", html`<nn-trajectories style="height: 340px" legend heading="weight norm" log-scale
        quantity="weight norm" .matrix=${many} .extremes=${farthest} .time=${time} .pins=${pins}></nn-trajectories>`)}
      ${card("paths", "paths through weight space", "half", html`<nn-path-chart style="height: 340px" heading="paths"
        .paths=${paths} .time=${time} .pins=${pins}></nn-path-chart>`)}
      ${card("weights", "incoming weights and biases", "half", html`<nn-weights-chart style="height: 340px" legend heading="weights"
        .neurons=${weightsOf(pins)} .time=${time}></nn-weights-chart>`)}
      ${card("difference", "difference of two runs", "half", html`<nn-heat-map style="height: 260px" heading="bias difference" map="diverging"
        quantity="bias difference" .matrix=${bias} .order=${order} .time=${time} .pins=${pins}></nn-heat-map>`)}
      ${card("weights-one", "one neuron", "half", html`<nn-weights-chart style="height: 260px" heading="weights"
        .neurons=${weightsOf(pins.slice(0, 1), ADAM)} .time=${time}></nn-weights-chart>`)}
      ${card("overview", "cells of the overview", "wide", html`<table>${[0, 1, 2].map(overviewRow)}</table>`)}
      ${card("empty", "nothing to draw", "wide", html`<nn-trajectories style="height: 90px" heading="empty" .time=${time}></nn-trajectories>`)}`,
    main,
  );
}

draw();

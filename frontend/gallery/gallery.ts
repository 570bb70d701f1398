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

function curves(): TemplateResult[] {
  const adam = (apply: (x: number) => number) => [made.curve("digits/adam", ADAM, [apply])];
  const swish = (beta: number) => (x: number) => x / (1 + Math.exp(-beta * x));
  return [
    card("relu", "relu", "", html`<nn-curve-chart heading="relu" legend
        .curves=${adam(relu)} .inputs=${[healthy]} .zones=${{ ...NO_ZONES, deadBelow: 0 }}
        .time=${time}></nn-curve-chart>
      <nn-density-strip style="height: 110px" heading="inputs of relu" .series=${healthy} .time=${time}></nn-density-strip>
      <nn-activity-bars style="height: 64px" quantity="activity" heading="activity" .matrix=${made.activity(13, 32, 0)} .time=${time} .pins=${pins}></nn-activity-bars>`),
    card("dying", "dying relu", "", html`<nn-curve-chart heading="relu" legend
        .curves=${adam(relu)} .inputs=${[dying]} .zones=${{ ...NO_ZONES, deadBelow: 0 }}
        .time=${time}></nn-curve-chart>
      <nn-density-strip style="height: 110px" heading="inputs" .series=${dying} .time=${time}></nn-density-strip>
      <nn-activity-bars style="height: 64px" quantity="activity" heading="activity" .matrix=${active} .time=${time} .pins=${pins}></nn-activity-bars>`),
    card("tanh", "saturating tanh", "", html`<nn-curve-chart heading="tanh" legend
        .curves=${adam(Math.tanh)} .inputs=${[broad]}
        .zones=${{ ...NO_ZONES, saturatedBelow: -2.18, saturatedAbove: 2.18 }}
        .time=${time}></nn-curve-chart>
      <nn-density-strip style="height: 110px" heading="inputs" .series=${broad} .time=${time}></nn-density-strip>
      <nn-activity-bars style="height: 64px" sorted quantity="activity" heading="activity" .matrix=${wideActive} .time=${time} .pins=${pins}></nn-activity-bars>`),
    card("runs", "two runs over one another", "", html`<nn-curve-chart heading="swish, two runs" legend
        .curves=${[...adam(swish(1.6)), made.curve("digits/sgd-lr1e-1", SGD, [swish(0.7)])]}
        .inputs=${[healthy, other]} .zones=${NO_ZONES} .time=${time}></nn-curve-chart>`),
    card("prelu", "prelu, one slope per channel", "", html`<nn-curve-chart heading="prelu" legend
        .curves=${[made.curve("digits/adam", ADAM, [prelu(0.05), prelu(0.2), prelu(0.45)])]}
        .inputs=${[healthy]} .zones=${NO_ZONES} .time=${time}></nn-curve-chart>`),
    card("softmax", "softmax: no curve", "", html`<nn-curve-chart heading="softmax" legend
        .inputs=${[broad]} .outputs=${[softmaxOut]} .time=${time}></nn-curve-chart>`),
  ];
}

function overviewRow(seed: number): TemplateResult {
  const random = made.seeded(seed);
  const steps = made.STEPS;
  const grow = 0.3 + random();
  const line = (at: (share: number) => number) =>
    Float32Array.from(steps, (_, index) => at(index / (steps.length - 1)));
  const ratio = line((share) => 10 ** (-3 + 0.1 * made.normal(random) - (seed % 3 === 2 ? 2 * share : 0)));
  const bell = Float32Array.from({ length: 64 }, (_, cell) => Math.exp(-(((cell - 24 - seed * 4) / 11) ** 2)));
  return html`<tr>
    <td><nn-fan label="weights" .steps=${steps} .low=${line((s) => -grow * (1 + s))} .middle=${line((s) => 0.1 * Math.sin(4 * s))} .high=${line((s) => grow * (1 + s))} .cursor=${time.cursor}></nn-fan></td>
    <td><nn-sparkline label="update ratio" log-scale .steps=${steps} .values=${ratio} .band=${[1e-4, 1e-1]} .cursor=${time.cursor}></nn-sparkline></td>
    <td><nn-sparkline label="gradient norm" .steps=${steps} .values=${line((s) => Math.exp(-3 * s) * (1 + 0.1 * random()))} .cursor=${time.cursor}></nn-sparkline></td>
    <td><nn-mini-density label="inputs" .density=${bell} .range=${[-3, 5]}></nn-mini-density></td>
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
        quantity="weight norm" .matrix=${many} .extremes=${made.extremes(many)} .time=${time} .pins=${pins}></nn-trajectories>`)}
      ${card("paths", "paths through weight space", "half", html`<nn-path-chart style="height: 340px" heading="paths"
        .paths=${paths} .time=${time} .pins=${pins}></nn-path-chart>`)}
      ${card("weights", "incoming weights and biases", "half", html`<nn-weights-chart style="height: 340px" legend heading="weights"
        .neurons=${pins.map((pin) => made.weights(pin.neuron, pin.neuron, pin.color))} .time=${time}></nn-weights-chart>`)}
      ${card("difference", "difference of two runs", "half", html`<nn-heat-map style="height: 260px" heading="bias difference" map="diverging"
        quantity="bias difference" .matrix=${bias} .order=${order} .time=${time} .pins=${pins}></nn-heat-map>`)}
      ${card("weights-one", "one neuron", "half", html`<nn-weights-chart style="height: 260px" heading="weights"
        .neurons=${pins.slice(0, 1).map((pin) => made.weights(pin.neuron, pin.neuron, dark ? "#8e98a3" : "#425066"))} .time=${time}></nn-weights-chart>`)}
      ${card("overview", "cells of the overview", "wide", html`<table>${[0, 1, 2].map(overviewRow)}</table>`)}
      ${card("empty", "nothing to draw", "wide", html`<nn-trajectories style="height: 90px" heading="empty" .time=${time}></nn-trajectories>`)}`,
    main,
  );
}

draw();

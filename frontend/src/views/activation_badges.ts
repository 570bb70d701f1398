/** What is said of an activation beside its name: its figures, and what was found wrong with it. */

import { html, nothing, type TemplateResult } from "lit";
import type { Definition } from "../api";
import { NOT_MEASURED, type Finding, type Status } from "../findings";
import { kindLabel, sentenceOf, shortFinding } from "../i18n_findings";
import type { Fields } from "../series";
import { indexAtOrBefore } from "../state";
import type { Context, LayerView, RunView } from "./context";

/** Figures that have a badge of their own, coloured by the finding about them. */
const SHARES = ["dead_share", "saturated_share"] as const;
const LABELS = { dead_share: "badge.dead", saturated_share: "badge.saturated" } as const;

/** @param figures of the layer in the run; null while they are on their way */
export function activationBadges(ctx: Context, layer: LayerView, run: RunView, figures: Fields | null): unknown {
  const { words } = ctx;
  const health = ctx.healthOf.get(run.info.name)?.get(layer.name) ?? NOT_MEASURED;
  const at = figures === null ? -1 : indexAtOrBefore(figures.steps, ctx.state.cursor);
  const figure = (name: string): number => figures?.values.get(name)?.[at] ?? Number.NaN;
  const told = new Set<Finding>();
  // Nothing is called healthy before it was judged.
  const otherwise: Status = ctx.healthOf.has(run.info.name) ? "healthy" : "not_measured";
  const about = (field: string): Status => {
    const found = health.findings.find((item) => item.field === field);
    if (found !== undefined) told.add(found);
    return found?.severity ?? otherwise;
  };
  const badges: TemplateResult[] = [];
  const nonfinite = figure("input_nonfinite_count");
  if (nonfinite > 0) {
    badges.push(badge(ctx, "severe", words.t("badge.nonfinite", { n: nonfinite }), definitionOf(ctx, "input_nonfinite_count")));
  }
  for (const field of SHARES) {
    const share = figure(field);
    if (Number.isNaN(share)) continue;
    const status = about(field);
    badges.push(badge(ctx, status, words.t(LABELS[field], { share: words.share(share) }), definitionOf(ctx, field)));
  }
  const entropy = figure("entropy");
  if (!Number.isNaN(entropy)) {
    badges.push(badge(ctx, "not_measured", words.t("badge.entropy", { value: words.figure(entropy) }), definitionOf(ctx, "entropy")));
  }
  // What colours the layer's dot elsewhere is said here too: a layer may be ill by its weights.
  const others = health.findings.filter((item) => !told.has(item) && item.severity !== "info");
  return html`${badges}${others.length === 0 ? nothing : others.slice(0, 2).map((item) => finding(ctx, layer, item))}`;
}

function definitionOf(ctx: Context, field: string): Definition | null {
  return ctx.words.definition(field, ctx.definitions?.layer_fields[field]);
}

function badge(ctx: Context, status: Status, text: string, definition: Definition | null): TemplateResult {
  return html`<span class="badge ${status}"
    ><nn-term .definition=${definition} sourceLabel=${ctx.words.t("definition.source")}>${text}</nn-term></span
  >`;
}

function finding(ctx: Context, layer: LayerView, item: Finding): TemplateResult {
  return html`<button
    class="badge ${item.severity}"
    title=${`${shortFinding(ctx.words, item)}\n${sentenceOf(ctx.words, item)}\n${ctx.words.t("overview.go.findings")}`}
    @click=${() => ctx.store.set({ view: "findings", layer: layer.name })}
  >
    ${kindLabel(ctx.words, item.kind, ctx.definitions?.findings[item.kind])}
  </button>`;
}

/** What the overview says around its rows: the columns with their definitions, and what runs share. */

import { html, type TemplateResult } from "lit";
import type { Definition } from "../api";
import { sortRows, type Column } from "../state";
import type { Context } from "./context";
import "./term";

/** The name of a column, with its definition on hover, and the button that sorts by it. */
export function overviewHeading(ctx: Context, column: Column): TemplateResult {
  const { words, state: chosen } = ctx;
  const { rows } = chosen;
  const label = words.t(`column.${column}`);
  const sorted = rows.column === column ? (rows.descending ? "descending" : "ascending") : "none";
  const sort = (): void => ctx.store.update((state) => sortRows(state, column));
  return html`<div role="columnheader" aria-sort=${sorted} data-column=${column}>
    <nn-term .definition=${definitionOf(ctx, column)} sourceLabel=${words.t("definition.source")} @click=${sort}>${label}</nn-term>
    <button class="sort" aria-label=${words.t("overview.sort", { column: label })} @click=${sort}>
      ${sorted === "none" ? html`<span class="muted">↕</span>` : sorted === "descending" ? "↓" : "↑"}
    </button>
  </div>`;
}

function definitionOf({ words, definitions }: Context, column: Column): Definition {
  const fieldOf = { update: "update_ratio", gradient: "gradient_norm", dead: "dead_share", saturated: "saturated_share" } as const;
  const label = words.t(`column.${column}`);
  const plain = (text: string): Definition => ({ label, text, source: "—", unit: "", share: false });
  switch (column) {
    case "update": {
      const given = words.definition(fieldOf.update, definitions?.layer_fields[fieldOf.update]);
      return { ...(given ?? plain("")), label, text: `${given?.text ?? ""} ${words.t("column.update.text")}` };
    }
    case "gradient":
    case "dead":
    case "saturated":
      return words.definition(fieldOf[column], definitions?.layer_fields[fieldOf[column]]) ?? plain("");
    default:
      return plain(words.t(`column.${column}.text`));
  }
}

/** Of several runs, which layers only some have. */
export function sharedLayers({ layers, runs, words }: Context): string {
  const common = layers.filter((layer) => layer.runs.length === runs.length).length;
  if (runs.length < 2 || common === layers.length) return "";
  const lacks = runs.flatMap((run) => {
    const missing = layers.filter((layer) => !run.layers.has(layer.name)).map((layer) => layer.name);
    return missing.length === 0 ? [] : [words.t("overview.only", { run: run.info.name, layers: missing.slice(0, 5).join(", ") + (missing.length > 5 ? " …" : "") })];
  });
  return ` · ${[words.t("overview.shared", { n: common, all: layers.length }), ...lacks].join(" · ")}`;
}

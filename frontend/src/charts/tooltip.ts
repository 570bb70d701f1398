import { html, nothing, type TemplateResult } from "lit";
import { styleMap } from "lit/directives/style-map.js";

/** What the tooltip says: a heading, and rows of name and value. */
export interface Tip {
  readonly heading: string;
  readonly rows: readonly (readonly [name: string, value: string, color?: string])[];
}

export function renderTip(tip: Tip | null): TemplateResult {
  return html`<div class="tip" aria-hidden="true" ?hidden=${tip === null}>
    ${tip === null
      ? nothing
      : html`<b>${tip.heading}</b>
          <table>
            ${tip.rows.map(
              ([name, value, color]) =>
                html`<tr>
                  <td>
                    ${color === undefined
                      ? nothing
                      : html`<span class="swatch" style=${styleMap({ background: color })}></span>`}${name}
                  </td>
                  <td>${value}</td>
                </tr>`,
            )}
          </table>`}
  </div>`;
}

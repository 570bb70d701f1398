import { css, html, LitElement } from "lit";
import { customElement, property } from "lit/decorators.js";
import type { Context } from "./context";

@customElement("nn-neurons-view")
export class NeuronsView extends LitElement {
  static override styles = css``;
  @property({ attribute: false }) ctx!: Context;
  protected override render(): unknown { return html``; }
}

/** Why a statistic was not recorded, and the code that records it. */

import type { LayerInfo } from "../api";
import type { Words } from "../i18n";
import { CODE } from "./empty";

export function whyMissing(words: Words, statistic: string, layer: LayerInfo): { text: string; code: string } {
  const { t } = words;
  switch (statistic) {
    case "gradient_norm":
      return { text: t("empty.gradient"), code: CODE.gradients };
    case "update_ratio":
      return { text: t("empty.update"), code: CODE.updates };
    case "bias":
      return { text: t("empty.bias"), code: "" };
    case "activity":
      return { text: t("empty.activity"), code: layer.activation?.has_dead_zone === false ? "" : CODE.inputs };
    case "saturation":
      return { text: t("empty.saturation"), code: layer.activation?.bounded === false ? "" : CODE.inputs };
    case "dormancy":
      return { text: t("empty.samples"), code: CODE.inputs };
    default:
      return { text: "", code: "" };
  }
}

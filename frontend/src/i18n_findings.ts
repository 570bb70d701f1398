/**
 * Findings in words. The server's own English sentence is the one that counts; other languages
 * phrase the same figures, and short phrases for narrow places exist in every language.
 */

import type { KindInfo, ThresholdInfo } from "./api";
import type { Fact, Finding, NotMeasured } from "./findings";
import { zhKinds, zhNotMeasured, zhReasons, zhSentences, zhShort, zhThresholds } from "./i18n_findings_zh";
import type { Words } from "./i18n";

/** The figures of a finding as text, as a sentence needs them. */
export interface Figures {
  readonly layer: string;
  /** The fact as it stands, a number in three digits. */
  readonly text: (name: string) => string;
  /** The fact as a share. */
  readonly share: (name: string) => string;
  readonly is: (name: string, value: Fact) => boolean;
}

export type Phrase = (facts: Figures) => string;

const SHORT: Readonly<Record<string, Phrase>> = {
  nonfinite: ({ text }) => (text("what") === "loss" ? "NaN or infinity in the loss" : `NaN or infinity in its ${text("what")}`),
  dead_units: ({ share }) => `${share("figure")} dead`,
  saturated_units: ({ share }) => `${share("figure")} saturated`,
  dormant_units: ({ share }) => `${share("figure")} dormant`,
  inputs_out_of_range: ({ share }) => `inputs out of range: ${share("figure")}`,
  unscaled_inputs: ({ text }) => `inputs of size about ${text("figure")}, not 1`,
  update_too_large: ({ text, is }) => (is("leap", 1) ? `one update of ${text("figure")} × the weights` : `updates too large: ${text("figure")}`),
  update_too_small: ({ text }) => `updates too small: ${text("figure")}`,
  frozen_layer: () => "does not move",
  zero_weights: () => "all weights zero",
  vanishing_gradient: () => "gradient vanishes",
  exploding_gradient: () => "gradient explodes",
  weights_growing: ({ text }) => `weights grown ${text("figure")}-fold`,
  duplicate_neurons: ({ share }) => `${share("figure")} near-duplicates`,
  constant_output: () => "output cannot vary",
  loss_diverged: ({ text }) => `${text("tag")} has diverged`,
  loss_oscillates: ({ text }) => `${text("tag")} oscillates`,
  loss_stalled: ({ text }) => `${text("tag")} stalls`,
};

/** A few words: “41 % dead since step 900”. */
export function shortFinding(words: Words, finding: Finding): string {
  const table = words.language === "zh" ? zhShort : SHORT;
  const phrase = table[finding.kind];
  const what = phrase === undefined ? kindLabel(words, finding.kind, undefined) : phrase(figuresOf(words, finding));
  return finding.ongoing
    ? words.t("finding.since", { what, step: finding.first_step })
    : words.t("finding.was", { what, first: finding.first_step, last: finding.last_step });
}

/** The whole sentence, with its figures. */
export function sentenceOf(words: Words, finding: Finding): string {
  const phrase = words.language === "zh" ? zhSentences[finding.kind] : undefined;
  if (phrase === undefined) return finding.sentence;
  const over = finding.ongoing ? "" : `现已结束，最后一次出现在第 ${words.integer(finding.last_step)} 步。`;
  return `${phrase(figuresOf(words, finding))}${over}`;
}

export function adviceOf(words: Words, finding: Finding): string {
  return (words.language === "zh" ? zhKinds[finding.kind]?.advice : undefined) ?? finding.advice;
}

export function kindLabel(words: Words, kind: string, info: KindInfo | undefined): string {
  return (words.language === "zh" ? zhKinds[kind]?.label : undefined) ?? info?.label ?? kind.replaceAll("_", " ");
}

export function kindText(words: Words, kind: string, info: KindInfo | undefined): string {
  return (words.language === "zh" ? zhKinds[kind]?.text : undefined) ?? info?.text ?? "";
}

export function thresholdText(words: Words, name: string, info: ThresholdInfo): string {
  return (words.language === "zh" ? zhThresholds[name] : undefined) ?? info.text;
}

/** Why a kind was not judged, and what to call so that it is. */
export function notMeasuredText(words: Words, item: NotMeasured): { text: string; advice: string } {
  const reason = words.language === "zh" ? zhReasons[item.reason] : undefined;
  if (reason === undefined) return { text: item.sentence, advice: item.advice };
  return { text: zhNotMeasured(kindLabel(words, item.kind, undefined), item.layers, reason.clause), advice: reason.advice };
}

function figuresOf(words: Words, finding: Finding): Figures {
  const fact = (name: string): Fact => finding.figures[name] ?? Number.NaN;
  return {
    layer: finding.layer,
    text: (name) => {
      const value = fact(name);
      if (typeof value === "string") return value;
      return Number.isInteger(value) ? words.integer(value) : words.figure(value);
    },
    share: (name) => words.share(Number(fact(name))),
    is: (name, value) => fact(name) === value,
  };
}

/**
 * The panel's words in English and Simplified Chinese. A key that one language lacks, and a key
 * that nobody has written, do not compile.
 */

import type { Definition } from "./api";
import { zhDefinitions } from "./i18n_definitions";
import { en, type Key } from "./i18n_en";
import { zh } from "./i18n_zh";
import type { Language } from "./state";

export type { Key } from "./i18n_en";

export const DICTIONARIES: Readonly<Record<Language, Readonly<Record<Key, string>>>> = { en, zh };
const LOCALES: Readonly<Record<Language, string>> = { en: "en", zh: "zh-CN" };

export const LANGUAGE_NAMES: Readonly<Record<Language, string>> = { en: "English", zh: "中文" };

/** The browser's first language that we speak. */
export function preferredLanguage(languages: readonly string[]): Language {
  for (const language of languages) {
    const base = language.toLowerCase().split("-")[0];
    if (base === "zh") return "zh";
    if (base === "en") return "en";
  }
  return "en";
}

/** Words and numbers as one language writes them. */
export class Words {
  readonly #integer: Intl.NumberFormat;

  constructor(readonly language: Language) {
    this.#integer = new Intl.NumberFormat(LOCALES[language], { maximumFractionDigits: 0 });
  }

  /** Tag for `lang` attributes. */
  get locale(): string {
    return LOCALES[this.language];
  }

  readonly t = (key: Key, values: Readonly<Record<string, string | number>> = {}): string =>
    DICTIONARIES[this.language][key].replace(/\{(\w+)\}/g, (whole, name: string) => {
      const value = values[name];
      if (value === undefined) return whole;
      return typeof value === "number" ? this.integer(value) : value;
    });

  /** 16,384 */
  integer(value: number): string {
    return this.#integer.format(value);
  }

  /** 41 %; a dash for what was not measured. */
  share(value: number): string {
    if (Number.isNaN(value)) return "—";
    const percent = value * 100;
    // Rounding must not turn something into nothing, nor nearly all into all.
    if (percent > 0 && percent < 0.1) return "< 0.1 %";
    if (percent > 99.9 && percent < 100) return "> 99.9 %";
    if (percent > 99 && percent < 100) return `${Math.floor(percent * 10) / 10} %`;
    return `${percent >= 10 || percent === 0 ? Math.round(percent) : percent.toFixed(1)} %`;
  }

  /** Three significant digits, in powers of ten where they are shorter. */
  figure(value: number): string {
    if (Number.isNaN(value)) return "—";
    if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
    const magnitude = Math.abs(value);
    if (magnitude !== 0 && (magnitude < 1e-3 || magnitude >= 1e5)) {
      return value.toExponential(1).replace("-", "−").replace("e+", "e");
    }
    return String(Number(value.toPrecision(3))).replace("-", "−");
  }

  /** 24 ms, 0.4 s, 12 s */
  seconds(value: number): string {
    if (value < 0.0995) return this.t("milliseconds", { n: String(Number((value * 1000).toPrecision(2))) });
    return this.t("seconds", { n: value < 99.95 ? value.toFixed(1) : this.integer(value) });
  }

  /** 2 s ago */
  age(seconds: number): string {
    if (seconds < 1) return this.t("age.now");
    if (seconds < 60) return this.t("age.seconds", { n: Math.floor(seconds) });
    if (seconds < 3600) return this.t("age.minutes", { n: Math.floor(seconds / 60) });
    if (seconds < 86_400) return this.t("age.hours", { n: Math.floor(seconds / 3600) });
    return this.t("age.days", { n: Math.floor(seconds / 86_400) });
  }

  /** 12 s */
  span(seconds: number): string {
    if (seconds < 120) return this.t("span.seconds", { n: Math.floor(seconds) });
    return this.t("span.minutes", { n: Math.floor(seconds / 60) });
  }

  /** A figure's definition in this language; the server's own where we have no translation. */
  definition(name: string, given: Definition | undefined): Definition | null {
    const translated = this.language === "zh" ? zhDefinitions[name] : undefined;
    if (given === undefined) return null;
    return translated === undefined ? given : { ...given, ...translated };
  }
}

/** Colours and fonts of the page, read once for all charts and again when the page changes them. */

export interface Theme {
  readonly dark: boolean;
  readonly font: string;
  readonly surface: string;
  readonly sunken: string;
  readonly text: string;
  readonly muted: string;
  readonly grid: string;
  readonly axis: string;
  readonly border: string;
  readonly accent: string;
  readonly accentLine: string;
  readonly focus: string;
  readonly good: string;
  readonly goodSurface: string;
  readonly warn: string;
  readonly bad: string;
  readonly deadZone: string;
  readonly saturatedZone: string;
  /** Of a neutral mark: a bar, a fan, a density without a run. */
  readonly mark: string;
}

const NAMES: Readonly<Record<Exclude<keyof Theme, "dark">, readonly [string, string]>> = {
  font: ["--nn-font", "system-ui, sans-serif"],
  surface: ["--nn-surface", "#ffffff"],
  sunken: ["--nn-sunken", "#f0f2f5"],
  text: ["--nn-text", "#1b1f24"],
  muted: ["--nn-muted", "#59626e"],
  grid: ["--nn-grid", "#e6e9ed"],
  axis: ["--nn-axis", "#59626e"],
  border: ["--nn-border", "#dfe3e8"],
  accent: ["--nn-accent", "#b84300"],
  accentLine: ["--nn-accent-line", "#e8710a"],
  focus: ["--nn-focus", "#1a5fd0"],
  good: ["--nn-good-dot", "#2c9c5c"],
  goodSurface: ["--nn-good-surface", "#e3f4ea"],
  warn: ["--nn-warn-dot", "#eda100"],
  bad: ["--nn-bad-dot", "#d93025"],
  deadZone: ["--nn-dead-zone", "rgb(217 48 37 / 9%)"],
  saturatedZone: ["--nn-saturated-zone", "rgb(237 161 0 / 15%)"],
  mark: ["--nn-mark", ""],
};

let current: Theme | null = null;
const listeners = new Set<() => void>();

/** The page's theme now. */
export function theme(): Theme {
  if (current === null) {
    current = readTheme();
    observe();
  }
  return current;
}

/** Calls back whenever the theme changes, until the signal aborts. */
export function onThemeChange(callback: () => void, signal: AbortSignal): void {
  if (signal.aborted) return;
  listeners.add(callback);
  signal.addEventListener("abort", () => listeners.delete(callback), { once: true });
}

/** Whether the reader asked for less motion. */
export function prefersReducedMotion(): boolean {
  return matchMedia("(prefers-reduced-motion: reduce)").matches;
}

function readTheme(): Theme {
  const style = getComputedStyle(document.body ?? document.documentElement);
  const tokens: Record<string, string> = {};
  for (const [key, [name, fallback]] of Object.entries(NAMES)) {
    tokens[key] = style.getPropertyValue(name).trim() || fallback;
  }
  const dark = luminance(tokens["surface"]!) < 0.4;
  tokens["mark"] ||= dark ? "#8fb0dd" : "#5f86be";
  return { ...(tokens as Omit<Record<keyof Theme, string>, "dark">), dark } as Theme;
}

let observing = false;
function observe(): void {
  if (observing) return;
  observing = true;
  // One observer for the life of the page; the page switches its theme by class or attribute.
  const reread = () => {
    const next = readTheme();
    if (JSON.stringify(next) === JSON.stringify(current)) return;
    current = next;
    for (const listener of listeners) listener();
  };
  const observer = new MutationObserver(reread);
  const options = { attributes: true, attributeFilter: ["class", "style", "data-theme"] };
  observer.observe(document.documentElement, options);
  if (document.body) observer.observe(document.body, options);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", reread);
}

/** Red, green and blue of a CSS colour, 0 to 255. */
export function rgbOf(color: string): readonly [number, number, number] {
  const hex = /^#([0-9a-f]{3,8})$/i.exec(color.trim())?.[1];
  if (hex !== undefined) {
    const digits = hex.length <= 4 ? [...hex].map((digit) => digit + digit).join("") : hex;
    const value = Number.parseInt(digits.slice(0, 6), 16);
    return [(value >>> 16) & 255, (value >>> 8) & 255, value & 255];
  }
  const parts = color.match(/[\d.]+/g)?.map(Number) ?? [];
  return [parts[0] ?? 128, parts[1] ?? 128, parts[2] ?? 128];
}

/** The colour with an opacity, 0 to 1. */
export function withAlpha(color: string, alpha: number): string {
  const [red, green, blue] = rgbOf(color);
  return `rgb(${red} ${green} ${blue} / ${alpha})`;
}

function luminance(color: string): number {
  const [red, green, blue] = rgbOf(color);
  return (0.2126 * red + 0.7152 * green + 0.0722 * blue) / 255;
}

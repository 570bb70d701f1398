/**
 * TensorBoard's page around our frame: its theme, its run colours, its address and its messages.
 * The frame may also stand alone or under a foreign parent, so every access is guarded and a panel
 * without a host still works.
 */

import type { Parameters } from "./url";

const PREFIX = "p.nnviz.";
const STORAGE_KEY = "nnviz.address";
const RUN_COLORS = ["#425066", "#12b5cb", "#e52592", "#f9ab00", "#9334e6", "#7cb342", "#e8710a"];
const FIRST_RUN_COLOR_DARK = "#8e98a3";

/** The colour TensorBoard gives the run at this place of its list. */
export function runColor(index: number, dark: boolean): string {
  const place = index % RUN_COLORS.length;
  return dark && place === 0 ? FIRST_RUN_COLOR_DARK : (RUN_COLORS[place] as string);
}

/** Our parameters in an address's hash, `#nnviz&p.nnviz.view=neurons`. */
export function parseHash(hash: string): Parameters {
  const found: Record<string, string> = {};
  for (const part of hash.replace(/^#/, "").split("&")) {
    const equals = part.indexOf("=");
    if (equals < 0) continue;
    try {
      const name = decodeURIComponent(part.slice(0, equals));
      if (name.startsWith(PREFIX)) {
        found[name.slice(PREFIX.length)] = decodeURIComponent(part.slice(equals + 1));
      }
    } catch {
      // A broken percent sign in someone's hand-written link: that parameter counts as absent.
    }
  }
  return found;
}

/** The hash with our parameters replaced and everything else of it kept. */
export function formatHash(hash: string, parameters: Parameters): string {
  const kept = hash
    .replace(/^#/, "")
    .split("&")
    .filter((part) => part !== "" && !part.startsWith(PREFIX));
  const ours = Object.entries(parameters).map(
    ([name, value]) => `${PREFIX}${name}=${encodeURIComponent(value)}`,
  );
  return `#${[...kept, ...ours].join("&")}`;
}

/** The window whose address and theme count: TensorBoard's, or our own when it cannot be reached. */
function outerWindow(): Window {
  try {
    // Reading a property is what throws when the parent is of another origin.
    void window.parent.location.hash;
    void window.parent.document.body.className;
    return window.parent;
  } catch {
    return window;
  }
}

export class Host {
  readonly #outer = outerWindow();
  #lastHash = this.#outer.location.hash;

  get dark(): boolean {
    if (this.#outer === window) return window.matchMedia("(prefers-color-scheme: dark)").matches;
    return this.#outer.document.body.classList.contains("dark-mode");
  }

  onTheme(tell: (dark: boolean) => void, signal: AbortSignal): void {
    if (this.#outer === window) {
      const query = window.matchMedia("(prefers-color-scheme: dark)");
      query.addEventListener("change", () => tell(query.matches), { signal });
      return;
    }
    const observer = new MutationObserver(() => tell(this.dark));
    observer.observe(this.#outer.document.body, { attributeFilter: ["class"] });
    signal.addEventListener("abort", () => observer.disconnect(), { once: true });
  }

  /** Parameters of the address; those kept from before, when switching tabs has dropped them. */
  readAddress(): Parameters {
    const now = parseHash(this.#outer.location.hash);
    if (Object.keys(now).length > 0) return now;
    try {
      const kept: unknown = JSON.parse(window.sessionStorage.getItem(STORAGE_KEY) ?? "{}");
      return isTextRecord(kept) ? kept : {};
    } catch {
      return {};
    }
  }

  /** @param station whether Back should return to what is there now */
  writeAddress(parameters: Parameters, station: boolean): void {
    const history = this.#outer.history;
    const hash = formatHash(this.#outer.location.hash, parameters);
    if (hash === this.#outer.location.hash) return;
    try {
      window.sessionStorage.setItem(STORAGE_KEY, JSON.stringify(parameters));
    } catch {
      // Storage may be full or forbidden; the address alone still works.
    }
    // While another tab is open in TensorBoard, the address is not ours to change.
    if (this.#outer !== window && !/^#nnviz(&|$)/.test(hash)) return;
    try {
      if (station) history.pushState(history.state, "", hash);
      else history.replaceState(history.state, "", hash);
    } catch {
      // Browsers refuse more than some 100 changes per 10 s; the next change catches up.
    }
    this.#lastHash = this.#outer.location.hash;
  }

  /** Back, forward, and a link typed into the address bar. */
  onAddress(tell: (parameters: Parameters) => void, signal: AbortSignal): void {
    const check = (): void => {
      const hash = this.#outer.location.hash;
      if (hash === this.#lastHash) return;
      this.#lastHash = hash;
      if (this.#outer === window || /^#nnviz(&|$)/.test(hash)) tell(parseHash(hash));
    };
    for (const name of ["popstate", "hashchange"]) {
      this.#outer.addEventListener(name, check, { signal });
    }
  }

  /** The full address of what is on screen. */
  get address(): string {
    return this.#outer.location.href;
  }

  /** Whether anyone can see us: the browser's tab and TensorBoard's own tab are both in front. */
  get visible(): boolean {
    if (document.visibilityState === "hidden") return false;
    // TensorBoard hides the frame of another dashboard by CSS, which leaves it without a size.
    return window.innerWidth > 0 && window.innerHeight > 0;
  }

  onVisibility(tell: (visible: boolean) => void, signal: AbortSignal): void {
    const check = (): void => tell(this.visible);
    document.addEventListener("visibilitychange", check, { signal });
    const observer = new ResizeObserver(check);
    observer.observe(document.documentElement);
    signal.addEventListener("abort", () => observer.disconnect(), { once: true });
  }

  /** Says when TensorBoard itself has loaded new data or runs. */
  onReload(tell: () => void, signal: AbortSignal): void {
    if (this.#outer === window) return;
    const channel = new MessageChannel();
    const port = channel.port1;
    port.onmessage = (event: MessageEvent<unknown>): void => {
      const message = parseMessage(event.data);
      if (message === null || message.isReply) return;
      // The sender waits for an answer to each of its messages.
      port.postMessage(
        JSON.stringify({ type: message.type, id: message.id, payload: null, error: null, isReply: true }),
      );
      if (/^experimental\.(RunsChanged|DataReloaded)$/.test(message.type)) tell();
    };
    this.#outer.postMessage("experimental.bootstrap", window.location.origin, [channel.port2]);
    signal.addEventListener("abort", () => port.close(), { once: true });
  }
}

interface Message {
  readonly type: string;
  readonly id: number;
  readonly isReply: boolean;
}

function parseMessage(data: unknown): Message | null {
  if (typeof data !== "string") return null;
  try {
    const { type, id, isReply } = JSON.parse(data) as Partial<Record<keyof Message, unknown>>;
    if (typeof type !== "string" || typeof id !== "number") return null;
    return { type, id, isReply: isReply === true };
  } catch {
    return null;
  }
}

function isTextRecord(value: unknown): value is Record<string, string> {
  return (
    typeof value === "object" &&
    value !== null &&
    Object.values(value).every((item) => typeof item === "string")
  );
}

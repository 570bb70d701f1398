/** Plays a run: moves the cursor through its recorded steps. */

import { moveCursor } from "../state";
import type { Context } from "./context";

/** The whole run is played in about so many milliseconds, step by step. */
const PLAY_MS = 8000;

export class Player {
  #frame = 0;
  #playing = false;

  /**
   * @param context what is shown now; asked anew in every frame, since runs grow while they play
   * @param changed called when playing has begun or ended
   */
  constructor(
    private readonly context: () => Context,
    private readonly changed: () => void,
  ) {}

  get playing(): boolean {
    return this.#playing;
  }

  toggle(): void {
    if (this.#playing) this.stop();
    else this.#play();
  }

  stop(): void {
    cancelAnimationFrame(this.#frame);
    if (!this.#playing) return;
    this.#playing = false;
    this.changed();
  }

  #play(): void {
    const { store, steps, lastStep } = this.context();
    const { zoom, cursor } = store.state;
    const all = zoom === null ? steps : steps.filter((step) => step >= zoom[0] && step <= zoom[1]);
    if (all.length < 2) return;
    this.#playing = true;
    this.changed();
    const first = all[0] as number;
    const last = all.at(-1) as number;
    // At the end, playing begins anew.
    const inside = cursor !== null && cursor >= first && cursor < last;
    const from = inside ? all.findIndex((step) => step >= cursor) : 0;
    const perStep = PLAY_MS / all.length;
    let started: number | null = null;
    let shown = cursor;
    const tick = (now: number): void => {
      // Whoever moves the cursor meanwhile wants to see that step, and not the next one.
      if (store.state.cursor !== shown) {
        this.stop();
        return;
      }
      started ??= now;
      const place = from + Math.floor((now - started) / perStep);
      if (place >= all.length - 1 || lastStep === null) {
        store.update((state) => moveCursor(state, last, this.context().lastStep));
        this.stop();
        return;
      }
      shown = all[place] as number;
      store.set({ cursor: shown });
      this.#frame = requestAnimationFrame(tick);
    };
    this.#frame = requestAnimationFrame(tick);
  }
}

import { describe, expect, it, vi } from "vitest";
import {
  clearPins,
  indexAtOrBefore,
  INITIAL,
  MAX_PINS,
  moveCursor,
  neighbourStep,
  setZoom,
  Store,
  togglePin,
  toggleRun,
  type State,
} from "../src/state";

const pinned = (...neurons: number[]): State =>
  neurons.reduce((state, neuron) => togglePin(state, "dense", neuron), INITIAL);
const slots = (state: State): Record<number, number> =>
  Object.fromEntries(state.pins.map((pin) => [pin.neuron, pin.slot]));

describe("runs", () => {
  it("are added behind those shown and taken away again", () => {
    const both = toggleRun(INITIAL, "b", ["a"]);
    expect(both.runs).toEqual(["a", "b"]);
    expect(toggleRun(both, "a", ["a", "b"]).runs).toEqual(["b"]);
  });

  it("that are taken away lose the focus", () => {
    const state = { ...INITIAL, focus: "b" };
    expect(toggleRun(state, "b", ["a", "b"]).focus).toBeNull();
    expect(toggleRun(state, "a", ["a", "b"]).focus).toBe("b");
  });
});

describe("pins", () => {
  it("keep their colours when others are released, and free colours are used again", () => {
    const three = pinned(7, 8, 9);
    expect(slots(three)).toEqual({ 7: 0, 8: 1, 9: 2 });
    const two = togglePin(three, "dense", 8);
    expect(slots(two)).toEqual({ 7: 0, 9: 2 });
    expect(slots(togglePin(two, "dense", 10))).toEqual({ 7: 0, 9: 2, 10: 1 });
  });

  it("beyond the number of colours take the one that was given first", () => {
    const full = pinned(...Array.from({ length: MAX_PINS }, (_, neuron) => neuron));
    const more = togglePin(full, "dense", 99);
    expect(more.pins).toHaveLength(MAX_PINS);
    expect(slots(more)[99]).toBe(0);
    expect(slots(more)[0]).toBeUndefined();
  });

  it("belong to their layer", () => {
    const state = togglePin(pinned(1, 2), "conv", 1);
    expect(slots({ ...state, pins: state.pins.filter((pin) => pin.layer === "conv") })).toEqual({ 1: 0 });
    expect(clearPins(state, "dense").pins).toEqual([{ layer: "conv", neuron: 1, slot: 0 }]);
  });
});

describe("the cursor", () => {
  it("on the last step follows the run", () => {
    expect(moveCursor(INITIAL, 40, 50).cursor).toBe(40);
    expect(moveCursor({ ...INITIAL, cursor: 40 }, 50, 50).cursor).toBeNull();
    expect(moveCursor({ ...INITIAL, cursor: 40 }, null, 50).cursor).toBeNull();
  });

  it("that does not move leaves the state the very same", () => {
    const state = { ...INITIAL, cursor: 40 };
    expect(moveCursor(state, 40, 50)).toBe(state);
  });

  it("moves along recorded steps and stops at both ends", () => {
    const steps = [0, 10, 30, 70];
    expect(neighbourStep(steps, null, -1)).toBe(30);
    expect(neighbourStep(steps, 30, 1)).toBe(70);
    expect(neighbourStep(steps, 35, 1)).toBe(70);
    expect(neighbourStep(steps, 0, -1)).toBe(0);
    expect(neighbourStep(steps, 10, 10)).toBe(70);
    expect(neighbourStep([], null, 1)).toBeNull();
  });
});

describe("indexAtOrBefore", () => {
  it("agrees with a linear search for every step around", () => {
    const steps = [0, 1, 5, 6, 20];
    for (let step = -2; step < 25; step++) {
      const linear = steps.filter((known) => known <= step).length - 1;
      expect(indexAtOrBefore(steps, step)).toBe(Math.max(0, linear));
    }
    expect(indexAtOrBefore(steps, null)).toBe(4);
    expect(indexAtOrBefore([], 3)).toBe(-1);
  });
});

describe("zoom", () => {
  it("is put in order, and refuses what is no range", () => {
    expect(setZoom(INITIAL, [9, 3]).zoom).toEqual([3, 9]);
    expect(setZoom(INITIAL, [3, 3])).toBe(INITIAL);
    expect(setZoom(INITIAL, [Number.NaN, 3])).toBe(INITIAL);
    expect(setZoom({ ...INITIAL, zoom: [1, 2] }, null).zoom).toBeNull();
  });
});

describe("the store", () => {
  it("tells of each change once, with what was before, and of nothing else", () => {
    const store = new Store(INITIAL);
    const lifetime = new AbortController();
    const heard = vi.fn();
    store.listen(heard, lifetime.signal);
    store.update((state) => state);
    expect(heard).not.toHaveBeenCalled();
    store.set({ smoothing: 0.6 });
    expect(heard).toHaveBeenCalledExactlyOnceWith({ ...INITIAL, smoothing: 0.6 }, INITIAL);
    lifetime.abort();
    store.set({ smoothing: 0.7 });
    expect(heard).toHaveBeenCalledOnce();
    expect(store.state.smoothing).toBe(0.7);
  });
});

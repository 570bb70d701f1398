import { describe, expect, it } from "vitest";
import { movedPlace, reachedPlace } from "../src/cell_focus";
import type { Line } from "../src/layer_rows";

const layer = (name: string): Line => ({ kind: "layer", name, label: name, depth: 0, idle: false });
const fold: Line = { kind: "module", id: "m", label: "m", depth: 0, layers: ["a"], folded: false };

describe("the focus in the table of layers", () => {
  it("is reached by Tab also where a module stands first", () => {
    expect(reachedPlace(null, [fold, layer("a"), layer("b")])).toEqual({ layer: "a", column: "order" });
  });

  it("is where it was as long as that is in sight, and else on the first layer that is", () => {
    const was = { layer: "b", column: "dead" } as const;
    expect(reachedPlace(was, [layer("a"), layer("b")])).toBe(was);
    expect(reachedPlace(was, [layer("c"), layer("d")])).toEqual({ layer: "c", column: "order" });
    expect(reachedPlace(was, [fold])).toBeNull();
  });

  it("moves over modules and stays within the table", () => {
    const lines = [layer("a"), fold, layer("b")];
    const here = { layer: "a", column: "order" } as const;
    expect(movedPlace(here, "ArrowDown", lines)).toEqual({ layer: "b", column: "order" });
    expect(movedPlace(here, "PageDown", lines)).toEqual({ layer: "b", column: "order" });
    expect(movedPlace(here, "ArrowUp", lines)).toEqual(here);
    expect(movedPlace(here, "End", lines)).toEqual({ layer: "a", column: "health" });
    expect(movedPlace(here, "ArrowLeft", lines)).toEqual(here);
    expect(movedPlace(here, "x", lines)).toBeNull();
  });
});

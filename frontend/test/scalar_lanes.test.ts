import { describe, expect, it } from "vitest";
import { scalarLanes } from "../src/scalar_lanes";

const tagsOf = (...tags: string[]): readonly (readonly string[])[] => scalarLanes(tags).map((lane) => lane.tags);

describe("the lanes of the timeline", () => {
  it("put a quantity of several data sets on one axis, and others on their own", () => {
    expect(tagsOf("loss", "accuracy", "val_loss")).toEqual([["loss", "val_loss"], ["accuracy"]]);
    expect(tagsOf("train/loss", "test/loss", "train/acc")).toEqual([["train/loss", "test/loss"], ["train/acc"]]);
    expect(tagsOf("loss/train", "loss/val", "Loss")).toEqual([["loss/train", "loss/val", "Loss"]]);
    expect(tagsOf("epoch_loss", "evaluation_loss", "epoch_learning_rate")).toEqual([
      ["epoch_loss", "evaluation_loss"],
      ["epoch_learning_rate"],
    ]);
  });

  it("keep apart what only begins alike", () => {
    expect(tagsOf("loss", "loss_scale", "validity", "latest")).toEqual([["loss"], ["loss_scale"], ["validity"], ["latest"]]);
  });

  it("hold every tag once, in the order given, whatever it is called", () => {
    const tags = ["", "val", "train", "/", "val_", "loss"];
    expect(tagsOf(...tags).flat()).toEqual(tags);
  });
});

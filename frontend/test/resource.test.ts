import type { ReactiveController, ReactiveControllerHost } from "lit";
import { describe, expect, it } from "vitest";
import { Resources, type Wanted } from "../src/resource";

/** A view that counts how often it was asked to update. */
function host(): ReactiveControllerHost & { updates: number } {
  return {
    updates: 0,
    addController: (_: ReactiveController) => undefined,
    removeController: () => undefined,
    requestUpdate() {
      this.updates++;
    },
    updateComplete: Promise.resolve(true),
  };
}

const settled = (): Promise<void> => new Promise((resolve) => setTimeout(resolve));

describe("a resource", () => {
  it("that grows faster than it can be read is read all the same", async () => {
    const view = host();
    const resources = new Resources<string>(view);
    const answers: ((text: string) => void)[] = [];
    const aborted: string[] = [];
    const want = (version: string): Wanted<string> => ({
      id: "run",
      key: "findings",
      version,
      load: (signal) => {
        signal.addEventListener("abort", () => aborted.push(version));
        return new Promise((resolve) => answers.push(resolve));
      },
    });
    resources.want([want("1")]);
    resources.want([want("2")]);
    resources.want([want("3")]);
    expect(answers).toHaveLength(1);
    expect(aborted).toEqual([]);
    answers[0]?.("first");
    await settled();
    expect(view.updates).toBe(1);
    // What came is shown, while the newest version is asked for.
    expect(resources.want([want("3")]).get("run")).toEqual({ status: "ready", value: "first" });
    expect(answers).toHaveLength(2);
    answers[1]?.("third");
    await settled();
    expect(resources.want([want("3")]).get("run")).toEqual({ status: "ready", value: "third" });
  });

  it("that is another question stops the one before", () => {
    const resources = new Resources<string>(host());
    const signals: AbortSignal[] = [];
    const want = (key: string): Wanted<string> => ({
      id: "run",
      key,
      version: "1",
      load: (signal) => {
        signals.push(signal);
        return new Promise(() => undefined);
      },
    });
    resources.want([want("a")]);
    resources.want([want("b")]);
    expect(signals.map((signal) => signal.aborted)).toEqual([true, false]);
  });
});

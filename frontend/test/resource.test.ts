import type { ReactiveController, ReactiveControllerHost } from "lit";
import { describe, expect, it } from "vitest";
import { ApiError } from "../src/api";
import { Resources, serverAnswers, type Wanted } from "../src/resource";

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

  it("that follows a cursor lets the question under way finish, and then asks for the newest", async () => {
    const resources = new Resources<string>(host());
    const asked: string[] = [];
    const answers: ((text: string) => void)[] = [];
    const want = (step: number): Wanted<string> => ({
      id: "run",
      key: `at ${step}`,
      version: "1",
      patient: true,
      load: (signal) => {
        asked.push(`at ${step}`);
        signal.addEventListener("abort", () => asked.push(`stopped ${step}`));
        return new Promise((resolve) => answers.push(resolve));
      },
    });
    for (const step of [1, 2, 3, 4]) resources.want([want(step)]);
    expect(asked).toEqual(["at 1"]);
    answers[0]?.("of 1");
    await settled();
    expect(resources.want([want(4)]).get("run")).toEqual({ status: "pending", previous: "of 1" });
    answers[1]?.("of 4");
    await settled();
    expect(resources.want([want(4)]).get("run")).toEqual({ status: "ready", value: "of 4" });
    expect(asked).toEqual(["at 1", "at 4"]);
  });

  it("that fails has no answer to another question in its place", async () => {
    const resources = new Resources<string>(host());
    const want = (key: string, load: () => Promise<string>): Wanted<string> => ({ id: "run", key, version: "1", load });
    resources.want([want("layer a", () => Promise.resolve("of a"))]);
    await settled();
    const failing = want("layer b", () => Promise.reject(new ApiError("no", 404, "not_found")));
    resources.want([failing]);
    await settled();
    const state = resources.want([failing]).get("run");
    expect(state).toMatchObject({ status: "error", previous: null });
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

  it("that nobody answered is asked for again once the server is back, and a refused one is not", async () => {
    const resources = new Resources<string>(host());
    resources.hostConnected();
    const asked: string[] = [];
    const want = (id: string, status: number, code: string): Wanted<string> => ({
      id,
      key: id,
      version: "1",
      load: () => {
        asked.push(id);
        return Promise.reject(new ApiError("no", status, code));
      },
    });
    const both = [want("unanswered", 0, "unreachable"), want("refused", 404, "not_found")];
    resources.want(both);
    await settled();
    resources.want(both);
    expect(asked).toEqual(["unanswered", "refused"]);
    serverAnswers();
    resources.want(both);
    expect(asked).toEqual(["unanswered", "refused", "unanswered"]);
    // An element that has left the page asks for nothing.
    resources.hostDisconnected();
    await settled();
    serverAnswers();
    expect(asked).toHaveLength(3);
  });
});

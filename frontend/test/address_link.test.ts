// @vitest-environment happy-dom
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { AddressLink } from "../src/address_link";
import { Host } from "../src/host";
import { Store } from "../src/state";
import { fromParameters } from "../src/url";

/** A host that only remembers what was written: runs, step, and whether back leads there. */
class Written extends Host {
  readonly all: string[] = [];

  override writeAddress(parameters: Record<string, string>, station: boolean): void {
    this.all.push(`${station ? "push" : "replace"} ${parameters["runs"] ?? "-"} ${parameters["step"] ?? "-"}`);
  }
}

let host: Written;
let store: Store;
let link: AddressLink;

beforeEach(() => {
  vi.useFakeTimers();
  host = new Written();
  store = new Store(fromParameters({}));
  link = new AddressLink(host, store);
  link.listen(new AbortController().signal);
});
afterEach(() => void vi.useRealTimers());

it("writes what it was not asked for once the page is at rest", () => {
  link.amend({ runs: ["a"] });
  expect(host.all).toEqual([]);
  vi.advanceTimersByTime(300);
  expect(host.all).toHaveLength(1);
  expect(host.all[0]).toMatch(/^replace \S*a/);
});

it("leads back to what was on screen when the reader went on before that", () => {
  link.amend({ runs: ["a"] });
  store.set({ runs: ["b"] });
  expect(host.all.map((one) => one.split(" ")[0])).toEqual(["replace", "push"]);
  expect(host.all[0]).toContain("a");
  expect(host.all[1]).toContain("b");
  vi.advanceTimersByTime(300);
  expect(host.all).toHaveLength(2);
});

it("gives an address that is never behind", () => {
  link.amend({ runs: ["a"] });
  expect(link.current).toBe(host.address);
  expect(host.all).toHaveLength(1);
});

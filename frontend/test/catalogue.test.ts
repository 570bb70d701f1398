import { describe, expect, it } from "vitest";
import { ApiError, Client, type Catalogue } from "../src/api";

const BASE = "http://localhost/prefix/data/plugin/nnviz/";
const live = (): AbortSignal => new AbortController().signal;

/** A server of runs that each have one layer; it tells a client that has an answer already so. */
class Server {
  readonly steps: Record<string, number>;
  readonly asked: string[] = [];
  readonly broken = new Map<string, number>();

  constructor(steps: Record<string, number>) {
    this.steps = steps;
  }

  client(): Client {
    return new Client(BASE, (async (input: URL, init: RequestInit) => this.#answer(input, init)) as typeof fetch);
  }

  #brief(name: string): Record<string, unknown> {
    const step = this.steps[name] as number;
    return { name, recorded: true, last_step: step, last_wall_time: 100 + step, notes: [], problems: [] };
  }

  #answer(url: URL, init: RequestInit): Response {
    const run = url.searchParams.get("run");
    this.asked.push(run ?? "all");
    const status = run === null ? undefined : this.broken.get(run);
    if (status === 0) throw new TypeError("Failed to fetch");
    if (status !== undefined) {
      return Response.json({ error: { status, code: "x", message: `cannot read ${run}` } }, { status });
    }
    const value =
      run === null
        ? { runs: Object.keys(this.steps).map((name) => this.#brief(name)) }
        : { ...this.#brief(run), scalars: [], layers: [{ name: `layer of ${run}` }] };
    const etag = JSON.stringify(value).length + JSON.stringify(this.steps);
    const held = new Headers(init.headers).get("If-None-Match");
    return held === etag ? new Response(null, { status: 304 }) : Response.json(value, { headers: { ETag: etag } });
  }
}

const layers = (catalogue: Catalogue): Record<string, readonly string[] | null> =>
  Object.fromEntries(catalogue.runs.map((run) => [run.name, run.full ? run.layers.map((layer) => layer.name) : null]));

describe("the catalogue", () => {
  it("holds the layers of the runs that are looked at, and of no others", async () => {
    const server = new Server({ a: 1, b: 2, c: 3 });
    const client = server.client();
    const catalogue = await client.catalogue((all) => [all.runs[1]?.name ?? ""], false, live());
    expect(layers(catalogue)).toEqual({ a: null, b: ["layer of b"], c: null });
    expect(server.asked).toEqual(["all", "b"]);
  });

  it("is the same object until something changed, and reads again only what did", async () => {
    const server = new Server({ a: 1, b: 2 });
    const client = server.client();
    const first = await client.catalogue(() => ["a", "b"], false, live());
    expect(await client.catalogue(() => ["a", "b"], false, live())).toBe(first);
    server.steps["b"] = 3;
    server.asked.length = 0;
    const second = await client.catalogue(() => ["a", "b"], false, live());
    expect(server.asked).toEqual(["all", "b"]);
    expect(second.runs.map((run) => run.last_step)).toEqual([1, 3]);
  });

  it("reads what newly is looked at also while updates are held, and nothing else", async () => {
    const server = new Server({ a: 1, b: 2 });
    const client = server.client();
    await client.catalogue(() => ["a"], false, live());
    server.steps["a"] = 9;
    server.asked.length = 0;
    const held = await client.catalogue(() => ["a", "b"], true, live());
    expect(server.asked).toEqual(["b"]);
    expect(held.runs[0]?.last_step).toBe(1);
    expect(layers(held)).toEqual({ a: ["layer of a"], b: ["layer of b"] });
  });

  it("says beside a run why it cannot be read, and shows the others", async () => {
    const server = new Server({ a: 1, b: 2 });
    server.broken.set("a", 422);
    const client = server.client();
    const catalogue = await client.catalogue(() => ["a", "b"], false, live());
    expect(catalogue.runs[0]?.problems).toEqual(["cannot read a"]);
    expect(layers(catalogue)).toEqual({ a: [], b: ["layer of b"] });
    server.broken.clear();
    expect(layers(await client.catalogue(() => ["a", "b"], false, live()))["a"]).toEqual(["layer of a"]);
  });

  it("fails when none of the runs looked at can be read, or when nobody answers", async () => {
    const server = new Server({ a: 1, b: 2 });
    server.broken.set("a", 503);
    const client = server.client();
    await expect(client.catalogue(() => ["a"], false, live())).rejects.toThrow("cannot read a");
    server.broken.set("a", 0);
    const silence = client.catalogue(() => ["a", "b"], false, live());
    await expect(silence).rejects.toThrow(ApiError);
    await expect(silence).rejects.toThrow("does not answer");
  });

  it("keeps what it has of a run that cannot be read for a while", async () => {
    const server = new Server({ a: 1 });
    const client = server.client();
    await client.catalogue(() => ["a"], false, live());
    server.steps["a"] = 2;
    server.broken.set("a", 503);
    expect(layers(await client.catalogue(() => ["a"], false, live()))).toEqual({ a: ["layer of a"] });
  });
});

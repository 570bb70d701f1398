import { describe, expect, it } from "vitest";
import { Ahead } from "../src/ahead";
import { addressOf } from "../src/address";
import { ApiError, Client } from "../src/api";
import { appendSteps } from "../src/append";
import { ByteCache } from "../src/cache";
import { decode, type Container } from "../src/pure/decode";
import { container } from "./container";

const BASE = "http://localhost/prefix/data/plugin/nnviz/";
const live = (): AbortSignal => new AbortController().signal;

/** A neurons answer whose values are 100 · neuron + step. */
function neurons(steps: readonly number[], rows: readonly number[], meta: Record<string, unknown> = {}): ArrayBuffer {
  return container(
    { key: `k${steps.at(-1)}`, delta: false, kept_steps: steps.length, neurons: 9, ...meta },
    {
      steps: [Float64Array.from(steps), [steps.length]],
      wall_times: [Float64Array.from(steps, (step) => 1e9 + step), [steps.length]],
      neurons: [Int32Array.from(rows), [rows.length]],
      values: [Float32Array.from(rows.flatMap((row) => steps.map((step) => 100 * row + step))), [rows.length, steps.length]],
      quantiles: [Float32Array.from({ length: 9 * steps.length }, (_, at) => at % steps.length), [9, steps.length]],
    },
  );
}

/** A client whose server answers with the given bodies, in turn, and notes what was asked. */
function served(...answers: (ArrayBuffer | Response | Error)[]): { client: Client; asked: URL[] } {
  const asked: URL[] = [];
  const fetcher = async (input: RequestInfo | URL): Promise<Response> => {
    asked.push(new URL(String(input)));
    const answer = answers.shift();
    if (answer instanceof Error) throw answer;
    if (answer instanceof Response) return answer;
    if (answer === undefined) throw new Error("asked more often than expected");
    return new Response(answer);
  };
  return { client: new Client(BASE, fetcher as typeof fetch), asked };
}

const values = (answer: Container, name: string): number[] => [...(answer.arrays.get(name)?.values ?? [])];

describe("addresses", () => {
  it("are relative, so that they work under a path prefix", async () => {
    const { client, asked } = served(Response.json({ runs: [] }), Response.json(["a"]));
    await client.catalogue(() => [], false, live());
    await client.runNames(live());
    expect(asked.map((url) => url.pathname)).toEqual(["/prefix/data/plugin/nnviz/catalogue", "/prefix/data/runs"]);
  });

  it("escape hostile names", () => {
    const address = addressOf("neurons", { run: "a&b=c", layer: "../../x?<script>", neuron: null });
    const query = new URL(address, BASE).searchParams;
    expect([...query]).toEqual([["run", "a&b=c"], ["layer", "../../x?<script>"]]);
    expect(new URL(address, BASE).pathname).toBe("/prefix/data/plugin/nnviz/neurons");
  });
});

describe("series", () => {
  const query = { run: "r", layer: "l", statistic: "weight_norm" };

  it("are read once as long as the catalogue says the same of them", async () => {
    const { client, asked } = served(neurons([0, 1], [3]));
    const first = await client.arrays("neurons", query, "1", live());
    expect(await client.arrays("neurons", query, "1", live())).toBe(first);
    expect(asked).toHaveLength(1);
    expect(client.peek("neurons", query)).toBe(first);
  });

  it("grow by their later steps only, twice in a row", async () => {
    const { client, asked } = served(
      neurons([0, 1], [3, 5]),
      neurons([2], [3, 5], { delta: true, kept_steps: 3 }),
      neurons([3, 4], [3, 5], { delta: true, kept_steps: 5 }),
    );
    await client.arrays("neurons", query, "1", live());
    await client.arrays("neurons", query, "2", live());
    const grown = await client.arrays("neurons", query, "4", live());
    expect(asked.slice(1).map((url) => [url.searchParams.get("after"), url.searchParams.get("have")])).toEqual([
      ["1", "k1"],
      ["2", "k2"],
    ]);
    const whole = decode(neurons([0, 1, 2, 3, 4], [3, 5]));
    expect(values(grown, "values")).toEqual(values(whole, "values"));
    expect(values(grown, "steps")).toEqual([0, 1, 2, 3, 4]);
    expect(values(grown, "wall_times")).toEqual(values(whole, "wall_times"));
    expect(grown.arrays.get("values")?.shape).toEqual([2, 5]);
    expect(grown.arrays.get("quantiles")?.shape).toEqual([9, 5]);
    expect(grown.meta["kept_steps"]).toBe(5);
  });

  it("are replaced when the server sends everything after all", async () => {
    const { client } = served(neurons([0, 1], [3]), neurons([0, 5], [3]));
    await client.arrays("neurons", query, "1", live());
    const replaced = await client.arrays("neurons", query, "5", live());
    expect(values(replaced, "steps")).toEqual([0, 5]);
  });

  it("are asked for again in full when the update is of other neurons", async () => {
    const { client, asked } = served(
      neurons([0, 1], [3]),
      neurons([2], [4], { delta: true }),
      neurons([0, 1, 2], [4]),
    );
    await client.arrays("neurons", query, "1", live());
    const whole = await client.arrays("neurons", query, "2", live());
    expect(values(whole, "neurons")).toEqual([4]);
    expect(asked[2]?.searchParams.has("after")).toBe(false);
  });

  it("are thinned by the server again once they have grown long", async () => {
    const long = Array.from({ length: 1500 }, (_, step) => step);
    const { client, asked } = served(
      neurons(long, [1]),
      neurons([1500], [1], { delta: true }),
      neurons([0, 1500], [1]),
    );
    await client.arrays("neurons", query, "a", live());
    await client.arrays("neurons", query, "b", live());
    expect(asked).toHaveLength(3);
  });
});

describe("rows of a density", () => {
  const density = (steps: readonly number[], counts: readonly number[], edges = [0, 1, 2]): Container =>
    decode(
      container(
        {},
        {
          steps: [Float64Array.from(steps), [steps.length]],
          wall_times: [Float64Array.from(steps), [steps.length]],
          edges: [Float32Array.from(edges), [edges.length]],
          counts: [Float32Array.from(counts), [steps.length, edges.length - 1]],
          nonfinite: [new Float32Array(3 * steps.length), [steps.length, 3]],
        },
      ),
    );

  it("stand behind one another", () => {
    const joined = appendSteps("density", density([0, 1], [1, 2, 3, 4]), density([2], [5, 6]));
    expect(joined === null ? null : values(joined, "counts")).toEqual([1, 2, 3, 4, 5, 6]);
    expect(joined?.arrays.get("counts")?.shape).toEqual([3, 2]);
  });

  it("do not mix when the borders differ", () => {
    expect(appendSteps("density", density([0], [1, 2]), density([1], [3, 4], [0, 2, 4]))).toBeNull();
  });
});

describe("errors", () => {
  const failing = async (answer: Response | Error): Promise<ApiError> => {
    const { client } = served(answer);
    return client.catalogue(() => [], false, live()).then(
      () => expect.fail("should have been refused"),
      (error: unknown) => error as ApiError,
    );
  };

  it("carry the server's own sentence", async () => {
    const body = { error: { status: 404, code: "not_found", message: "no run 'x'" } };
    const error = await failing(Response.json(body, { status: 404 }));
    expect([error.message, error.status, error.code]).toEqual(["no run 'x'", 404, "not_found"]);
  });

  it("of somebody else's are told by their status", async () => {
    const error = await failing(new Response("<h1>oops</h1>", { status: 502, statusText: "Bad Gateway" }));
    expect(error.message).toBe("TensorBoard answered 502 Bad Gateway");
  });

  it("of the network say that nobody answers", async () => {
    const error = await failing(new TypeError("Failed to fetch"));
    expect(error).toBeInstanceOf(ApiError);
    expect(error.status).toBe(0);
  });

  it("of the format name what is wrong", async () => {
    const { client } = served(new ArrayBuffer(3));
    await expect(client.arrays("run", { run: "r" }, "1", live())).rejects.toThrow(/container/);
  });

  it("of an aborted request stay aborts", async () => {
    const request = new AbortController();
    const fetcher = (_: unknown, init?: RequestInit): Promise<Response> =>
      new Promise((_resolve, reject) =>
        init?.signal?.addEventListener("abort", () => reject(new DOMException("gone", "AbortError"))),
      );
    const client = new Client(BASE, fetcher as typeof fetch);
    const waiting = client.catalogue(() => [], false, request.signal);
    request.abort();
    await expect(waiting).rejects.toThrow(DOMException);
  });
});

describe("the cache", () => {
  it("forgets what was not used for longest, and counts its bytes", () => {
    const cache = new ByteCache<string>(100);
    cache.set("a", "A", 40);
    cache.set("b", "B", 40);
    cache.get("a");
    cache.set("c", "C", 40);
    expect([cache.get("a"), cache.get("b"), cache.get("c")]).toEqual(["A", undefined, "C"]);
    expect(cache.bytes).toBe(80);
    cache.set("a", "A2", 10);
    expect(cache.bytes).toBe(50);
  });

  it("keeps one thing that is larger than all its room", () => {
    const cache = new ByteCache<string>(10);
    cache.set("a", "A", 5);
    cache.set("b", "B", 50);
    expect([cache.get("a"), cache.get("b"), cache.bytes]).toEqual([undefined, "B", 50]);
  });
});

describe("arrays that are expected", () => {
  const query = { run: "r", statistic: "bias" };

  it("are asked for once, read when they come, and given to who asks first", async () => {
    const { client, asked } = served(neurons([0], [3]), neurons([0, 1], [3]));
    client.expect("neurons", query);
    client.expect("neurons", query);
    expect(asked).toHaveLength(1);
    await new Promise((resolve) => setTimeout(resolve));
    let drawn = false;
    const first = client.arrays("neurons", query, "1", live()).then((answer) => {
      drawn = true;
      return answer;
    });
    // Nothing but promises that are kept already: a frame cannot come in between.
    for (let turn = 0; turn < 10; turn++) await Promise.resolve();
    expect(drawn).toBe(true);
    expect(values(await first, "steps")).toEqual([0]);
    expect(asked).toHaveLength(1);
    expect(values(await client.arrays("neurons", query, "2", live()), "steps")).toEqual([0, 1]);
    expect(asked).toHaveLength(2);
  });

  it("fail for who asks first, and are asked for anew by who comes next", async () => {
    const { client } = served(new Error("no server"), neurons([0], [3]));
    client.expect("neurons", query);
    await expect(client.arrays("neurons", query, "1", live())).rejects.toThrow(ApiError);
    expect(values(await client.arrays("neurons", query, "1", live()), "steps")).toEqual([0]);
  });

  it("are not asked for where they are held", async () => {
    const { client, asked } = served(neurons([0], [3]));
    await client.arrays("neurons", query, "1", live());
    client.expect("neurons", query);
    expect(asked).toHaveLength(1);
  });
});

describe("answers asked for ahead", () => {
  const address = new URL("overview?run=r&steps=100", BASE);

  it("are given to who asks first, and asked anew for who comes next", async () => {
    const ahead = new Ahead(async () => new Response("later"));
    ahead.adopt(new Map([[address.href, Promise.resolve(new Response("early"))]]));
    expect(await (await ahead.fetch(address)).text()).toBe("early");
    expect(await (await ahead.fetch(address)).text()).toBe("later");
  });

  it("fail unheard where nobody takes them", async () => {
    const ahead = new Ahead(async () => new Response("later"));
    ahead.adopt(new Map([[address.href, Promise.reject(new Error("no server"))]]));
    await Promise.resolve();
    await expect(ahead.fetch(address)).rejects.toThrow("no server");
    expect(await (await ahead.fetch(address)).text()).toBe("later");
  });
});

it("runs are judged after what is to be drawn has come", async () => {
  const asked: string[] = [];
  let arrive = (_: Response): void => undefined;
  const fetcher = (input: RequestInfo | URL): Promise<Response> => {
    asked.push(new URL(String(input)).pathname.split("/").at(-1) as string);
    if (asked.length > 1) return Promise.resolve(Response.json({}));
    return new Promise((resolve) => (arrive = resolve));
  };
  const client = new Client(BASE, fetcher as typeof fetch);
  const judged = client.assessment("r", null, live()).catch(() => null);
  const drawn = client.arrays("neurons", { run: "r" }, "1", live());
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(asked).toEqual(["neurons"]);
  arrive(new Response(neurons([0], [3])));
  await Promise.all([drawn, judged]);
  expect(asked).toEqual(["neurons", "findings"]);
});

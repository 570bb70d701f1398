import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { decode, float32, float64, int32, WireError } from "../../src/pure/decode";

/** A container made by hand, byte by byte, from the table in http_api.md. */
function container(header: unknown, body: Uint8Array = new Uint8Array(0), version = 1): ArrayBuffer {
  const json = new TextEncoder().encode(typeof header === "string" ? header : JSON.stringify(header));
  const length = Math.ceil((12 + json.length) / 8) * 8 - 12;
  const bytes = new Uint8Array(12 + length + body.length).fill(0x20);
  bytes.set([0x4e, 0x4e, 0x56, 0x5a]);
  new DataView(bytes.buffer).setUint32(4, version, true);
  new DataView(bytes.buffer).setUint32(8, length, true);
  bytes.set(json, 12);
  bytes.set(body, 12 + length);
  return bytes.buffer;
}

const ONE_AND_MINUS_TWO = new Uint8Array([0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0]);
const entry = { name: "values", dtype: "float32", shape: [1, 2], offset: 0 };
const withEntry = (change: object) =>
  container({ meta: {}, arrays: [{ ...entry, ...change }] }, ONE_AND_MINUS_TWO);

describe("decode", () => {
  it("reads meta and arrays without copying them", () => {
    const bytes = container({ meta: { key: "ü" }, arrays: [entry] }, ONE_AND_MINUS_TWO);
    const result = decode(bytes);
    expect(result.meta).toEqual({ key: "ü" });
    expect(result.arrays.get("values")?.shape).toEqual([1, 2]);
    const values = float32(result, "values", 2);
    expect([...values]).toEqual([1, -2]);
    expect(values.buffer).toBe(bytes);
  });

  it("reads every type at its own offset", () => {
    const body = new Uint8Array(32);
    const view = new DataView(body.buffer);
    view.setFloat64(0, -1e300, true);
    view.setInt32(8, -7, true);
    view.setUint8(16, 250);
    const result = decode(
      container(
        {
          meta: {},
          arrays: [
            { name: "steps", dtype: "float64", shape: [1], offset: 0 },
            { name: "neurons", dtype: "int32", shape: [1], offset: 8 },
            { name: "flags", dtype: "uint8", shape: [1], offset: 16 },
            { name: "nothing", dtype: "float32", shape: [0, 5], offset: 32 },
          ],
        },
        body,
      ),
    );
    expect([...float64(result, "steps", 1)]).toEqual([-1e300]);
    expect([...int32(result, "neurons", 1)]).toEqual([-7]);
    expect([...(result.arrays.get("flags")?.values ?? [])]).toEqual([250]);
    expect(float32(result, "nothing", 2)).toHaveLength(0);
  });

  it.each<[string, () => ArrayBuffer]>([
    ["too few bytes", () => new ArrayBuffer(11)],
    ["another magic", () => new ArrayBuffer(64)],
    ["another version", () => container({ meta: {}, arrays: [] }, undefined, 2)],
    ["a header that runs past the end", () => container({ meta: {}, arrays: [] }).slice(0, 24)],
    ["a header without padding", () => {
      const bytes = container({ meta: {}, arrays: [] }, new Uint8Array(8));
      new DataView(bytes).setUint32(8, new DataView(bytes).getUint32(8, true) + 1, true);
      return bytes;
    }],
    ["no JSON", () => container("{]")],
    ["a header that is a list", () => container([])],
    ["a header without arrays", () => container({ meta: {} })],
    ["an array without a name", () => withEntry({ name: 3 })],
    ["an unknown type", () => withEntry({ dtype: "float16" })],
    ["a type out of the prototype", () => withEntry({ dtype: "constructor" })],
    ["a negative size", () => withEntry({ shape: [-1] })],
    ["half a size", () => withEntry({ shape: [0.5] })],
    ["a shape that is no list", () => withEntry({ shape: 2 })],
    ["an offset between the borders", () => withEntry({ offset: 4 })],
    ["a negative offset", () => withEntry({ offset: -8 })],
    ["an array that runs past the end", () => withEntry({ shape: [3] })],
    ["sizes whose product overflows", () => withEntry({ shape: [2 ** 53 - 1, 2 ** 53 - 1] })],
    ["the same name twice", () => container({ meta: {}, arrays: [entry, entry] }, ONE_AND_MINUS_TWO)],
  ])("refuses %s", (_what, bytes) => {
    expect(() => decode(bytes())).toThrow(WireError);
  });

  it("refuses to hand out a missing array, another type and another rank", () => {
    const result = decode(withEntry({}));
    expect(() => float32(result, "nope", 2)).toThrow(WireError);
    expect(() => float64(result, "values", 2)).toThrow(WireError);
    expect(() => float32(result, "values", 1)).toThrow(WireError);
  });
});

/** Files that Python wrote once; its own tests read the same, see tests/golden/README.md. */
const GOLDEN = new URL("../../../tests/golden/", import.meta.url);

type Spelled = number | "NaN" | "Infinity" | "-Infinity";
interface Expected {
  readonly meta: unknown;
  readonly arrays: readonly {
    readonly name: string;
    readonly dtype: string;
    readonly shape: readonly number[];
    readonly values: readonly Spelled[];
  }[];
}

const expected = JSON.parse(
  readFileSync(new URL("expected.json", GOLDEN), "utf8"),
) as Record<string, Expected>;

describe("golden files", () => {
  it.each(Object.keys(expected))("%s is read as Python wrote it", (name) => {
    const file = readFileSync(new URL(name, GOLDEN));
    // A file read whole may lie anywhere in a larger buffer; the panel's responses do not.
    const result = decode(new Uint8Array(file).buffer);
    const { meta, arrays } = expected[name]!;
    expect(result.meta).toEqual(meta);
    expect([...result.arrays.keys()]).toEqual(arrays.map((array) => array.name));
    for (const array of arrays) {
      const found = result.arrays.get(array.name)!;
      expect(found.values.constructor.name.toLowerCase()).toBe(`${array.dtype}array`);
      expect(found.shape).toEqual(array.shape);
      const values = [...found.values];
      expect(values).toHaveLength(array.values.length);
      // Object.is tells −0 from 0, and a NaN is one.
      array.values.forEach((value, index) => expect(values[index]).toBe(Number(value)));
    }
  });
});

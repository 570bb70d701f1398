/** Writes the binary container of nnviz_tb/http_api.md, from the document alone, for tests. */

type Values = Float32Array | Float64Array | Int32Array | Uint8Array;

const DTYPES: readonly (readonly [new () => Values, string])[] = [
  [Float32Array, "float32"],
  [Float64Array, "float64"],
  [Int32Array, "int32"],
  [Uint8Array, "uint8"],
];

export function container(
  meta: Record<string, unknown>,
  arrays: Record<string, readonly [Values, readonly number[]]>,
): ArrayBuffer {
  let offset = 0;
  const entries = Object.entries(arrays).map(([name, [values, shape]]) => {
    const dtype = DTYPES.find(([type]) => values instanceof type)?.[1];
    const entry = { name, dtype, shape, offset };
    offset += Math.ceil(values.byteLength / 8) * 8;
    return entry;
  });
  let header = JSON.stringify({ meta, arrays: entries });
  while ((12 + new TextEncoder().encode(header).length) % 8 !== 0) header += " ";
  const text = new TextEncoder().encode(header);
  const bytes = new Uint8Array(12 + text.length + offset);
  bytes.set(new TextEncoder().encode("NNVZ"), 0);
  const view = new DataView(bytes.buffer);
  view.setUint32(4, 1, true);
  view.setUint32(8, text.length, true);
  bytes.set(text, 12);
  for (const [index, [values]] of Object.values(arrays).entries()) {
    const at = 12 + text.length + (entries[index]?.offset ?? 0);
    bytes.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), at);
  }
  return bytes.buffer;
}

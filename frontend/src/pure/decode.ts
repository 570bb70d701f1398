/**
 * Reads the binary container of `nnviz_tb/http_api.md`: a JSON header and little-endian arrays.
 * Nothing here trusts the bytes; what comes back has been checked once and for all.
 */

/** The bytes are not the container that the interface promises; the message says where. */
export class WireError extends Error {
  override readonly name = "WireError";
}

export type Values = Float32Array | Float64Array | Int32Array | Uint8Array;

export interface WireArray {
  readonly values: Values;
  /** `values.length` is the product of the shape; an empty shape is a single number. */
  readonly shape: readonly number[];
}

export interface Container {
  readonly meta: Readonly<Record<string, unknown>>;
  readonly arrays: ReadonlyMap<string, WireArray>;
}

const MAGIC = 0x5a564e4e; // "NNVZ" read as a little-endian uint32
const VERSION = 1;
const PREAMBLE_BYTES = 12;
const ALIGNMENT_BYTES = 8;
const MAX_RANK = 4;

const CONSTRUCTORS = {
  float32: Float32Array,
  float64: Float64Array,
  int32: Int32Array,
  uint8: Uint8Array,
} as const;
type Dtype = keyof typeof CONSTRUCTORS;

// Typed arrays read in the order of the machine. Every machine that runs a browser today is
// little-endian; the other kind is refused rather than shown nonsense.
const LITTLE_ENDIAN = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1;

/**
 * The header's `meta` and its arrays, which share memory with `bytes`.
 * @throws WireError on anything malformed: length, magic, version, JSON, dtype, shape, offset
 */
export function decode(bytes: ArrayBuffer): Container {
  if (!LITTLE_ENDIAN) throw new WireError("this browser runs on a big-endian machine");
  if (bytes.byteLength < PREAMBLE_BYTES) {
    throw new WireError(`${bytes.byteLength} bytes are too few for a container`);
  }
  const preamble = new DataView(bytes, 0, PREAMBLE_BYTES);
  if (preamble.getUint32(0, true) !== MAGIC) throw new WireError("does not begin with NNVZ");
  const version = preamble.getUint32(4, true);
  if (version !== VERSION) {
    throw new WireError(`container version ${version}; this panel reads ${VERSION}: reload it`);
  }
  const body = PREAMBLE_BYTES + preamble.getUint32(8, true);
  if (body > bytes.byteLength) throw new WireError("the header runs past the end");
  if (body % ALIGNMENT_BYTES !== 0) throw new WireError("the header is not padded to 8 bytes");

  const header = parseHeader(new Uint8Array(bytes, PREAMBLE_BYTES, body - PREAMBLE_BYTES));
  const arrays = new Map<string, WireArray>();
  for (const entry of header.arrays) {
    const { name, array } = decodeArray(entry, bytes, body);
    if (arrays.has(name)) throw new WireError(`array ${JSON.stringify(name)} occurs twice`);
    arrays.set(name, array);
  }
  return { meta: header.meta, arrays };
}

/** `float32` array of that name. @throws WireError if it is missing or of another type or rank */
export function float32(container: Container, name: string, rank: number): Float32Array {
  return typed(container, name, rank, Float32Array);
}

/** `float64` array of that name. @throws WireError if it is missing or of another type or rank */
export function float64(container: Container, name: string, rank: number): Float64Array {
  return typed(container, name, rank, Float64Array);
}

/** `int32` array of that name. @throws WireError if it is missing or of another type or rank */
export function int32(container: Container, name: string, rank: number): Int32Array {
  return typed(container, name, rank, Int32Array);
}

function typed<T extends Values>(
  container: Container,
  name: string,
  rank: number,
  constructor: new () => T,
): T {
  const array = container.arrays.get(name);
  if (array === undefined) throw new WireError(`the answer has no array ${JSON.stringify(name)}`);
  if (!(array.values instanceof constructor)) {
    throw new WireError(`array ${JSON.stringify(name)} is a ${array.values.constructor.name}`);
  }
  if (array.shape.length !== rank) {
    throw new WireError(`array ${JSON.stringify(name)} has the shape [${array.shape.join(", ")}]`);
  }
  return array.values;
}

function parseHeader(bytes: Uint8Array): { meta: Record<string, unknown>; arrays: unknown[] } {
  let header: unknown;
  try {
    header = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (error) {
    throw new WireError(`the header is not JSON: ${String(error)}`);
  }
  if (!isRecord(header) || !isRecord(header["meta"]) || !Array.isArray(header["arrays"])) {
    throw new WireError("the header is not {meta, arrays}");
  }
  return { meta: header["meta"], arrays: header["arrays"] };
}

function decodeArray(
  entry: unknown,
  bytes: ArrayBuffer,
  body: number,
): { name: string; array: WireArray } {
  if (!isRecord(entry) || typeof entry["name"] !== "string") {
    throw new WireError("an array of the header has no name");
  }
  const name = entry["name"];
  const quoted = JSON.stringify(name);
  const { dtype, shape, offset } = entry;
  if (typeof dtype !== "string" || !Object.hasOwn(CONSTRUCTORS, dtype)) {
    throw new WireError(`array ${quoted} has the unknown type ${JSON.stringify(dtype)}`);
  }
  if (!Array.isArray(shape) || shape.length > MAX_RANK || !shape.every(isCount)) {
    throw new WireError(`array ${quoted} has the shape ${JSON.stringify(shape)}`);
  }
  if (!isCount(offset) || offset % ALIGNMENT_BYTES !== 0) {
    throw new WireError(`array ${quoted} begins at ${JSON.stringify(offset)}, not a multiple of 8`);
  }
  const constructor = CONSTRUCTORS[dtype as Dtype];
  const length = shape.reduce((product: number, size: number) => product * size, 1);
  const start = body + offset;
  if (start + length * constructor.BYTES_PER_ELEMENT > bytes.byteLength) {
    throw new WireError(`array ${quoted} runs past the end`);
  }
  return { name, array: { values: new constructor(bytes, start, length), shape } };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

// Tensors <-> bytes in the safetensors format (https://github.com/huggingface/safetensors#format): the length of the
// header (8 bytes), the header (JSON: names, types, shapes, places), then the numbers, all little-endian.
// Typed arrays have the byte order of the machine; every machine that runs JavaScript engines today is little-endian.

import { CheckpointError } from '../util/errors.ts';

export type TensorData = Float32Array | Float64Array | Uint32Array;

export interface Tensor {
  readonly shape: readonly number[];
  /** Row by row; as many elements as the product of `shape`. */
  readonly data: TensorData;
}

export interface SafeTensors {
  readonly tensors: ReadonlyMap<string, Tensor>;
  /** Free text by name, the header's `__metadata__`. */
  readonly metadata: Readonly<Record<string, string>>;
}

const METADATA = '__metadata__';
const LENGTH_BYTES = 8;
/** The reference implementation refuses longer headers. */
const MAX_HEADER = 100_000_000;

const DTYPES = {
  F32: { bytes: 4, read: (buffer: ArrayBuffer): TensorData => new Float32Array(buffer) },
  F64: { bytes: 8, read: (buffer: ArrayBuffer): TensorData => new Float64Array(buffer) },
  U32: { bytes: 4, read: (buffer: ArrayBuffer): TensorData => new Uint32Array(buffer) },
  // Every number of these two is one of f32.
  F16: { bytes: 2, read: (buffer: ArrayBuffer): TensorData => fromHalf(new Uint16Array(buffer)) },
  BF16: { bytes: 2, read: (buffer: ArrayBuffer): TensorData => fromBfloat(new Uint16Array(buffer)) },
} as const;
type DType = keyof typeof DTYPES;

/** The file that holds `tensors`. Wider elements come first, so that each tensor is aligned to its element's size. */
export function encodeSafetensors({ tensors, metadata }: SafeTensors): Uint8Array<ArrayBuffer> {
  const entries = [...tensors].sort(([, a], [, b]) => b.data.BYTES_PER_ELEMENT - a.data.BYTES_PER_ELEMENT);
  const header: Record<string, unknown> = { [METADATA]: metadata };
  let end = 0;
  for (const [name, { shape, data }] of entries) {
    if (name === METADATA || elements(shape) !== data.length) {
      throw new CheckpointError(
        `tensor ${name}: ${data.length} elements cannot be saved with shape [${shape.join(', ')}].`,
      );
    }
    // defineProperty, since `header['__proto__'] = …` would not make a key.
    const value = { dtype: dtypeOf(data), shape, data_offsets: [end, end + data.byteLength] };
    Object.defineProperty(header, name, { value, enumerable: true });
    end += data.byteLength;
  }

  const json = new TextEncoder().encode(JSON.stringify(header));
  const padding = -json.length & 7; // spaces, so that the numbers start at a multiple of 8
  const start = LENGTH_BYTES + json.length + padding;
  const bytes = new Uint8Array(start + end);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(json.length + padding), true);
  bytes.fill(0x20, LENGTH_BYTES, start);
  bytes.set(json, LENGTH_BYTES);
  let at = start;
  for (const [, { data }] of entries) {
    bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), at);
    at += data.byteLength;
  }
  return bytes;
}

/**
 * What `encodeSafetensors` or another program wrote. `where` names the file in errors.
 * Throws CheckpointError unless the file is whole: header, types, shapes and places that fill the file without
 * gap or overlap.
 */
export function decodeSafetensors(bytes: Uint8Array, where: string): SafeTensors {
  const { start, entries, metadata } = readLayout(bytes, bytes.length, where);
  const tensors = new Map<string, Tensor>();
  for (const { name, dtype, shape, begin, end } of entries) {
    // A copy: the place in the file need not be aligned, and the caller may keep one tensor only.
    const data = DTYPES[dtype].read(new Uint8Array(bytes.subarray(start + begin, start + end)).buffer);
    tensors.set(name, { shape, data });
  }
  return { tensors, metadata };
}

interface Layout {
  /** Where the numbers begin. */
  readonly start: number;
  readonly entries: readonly { name: string; dtype: DType; shape: number[]; begin: number; end: number }[];
  readonly metadata: SafeTensors['metadata'];
}

/** Bytes up to the numbers, as the first 8 bytes of a file of `size` say. Throws CheckpointError where that cannot be. */
export function headerEnd(head: Uint8Array, size: number, where: string): number {
  const fail = failure(where);
  if (size < LENGTH_BYTES) return fail(`${size} bytes are too few`);
  const length = new DataView(head.buffer, head.byteOffset).getBigUint64(0, true);
  if (length > BigInt(Math.min(MAX_HEADER, size - LENGTH_BYTES)))
    return fail(`a header of ${length} bytes does not fit`);
  return LENGTH_BYTES + Number(length);
}

/** What the header says of the numbers in a file of `size` bytes; `head` holds the header at least. Throws CheckpointError. */
export function readLayout(head: Uint8Array, size: number, where: string): Layout {
  const fail = failure(where);
  const { header, start } = readHeader(head, size, where);
  let metadata: Record<string, string> = {};
  const entries: Layout['entries'][number][] = [];
  for (const [name, entry] of Object.entries(header)) {
    if (!isObject(entry)) return fail(`header entry ${quote(name)} is not an object`);
    if (name === METADATA) {
      metadata = metadataOf(entry, fail);
      continue;
    }
    const { dtype, shape, data_offsets: offsets } = entry;
    if (!isDType(dtype)) {
      throw new CheckpointError(
        `${where}: tensor ${quote(name)}: expected type ${Object.keys(DTYPES).join(', ')}, got ${quote(dtype)}. ` +
          'Save it in one of these.',
      );
    }
    if (!isCounts(shape)) return fail(`tensor ${quote(name)}: ${quote(shape)} is not a shape`);
    if (!isCounts(offsets) || offsets.length !== 2) {
      return fail(`tensor ${quote(name)}: ${quote(offsets)} is not a byte range`);
    }
    const [begin, end] = offsets;
    if (end - begin !== elements(shape) * DTYPES[dtype].bytes) {
      return fail(`tensor ${quote(name)}: ${end - begin} bytes cannot hold ${dtype} ${quote(shape)}`);
    }
    entries.push({ name, dtype, shape, begin, end });
  }

  entries.sort((a, b) => a.begin - b.begin || a.end - b.end);
  let next = 0;
  for (const { name, begin, end } of entries) {
    if (begin !== next)
      return fail(`tensor ${quote(name)}: expected it to start at byte ${next}, got ${begin}`);
    next = end;
  }
  if (start + next !== size) {
    return fail(`expected ${start + next} bytes, as its header says, got ${size}`);
  }
  return { start, entries, metadata };
}

/** The metadata alone, of the first bytes of a file, which hold the header at least. Throws CheckpointError. */
export function readMetadata(head: Uint8Array, where: string): SafeTensors['metadata'] {
  const fail = failure(where);
  const entry = readHeader(head, head.length, where).header[METADATA] ?? {};
  return isObject(entry) ? metadataOf(entry, fail) : fail('__metadata__ is not an object');
}

function metadataOf(
  entry: Record<string, unknown>,
  fail: (problem: string) => never,
): Record<string, string> {
  return isStringRecord(entry) ? entry : fail('__metadata__ holds something other than text');
}

function failure(where: string): (problem: string) => never {
  return (problem) => {
    throw new CheckpointError(
      `${where}: ${problem}. The file is damaged or not a safetensors file: restore it from a copy.`,
    );
  };
}

function readHeader(
  bytes: Uint8Array,
  size: number,
  where: string,
): { header: Record<string, unknown>; start: number } {
  const fail = failure(where);
  const start = headerEnd(bytes, size, where);
  let header: unknown;
  try {
    header = JSON.parse(
      new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(LENGTH_BYTES, start)),
    );
  } catch {
    return fail('the header is not JSON');
  }
  return isObject(header) ? { header, start } : fail('the header is not a JSON object');
}

/** IEEE 754 half precision: a sign, 5 bits of exponent, 10 of fraction. */
function fromHalf(halves: Uint16Array): Float32Array {
  return Float32Array.from(halves, (bits) => {
    const sign = bits & 0x8000 ? -1 : 1;
    const exponent = (bits >> 10) & 31;
    const fraction = bits & 1023;
    if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN;
    return sign * (exponent === 0 ? fraction * 2 ** -24 : (1024 + fraction) * 2 ** (exponent - 25));
  });
}

/** The upper half of an f32. */
function fromBfloat(halves: Uint16Array): Float32Array {
  return new Float32Array(Uint32Array.from(halves, (bits) => bits << 16).buffer);
}

function dtypeOf(data: TensorData): DType {
  if (data instanceof Float32Array) return 'F32';
  return data instanceof Float64Array ? 'F64' : 'U32';
}

function elements(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isStringRecord(value: Record<string, unknown>): value is Record<string, string> {
  return Object.values(value).every((text) => typeof text === 'string');
}

function isDType(value: unknown): value is DType {
  return typeof value === 'string' && Object.hasOwn(DTYPES, value);
}

function isCounts(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0);
}

function quote(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}

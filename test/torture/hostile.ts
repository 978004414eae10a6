// What the fuzzers have in common: files and values that are damaged or hostile, and what must come of them.

import fc from 'fast-check';
import { expect } from 'vitest';
import { MicrogptError } from '../../src/util/errors.ts';

/** No case may take more processor time, in milliseconds, or hold more memory. */
const SLOW = 2_000;
const MEMORY = 256 * 2 ** 20;

/** Numbers and words that parsers stumble over. */
export const NASTY = ['0', '-0', '-1', '1e999', '9007199254740992', '9007199254740993', '18446744073709551615', '0.5', 'null', 'true', '""', '[]', '{}', '"__proto__"', '[[[[[[[[]]]]]]]]', '"\\ud800"', '1e-999', 'NaN', '[9007199254740991,9007199254740991]', '"F16"', '"../../etc/passwd"']; // prettier-ignore

/** One change to the bytes of a file. */
export type Change =
  | { readonly kind: 'flip'; readonly at: number; readonly bit: number }
  | { readonly kind: 'cut'; readonly at: number }
  | { readonly kind: 'insert'; readonly at: number; readonly bytes: Uint8Array }
  | { readonly kind: 'copy'; readonly from: number; readonly to: number; readonly length: number }
  | { readonly kind: 'value'; readonly which: number; readonly value: string }
  | { readonly kind: 'length'; readonly value: bigint };

const place = fc.double({ min: 0, max: 1, noNaN: true });
const change: fc.Arbitrary<Change> = fc.oneof(
  fc.record({ kind: fc.constant('flip' as const), at: place, bit: fc.integer({ min: 0, max: 7 }) }),
  fc.record({ kind: fc.constant('cut' as const), at: place }),
  fc.record({ kind: fc.constant('insert' as const), at: place, bytes: fc.uint8Array({ maxLength: 40 }) }),
  fc.record({ kind: fc.constant('copy' as const), from: place, to: place, length: fc.nat(64) }),
  fc.record({ kind: fc.constant('value' as const), which: place, value: fc.constantFrom(...NASTY) }),
  fc.record({ kind: fc.constant('length' as const), value: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }) }),
);
export const changes = fc.array(change, { minLength: 1, maxLength: 4 });

/** `file` after all changes. */
export function changed(file: Uint8Array, list: readonly Change[]): Uint8Array<ArrayBuffer> {
  let bytes = Uint8Array.from(file);
  for (const c of list) {
    const index = (at: number) => Math.min(bytes.length, Math.floor(at * (bytes.length + 1)));
    switch (c.kind) {
      case 'flip':
        if (bytes.length > 0) bytes[Math.min(bytes.length - 1, index(c.at))] ^= 1 << c.bit;
        break;
      case 'cut':
        bytes = bytes.slice(0, index(c.at));
        break;
      case 'insert': {
        const at = index(c.at);
        bytes = Uint8Array.from([...bytes.subarray(0, at), ...c.bytes, ...bytes.subarray(at)]);
        break;
      }
      case 'copy': {
        const from = index(c.from);
        bytes.copyWithin(index(c.to), from, from + c.length);
        break;
      }
      case 'value': {
        // Another value in place of a number or a word of the text; in latin1 every byte is a character.
        const text = Array.from(bytes, (byte) => String.fromCharCode(byte)).join('');
        const words = [...text.matchAll(/"[^"]*"|\[[\d,]*\]|-?\d+(?:\.\d+)?/g)];
        const word = words[Math.floor(c.which * words.length)];
        if (word === undefined) break;
        const next = text.slice(0, word.index) + c.value + text.slice(word.index + word[0].length);
        bytes = Uint8Array.from(next, (char) => char.charCodeAt(0));
        break;
      }
      case 'length':
        if (bytes.length >= 8) new DataView(bytes.buffer).setBigUint64(0, c.value, true);
        break;
    }
  }
  return bytes;
}

/** Fails where `work` throws something that is no error of ours, or takes too much. */
export async function survives(work: () => unknown): Promise<void> {
  const memory = process.memoryUsage();
  const start = process.cpuUsage();
  try {
    await work();
  } catch (error) {
    if (!(error instanceof MicrogptError)) throw error;
    expect(error.message.length).toBeLessThan(2000);
  }
  const { user, system } = process.cpuUsage(start);
  expect((user + system) / 1000).toBeLessThan(SLOW);
  const after = process.memoryUsage();
  expect(after.arrayBuffers - memory.arrayBuffers).toBeLessThan(MEMORY);
  expect(after.heapUsed - memory.heapUsed).toBeLessThan(MEMORY);
}

/** Numbers and texts that a JSON file may hold in the place of others. */
const NUMBERS = [0, -0, -1, 1, 3, 0.5, 64, 5e-324, 1e-300, 1e300, Number.MAX_VALUE, Number.MAX_SAFE_INTEGER, 2 ** 53, 2 ** 31]; // prettier-ignore
/** Must never stand in a page as it stands here. */
export const PLANTED = '<b data-planted>';
const TEXTS = ['', PLANTED, '](javascript:alert(1))', 'a|b', '\n# head\n\n- item', '`code`', '\0\u202e', '\ud800', 'x'.repeat(2000), '__proto__', 'constructor', 'webgpu-graph', 'cpu-simd', '2026-01-02T03:04:05.678Z']; // prettier-ignore

/** One change to a JSON value: in the place `which` of all its places another value of the same kind, or one that a list allows. */
export interface Edit {
  readonly which: number;
  readonly pick: number;
  readonly times: number;
}

export const edits: fc.Arbitrary<Edit[]> = fc.array(
  fc.record({ which: place, pick: fc.nat(1000), times: fc.integer({ min: 0, max: 40 }) }),
  { minLength: 1, maxLength: 8 },
);

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** A copy of `value` after all edits: of the form that it had, more often than not. */
export function edited(value: unknown, list: readonly Edit[]): unknown {
  let root = structuredClone(value) as Json;
  for (const { which, pick, times } of list) {
    const places: [Json, (next: Json) => void][] = [];
    const walk = (at: Json, put: (next: Json) => void) => {
      places.push([at, put]);
      if (typeof at !== 'object' || at === null) return;
      for (const [key, inner] of Object.entries(at)) {
        walk(inner, (next) => void Object.assign(at, { [key]: next }));
      }
    };
    walk(root, (next) => void (root = next));
    const [at, put] = places[Math.min(places.length - 1, Math.floor(which * places.length))];
    put(instead(at, pick, times));
  }
  return root;
}

function instead(at: Json, pick: number, times: number): Json {
  if (typeof at === 'number') return NUMBERS[pick % NUMBERS.length];
  if (typeof at === 'string') return TEXTS[pick % TEXTS.length];
  if (typeof at === 'boolean') return !at;
  if (at === null) return NUMBERS[pick % NUMBERS.length];
  if (Array.isArray(at)) return Array.from({ length: times }, () => structuredClone(at)).flat();
  if (!('low' in at)) return null;
  // An estimate or an interval: other figures, in their order.
  const [low, middle, high] = [pick, pick >> 2, pick >> 4]
    .map((i) => NUMBERS[i % NUMBERS.length])
    .sort((a, b) => a - b);
  const middleName = 'median' in at ? 'median' : 'value';
  return { ...at, low, [middleName]: middle, high };
}

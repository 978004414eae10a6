import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  decodeSafetensors,
  encodeSafetensors,
  type SafeTensors,
  type Tensor,
} from '../../src/train/safetensors.ts';
import { CheckpointError } from '../../src/util/errors.ts';

/** A file with this header, as text or JSON value, and this many bytes of numbers. */
function file(header: unknown, dataBytes = 0, declaredLength?: number): Uint8Array {
  const text = new TextEncoder().encode(typeof header === 'string' ? header : JSON.stringify(header));
  const bytes = new Uint8Array(8 + text.length + dataBytes);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(declaredLength ?? text.length), true);
  bytes.set(text, 8);
  return bytes;
}

/** The bits, since NaN's payload and -0 must survive too. */
function bits(tensor: Tensor): number[] {
  return [...new Uint8Array(tensor.data.buffer, tensor.data.byteOffset, tensor.data.byteLength)];
}

const shapes = fc.array(fc.nat(4), { maxLength: 3 });
const tensor: fc.Arbitrary<Tensor> = fc
  .tuple(shapes, fc.constantFrom(4, 8, 0), fc.infiniteStream(fc.nat(255)))
  .map(([shape, kind, stream]) => {
    const count = shape.reduce((a, b) => a * b, 1);
    const bytes = Uint8Array.from({ length: count * (kind || 4) }, () => stream.next().value as number);
    const { buffer } = bytes;
    const data =
      kind === 4 ? new Float32Array(buffer) : kind === 8 ? new Float64Array(buffer) : new Uint32Array(buffer);
    return { shape, data };
  });
const name = fc
  .oneof(fc.string({ unit: 'grapheme' }), fc.constantFrom('__proto__', 'wte', '0'))
  .filter((n) => n !== '__metadata__');
const contents: fc.Arbitrary<SafeTensors> = fc.record({
  tensors: fc.array(fc.tuple(name, tensor)).map((entries) => new Map(entries)),
  metadata: fc
    .array(
      fc.tuple(
        fc.string().filter((k) => k !== '__proto__'),
        fc.string(),
      ),
    )
    .map((e) => Object.fromEntries(e)),
});

describe('safetensors', () => {
  it('gives back every tensor bit for bit, and the metadata', () => {
    fc.assert(
      fc.property(contents, (saved) => {
        const read = decodeSafetensors(encodeSafetensors(saved), 'file');
        expect(read.metadata).toEqual(saved.metadata);
        expect([...read.tensors.keys()].sort()).toEqual([...saved.tensors.keys()].sort());
        for (const [key, was] of saved.tensors) {
          const is = read.tensors.get(key)!;
          expect(is.shape).toEqual(was.shape);
          expect(is.data.constructor).toBe(was.data.constructor);
          expect(bits(is)).toEqual(bits(was));
        }
      }),
    );
  });

  it('reads a file that starts at any address', () => {
    const saved = encodeSafetensors({
      tensors: new Map([['x', { shape: [2], data: new Float64Array([1, 2]) }]]),
      metadata: {},
    });
    for (let offset = 0; offset < 8; offset++) {
      const moved = new Uint8Array(saved.length + offset);
      moved.set(saved, offset);
      const { tensors } = decodeSafetensors(moved.subarray(offset), 'file');
      expect(tensors.get('x')!.data).toEqual(new Float64Array([1, 2]));
    }
  });

  it('reads half precision of both kinds as f32', () => {
    const read = (dtype: string, halves: number[]) => {
      const bytes = file(
        { x: { dtype, shape: [halves.length], data_offsets: [0, 2 * halves.length] } },
        2 * halves.length,
      );
      const view = new DataView(bytes.buffer, bytes.length - 2 * halves.length);
      halves.forEach((half, i) => view.setUint16(2 * i, half, true));
      const { data } = decodeSafetensors(bytes, 'file').tensors.get('x')!;
      expect(data).toBeInstanceOf(Float32Array);
      return Array.from(data);
    };
    // Of IEEE 754: 1, -2, the largest, the smallest normal and subnormal, -0, infinities, NaN.
    expect(
      read('F16', [0x3c00, 0xc000, 0x7bff, 0x0400, 0x0001, 0x83ff, 0x8000, 0x7c00, 0xfc00, 0x7e01]),
    ).toEqual([1, -2, 65504, 2 ** -14, 2 ** -24, -1023 * 2 ** -24, -0, Infinity, -Infinity, NaN]);
    expect(read('BF16', [0x3f80, 0xc000, 0x0001, 0x8000, 0x7f80, 0x7fc0, 0x4049])).toEqual([
      1,
      -2,
      2 ** -133,
      -0,
      Infinity,
      NaN,
      3.140625,
    ]);
  });

  it('writes the bytes of the format', () => {
    const data = new Float32Array([1, -2]);
    const bytes = encodeSafetensors({
      tensors: new Map([['w', { shape: [1, 2], data }]]),
      metadata: { a: 'b' },
    });
    const json = '{"__metadata__":{"a":"b"},"w":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]}}';
    const padded = json.padEnd(Math.ceil(json.length / 8) * 8);
    expect([...bytes.subarray(0, 8)]).toEqual([padded.length, 0, 0, 0, 0, 0, 0, 0]);
    expect(new TextDecoder().decode(bytes.subarray(8, 8 + padded.length))).toBe(padded);
    expect([...bytes.subarray(8 + padded.length)]).toEqual([0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0]);
  });

  it('aligns every tensor to its element size', () => {
    const tensors = new Map<string, Tensor>([
      ['odd', { shape: [3], data: new Uint32Array(3) }],
      ['wide', { shape: [1], data: new Float64Array(1) }],
    ]);
    const bytes = encodeSafetensors({ tensors, metadata: {} });
    const length = Number(new DataView(bytes.buffer).getBigUint64(0, true));
    expect(length % 8).toBe(0);
    const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length))) as Record<
      string,
      { data_offsets: number[] }
    >;
    expect(header['wide'].data_offsets).toEqual([0, 8]);
    expect(header['odd'].data_offsets).toEqual([8, 20]);
  });

  it('refuses to save a tensor whose shape does not fit', () => {
    const tensors = new Map([['x', { shape: [3], data: new Float32Array(2) }]]);
    expect(() => encodeSafetensors({ tensors, metadata: {} })).toThrow(CheckpointError);
  });

  const x = (over: object) => ({ x: { dtype: 'F32', shape: [2], data_offsets: [0, 8], ...over } });
  const damaged: [what: string, bytes: Uint8Array, message: RegExp][] = [
    ['an empty file', new Uint8Array(0), /0 bytes are too few/],
    ['a header longer than the file', file({}, 0, 3), /header of 3 bytes does not fit/],
    ['a header of 2^63 bytes', new Uint8Array([0, 0, 0, 0, 0, 0, 0, 0x80, 0x7b, 0x7d]), /does not fit/],
    ['a header that is not JSON', file('{"x":'), /not JSON/],
    [
      'a header that is not UTF-8',
      (() => {
        const f = file('{"é":1}');
        f[10] = 0xff;
        return f;
      })(),
      /not JSON/,
    ],
    ['a list as header', file([]), /not a JSON object/],
    ['an entry that is no object', file({ x: 1 }), /"x" is not an object/],
    ['metadata that is not text', file({ __metadata__: { a: 1 } }), /__metadata__/],
    ['an unknown type', file(x({ dtype: 'I64' }), 8), /expected type F32, F64, U32, F16, BF16, got "I64"/],
    ["a type of JavaScript's own", file(x({ dtype: 'constructor' }), 8), /expected type/],
    ['a negative size', file(x({ shape: [-2] }), 8), /\[-2\] is not a shape/],
    ['a broken size', file(x({ shape: [0.5] }), 8), /is not a shape/],
    ['no shape', file(x({ shape: undefined }), 8), /nothing is not a shape/],
    ['three offsets', file(x({ data_offsets: [0, 4, 8] }), 8), /is not a byte range/],
    ['a negative offset', file(x({ data_offsets: [-8, 0] }), 8), /is not a byte range/],
    ['offsets the wrong way', file(x({ data_offsets: [8, 0] }), 8), /cannot hold/],
    ['a shape that the bytes do not fit', file(x({ shape: [3] }), 8), /8 bytes cannot hold F32 \[3\]/],
    ['sizes whose product overflows', file(x({ shape: [2 ** 52, 2 ** 52, 2 ** 52] }), 8), /cannot hold/],
    ['a tensor beyond the end', file(x({}), 4), /expected \d+ bytes, as its header says, got \d+/],
    ['bytes after the last tensor', file(x({}), 12), /expected \d+ bytes, as its header says, got \d+/],
    [
      'a gap',
      file({ ...x({}), y: { dtype: 'U32', shape: [1], data_offsets: [12, 16] } }, 16),
      /"y": expected it to start at byte 8, got 12/,
    ],
    [
      'an overlap',
      file({ ...x({}), y: { dtype: 'U32', shape: [1], data_offsets: [4, 8] } }, 8),
      /"y": expected it to start at byte 8, got 4/,
    ],
  ];
  it.each(damaged)('refuses %s', (_, bytes, message) => {
    expect(() => decodeSafetensors(bytes, 'runs/a/model.safetensors')).toThrow(CheckpointError);
    expect(() => decodeSafetensors(bytes, 'runs/a/model.safetensors')).toThrow(message);
    expect(() => decodeSafetensors(bytes, 'runs/a/model.safetensors')).toThrow(
      /^runs\/a\/model\.safetensors: /,
    );
  });

  it('meets random damage with CheckpointError or with a file that is whole', () => {
    const damage = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(contents, damage, fc.option(fc.nat()), (saved, changes, cut) => {
        let bytes = encodeSafetensors(saved);
        for (const [at, value] of changes) bytes[at % bytes.length] = value;
        if (cut !== null) bytes = bytes.slice(0, cut % bytes.length);
        onlyCheckpointError(bytes);
      }),
      { numRuns: 500 },
    );
  });

  it('meets random bytes with CheckpointError', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 64 }), onlyCheckpointError), { numRuns: 500 });
  });
});

function onlyCheckpointError(bytes: Uint8Array): void {
  let read: SafeTensors;
  try {
    read = decodeSafetensors(bytes, 'file');
  } catch (error) {
    expect(error).toBeInstanceOf(CheckpointError);
    return;
  }
  for (const { shape, data } of read.tensors.values()) {
    expect(data.length).toBe(shape.reduce((a, b) => a * b, 1));
  }
}

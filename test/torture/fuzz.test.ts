// Files and command lines that are damaged, foreign or hostile: whatever comes in, what comes out is a result or one of our
// own errors, soon, and without taking memory that the file does not have.

import { CommanderError } from 'commander';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { createProgram } from '../../src/cli/program.ts';
import { readDocuments } from '../../src/data/documents.ts';
import { DEFAULT_TRAINING } from '../../src/model/config.ts';
import { createOracleEngine } from '../../src/oracle/engine.ts';
import { decodeCheckpoint, encodeCheckpoint } from '../../src/train/checkpoint-file.ts';
import { prepareRun } from '../../src/train/prepare.ts';
import {
  decodeRun,
  encodeRun,
  RUN_FILES,
  type RunFileName,
  type RunFiles,
} from '../../src/train/run-files.ts';
import { decodeSafetensors } from '../../src/train/safetensors.ts';
import { MicrogptError } from '../../src/util/errors.ts';
import { FULL } from './full.ts';

/** Cases of each property: 100,000 in all in the full suite. */
const RUNS = FULL ? 20_000 : 400;
/** No case may take longer, in milliseconds, or hold more memory. Generous: the machine may be busy. */
const SLOW = 2_000;
const MEMORY = 256 * 2 ** 20;

let files: RunFiles;
let checkpoint: Uint8Array<ArrayBuffer>;

beforeAll(async () => {
  const { spec, tokenizer, random } = prepareRun({
    documents: ['anna', 'bea', 'é𝒜'],
    model: { nLayer: 2, nEmbd: 4, nHead: 2, blockSize: 4 },
    training: { ...DEFAULT_TRAINING, steps: 9 },
  });
  const engine = createOracleEngine(spec);
  const losses = await engine.advance(3);
  const run = {
    config: {
      model: spec.model,
      training: spec.training,
      data: { source: 'x', documents: 3, sha256: 'a'.repeat(64) },
      engine: { name: 'oracle' as const },
      sampling: { samples: 20, temperature: 0.5 },
    },
    tokenizer,
    state: await engine.state(),
    random: random.getState(),
    losses,
  };
  files = encodeRun(run);
  checkpoint = await encodeCheckpoint({ ...run, smoothedLoss: 2 });
});

/** Numbers and words that parsers stumble over. */
const NASTY = ['0', '-0', '-1', '1e999', '9007199254740992', '9007199254740993', '18446744073709551615', '0.5', 'null', 'true', '""', '[]', '{}', '"__proto__"', '[[[[[[[[]]]]]]]]', '"\\ud800"', '1e-999', 'NaN', '[9007199254740991,9007199254740991]', '"F16"', '"../../etc/passwd"']; // prettier-ignore

/** One change to the bytes of a file. */
type Change =
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
const changes = fc.array(change, { minLength: 1, maxLength: 4 });

function changed(file: Uint8Array, list: readonly Change[]): Uint8Array<ArrayBuffer> {
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
async function survives(work: () => unknown): Promise<void> {
  const memory = process.memoryUsage();
  const start = performance.now();
  try {
    await work();
  } catch (error) {
    if (!(error instanceof MicrogptError)) throw error;
    expect(error.message.length).toBeLessThan(2000);
  }
  expect(performance.now() - start).toBeLessThan(SLOW);
  const after = process.memoryUsage();
  expect(after.arrayBuffers - memory.arrayBuffers).toBeLessThan(MEMORY);
  expect(after.heapUsed - memory.heapUsed).toBeLessThan(MEMORY);
}

const settings = { numRuns: RUNS };

describe('nothing but a result or an error of ours comes of', () => {
  it(`${RUNS} safetensors files`, async () => {
    const model = files['model.safetensors'];
    const file = fc.oneof(
      { weight: 9, arbitrary: changes.map((list) => changed(model, list)) },
      { weight: 1, arbitrary: fc.uint8Array({ maxLength: 200 }).map((bytes) => Uint8Array.from(bytes)) },
    );
    await fc.assert(
      fc.asyncProperty(file, (bytes) => survives(() => decodeSafetensors(bytes, 'f'))),
      settings,
    );
  });

  it(`${RUNS} runs with a changed file`, async () => {
    const property = fc.asyncProperty(fc.constantFrom<RunFileName>(...RUN_FILES), changes, (name, list) =>
      survives(() => decodeRun({ ...files, [name]: changed(files[name], list) }, 'run')),
    );
    await fc.assert(property, settings);
  });

  it(`${RUNS} checkpoints`, async () => {
    await fc.assert(
      fc.asyncProperty(changes, (list) => survives(() => decodeCheckpoint(changed(checkpoint, list), 'c'))),
      settings,
    );
  });

  it(`${RUNS} texts in any encoding`, async () => {
    const text = fc.oneof(
      fc.uint8Array({ maxLength: 300 }),
      fc.string({ unit: 'binary', maxLength: 100 }).map((s) => new TextEncoder().encode(s)),
      fc
        .string({ unit: 'grapheme', maxLength: 60 })
        .map((s) => new Uint8Array(Uint16Array.from(s, (c) => c.charCodeAt(0)).buffer)),
    );
    const read = async (bytes: Uint8Array) => {
      const documents = readDocuments(bytes, 'text');
      const model = { nLayer: 1, nEmbd: 2, nHead: 1, blockSize: 4 };
      const { spec, tokenizer } = prepareRun({
        documents,
        model,
        training: { ...DEFAULT_TRAINING, steps: 1 },
      });
      expect(tokenizer.decode(tokenizer.encode(documents[0]))).toBe(documents[0]);
      expect(spec.documents.count).toBe(documents.length);
    };
    await fc.assert(
      fc.asyncProperty(text, (bytes) => survives(() => read(bytes))),
      settings,
    );
  });

  it(`${RUNS} command lines`, async () => {
    const word = fc.oneof(
      fc.constantFrom('train', 'sample', 'verify', 'info', 'help', '--steps', '--lr', '--n-embd', '--seed', '--engine', '--launch', '--out', '--resume', '--checkpoint-every', '--prompt', '--', '--json', '-', '--plan', '--temperature', '--no-such'),
      fc.constantFrom(...NASTY),
      fc.string({ unit: 'binary', maxLength: 12 }),
      fc.integer().map(String),
    ); // prettier-ignore
    const parse = async (words: string[]) => {
      const program = createProgram(() => {});
      program.configureOutput({ writeOut: () => {}, writeErr: () => {} });
      for (const command of program.commands) {
        command.exitOverride().configureOutput({ writeOut: () => {}, writeErr: () => {} });
        command.action(() => {}); // what is read here is the words
      }
      try {
        await program.parseAsync(words, { from: 'user' });
      } catch (error) {
        if (!(error instanceof CommanderError)) throw error;
      }
    };
    const line = fc.array(word, { maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(line, (words) => survives(() => parse(words))),
      settings,
    );
  });
});

it('names in files never become paths, and keys never become prototypes', () => {
  const hostile = new TextEncoder().encode('{"__proto__":{"polluted":true},"chars":["a"],"bos":1}');
  expect(() => decodeRun({ ...files, 'tokenizer.json': hostile }, 'run')).toThrow(MicrogptError);
  expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
});

// Files and command lines that are damaged, foreign or hostile: whatever comes in, what comes out is a result or one of our
// own errors, soon, and without taking memory that the file does not have.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CommanderError } from 'commander';
import fc from 'fast-check';
import * as v from 'valibot';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { readKernelChoices } from '../../src/cli/kernel-choices.ts';
import { createProgram } from '../../src/cli/program.ts';
import { sweepSettings } from '../../src/cli/sweep-settings.ts';
import { readDocuments } from '../../src/data/documents.ts';
import {
  checkModelConfig,
  checkTrainingConfig,
  COMMON_NAMES,
  DEFAULT_MODEL,
  DEFAULT_SAMPLING,
  DEFAULT_TRAINING,
  pick,
} from '../../src/config/config.ts';
import { countParameters } from '../../src/model/parameters.ts';
import { createOracleEngine } from '../../src/oracle/engine.ts';
import { decodeCheckpoint, encodeCheckpoint, peekCheckpoint } from '../../src/train/checkpoint-file.ts';
import { prepareRun } from '../../src/train/prepare.ts';
import {
  decodeRun,
  encodeRun,
  RUN_FILES,
  type RunFileName,
  type RunFiles,
} from '../../src/train/run-files.ts';
import { decodeSafetensors } from '../../src/train/safetensors.ts';
import { decodeSweep, encodeSweep, type SavedSweep } from '../../src/train/sweep-file.ts';
import { axesOf, AXIS_NAMES, gridPoint } from '../../src/train/sweep-grid.ts';
import { plotSweep } from '../../src/train/sweep-plot.ts';
import { MicrogptError } from '../../src/util/errors.ts';
import { COMMAND, type Command } from '../../src/web/messages.ts';
import { readLink, writeLink } from '../../src/web/state/link.ts';
import { DATA_CHOICES, DEFAULT_FIELDS, readSettings } from '../../src/web/state/settings.ts';
import { decodeDetails, encodeDetails } from '../../src/web/store/runs.ts';
import { documentsOf } from '../../src/web/store/texts.ts';
import { describeData, readSource } from '../../src/web/worker/source.ts';
import { temporaryDirectory } from '../cli/cli.ts';
import { FULL } from './full.ts';
import { changed, changes, edited, edits, NASTY, survives } from './hostile.ts';

if (FULL) vi.setConfig({ testTimeout: 3_600_000 });

/** Cases of each of the eleven properties. With those of fuzz-report.test.ts the full suite has 240,000. */
const RUNS = FULL ? 20_000 : 250;
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
      sampling: DEFAULT_SAMPLING,
    },
    tokenizer,
    state: await engine.state(),
    random: random.getState(),
    losses,
  };
  files = encodeRun(run);
  checkpoint = await encodeCheckpoint({ ...run, smoothedLoss: 2 });
});

const settings = { numRuns: RUNS };

/** As the command line and the page read one. */
async function useCheckpoint(bytes: Uint8Array<ArrayBuffer>): Promise<void> {
  try {
    peekCheckpoint(bytes.subarray(0, 1 << 16), 'head');
  } catch (error) {
    if (!(error instanceof MicrogptError)) throw error;
  }
  await decodeCheckpoint(bytes, 'c');
}

const sweep: SavedSweep = {
  model: { ...DEFAULT_MODEL, nEmbd: 8, nHead: 2, blockSize: 6, vocabSize: 27 },
  training: { ...pick(DEFAULT_TRAINING, COMMON_NAMES), steps: 60, batchSize: 2 },
  axes: { ...axesOf(DEFAULT_TRAINING), seed: [1, 2], learningRate: [0.1, 1e30] },
  data: { source: 'some.txt', documents: 4, sha256: 'a'.repeat(64) },
  engine: { name: 'webgpu', launch: 'resident' },
  smoothingWindow: 50,
  results: [
    { index: 2, step: 60, loss: 2.1234567890123457, error: 0.01 },
    { index: 0, step: 60, loss: 2.5, error: 0.02 },
    { index: 3, step: 7, diverged: true },
  ],
};

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
      fc.asyncProperty(changes, (list) => survives(() => useCheckpoint(changed(checkpoint, list)))),
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

  it(`${RUNS} sweeps`, async () => {
    const text = new TextDecoder().decode(encodeSweep(sweep));
    const use = (bytes: Uint8Array) => {
      const read = decodeSweep(bytes, 'sweep.json');
      expect(decodeSweep(encodeSweep(read), 'again')).toEqual(read);
      if (read.results.length > 0) expect(plotSweep(read)).not.toMatch(/NaN|undefined/);
    };
    const file = fc.oneof(
      changes.map((list) => changed(new TextEncoder().encode(text), list)),
      edits.map((list) => new TextEncoder().encode(JSON.stringify(edited(JSON.parse(text), list)))),
    );
    await fc.assert(
      fc.asyncProperty(file, (bytes) => survives(() => use(bytes))),
      settings,
    );
  });

  it(`${RUNS} details of runs that the page keeps`, async () => {
    const text = new TextEncoder().encode('anna\nbea');
    const whole = encodeDetails({ name: 'Names', text: { kind: 'toy', task: 'sort' } });
    const file = fc.oneof(
      changes.map((list) => changed(whole, list)),
      edits.map((list) =>
        Buffer.from(JSON.stringify(edited(JSON.parse(Buffer.from(whole).toString()), list))),
      ),
    );
    const use = (bytes: Uint8Array, stored: Uint8Array | undefined) => {
      const details = decodeDetails(bytes);
      expect(decodeDetails(encodeDetails(details))).toEqual(details);
      documentsOf(details.text, stored, details.name);
    };
    await fc.assert(
      fc.asyncProperty(file, fc.constantFrom(text, undefined), (bytes, stored) =>
        survives(() => use(bytes, stored)),
      ),
      settings,
    );
  });

  it(`${RUNS} files of kernel choices`, async () => {
    const directory = temporaryDirectory();
    const first = await readKernelChoices(() => {}, directory);
    first.set('a gpu | ["linear",[[64,16],[16,48]]]', '64x64x8/8x8 vec4');
    first.set('another | adam', '256');
    await first.save();
    const path = join(directory, 'kernels.json');
    const whole = readFileSync(path);
    const keys = Object.keys((JSON.parse(whole.toString()) as { variants: object }).variants);
    const use = async (bytes: Uint8Array) => {
      writeFileSync(path, bytes);
      const notes: string[] = [];
      const choices = await readKernelChoices((note) => void notes.push(note), directory);
      expect(notes.length).toBeLessThanOrEqual(1);
      for (const note of notes) expect(note).toMatch(/^.{1,600}$/);
      for (const key of [...keys, '__proto__', 'constructor']) {
        expect(['string', 'undefined']).toContain(typeof choices.get(key));
      }
    };
    const file = fc.oneof(
      changes.map((list) => changed(whole, list)),
      edits.map((list) => Buffer.from(JSON.stringify(edited(JSON.parse(whole.toString()), list)))),
    );
    await fc.assert(
      fc.asyncProperty(file, (bytes) => survives(() => use(bytes))),
      settings,
    );
  });

  it(`${RUNS} links`, async () => {
    const name = fc.constantFrom(...Object.keys(DEFAULT_FIELDS), '__proto__', '');
    const value = fc.oneof(
      fc.constantFrom(...NASTY, ...DATA_CHOICES, 'x'.repeat(5000)),
      fc.string({ unit: 'binary', maxLength: 12 }),
      fc.integer().map(String),
    );
    const pairs = fc.array(fc.tuple(name, value), { maxLength: 8 });
    const link = fc.oneof(
      pairs.map((list) => new URLSearchParams(list).toString()),
      fc.string({ unit: 'binary', maxLength: 60 }),
    );
    const use = (text: string) => {
      const { fields, problems } = readLink(text);
      for (const problem of problems) expect(problem.length).toBeLessThan(500);
      // What comes of it makes a run, or wants a text first, and says the same again.
      readSettings({ ...fields, data: 'builtin' }, undefined);
      expect(readLink(writeLink(fields)).fields).toMatchObject({ ...fields, text: expect.any(String) });
    };
    await fc.assert(
      fc.asyncProperty(link, (text) => survives(() => use(text))),
      settings,
    );
  });

  it(`${RUNS} messages to the page's worker`, async () => {
    const fields = { ...DEFAULT_FIELDS, engine: 'cpu' as const };
    const commands: Command[] = [
      { type: 'look', source: { kind: 'text', text: 'anna\nbob' }, seed: 1, next: false },
      { type: 'start', settings: readSettings(fields, undefined), keep: false },
      { type: 'open', id: 'x' },
      { type: 'go' },
      { type: 'pace', stepsPerSecond: 10 },
      { type: 'ask', id: 1, question: { name: 'walk', layer: 0, head: 0, position: 0, document: 1 } },
    ];
    const message = fc
      .tuple(fc.constantFrom(...commands), edits)
      .map(([command, list]) => edited(command, list));
    const use = async (data: unknown) => {
      const { success, output, issues } = v.safeParse(COMMAND, data);
      if (!success) expect(issues[0].message).toBeTypeOf('string');
      else if (output.type === 'look') describeData(await readSource(output.source), output.seed);
      else if (output.type === 'start') {
        const { documents } = await readSource(output.settings.source);
        const { model, training } = output.settings;
        checkModelConfig({ ...model, vocabSize: 2 });
        if (countParameters({ ...model, vocabSize: 2 }) < 1e5) prepareRun({ documents, model, training });
      }
    };
    await fc.assert(
      fc.asyncProperty(message, (data) => survives(() => use(data))),
      settings,
    );
  });

  it(`${RUNS} command lines`, async () => {
    const { commands } = createProgram(() => {});
    const flags = commands.flatMap((command) => command.options.flatMap(({ long }) => long ?? []));
    const end = fc.oneof(fc.constantFrom(...NASTY), fc.double().map(String), fc.integer().map(String));
    const range = fc
      .tuple(end, end, fc.constantFrom('', ':2', ':9', ':10000', ':99999999999', ':5lin', ':3log'))
      .map(([first, last, count]) => `${first}..${last}${count}`);
    const value = fc.oneof(
      end,
      range,
      fc.array(fc.oneof(end, range), { minLength: 1, maxLength: 5 }).map((list) => list.join()),
      fc.constantFrom('auto', 'cpu', 'webgpu', 'names', 'never', '5m', '-'),
      fc.string({ unit: 'binary', maxLength: 12 }),
    );
    const option = fc
      .tuple(fc.constantFrom(...flags, '--no-such', '--', '-x'), value)
      .map(([flag, text]) => [flag, text]);
    const line = fc
      .tuple(
        fc.constantFrom(...commands.map((command) => command.name()), 'help', ''),
        fc.array(fc.oneof({ weight: 4, arbitrary: option }, value.map((text) => [text])), { maxLength: 5 }), // prettier-ignore
      )
      .map(([command, words]) => [command, ...words.flat()]);
    await fc.assert(
      fc.asyncProperty(line, (words) => survives(() => parse(words))),
      settings,
    );
  });

  it(`${RUNS} sweeps on the command line`, async () => {
    const axis = fc.constantFrom('--lr', '--beta1', '--beta2', '--eps', '--init-scale', '--seed');
    const end = fc.oneof(
      fc.double({ min: 0, max: 1, noNaN: true }).map(String),
      fc.constantFrom('0.001', '0.1', '1e-300', '1e300', '0.99999', '0.999999', '1', '8', '-3', '5e-324'),
    );
    const item = fc.oneof(
      end,
      fc.tuple(end, end).map((ends) => ends.join('..')),
      fc
        .tuple(end, end, fc.integer({ min: 0, max: 10_001 }), fc.constantFrom('', 'lin', 'log'))
        .map(([first, last, count, spacing]) => `${first}..${last}:${count}${spacing}`),
    );
    const pair = fc
      .tuple(axis, fc.array(item, { minLength: 1, maxLength: 3 }))
      .map(([name, list]) => [name, list.join()]);
    const line = fc
      .array(pair, { minLength: 1, maxLength: 3 })
      .map((pairs) => ['sweep', ...pairs.flat(), '--samples', '0']);
    await fc.assert(
      fc.asyncProperty(line, (words) => survives(() => parse(words))),
      settings,
    );
  });
});

/** Reads a command line, and makes of it what the command would begin with. */
async function parse(words: string[]): Promise<void> {
  const program = createProgram(() => {});
  program.configureOutput({ writeOut: () => {}, writeErr: () => {} });
  for (const command of program.commands) {
    command.exitOverride().configureOutput({ writeOut: () => {}, writeErr: () => {} });
    command.action(() => {
      if (command.name() !== 'sweep') return;
      const { training, axes } = sweepSettings(command.opts());
      for (const name of AXIS_NAMES) {
        for (const value of axes[name]) {
          checkTrainingConfig({ ...training, ...gridPoint(axes, 0), [name]: value });
        }
      }
    });
  }
  try {
    await program.parseAsync(words, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
  }
}

it('names in files never become paths, and keys never become prototypes', () => {
  const hostile = new TextEncoder().encode('{"__proto__":{"polluted":true},"chars":["a"],"bos":1}');
  expect(() => decodeRun({ ...files, 'tokenizer.json': hostile }, 'run')).toThrow(MicrogptError);
  expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
});

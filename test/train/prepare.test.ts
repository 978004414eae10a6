import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { NAMES_SHA256 } from '../../src/data/names-file.ts';
import type { Tokenizer, TokenizedDocuments } from '../../src/data/tokenizer.ts';
import { DEFAULT_MODEL, DEFAULT_TRAINING } from '../../src/config/config.ts';
import { countParameters, parameterSpecs } from '../../src/model/parameters.ts';
import { prepareRun } from '../../src/train/prepare.ts';
import { ConfigError, DataError } from '../../src/util/errors.ts';
import { loadGolden, namesBytes, prepareGolden } from '../support/golden.ts';

// 4 ulp: log, sin, cos and sqrt are each within 1 ulp of the C library's.
const TOLERANCE = 4 * Number.EPSILON;

function expectClose(actual: readonly number[], expected: readonly number[]): void {
  expect(actual.length).toBe(expected.length);
  for (const [i, value] of expected.entries()) {
    expect(Math.abs(actual[i] - value)).toBeLessThanOrEqual(TOLERANCE * Math.abs(value));
  }
}

function sha256(data: Uint8Array | string): string {
  return createHash('sha256').update(data).digest('hex');
}

function decodeDocuments(tokenizer: Tokenizer, { count, tokens, offsets }: TokenizedDocuments): string[] {
  return Array.from({ length: count }, (_, d) =>
    tokenizer.decode([...tokens.subarray(offsets[d], offsets[d + 1])]),
  );
}

// What CPython 3.11 gives for names.txt: the sha256 of the shuffled documents joined by \n, the
// parameters number 0, 1, 1000 and the last, and random() after them, where sampling would start.
const python = {
  names: {
    first: ['yuheng', 'diondre', 'xavien', 'jori'],
    documents: 'aa6ef27b585ff29ec7ac0ff6bcd7ee9859fe76a4561ac4a32f8ac030dddd3ec3',
    parameters: [-0.04273180935726127, 0.07696138795865093, 0.13986825656976926, -0.09496111892676082],
    next: 0.5713543597375992,
  },
  l2: {
    first: ['kyngston', 'kobain', 'shruti', 'kayne'],
    documents: 'eecc7117e4771311c053be96dfb31562ac319f1cca5f0ed1a8b1c80b9c9c7c98',
    parameters: [0.14003564219552828, 0.026072044838724075, 0.07329089301022788, -0.015713607643555828],
    next: 0.010759289978769626,
  },
  wide: {
    first: ['joely', 'rohan', 'hero', 'kimberly'],
    documents: 'd30233c85f095c6e08b2018c3d73f36479f574f76be8f32bdf13a2960ac96a51',
    parameters: [-0.07053464255461944, -0.09668736174772581, -0.014380229336606307, 0.029349483415462122],
    next: 0.6381696178839158,
  },
};

const goldens = {
  names: loadGolden('names'),
  l2: loadGolden('l2'),
  wide: loadGolden('wide'),
};

describe('prepareRun', () => {
  it('reads the names.txt that microgpt.py reads', () => {
    expect(sha256(namesBytes())).toBe(NAMES_SHA256);
    for (const golden of Object.values(goldens)) expect(golden.dataSha256).toBe(NAMES_SHA256);
  });

  it.each(['names', 'l2', 'wide'] as const)('starts as microgpt.py does: %s', (name) => {
    const golden = goldens[name];
    const { tokenizer, spec, random } = prepareGolden(golden);
    expect(tokenizer.chars.join('')).toBe(golden.vocab);
    expect(spec.model).toEqual({ ...golden.model, vocabSize: golden.vocab.length + 1 });
    expect(spec.training).toEqual(golden.training);
    expect(spec.documents.count).toBe(golden.numDocs);
    const documents = decodeDocuments(tokenizer, spec.documents);
    expect(documents.slice(0, 4)).toEqual(python[name].first);
    expect(sha256(documents.join('\n'))).toBe(python[name].documents);
    const { parameters } = spec;
    expect(parameters).toBeInstanceOf(Float64Array);
    expect(parameters.length).toBe(golden.numParams);
    expect(countParameters(spec.model)).toBe(golden.numParams);
    expectClose(
      [0, 1, 1000, golden.numParams - 1].map((i) => parameters[i]),
      python[name].parameters,
    );
    expect(random.random()).toBe(python[name].next);
  });

  it.each(['l2', 'wide'] as const)('has the matrices of microgpt.py, in its order: %s', (name) => {
    const golden = loadGolden(name);
    const { spec } = prepareGolden(golden);
    const specs = parameterSpecs(spec.model);
    expect(specs.map((s) => [s.name, s.size])).toEqual(
      [...golden.firstGradients].map(([key, g]) => [key, g.length]),
    );
    expect([...golden.finalParameters.keys()]).toEqual([...golden.firstGradients.keys()]);
    // 30 steps at learning rate 0.01 move a parameter far less than another order would.
    let change = 0;
    for (const { name: key, offset, size } of specs) {
      const final = golden.finalParameters.get(key)!;
      for (let i = 0; i < size; i++)
        change = Math.max(change, Math.abs(final[i] - spec.parameters[offset + i]));
    }
    expect(change).toBeGreaterThan(0.01);
    expect(change).toBeLessThan(0.3);
  });

  it('does the same for text of any script', () => {
    const input = ['κόσμε', '😀😀b', 'ab', '\ufeffz', 'ｚ'];
    const { tokenizer, spec, random } = prepareRun({
      documents: input,
      model: { nLayer: 1, nEmbd: 6, nHead: 3, blockSize: 4 },
      training: { ...DEFAULT_TRAINING, seed: -5 },
    });
    expect(tokenizer.chars.join('')).toBe('abzεκμσό\ufeffｚ😀');
    expect(decodeDocuments(tokenizer, spec.documents)).toEqual(['κόσμε', '😀😀b', '\ufeffz', 'ab', 'ｚ']);
    expect(spec.parameters.length).toBe(600);
    expectClose(
      [0, 1, 10, 599].map((i) => spec.parameters[i]),
      [0.05355751315087757, -0.18351280757055288, -0.05906615610237677, 0.011080852570012246],
    );
    expect(random.random()).toBe(0.5844194488168488);
    expect(input).toEqual(['κόσμε', '😀😀b', 'ab', '\ufeffz', 'ｚ']); // not shuffled itself
  });

  it('draws the initial values at the scale that is asked for', () => {
    const at = (initScale: number) =>
      prepareRun({
        documents: ['ab', 'cd'],
        model: DEFAULT_MODEL,
        training: { ...DEFAULT_TRAINING, initScale },
      });
    const [standard, double] = [at(0.08), at(0.16)];
    expect(double.spec.parameters).toEqual(standard.spec.parameters.map((x) => 2 * x)); // a power of 2: exact
    expect(double.random.getState()).toEqual(standard.random.getState());
    expect(() => at(0)).toThrow('init_scale: expected a number above 0, got 0');
  });

  it('refuses what cannot be trained', () => {
    const good = { documents: ['ab'], model: DEFAULT_MODEL, training: DEFAULT_TRAINING };
    expect(prepareRun(good).spec.parameters.length).toBe((3 * 2 + 16) * 16 + 12 * 256);
    expect(() => prepareRun({ ...good, documents: [] })).toThrow(DataError);
    expect(() => prepareRun({ ...good, model: { ...DEFAULT_MODEL, nHead: 5 } })).toThrow(ConfigError);
    expect(() => prepareRun({ ...good, model: { ...DEFAULT_MODEL, blockSize: 0 } })).toThrow(ConfigError);
    expect(() => prepareRun({ ...good, training: { ...DEFAULT_TRAINING, steps: -1 } })).toThrow(ConfigError);
    expect(() => prepareRun({ ...good, training: { ...DEFAULT_TRAINING, seed: 0.5 } })).toThrow(ConfigError);
  });
});

describe('the golden runs', () => {
  it.each(['names', 'l2', 'wide'] as const)('are complete: %s', (name) => {
    const { losses, samples, training } = goldens[name];
    expect(losses.length).toBe(training.steps);
    expect(losses.every((loss) => loss > 0.5 && loss < 6)).toBe(true);
    expect(samples.length).toBe(20);
  });
});

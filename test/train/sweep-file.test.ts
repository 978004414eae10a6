import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { COMMON_NAMES, DEFAULT_MODEL, DEFAULT_TRAINING, pick } from '../../src/config/config.ts';
import { axesOf } from '../../src/train/sweep-grid.ts';
import { decodeSweep, encodeSweep, type SavedSweep } from '../../src/train/sweep-file.ts';
import { CheckpointError } from '../../src/util/errors.ts';

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
const text = new TextDecoder().decode(encodeSweep(sweep));

function decode(json: string): SavedSweep {
  return decodeSweep(new TextEncoder().encode(json), 'out/sweep.json');
}

describe('sweep.json', () => {
  it('comes back whole, and lists the settings of each model', () => {
    expect(decode(text)).toEqual(sweep);
    const { models } = JSON.parse(text) as { models: unknown[] };
    expect(models[0]).toEqual({
      index: 2,
      seed: 2,
      initScale: 0.08,
      eps: 1e-8,
      beta2: 0.99,
      beta1: 0.85,
      learningRate: 0.1,
      step: 60,
      loss: 2.1234567890123457,
      error: 0.01,
    });
    const stopped = { ...sweep, engine: { name: 'cpu' } as const, results: sweep.results.slice(1, 2) };
    expect(decode(new TextDecoder().decode(encodeSweep(stopped)))).toEqual(stopped);
  });

  it('from before gradients could be clipped has none clipped', () => {
    const old = text.replace(/,\s*"clip": 0/, '');
    expect(old).not.toContain('clip');
    expect(decode(old)).toEqual(sweep);
  });

  it.each([
    ['JSON cut short', (t: string) => t.slice(0, -9), /it is not JSON/],
    ['another format', (t: string) => t.replace('microgpt-sweep-1', 'microgpt-swept-1'), /format: /],
    ['a newer format', (t: string) => t.replace('microgpt-sweep-1', 'microgpt-sweep-99'), /newer version/],
    ['a number as text', (t: string) => t.replace('"loss": 2.5', '"loss": "2.5"'), /models\.1\.loss/],
    ['an axis without values', (t: string) => t.replace(/"beta1": \[[^\]]*\]/, '"beta1": []'), /axes\.beta1/],
    ['a beta of 2', (t: string) => t.replace(/"beta1": \[[^\]]*\]/, '"beta1": [2]'), /beta1: expected/],
    ['heads that do not divide', (t: string) => t.replace('"nHead": 2', '"nHead": 3'), /not divisible/],
    ['an index beyond', (t: string) => t.replace('"index": 3', '"index": 4'), /an index below 4, got 4/],
    [
      'settings of another model',
      (t: string) => t.replace('"index": 2', '"index": 1'),
      /expected seed 1 at index 1, got 2/,
    ],
    ['too many steps', (t: string) => t.replaceAll('"step": 60', '"step": 61'), /at most 60 steps, got 61/],
    [
      'neither loss nor divergence',
      (t: string) => t.replace('"loss": 2.5,', ''),
      /a loss or that it diverged/,
    ],
    ['the wrong order', (t: string) => t.replace('"loss": 2.5', '"loss": 2'), /from the best to the worst/],
    [
      'a model twice',
      (t: string) => {
        const saved = JSON.parse(t) as { models: object[] };
        return JSON.stringify({ ...saved, models: [{ ...saved.models[1], loss: 2 }, ...saved.models] });
      },
      /each once/,
    ],
  ])('%s: one line that names the file', (_, damage, message) => {
    const damaged = damage(text);
    expect(damaged).not.toBe(text);
    expect(() => decode(damaged)).toThrow(CheckpointError);
    expect(() => decode(damaged)).toThrow(message);
    expect(() => decode(damaged)).toThrow(/^out\/sweep\.json: [^\n]*$/);
  });

  it('never crashes with anything but CheckpointError, whatever bytes are changed', () => {
    const bytes = encodeSweep(sweep);
    const damage = fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(255)), { minLength: 1, maxLength: 3 });
    fc.assert(
      fc.property(damage, (changes) => {
        const other = bytes.slice();
        for (const [at, value] of changes) other[at] = value;
        try {
          decodeSweep(other, 'out/sweep.json');
        } catch (error) {
          expect(error).toBeInstanceOf(CheckpointError);
        }
      }),
      { numRuns: 1000 },
    );
  });
});

import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Engine } from '../../src/engine/engine.ts';
import { createOracleEngine } from '../../src/oracle/engine.ts';
import type { PreparedRun } from '../../src/train/prepare.ts';
import { prepareRun } from '../../src/train/prepare.ts';
import { sampleDocument, tokenWeights } from '../../src/train/sampler.ts';
import { train } from '../../src/train/trainer.ts';
import { DEFAULT_TRAINING } from '../../src/config/config.ts';
import { ConfigError, DataError, MicrogptError } from '../../src/util/errors.ts';
import { PythonRandom } from '../../src/util/python-random.ts';
import { loadGolden, prepareGolden } from '../support/golden.ts';

function weightsOf(logits: number[], temperature: number, topK = logits.length): number[] {
  const weights = new Float64Array(logits.length);
  tokenWeights(logits, temperature, topK, weights);
  return [...weights];
}

describe('sampleDocument', () => {
  it.each(['l2', 'wide'] as const)("gives microgpt.py's 20 names for %s", async (name) => {
    const golden = loadGolden(name);
    const { spec, tokenizer, random } = prepareGolden(golden);
    const engine = createOracleEngine(spec);
    await engine.advance(spec.training.steps);
    const options = { temperature: golden.temperature, blockSize: spec.model.blockSize };
    const names: string[] = [];
    for (let i = 0; i < 20; i++) names.push(await sampleDocument(engine, tokenizer, random, options));
    expect(names).toEqual(golden.samples);
  });

  it('samples one model, and trains one', async () => {
    const { spec, tokenizer, random } = prepareGolden(loadGolden('l2'));
    const two = createOracleEngine({ ...spec, others: [spec] });
    const options = { temperature: 1, blockSize: spec.model.blockSize };
    await expect(sampleDocument(two, tokenizer, random, options)).rejects.toThrow(
      'an engine of 1 model, got one of 2',
    );
    await expect(train(two, spec.training).next()).rejects.toThrow(ConfigError);
  });
});

describe('sampleDocument with options', () => {
  const blockSize = 8;
  let run: PreparedRun;
  let engine: Engine;
  const sample = (options: { temperature?: number; topK?: number; prompt?: string }, seed = 1) =>
    sampleDocument(engine, run.tokenizer, new PythonRandom(seed), { temperature: 1, blockSize, ...options });

  beforeAll(async () => {
    const model = { nLayer: 1, nEmbd: 8, nHead: 2, blockSize };
    run = prepareRun({
      documents: ['anna', 'annika', 'hannah', '𝒜nna'],
      model,
      training: { ...DEFAULT_TRAINING, steps: 100 },
    });
    engine = createOracleEngine(run.spec);
    await engine.advance(100);
  });

  it('begins with the prompt and goes on as if the model had written it', async () => {
    for (let seed = 0; seed < 10; seed++) {
      expect(await sample({ prompt: 'han' }, seed)).toMatch(/^han/);
      expect(await sample({ prompt: '𝒜' }, seed)).toMatch(/^𝒜/u);
    }
    // The likeliest text, written from nothing and from each of its own beginnings.
    const whole = await sample({ topK: 1 });
    for (let cut = 1; cut < whole.length; cut++) {
      expect(await sample({ topK: 1, prompt: whole.slice(0, cut) })).toBe(whole);
    }
  });

  it('takes an empty prompt for none', async () => {
    expect(await sample({ prompt: '' })).toBe(await sample({}));
  });

  it('ends after block size characters, prompt included', async () => {
    const lengths = [];
    for (let seed = 0; seed < 50; seed++) {
      lengths.push([...(await sample({ temperature: 1000, prompt: 'ann' }, seed))].length);
    }
    expect(Math.max(...lengths)).toBe(blockSize);
    expect(Math.min(...lengths)).toBeGreaterThanOrEqual(3);
    const longest = 'a'.repeat(blockSize - 1); // leaves room for one more
    expect([...(await sample({ prompt: longest }))].length).toBeLessThanOrEqual(blockSize);
  });

  it('draws one number a token', async () => {
    const random = new PythonRandom(3);
    const text = await sampleDocument(engine, run.tokenizer, random, { temperature: 1, blockSize });
    const expected = new PythonRandom(3);
    const drawn = Math.min([...text].length + 1, blockSize); // the end is a token too
    for (let i = 0; i < drawn; i++) expected.random();
    expect(random.getState()).toEqual(expected.getState());
  });

  it.each([
    [{ prompt: 'anx' }, DataError, /unknown character "x"/],
    [
      { prompt: 'a'.repeat(8) },
      ConfigError,
      /prompt: expected fewer than 8 characters .* got 8\. Shorten it/,
    ],
    [{ temperature: 0 }, ConfigError, /temperature: expected a number of at least 0\.000001, got 0\..*0\.01/],
    [{ temperature: -1 }, ConfigError, /got -1/],
    [{ temperature: NaN }, ConfigError, /got NaN/],
    [{ temperature: Infinity }, ConfigError, /got Infinity/],
    [{ topK: 0 }, ConfigError, /top_k: expected a whole number of at least 1, got 0/],
    [{ topK: 1.5 }, ConfigError, /got 1\.5/],
  ])('refuses %o', async (options, type, message) => {
    await expect(sample(options)).rejects.toThrow(type);
    await expect(sample(options)).rejects.toThrow(message);
  });
});

describe('tokenWeights', () => {
  it("is Python's softmax at a temperature", () => {
    // [e / sum(exps) for e in exps] of microgpt.py for [1.0, 2.0, -3.5], temperature 0.5, CPython 3.11
    expect(weightsOf([1, 2, -3.5], 0.5)).toEqual([
      0.11920116847646532, 0.880784120930686, 1.4710592848583867e-5,
    ]);
  });

  it('keeps the k largest logits, of equal ones the first', () => {
    const kept = (logits: number[], k: number) => weightsOf(logits, 1, k).map((w) => (w > 0 ? 1 : 0));
    expect(kept([1, 3, 2, 3, 0], 1)).toEqual([0, 1, 0, 0, 0]);
    expect(kept([1, 3, 2, 3, 0], 2)).toEqual([0, 1, 0, 1, 0]);
    expect(kept([1, 3, 2, 3, 0], 3)).toEqual([0, 1, 1, 1, 0]);
    expect(kept([5, 5, 5, 5], 2)).toEqual([1, 1, 0, 0]);
    expect(kept([1, 2], 99)).toEqual([1, 1]);
  });

  it('gives weights that sum to 1 and do not depend on an offset', () => {
    const logits = fc.array(fc.double({ min: -50, max: 50, noNaN: true }), { minLength: 1, maxLength: 30 });
    fc.assert(
      fc.property(
        logits,
        fc.double({ min: 0.05, max: 5, noNaN: true }),
        fc.integer({ min: 1, max: 30 }),
        (x, t, k) => {
          const weights = weightsOf(x, t, k);
          expect(weights.reduce((a, b) => a + b)).toBeCloseTo(1, 12); // 30 roundings
          expect(weights.filter((w) => w > 0).length).toBeLessThanOrEqual(k);
          const moved = weightsOf(
            x.map((l) => l + 100),
            t,
            k,
          );
          // 1e-9: l + 100 rounds by 1e-14, times 1/t = 20 in the exponent; ties may break otherwise.
          if (k >= x.length)
            for (const [i, w] of weights.entries()) expect(Math.abs(moved[i] - w)).toBeLessThan(1e-9);
        },
      ),
    );
  });

  it('works at the smallest temperature with any f32 logits', () => {
    expect(weightsOf([3.4e38, -3.4e38, 0], 1e-6)).toEqual([1, 0, 0]);
  });

  it.each([NaN, Infinity, -Infinity])('refuses a logit of %d', (bad) => {
    expect(() => weightsOf([1, bad], 1)).toThrow(MicrogptError);
    expect(() => weightsOf([1, bad], 1)).toThrow(
      /for token 1\. The weights of this model are too large or damaged/,
    );
  });
});
